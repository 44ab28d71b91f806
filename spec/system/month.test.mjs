// A month of market time (two days in CI) with a random fault every hour: no gap is left, no signal is lost or doubled, and
// memory stays flat.
// time limit: 4200
import { test, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { allTraders, byId, difference, endAll, eventually, isSoak, seed, settled, startDaemon, startModel, stop, stored, tempDir } from './daemon.mjs';
import { correctionsFound, differenceFromRest, listed } from './snapshot.mjs';

console.log(`# month: seed ${seed}`);
afterEach(endAll);

const DAY_MS = 86400000, FROM_MS = Date.parse('2026-01-05T00:00:00Z'), DAYS = isSoak ? 30 : 2, SYMBOLS = 4;
const END_MS = FROM_MS + DAYS * DAY_MS;
const traders = allTraders();

function residentKB(daemon) {
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${daemon.process.pid}/status`, 'utf8'))[1]);
}

/** The days with `trouble`, then all that there is to know of them. */
async function run(trouble) {
  const folder = tempDir(), samples = [];
  const words = ['--symbols', String(SYMBOLS), '--seed', '5', '--from', String(FROM_MS), '--to', String(END_MS), '--updates', '1'];
  const exchange = await startModel([...words, '--speed', 'max', '--stay', 'stopped', '--log', 'warn', ...trouble]);
  const env = { SNAPSHOT_INTERVAL_MS: '5000', AUDIT_INTERVAL_MS: '1800000' };
  const daemon = await startDaemon({ port: exchange.port, market: { symbols: [] }, folder, traders, env: { ...env, SYMBOLS: '', SYMBOL_COUNT: String(SYMBOLS) }, workers: 2 });
  await eventually(async () => {
    const day = Math.floor(((await daemon.status()).marketTime - FROM_MS) / DAY_MS);
    if (day >= 0) (samples[day] ??= []).push(residentKB(daemon));
    return exchange.lines.some(line => line.event === 'market_ended');
  }, 'the month to pass', 3000000);
  // Who was cut off at the end hears of it when it is connected again, and asks for what it has missed.
  await eventually(async () => (await daemon.status()).stream.connected, 'the stream', 120000);
  await eventually(async () => (await daemon.status()).marketTime >= END_MS, 'the end to be heard of', 120000);
  await settled(daemon, 600000);
  // A bar that was corrected at the very end is found by the next look, which only the clock brings now.
  if (exchange.lines.some(line => line.kind === 'correct')) {
    const symbols = (await daemon.get('/api/v1/symbols')).body.symbols.map(it => it.symbol);
    await correctionsFound(daemon, { symbols, from: END_MS - DAY_MS / 2, to: END_MS }, exchange.url);
  }
  assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  const fromRest = await differenceFromRest(listed(folder), exchange.url);
  const faults = exchange.lines.filter(line => line.event === 'fault');
  await exchange.stop('SIGKILL');
  return { folder, told: daemon.signals(), fromRest, faults, samples };
}

const median = numbers => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

test(`${DAYS} days of faults, seed ${seed}`, { timeout: 4100000 }, async () => {
  const wanted = await run([]), it = await run(['--faults', `${seed % 1000000},60`]);
  const corrected = new Set(it.faults.filter(f => f.kind === 'correct').map(f => f.symbol ?? 'all'));
  assert.ok(it.faults.length > DAYS * 12, `${it.faults.length} faults`);
  assert.equal(wanted.fromRest, '');
  assert.equal(it.fromRest, '');
  byId(it.told.filter(s => s.state !== 'withdrawn')); // throws when an id comes twice
  // A symbol of which the stream told wrong bars keeps the signals of those (spec/system/gapless.test.mjs looks at them).
  const clean = signals => new Map([...signals].filter(([, s]) => !corrected.has(s.symbol) && !corrected.has('all')));
  assert.equal(difference(clean(stored(it.folder)), clean(stored(wanted.folder))), '');
  if (DAYS < 14) return;
  const week = from => median(it.samples.slice(from, from + 7).flat().filter(Boolean));
  assert.ok(week(DAYS - 7) <= week(3) * 1.05, `RssAnon: ${week(3)} kB in the first week, ${week(DAYS - 7)} kB in the last`);
});
