// start.cold and start.warm: from exec of the daemon to the status running, that is, with all history there and every symbol
// being screened: 100 symbols x 3 intervals x 1000 bars on the exchange simulator, which limits nothing. Cold: nothing is
// known. Warm: on the folder of a run that was stopped the moment before. Besides, what a snapshot costs: its size, how long
// it takes to be written, and how long at most a worker is kept by one symbol.
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, settled, startTrademind, stop, tempDir } from '../spec/system/daemon.mjs';
import { root, startSim } from '../spec/system/harness.mjs';

const RUNS = Number(process.env.BENCH_RUNS ?? 9), SYMBOLS = 100, DEADLINE_MS = 120000;

/** The twenty traders of screen.bar; those on the hour look at fifteen minutes instead: three timeframes in all. */
function traders() {
  const folder = join(tempDir(), 'traders');
  mkdirSync(folder);
  for (const name of readdirSync(join(root, 'bench/traders'))) {
    writeFileSync(join(folder, name), readFileSync(join(root, 'bench/traders', name), 'utf8').replaceAll('"1h"', '"15m"'));
  }
  return folder;
}

const traderFolder = traders();
const sim = await startSim(['--symbols', String(SYMBOLS), '--speed', '1', '--updates', '1', '--log', 'warn']);

/** Starts on `folder`: the daemon, running, and after how many ms. */
async function start(folder) {
  const began = performance.now();
  const daemon = startTrademind({ port: sim.port, folder, traders: traderFolder, env: { SYMBOL_COUNT: String(SYMBOLS), MACHINE_CPUS: '2', SNAPSHOT_INTERVAL_MS: '1000' } });
  await daemon.until(() => daemon.logged(/running: /).length > 0, 'the daemon to run', DEADLINE_MS);
  return { daemon, ms: performance.now() - began };
}

function check(status, restored) {
  const sum = name => status.workers.reduce((n, worker) => n + worker[name], 0);
  if (sum('symbols') !== SYMBOLS || sum('restored') !== restored || sum('errors') !== 0 || status.traders.some(trader => trader.quarantined)) {
    throw new Error(`not the workload that it should be: ${JSON.stringify({ ...status, traders: status.traders.length })}`);
  }
}

const cold = [], warm = [], sizes = [], writes = [], stalls = [];

for (let i = 0; i < RUNS; i++) {
  const folder = tempDir();
  for (const [samples, restored] of [[cold, 0], [warm, SYMBOLS * 3]]) {
    const { daemon, ms } = await start(folder);
    samples.push(ms);
    daemon.token = readFileSync(join(folder, 'token'), 'utf8').trim();
    check(await settled(daemon), restored);
    const { snapshot, workers } = await eventually(async () => { const s = await daemon.status(); return s.snapshot.written >= 2 && s; }, 'two snapshots', DEADLINE_MS);
    writes.push(snapshot.lastMs);
    stalls.push(Math.max(...workers.map(worker => worker.saveMs)));
    const how = await stop(daemon);
    if (how.code !== 0) throw new Error(`the daemon ended with ${how.code}\n${daemon.stderr}`);
    sizes.push(statSync(join(folder, 'snapshot')).size / 1e6);
  }
}
await sim.stop();

function print(name, unit, workload, samples) {
  const sorted = [...samples].sort((a, b) => a - b), round = number => Math.round(number * 100) / 100;
  const at = share => round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]);
  console.log(JSON.stringify({ name, workload, unit, median: at(0.5), p99: at(0.99), min: round(sorted[0]), runs: sorted.length }));
}

const market = `20 traders x ${SYMBOLS} symbols x 1000 bars of 1m 5m 15m of the market model, two workers`;
print('start.cold', 'ms', `exec to running, everything fetched from the simulator: ${market}`, cold);
print('start.warm', 'ms', `exec to running, on a snapshot: ${market}`, warm);
print('snapshot.size', 'MB', `the file: ${market}`, sizes);
print('snapshot.write', 'ms', `written while the daemon runs, until it is renamed: ${market}`, writes);
print('snapshot.stall', 'ms', `the longest that one symbol kept its worker in a run: ${market}`, stalls);
process.exit();
