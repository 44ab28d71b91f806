// ingest.parse.node: JSON.parse of the frames of ingest.parse, byte for byte, on one core; ingest.apply.node: the same and
// the twelve numbers of each bar out of their texts, kept by symbol. Part of the same ./dev bench ingest.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../spec/system/harness.mjs';

const RUNS = 21, ROUNDS = 5;

const program = join(root, 'build/release/bench-ingest');
const frames = execFileSync(program, ['--frames'], { encoding: 'utf8', maxBuffer: 1 << 28 }).trimEnd().split('\n');
const bytes = Math.floor(frames.reduce((sum, frame) => sum + Buffer.byteLength(frame), 0) / frames.length);

function parse(frame) {
  return JSON.parse(frame).data.k.t;
}

const series = new Map();
function apply(frame) {
  const { k } = JSON.parse(frame).data;
  const bar = [k.t, +k.o, +k.h, +k.l, +k.c, +k.v, +k.q, k.n, +k.V, +k.Q];
  series.set(k.s, bar);
  return bar[0];
}

function rate(work) {
  let sum = 0;
  const start = process.cpuUsage();
  for (let round = 0; round < ROUNDS; round++) for (const frame of frames) sum += work(frame);
  const { user, system } = process.cpuUsage(start);
  if (!(sum > 0)) throw new Error('nothing was parsed');
  return ROUNDS * frames.length / ((user + system) / 1e6);
}

function measure(name, workload, work) {
  rate(work);
  const rates = Array.from({ length: RUNS }, () => rate(work)).sort((a, b) => b - a);
  console.log(JSON.stringify({ name, workload: `${workload} of ${bytes} bytes on one thread`, unit: 'messages/s', median: Math.round(rates[RUNS >> 1]), p99: Math.round(rates[RUNS - 1]), runs: RUNS }));
}

measure('ingest.parse.node', 'JSON.parse: combined kline frames', parse);
measure('ingest.apply.node', 'JSON.parse, numbers, newest bar by symbol: combined kline frames', apply);
