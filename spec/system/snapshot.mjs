// Bars and indicator states of two daemons, compared by what `data list --snapshot` says of them.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { build } from './harness.mjs';

/** What `data list --snapshot` says of the snapshot in `folder`: "symbol interval" -> object. */
export function listed(folder) {
  const words = ['data', 'list', '--snapshot', '--json', '--set', `DATA_DIR=${folder}`];
  const text = execFileSync(join(build, 'trademind'), words, { encoding: 'utf8', maxBuffer: 1 << 28 });
  return new Map(text.trim().split('\n').map(line => JSON.parse(line)).map(series => [`${series.symbol} ${series.interval}`, series]));
}

/**
 * '' when both snapshots have the same bars and states. A state is comparable when it began at the same bar (at top speed the
 * first use may come after the window has moved on) and has seen as much (what is deferred is computed when it is asked for).
 */
export function differenceOfStates(found, wanted) {
  let n = 0, nCompared = 0;
  if ([...found.keys()].join() !== [...wanted.keys()].join()) return `${[...found.keys()]} instead of ${[...wanted.keys()]}`;
  for (const [name, series] of wanted) {
    const other = found.get(name), states = new Map(other.indicators.map(i => [i.key, i]));
    // knownTo may differ (a hole at the very end is known to whoever asked once more), and with it the bars that states are shown.
    for (const field of ['bars', 'first', 'last', 'hash']) {
      if (other[field] !== series[field]) return `${name}: ${field} ${other[field]} instead of ${series[field]}`;
    }
    if (states.size !== series.indicators.length) return `${name}: ${states.size} states instead of ${series.indicators.length}`;
    for (const state of series.indicators) {
      const it = states.get(state.key), isThrough = it?.to === series.knownTo && state.to === series.knownTo;
      if (!it) return `${name}: ${state.key} is missing`;
      n++;
      if (it.epoch !== state.epoch || !isThrough || other.knownTo !== series.knownTo) continue;
      nCompared++;
      if (it.hash !== state.hash) return `${name}: ${state.key} is ${it.hash} instead of ${state.hash}`;
    }
  }
  return nCompared > n / 2 ? '' : `only ${nCompared} of ${n} states could be compared`;
}

// open, high, low, close, volume, quote volume, trades, taker base, taker quote: where they are in a row of REST.
const COLUMNS = [1, 2, 3, 4, 5, 7, 8, 9, 10];

/** The hash that the listing has for such bars, made of rows as GET /api/v3/klines answers them. */
export function hashOfRows(rows) {
  const times = BigInt64Array.from(rows, row => BigInt(row[0]));
  const hash = createHash('sha256').update(new Uint8Array(times.buffer));
  for (const at of COLUMNS) hash.update(new Uint8Array(Float64Array.from(rows, row => Number(row[at])).buffer));
  return hash.digest('hex').slice(0, 16);
}

/** '' when each series of a listing has just the bars that `url` serves over REST for its span. */
export async function differenceFromRest(listing, url) {
  for (const [name, { symbol, interval, first, last, bars, hash }] of listing) {
    const rows = [];
    for (let from = first; from <= last;) {
      const answer = await fetch(`${url}/api/v3/klines?symbol=${symbol.replace('@', '')}&interval=${interval}&startTime=${from}&endTime=${last}&limit=1000`);
      const page = answer.status === 200 ? await answer.json() : [];
      if (answer.status !== 200) return `${name}: status ${answer.status}`;
      rows.push(...page);
      if (page.length < 1000) break;
      from = page.at(-1)[0] + 1;
    }
    if (rows.length !== bars) return `${name}: ${bars} bars, REST has ${rows.length}`;
    if (hashOfRows(rows) !== hash) return `${name}: ${bars} bars are not those of REST`;
  }
  return '';
}

/** Waits until the bars of the span that the daemon shows are those of the exchange, which is asked once: its minute has ended. */
export async function correctionsFound(daemon, market, url) {
  const wanted = [];
  for (const symbol of market.symbols) {
    for (const [interval, ms] of [['1m', 60000], ['5m', 300000], ['15m', 900000], ['1h', 3600000]]) {
      const span = `symbol=${symbol}&interval=${interval}&limit=${(market.to - market.from) / ms}`;
      const answer = await fetch(`${url}/api/v3/klines?${span}&endTime=${market.to - 1}`);
      if (answer.status !== 200) return;
      wanted.push({ path: `/api/v1/klines?${span}&before=${market.to}`, bars: new Map((await answer.json()).map(row => [row[0], String(row.slice(0, 6).map(Number))])) });
    }
  }
  const isThere = ({ path, bars }) => daemon.get(path).then(({ body }) => body.klines.every(row => !bars.has(row[0]) || bars.get(row[0]) === String(row.slice(0, 6))));
  // Not all the time: a worker looks at what only the clock makes due when nobody has asked it for a while.
  for (const end = performance.now() + 150000; performance.now() < end && !(await Promise.all(wanted.map(isThere))).every(Boolean);) {
    await new Promise(done => setTimeout(done, 3000));
  }
}
