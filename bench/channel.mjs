// channel.fanout.ws: the fan-out of bench/channel.c by npm's ws, as its documentation writes it: the same text, written once, to the same
// process of a thousand clients. channel.fanout.ws.memory: what this process has resident then.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { build } from '../spec/system/harness.mjs';

const { WebSocket, WebSocketServer } = createRequire(new URL('../spec/package.json', import.meta.url))('ws');
const N_CLIENTS = 1000, N_WARM = 20, N_ROUNDS = 300, TOKEN = 'tm_bench_channel_token';

const server = new WebSocketServer({
  port: 0, host: '127.0.0.1', perMessageDeflate: false, verifyClient: ({ req }) => req.headers.authorization === `Bearer ${TOKEN}`,
});
await once(server, 'listening');
const clients = spawn(join(build, 'bench-channel'), ['listen', String(server.address().port), TOKEN, String(N_CLIENTS), '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
const lines = createInterface({ input: clients.stdout })[Symbol.asyncIterator]();
const hear = async () => (await lines.next()).value;

let seq = 0;
function publish() {
  const began = process.hrtime.bigint();
  const text = Buffer.from(JSON.stringify({
    type: 'signal_created', seq: ++seq, data: {
      signalId: '0f7a1b64-6f0e-5b7a-9c55-7a1c1f0e9b42', traderId: '1d8f2f0c-3f0e-5b7a-9c55-7a1c1f0e9b42', trader: 'rsi_oversold_bounce', symbol: 'BTCUSDT',
      price: 96123.45, interval: '5m', time: 1767571200000, conditions: ['RSI crosses above the level', 'hourly close above its EMA 50'], state: 'confirmed',
      provisional: false, late: false, side: 'long',
    },
  }));
  for (const client of server.clients) if (client.readyState === WebSocket.OPEN) client.send(text, { binary: false });
  return began;
}

if (await hear() !== 'ready') throw new Error('the clients are not ready');
execFileSync('taskset', ['-acp', String(Number(/Cpus_allowed_list:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1])), String(process.pid)]);
const samples = [];
let used;
for (let i = -N_WARM; i < N_ROUNDS; i++) {
  if (i === 0) used = process.cpuUsage();
  const began = publish(), end = BigInt(await hear());
  if (i >= 0) samples.push(Number(end - began) / 1e6);
}
const cost = process.cpuUsage(used), cpu_ms = (cost.user + cost.system) / 1e3 / N_ROUNDS;
const memory = process.memoryUsage().rss / 2 ** 20;
clients.kill('SIGKILL');
samples.sort((a, b) => a - b);
const figure = (name, workload, unit, median, p99, min, runs, more) =>
  console.log(JSON.stringify({ name, workload, unit, median: +median.toPrecision(4), p99: +p99.toPrecision(4), min: +min.toPrecision(4), runs, ...more }));
figure('channel.fanout.ws', 'one signal to the last of 1000 clients', 'ms', samples[N_ROUNDS / 2], samples[Math.ceil(0.99 * N_ROUNDS) - 1], samples[0], N_ROUNDS, { cpu_ms: +cpu_ms.toFixed(3) });
figure('channel.fanout.ws.memory', "resident memory of the server's process with 1000 clients", 'MB', memory, memory, memory, 1);
process.exit();
