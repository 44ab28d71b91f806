// What specs of the verbs share: running one to its end, and files of klines.
//
//   const { code, stdout, stderr, lines } = await run(['eval', '--data', file, 'm.close'])     lines: stdout as JSON
//   const bars = randomBars(2000)                              a seeded walk of one-minute bars
//   const file = writeKlines(folder, 'BTCUSDT-1m.csv', bars)
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './harness.mjs';

export const program = join(build, 'trademind');

/** Runs the program to its end with nothing of this environment but the PATH and `env`. */
export function run(words, { cwd, env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { cwd, env: { PATH: process.env.PATH, HOME: '/nonexistent', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '', stderr = '';
    child.stdout.on('data', bytes => { stdout += bytes; });
    child.stderr.on('data', bytes => { stderr += bytes; });
    child.on('error', reject);
    child.on('close', code => resolve({
      code, stdout, stderr, get lines() { return stdout.split('\n').slice(0, -1).map(line => JSON.parse(line)); },
    }));
  });
}

const HEADER = 'open_time,open,high,low,close,volume,close_time,quote_volume,trades,taker_base,taker_quote';

/** Bars {time, open, high, low, close, volume} of `stepMs` as a file of klines; its path. */
export function writeKlines(folder, name, bars, stepMs = 60000) {
  const path = join(folder, name);
  const rows = bars.map(b => [b.time, b.open, b.high, b.low, b.close, b.volume, b.time + stepMs - 1, b.volume * b.close, 10, b.volume / 2, b.volume * b.close / 2]);
  writeFileSync(path, [HEADER, ...rows.map(row => row.map(plain).join(','))].join('\n') + '\n');
  return path;
}

/** A decimal without an exponent, eight places at the most. */
function plain(number) { return Number.isInteger(number) ? String(number) : number.toFixed(8).replace(/\.?0+$/, ''); }

/** Numbers from 0 to 1, the same for the same seed: a linear congruential generator. */
export function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

/** A random walk of bars from 2026-01-05, a Monday, with bursts of volume and calm and wild stretches. */
export function randomBars(count, { seed = 1, stepMs = 60000, price = 100, from = Date.UTC(2026, 0, 5) } = {}) {
  const random = uniform(seed);
  const bars = [];
  for (let i = 0; i < count; i++) {
    const wild = Math.floor(i / 60) % 3 === 0 ? 0.01 : 0.002;
    const open = price, close = Number((open * (1 + wild * (random() - 0.5))).toFixed(4));
    const high = Number((Math.max(open, close) * (1 + wild * random() / 3)).toFixed(4));
    const low = Number((Math.min(open, close) * (1 - wild * random() / 3)).toFixed(4));
    const volume = Number((100 * (0.2 + random()) * (random() < 0.05 ? 9 : 1)).toFixed(3));
    bars.push({ time: from + i * stepMs, open, high: Math.max(high, open, close), low: Math.min(low, open, close), close, volume });
    price = close;
  }
  return bars;
}
