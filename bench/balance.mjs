// balance.live: what the busiest of the workers has to do, as a multiple of their mean, once symbols that are dear have been moved to
// the others. 100 symbols, of which ten cost twenty times as much; all of these begin with one worker, the worst that there can be.
// Two workers; the daemon runs on the exchange simulator, a close of 1m every five seconds. Work is what the workers count themselves
// (trademind_worker_busy_seconds_total): on a machine that takes processors away it is counted as longer than it was.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { settled, startTrademind, stop, tempDir } from '../spec/system/daemon.mjs';
import { startSim } from '../spec/system/harness.mjs';

const RUNS = Number(process.env.BENCH_RUNS ?? 3), SYMBOLS = 100, WORKERS = 2, SPEED = 12, DEADLINE_MS = 120000;
const CLOSES = 20, MEASURED = 5; // by then it must be balanced; so many closes are measured from there on

/** `dear`: names of symbols. */
function traders(dear) {
  const folder = join(tempDir(), 'traders');
  mkdirSync(folder);
  writeFileSync(join(folder, 'dear.lua'), `local is_dear = {${dear.map(name => `${name} = true`).join(', ')}}
return trader {name = "Dear", interval = "1m", filter = function(m)
  local sum = 0
  for i = 1, is_dear[m.symbol] and 200000 or 10000 do sum = (sum + m.close[i % 50]) % 1000 end
  return sum < 0
end}`);
  return folder;
}

/** Busy time of each worker so far, s. */
async function busy(daemon) {
  const port = /metrics: http:\/\/127\.0\.0\.1:(\d+)\/metrics/.exec(daemon.stderr)[1];
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return [...text.matchAll(/^trademind_worker_busy_seconds_total\{.*\} (\S+)$/gm)].map(match => Number(match[1]));
}

/** When so many bars have closed, of each symbol one more. */
async function closes(daemon, symbols, count) {
  const bars = async () => (await daemon.status()).workers.reduce((n, worker) => n + worker.evaluations, 0);
  const end = await bars() + count * symbols;
  while (await bars() < end) await new Promise(done => setTimeout(done, 50));
}

const share = (from, to) => {
  const spent = to.map((seconds, i) => seconds - from[i]), mean = spent.reduce((a, b) => a + b, 0) / spent.length;
  return Math.max(...spent) / mean;
};

async function run() {
  const folder = tempDir();
  const sim = await startSim(['--symbols', String(SYMBOLS), '--speed', String(SPEED), '--updates', '1', '--log', 'warn']);
  // The symbols are given to the workers in turn, so every second one is with the same.
  const listed = await (await fetch(`${sim.url}/api/v3/ticker/24hr`)).json();
  const names = listed.sort((a, b) => Number(b.quoteVolume) - Number(a.quoteVolume)).map(one => one.symbol);
  const dear = names.filter((_, i) => i % WORKERS === 0).slice(0, 10);
  const daemon = startTrademind({ port: sim.port, folder, traders: traders(dear), env: { SYMBOLS: names.join(','), MACHINE_CPUS: String(WORKERS) } });
  await daemon.until(() => daemon.logged(/running: /).length > 0, 'the daemon to run', DEADLINE_MS);
  daemon.token = readFileSync(join(folder, 'token'), 'utf8').trim();
  await settled(daemon, DEADLINE_MS);
  const first = await busy(daemon);
  if (first.length !== WORKERS) throw new Error(`${first.length} workers`);
  await closes(daemon, SYMBOLS, 1);
  const second = await busy(daemon);
  await closes(daemon, SYMBOLS, CLOSES - 1);
  const before = await busy(daemon);
  await closes(daemon, SYMBOLS, MEASURED);
  const after = await busy(daemon), status = await daemon.status();
  if (status.traders.some(trader => trader.quarantined)) throw new Error('not the workload that it should be');
  const { code } = await stop(daemon);
  if (code !== 0) throw new Error(`the daemon ended with ${code}\n${daemon.stderr}`);
  await sim.stop();
  return { first: share(first, second), balanced: share(before, after) };
}

const runs = [];
for (let i = 0; i < RUNS; i++) runs.push(await run());
const sorted = name => runs.map(one => Math.round(one[name] * 1000) / 1000).sort((a, b) => a - b), balanced = sorted('balanced');
console.log(JSON.stringify({
  name: 'balance.live',
  workload: `busy time of the busier of two workers over their mean, ${MEASURED} closes of 1m from the ${CLOSES}th on: ${SYMBOLS} symbols, ten of them twenty times as dear and with one worker at first (first: the ratio then)`,
  unit: 'ratio', median: balanced[RUNS >> 1], p99: balanced.at(-1), min: balanced[0], runs: RUNS, first: sorted('first')[RUNS >> 1],
}));
process.exit();
