// resources.NAME.memory and .cpu: the four rows of the Node original's table of resources, measured. The daemon runs on the exchange
// simulator at the clock's speed, as on Binance: an update of every forming bar every two seconds, tickers every second, a close of 1m
// each minute. CPU is the time of all its threads per second of the clock, in per cent of one CPU; memory is RSS, and beside it what
// is its own (RssAnon), since pages of executable and libraries may be shared.
//
// The original's per cents are of the machine that it had: its heavy row says 40 to 60 % of at least one CPU, its peak 80 % of eight.
// Its figures stand in the lines, too ("original"), as its README has them.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, settled, startTrademind, stop, tempDir } from '../spec/system/daemon.mjs';
import { root, startSim } from '../spec/system/harness.mjs';

const WINDOW_MS = Number(process.env.BENCH_WINDOW_MS ?? 120000), DEADLINE_MS = 180000, SLICE_MS = 10000;
const TICKS = 100, KIB_PER_MB = 1e6 / 1024; // clock ticks a second, of Linux everywhere
const UPDATES = 30; // a bar of a minute: one every two seconds, as Binance sends them

// traders x symbols, on three timeframes; heavy.one is on one, since that was all that the original kept. Idle has one of each, since without any there is nothing to run. The peak has what the original did not dare: ten
// times as many evaluations as the row before.
const ROWS = [
  { name: 'idle', traders: 1, symbols: 1, original: { mb: 50 } },
  { name: 'light', traders: 5, symbols: 50, original: { mb: 100, cpu: 15 } },
  { name: 'heavy', traders: 20, symbols: 100, original: { mb: 200, cpu: 50 } },
  { name: 'heavy.one', traders: 20, symbols: 100, isOne: true, original: { mb: 200, cpu: 50 } },
  { name: 'peak', traders: 100, symbols: 400, original: { mb: 500, cpu: 640 } },
];

/** Those on the hour look at fifteen minutes instead: three timeframes in all; with `isOne` all look at one minute. */
const on = (text, isOne) => (isOne ? text.replace(/ timeframes = \{[^}]*\},/, '').replaceAll(/m\["\d+[mh]"\]/g, 'm') : text.replaceAll('"1h"', '"15m"'));

/** The twenty traders of screen.bar, over and over. */
function traders(count, isOne) {
  const folder = join(tempDir(), 'traders'), names = readdirSync(join(root, 'bench/traders')).sort();
  mkdirSync(folder);
  for (let i = 0; i < count; i++) {
    const name = names[i % names.length], text = on(readFileSync(join(root, 'bench/traders', name), 'utf8'), isOne);
    writeFileSync(join(folder, `${String(i).padStart(3, '0')}_${name}`), text);
  }
  return folder;
}

/** CPU time of all threads so far, ms. */
function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 1000 / TICKS;
}

function memoryMB(pid) {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = name => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)[1]) / KIB_PER_MB;
  return { rss: of('VmRSS'), anon: of('RssAnon'), peak: of('VmHWM') };
}

const sum = (list, name) => list.reduce((n, item) => n + item[name], 0);

/** Samples of one row: every SLICE_MS of the window. */
async function measure({ traders: n_traders, symbols, isOne = false }) {
  const folder = tempDir();
  const sim = await startSim(['--symbols', String(symbols), '--speed', '1', '--updates', String(UPDATES), '--log', 'warn']);
  const daemon = startTrademind({ port: sim.port, folder, traders: traders(n_traders, isOne), env: { SYMBOL_COUNT: String(symbols), MACHINE_CPUS: '1', SCREENING_INTERVAL_MS: '60000' } });
  await daemon.until(() => daemon.logged(/running: /).length > 0, 'the daemon to run', DEADLINE_MS);
  daemon.token = readFileSync(join(folder, 'token'), 'utf8').trim();
  const { pid } = daemon.process, first = await settled(daemon, DEADLINE_MS);
  const samples = [], began = performance.now(), messages = first.stream.klines;
  while (performance.now() - began < WINDOW_MS) {
    const cpu = cpuMs(pid), at = performance.now();
    await new Promise(done => setTimeout(done, SLICE_MS));
    samples.push({ cpu: 100 * (cpuMs(pid) - cpu) / (performance.now() - at), ...memoryMB(pid) });
  }
  const mean = sum(samples, 'cpu') / samples.length;
  const last = await daemon.status(), minutes = (performance.now() - began) / 60000;
  const evaluations = sum(last.workers, 'evaluations') - sum(first.workers, 'evaluations'), klines = last.stream.klines - messages;
  if (last.traders.length !== n_traders || last.workers[0].symbols !== symbols || sum(last.workers, 'errors') !== 0) {
    throw new Error(`not the workload that it should be: ${JSON.stringify({ ...last, traders: last.traders.length })}`);
  }
  if (evaluations < n_traders * symbols * 0.2 || klines < symbols * UPDATES * (minutes - 1)) throw new Error(`${evaluations} evaluations, ${klines} klines in ${minutes} minutes`);
  await eventually(async () => (await daemon.status()).backlog === 0, 'the daemon to be through', DEADLINE_MS);
  const { code } = await stop(daemon);
  if (code !== 0) throw new Error(`the daemon ended with ${code}\n${daemon.stderr}`);
  await sim.stop();
  return { samples, cpu: mean, evaluations: evaluations / minutes, klines: klines / minutes };
}

const round = number => Math.round(number * 100) / 100;

function print(name, unit, samples, median, more) {
  const sorted = [...samples].sort((a, b) => a - b);
  console.log(JSON.stringify({ name, unit, median: round(median ?? sorted[sorted.length >> 1]), p99: round(sorted.at(-1)), runs: sorted.length, ...more }));
}

const only = process.env.BENCH_ROWS?.split(',');
for (const row of ROWS.filter(({ name }) => !only || only.includes(name))) {
  const { samples, cpu, evaluations, klines } = await measure(row);
  const workload = `${row.traders} traders x ${row.symbols} symbols x 1000 bars of ${row.isOne ? '1m' : '1m 5m 15m'}, at the clock's speed, ${Math.round(klines)} klines and `
    + `${Math.round(evaluations)} evaluations a minute, one worker`;
  const beside = key => (row.original[key] === undefined ? {} : { original: row.original[key] });
  print(`resources.${row.name}.memory`, 'MB', samples.map(s => s.rss), null, { workload: `RSS: ${workload}`, own: round(samples.at(-1).anon), most: round(samples.at(-1).peak), ...beside('mb') });
  // The mean of the window, and the highest ten seconds: those of a close.
  print(`resources.${row.name}.cpu`, '%', samples.map(s => s.cpu), cpu, { workload: `mean of ${WINDOW_MS / 1000} s, in per cent of one CPU: ${workload}`, ...beside('cpu') });
}
process.exit();
