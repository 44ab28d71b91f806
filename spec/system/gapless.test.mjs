// Whatever goes wrong between the exchange and the daemon: once it is over and the daemon has caught up, every series is
// bit for bit what the exchange serves over REST, every indicator state is that of an undisturbed run, and so are the signals.
// time limit: 900
import { test, before, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  allTraders, difference, endAll, eventually, generatedMarket, isSoak, recordedMarket, replay, seed, settled, startDaemon, startModel, stop, stored, tempDir,
} from './daemon.mjs';
import { correctionsFound, differenceFromRest, differenceOfStates, listed } from './snapshot.mjs';
import { root } from './harness.mjs';

console.log(`# gapless: seed ${seed}`);
afterEach(endAll);

const N_RANDOM = isSoak ? 200 : 4, MINUTES_BETWEEN = 30;
const traders = allTraders();
// Scenes do their work within the first hour. At top speed no connection lasts long by the daemon's own clock, so that each
// loss of one doubles its waiting: days of them would take for ever.
const markets = [recordedMarket(3, 1 / 4), generatedMarket()], short = recordedMarket(3, 1 / 24);
const replayed = new Map(), undisturbed = new Map();

markets[1].to = markets[1].from + 6 * 3600000;

/** A run over the market, to its end; the folder that it leaves behind, and its status before it stopped. */
async function run(market, trouble, { n_hosts = 1, pace = ['--speed', 'max'] } = {}) {
  const folder = tempDir();
  const exchange = await startModel([
    '--data', market.data, '--symbols', market.symbols.join(','), '--from', String(market.from), '--to', String(market.to),
    ...pace, '--stay', 'stopped', '--log', 'warn', '--hosts', String(n_hosts), ...trouble,
  ]);
  const hosts = scheme => exchange.listening.ports.map(port => `${scheme}://127.0.0.1:${port}`).join();
  const env = { SNAPSHOT_INTERVAL_MS: '0', AUDIT_INTERVAL_MS: String(AUDIT_MS), BINANCE_REST_URL: hosts('http'), BINANCE_WS_URL: hosts('ws') };
  const daemon = await startDaemon({ port: exchange.port, market, folder, traders, env, workers: 2 });
  await eventually(() => exchange.lines.some(line => line.event === 'market_ended'), 'the end of the market', 120000);
  // Who was cut off at the end hears of it when it is connected again, and asks for what it has missed.
  await eventually(async () => (await daemon.status()).stream.connected, 'the stream', 120000);
  await eventually(async () => (await daemon.status()).marketTime >= market.to, 'the end to be heard of', 120000);
  const n_bars = await caughtUp(daemon, market);
  // What was corrected while a gap was open is found by the look at what has filled it, two minutes after it.
  if (exchange.lines.some(line => line.kind === 'correct')) await correctionsFound(daemon, market, exchange.url);
  assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  const fromRest = await differenceFromRest(listed(folder), exchange.url);
  await exchange.stop('SIGKILL');
  return { folder, n_bars, fromRest, daemon, exchange };
}

const sum = numbers => numbers.reduce((a, b) => a + b, 0);
const isFirstLook = signal => signal.state === 'historical';

/** All bars have come, or all signals; what has not come after a while is found missing by the comparison. */
async function caughtUp(daemon, market) {
  const { n_bars } = undisturbed.get(market) ?? {}, n_signals = replayed.get(market).size;
  const bars = status => sum(status.workers.map(worker => worker.bars));
  const isThrough = status => (n_bars && bars(status) >= n_bars) || daemon.signals().filter(it => !isFirstLook(it)).length >= n_signals;
  await eventually(async () => isThrough(await settled(daemon, 60000)), 'all bars', 15000).catch(() => {});
  return bars(await settled(daemon, 60000));
}

before(async () => {
  for (const market of [...markets, short]) {
    const signals = await replay(market, { traders });
    replayed.set(market, signals);
    const { folder, fromRest, n_bars } = await run(market, []);
    assert.ok(signals.size > 10, `${signals.size} signals`);
    assert.equal(fromRest, '');
    assert.equal(difference(stored(folder), signals), '');
    undisturbed.set(market, { signals, states: listed(folder), n_bars });
  }
});

// Their memory of earlier signals outlives a bar.
const REMEMBERING = new Set(['cools_down', 'fires_every_seven']);
// A correction is found by the next look at what has closed, or where a frame has come in between by the one after it (there is
// time for both before the end: nothing goes wrong in its last half hour); then the edges are those of wrong bars for a few more.
// At top speed hours of the market would pass while one such look is under way.
const AUDIT_MS = 15 * 60000, WAKE_MS = 2 * AUDIT_MS + 5 * 60000;

/**
 * What was evaluated on a bar that the exchange corrected afterwards is not evaluated again: a signal then, or none, stays, and
 * what follows from it. So after a correction signals may differ for a few bars, and of traders that remember, for good.
 */
function comparable(signals, faults) {
  const times = faults.filter(f => f.kind === 'correct').map(f => [f.from, f.until ?? f.from, f.symbol]);
  const isBeside = s => times.some(([from, until, symbol]) => (!symbol || symbol === s.symbol) && s.time + intervalMs(s) > from && (s.time <= until + WAKE_MS + intervalMs(s) || REMEMBERING.has(s.trader)));
  return new Map([...signals].filter(([, s]) => !isBeside(s)));
}

const UNITS = { m: 60000, h: 3600000, d: 86400000 };
const intervalMs = s => parseInt(s.interval, 10) * UNITS[s.interval.at(-1)];

/** As undisturbed: bars, states, signals. */
function assertSame(market, { folder, fromRest, exchange }) {
  const { signals, states } = undisturbed.get(market), faults = exchange.lines.filter(line => line.event === 'fault');
  const told = text => text && `${text}\nafter ${faults.map(f => `${new Date(f.at).toISOString()} ${f.what} ${f.symbol ?? ''}`).join('\n')}`;
  assert.equal(told(fromRest), '');
  assert.equal(told(difference(comparable(stored(folder), faults), comparable(signals, faults))), '');
  assert.equal(told(differenceOfStates(listed(folder), states)), '');
}

for (let k = 0; k < N_RANDOM; k++) {
  const market = markets[k % 4 === 3 ? 1 : 0], start = (seed + k) % 1000000; // one of holes soon has used up the minute's weight
  test(`random faults, seed ${start}`, async () => {
    const it = await run(market, ['--faults', `${start},${MINUTES_BETWEEN}`], { pace: ['--speed', '3600', '--stand', 'on'] });
    assert.ok(it.exchange.lines.filter(line => line.event === 'fault').length > 5);
    assertSame(market, it);
  });
}

// These change the market itself.
const OTHERS = new Set(['correct', 'correct-late', 'hole', 'delist', 'list', 'halt']);
const scenes = readdirSync(join(root, 'spec/scenes')).map(file => basename(file, '.scene')).filter(name => !OTHERS.has(name));

for (const name of scenes) {
  test(`scene ${name}`, async () => {
    const market = short, path = join(tempDir(), 'here.scene');
    const text = readFileSync(join(root, 'spec/scenes', `${name}.scene`), 'utf8');
    writeFileSync(path, text.replaceAll('BTCUSDT', market.symbols[0]).replaceAll('ETHUSDT', market.symbols[1]));
    const it = await run(market, ['--scene', path], { n_hosts: 2 });
    assertSame(market, it);
  });
}
