// analyze.cpu and analyze.rate: what the analysis of 200 signals a minute costs the daemon, by a model that answers after 2 s, at
// concurrency 8: CPU time of the whole process in a minute, prompts, requests, checks and storage included, less that of the same
// daemon on the same market without a key. The exchange is the simulator: 40 symbols, a bar of a minute every 12 s.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, startTrademind, stop, tempDir } from '../spec/system/daemon.mjs';
import { KEY, gemini } from '../spec/system/gemini.mjs';
import { opinion } from '../spec/system/opinions.mjs';
import { startSim } from '../spec/system/harness.mjs';

const RUNS = Number(process.env.BENCH_RUNS ?? 3), SYMBOLS = 40, SPEED = 5, ANSWER_MS = 2000, WINDOW_MS = 60000, TICKS = 100;
const WORKLOAD = `${SYMBOLS * SPEED} signals a minute, answers of ${ANSWER_MS / 1000} s, concurrency 8`;

function traders() {
  const folder = join(tempDir(), 'traders');
  mkdirSync(folder);
  writeFileSync(join(folder, 'every.lua'), `return trader {interval = "1m", fire = "every", prompt = "any bar", filter = function(m)
    return m.close[0] > 0
  end}`);
  return folder;
}

const folder = traders();
const sleep = ms => new Promise(done => setTimeout(done, ms));

/** CPU time of a process so far, ms. */
function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 1000 / TICKS;
}

async function measure(env) {
  const model = await gemini({ say: async text => {
    await sleep(ANSWER_MS);
    return opinion(text);
  } });
  const sim = await startSim(['--symbols', String(SYMBOLS), '--speed', String(SPEED), '--updates', '1', '--log', 'warn']);
  const daemon = startTrademind({ port: sim.port, folder: tempDir(), traders: folder, env: {
    SYMBOL_COUNT: String(SYMBOLS), GEMINI_BASE_URL: model.url, AI_CONCURRENCY: '8', AI_REQUESTS_PER_MINUTE: '0', AI_DAILY_BUDGET_USD: '0',
    AI_REANALYSE_MAX: '0', MAX_SIGNALS_PER_TRADER_HOUR: '1000000', ...env,
  } });
  await daemon.until(() => daemon.logged(/running: /).length > 0, 'the daemon to run', 60000);
  await eventually(() => daemon.signals().length > SYMBOLS, 'the first signals', 60000);
  const before = { cpu: cpuMs(daemon.process.pid), at: performance.now(), answers: model.requests.length, signals: daemon.signals().length };
  await sleep(WINDOW_MS);
  const ms = performance.now() - before.at, perMinute = 60000 / ms;
  const found = {
    cpu: (cpuMs(daemon.process.pid) - before.cpu) * perMinute, rate: (model.requests.length - before.answers) * 1000 / ms,
    signals: (daemon.signals().length - before.signals) * perMinute, most: model.most,
  };
  for (const it of [daemon, sim]) await stop(it);
  await model.close();
  return found;
}

const samples = { cpu: [], rate: [] };
for (let run = 0; run < RUNS; run++) {
  const off = await measure({}), on = await measure({ GEMINI_API_KEY: KEY });
  if (Math.abs(on.signals - SYMBOLS * SPEED) > SYMBOLS + 1) throw new Error(`${on.signals} signals a minute`);
  if (on.most > 8 || on.rate * 60 < on.signals - 2 * SYMBOLS) throw new Error(`${on.rate * 60} answers a minute, ${on.most} at once`);
  samples.cpu.push(on.cpu - off.cpu);
  samples.rate.push(on.rate);
}

for (const [name, unit] of [['cpu', 'ms'], ['rate', 'analyses/s']]) {
  const sorted = samples[name].sort((a, b) => a - b);
  console.log(JSON.stringify({ name: `analyze.${name}`, workload: WORKLOAD + (name === 'cpu' ? '; CPU time in a minute' : ''), unit,
    median: sorted[Math.floor(sorted.length / 2)], p99: sorted.at(-1), runs: RUNS }));
}
process.exit(0);
