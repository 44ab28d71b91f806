// What the stream leaves out, turns round, says twice or says wrongly changes no signal: the daemon's are those of an
// undisturbed run, and its counters tell what has happened.
// time limit: 900
import { test, before, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  allTraders, difference, endAll, eventually, recordedMarket, replay, seed, settled, startDaemon, startModel, startTrademind, stop, stored, tempDir,
} from './daemon.mjs';

console.log(`# gaps: seed ${seed}`);
afterEach(endAll);

const MINUTE = 60000;
const market = recordedMarket();
const [first, second] = market.symbols;
const traders = allTraders(market);
let expected;

before(async () => { expected = await replay(market, { traders }); });

/** A daemon that sees all of the market through a scene, and what it counted: sums over the workers. */
async function runThrough(scene, { workers = 2, env = {} } = {}) {
  const folder = tempDir(), file = join(tempDir(), 'own.scene');
  writeFileSync(file, scene);
  const exchange = await startModel(['--data', market.data, '--from', String(market.from), '--to', String(market.to), '--symbols', market.symbols.join(','),
    '--speed', 'max', '--stay', 'stopped', '--scene', file, '--seed', String(seed), '--log', 'warn']);
  const daemon = await startDaemon({ port: exchange.port, market, folder, traders, workers, env });
  await exchange.until(it => it.lines.some(line => line.event === 'market_ended'), 'the end of the market', 300000);
  await eventually(async () => (await daemon.status()).marketTime >= market.to, 'its last frames');
  const status = await settled(daemon);
  const counted = status.workers.reduce((sum, w) => {
    for (const [name, n] of Object.entries(w)) sum[name] = (sum[name] ?? 0) + n;
    return sum;
  }, {});
  const faults = exchange.lines.filter(line => line.event === 'fault').length;
  return { daemon, folder, status, counted, faults };
}

async function end({ daemon, folder }) {
  const how = await stop(daemon);
  assert.deepEqual([how.code, how.ms < 5000], [0, true], daemon.stderr);
  return stored(folder);
}

function assertSame(found) {
  assert.ok(expected.size > 100);
  assert.equal(difference(found, expected), '');
}

const disturbed = [
  ['finals that never come', `at 3h no-close ${first} 2 bars\nat 9h no-close all 1 bar\nat 15h no-close ${second} 7 bars\n`,
    c => c.closedByRest >= 9 && c.gaps > 0],
  ['bars that are skipped', `at 3h gap ${first} 3 bars\nat 9h gap all 20 bars\nat 15h gap ${second} 61 bars of 1m\n`,
    c => c.closedByRest >= 80 && c.gaps >= 3],
  ['updates out of order and twice', 'at 3h reorder all for 2h\nat 9h duplicate all for 2h\nat 15h reorder all for 10m\n',
    (c, s) => c.refused + s.stream.outdatedMessages > 0 && c.corrected === 0],
  ['outages', 'at 3h drop all for 3m\nat 9h drop all for 90m\nat 15h drop all for 1m\n', c => c.closedByRest > 90 && c.gaps > 0],
  ['a bit of everything', 'every 31m until 23h gap random 2 bars\nevery 37m from 5m until 23h no-close random 1 bar\n'
    + 'every 41m until 23h reorder random for 3m\nevery 97m until 23h drop random for 20s\nevery 113m until 23h malformed random all\nat 5h..6h rest 503 to klines for 5 requests\n',
  c => c.closedByRest > 30 && c.gaps > 0],
];

for (const [name, scene, hasHappened] of disturbed) {
  test(name, async () => {
    const run = await runThrough(scene);
    assert.ok(run.faults > 0, 'nothing has happened');
    assert.ok(hasHappened(run.counted, run.status), JSON.stringify(run.counted));
    assert.equal(run.counted.errors, 0);
    assertSame(await end(run));
  });
}

test('a daily trader that looks at minutes goes on after a gap late in its day', async () => {
  const folder = tempDir(), own = tempDir(), DAY = 1440 * MINUTE, from = Date.parse('2026-01-05T00:00:00Z');
  writeFileSync(join(own, 'late.scene'), 'at 1000m gap BTCUSDT 3 bars of 1m\n');
  mkdirSync(join(own, 'traders'));
  writeFileSync(join(own, 'traders', 'daily.lua'), `return trader {interval = "1d", timeframes = {"1m"}, fire = "every",
    filter = function(m) return m["1m"].close[0] == m.close[0] end}`);
  const exchange = await startModel(['--symbols', 'BTCUSDT,ETHUSDT', '--from', String(from), '--to', String(from + 3 * DAY), '--speed', 'max',
    '--stay', 'stopped', '--scene', join(own, 'late.scene'), '--seed', String(seed), '--log', 'warn']);
  const daemon = startTrademind({ port: exchange.port, folder, traders: join(own, 'traders'), env: { SYMBOLS: 'BTCUSDT,ETHUSDT' } });
  await exchange.until(it => it.lines.some(line => line.event === 'market_ended'), 'the end of the market', 300000);
  await eventually(() => [...stored(folder).values()].filter(s => s.state !== 'historical').length === 6, 'a signal a day and symbol', 60000);
  assert.equal((await stop(daemon)).code, 0);
});

test('nothing is counted when nothing happens', async () => {
  const run = await runThrough('');
  const { gaps, corrected, holes, errors } = run.counted;
  assert.deepEqual({ gaps, corrected, holes, errors }, { gaps: 0, corrected: 0, holes: 0, errors: 0 });
  assertSame(await end(run));
});

test('bars that the stream said wrongly are corrected by an audit, and their signals say so', async () => {
  const run = await runThrough(`at 6h correct all 30 bars\n`, { env: { AUDIT_INTERVAL_MS: String(30 * MINUTE) } });
  assert.ok(run.counted.audits > 0, JSON.stringify(run.counted));
  assert.ok(run.counted.corrected >= 30 * market.symbols.length, JSON.stringify(run.counted));
  const wrong = [market.from + 6 * 60 * MINUTE, market.from + 7 * 60 * MINUTE];
  const pages = [];
  for (let next = ''; next !== null;) {
    const { body } = await run.daemon.get(`/api/v1/signals?limit=500${next && `&before=${encodeURIComponent(next)}`}`);
    pages.push(...body.signals);
    next = body.next;
  }
  const revised = pages.filter(s => s.revised && s.state !== 'historical');
  assert.ok(revised.length > 0, 'some signal has fired on a bar that was corrected');
  assert.ok(revised.every(s => s.time >= wrong[0] - 4 * 60 * MINUTE && s.time <= wrong[1] + 4 * 60 * MINUTE), 'no other one says that it is revised');
  const found = await end(run);
  const later = map => new Map([...map].filter(([, s]) => s.time > wrong[1] + 8 * 60 * MINUTE));
  assert.ok(later(expected).size > 50);
  assert.equal(difference(later(found), later(expected)), '');
});
