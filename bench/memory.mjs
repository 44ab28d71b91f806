// memory.idle, memory.heavy and memory.month: what the daemon keeps in memory of its own (RssAnon), and its RSS beside it, which also
// counts the pages of executable and libraries. The daemon runs on the exchange simulator's market model.
//
// A run starts both anew, lets the market go on for a while after the start, and reads /proc when everything received is
// evaluated and committed. What it claims to hold is checked first: bars, symbols, evaluations, no errors.
// A month is looked at all the time: its last week should hold what its first one held.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { builtInTraders, eventually, settled, startTrademind, stop, tempDir } from '../spec/system/daemon.mjs';
import { root, startSim } from '../spec/system/harness.mjs';

const KIB_PER_MB = 1e6 / 1024, DEADLINE_MS = 120000;

/** The twenty traders of screen.bar; those on the hour look at fifteen minutes instead: three timeframes in all. */
function heavyTraders() {
  const folder = join(tempDir(), 'traders');
  mkdirSync(folder);
  for (const name of readdirSync(join(root, 'bench/traders'))) {
    const text = readFileSync(join(root, 'bench/traders', name), 'utf8');
    writeFileSync(join(folder, name), text.replaceAll('"1h"', '"15m"'));
  }
  return folder;
}

function residentMB(pid) {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = name => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)[1]) / KIB_PER_MB;
  return { anon: of('RssAnon'), rss: of('VmRSS') };
}

function check(status, { symbols, n_traders, bars }) {
  const [worker] = status.workers, quarantined = status.traders.filter(trader => trader.quarantined);
  if (worker.symbols !== symbols || status.traders.length !== n_traders || worker.bars < symbols * 3 * bars || worker.errors || quarantined.length) {
    throw new Error(`not the workload that it should be: ${JSON.stringify(status)}`);
  }
}

async function run(workload) {
  const { symbols, traders, speed, evaluations } = workload;
  const folder = tempDir();
  const sim = await startSim(['--symbols', String(symbols), '--speed', String(speed), '--updates', '1', '--log', 'warn']);
  const daemon = startTrademind({ port: sim.port, folder, traders, env: { SYMBOL_COUNT: String(symbols), MACHINE_CPUS: '1' } });
  await daemon.until(() => daemon.logged(/running: /).length > 0, 'the daemon to run', DEADLINE_MS);
  daemon.token = readFileSync(join(folder, 'token'), 'utf8').trim();
  const first = (await settled(daemon)).workers[0].evaluations;
  await eventually(async () => (await daemon.status()).workers[0].evaluations >= first + evaluations, 'the market to go on', DEADLINE_MS);
  check(await settled(daemon), workload);
  const found = residentMB(daemon.process.pid);
  const { code } = await stop(daemon);
  if (code !== 0) throw new Error(`the daemon ended with ${code}\n${daemon.stderr}`);
  await sim.stop();
  return found;
}

function print(name, workload, samples, more = {}) {
  const sorted = [...samples].sort((a, b) => a - b), at = share => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  const round = number => Math.round(number * 100) / 100;
  console.log(JSON.stringify({ name, workload, unit: 'MB', median: round(at(0.5)), p99: round(at(0.99)), min: round(sorted[0]), runs: sorted.length, ...more }));
}

async function measure(name, n_runs, text, workload) {
  const samples = [];
  for (let i = 0; i < n_runs; i++) samples.push(await run(workload));
  print(name, `RssAnon: ${text}`, samples.map(sample => sample.anon));
  print(`${name}.rss`, `RSS: ${text}`, samples.map(sample => sample.rss));
}

const DAY_MS = 86400000, MONTH_FROM_MS = Date.parse('2026-01-05T00:00:00Z'), MONTH_DAYS = 28, MONTH_SYMBOLS = 10, MONTH_SPEED = 25000;

/**
 * Samples of every week: [[MB, ...], ...]. The market runs about as fast as the daemon can take it, no faster: a backlog
 * that grows would be measured instead of what stays.
 */
async function monthSamples() {
  const folder = tempDir(), weeks = [[], [], [], []], to = MONTH_FROM_MS + MONTH_DAYS * DAY_MS;
  const sim = await startSim(['--symbols', String(MONTH_SYMBOLS), '--from', String(MONTH_FROM_MS), '--speed', String(MONTH_SPEED), '--updates', '1', '--log', 'warn']);
  const daemon = startTrademind({ port: sim.port, folder, traders: heavyTraders(), env: { SYMBOL_COUNT: String(MONTH_SYMBOLS), MACHINE_CPUS: '1' } });
  await daemon.until(() => daemon.logged(/running: /).length > 0, 'the daemon to run', DEADLINE_MS);
  daemon.token = readFileSync(join(folder, 'token'), 'utf8').trim();
  await eventually(async () => {
    const { marketTime, backlog } = await daemon.status(), week = Math.floor((marketTime - MONTH_FROM_MS) / (7 * DAY_MS));
    if (backlog > 20000) throw new Error(`the daemon falls behind the market: a backlog of ${backlog}`);
    if (week < weeks.length) weeks[week].push(residentMB(daemon.process.pid).anon);
    return marketTime >= to;
  }, 'the month to pass', 3 * DEADLINE_MS);
  check(await daemon.status(), { symbols: MONTH_SYMBOLS, n_traders: 20, bars: MONTH_DAYS * 24 * 4 });
  const { code } = await stop(daemon);
  if (code !== 0) throw new Error(`the daemon ended with ${code}\n${daemon.stderr}`);
  await sim.stop();
  return weeks;
}

async function measureMonth() {
  const weeks = await monthSamples(), mean = list => list.reduce((a, b) => a + b, 0) / list.length;
  const means = weeks.map(mean), growth = 100 * (means[3] / means[0] - 1), round = number => Math.round(number * 100) / 100;
  if (weeks.some(week => week.length < 5)) throw new Error(`too few samples of a week: ${weeks.map(week => week.length)}`);
  print('memory.month', `RssAnon: four weeks of the market model, 20 traders x ${MONTH_SYMBOLS} symbols x 1m 5m 15m, one worker, at ${MONTH_SPEED} times its speed; growth: last week's mean over the first's`,
    weeks.flat(), { weeks: means.map(round), growth_percent: round(growth) });
}

const nBuiltIn = readdirSync(builtInTraders).filter(name => name.endsWith('.lua') && !name.endsWith('_spec.lua')).length;
await measure('memory.idle', 5, `the daemon with its ${nBuiltIn} traders on one symbol of the market model, 1000 bars of 1m 5m 15m 1h, after ten minutes of market`,
  { symbols: 1, traders: builtInTraders, n_traders: nBuiltIn, bars: 1000, speed: 300, evaluations: 30 });
await measure('memory.heavy', 3, '20 traders x 100 symbols x 1000 bars x 1m 5m 15m of the market model, one worker, after twenty minutes of market',
  { symbols: 100, traders: heavyTraders(), n_traders: 20, bars: 1000, speed: 120, evaluations: 20 * 20 * 100 });
await measureMonth();
process.exit();
