// api.signals, api.signals.latency and api.signals.cpu (of the daemon, a request): pages of GET /api/v1/signals from a database of 50,000 signals, asked by 16 clients, each over
// one connection that stays open: three in five ask for the newest 50, one for those of a symbol, one for those of a trader behind a
// cursor. The daemon has no market meanwhile; clients are raw sockets of one Node process beside it.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { startTrademind, stop, tempDir } from '../spec/system/daemon.mjs';

const RUNS = Number(process.env.BENCH_RUNS ?? 5), CLIENTS = 16, SIGNALS = 50000, LIMIT = 50, WARM_MS = 500, WINDOW_MS = 3000, TICKS = 100;
const WORKLOAD = `pages of ${LIMIT} from ${SIGNALS} signals, ${CLIENTS} connections; newest 3 in 5, by symbol, by trader behind a cursor`;
const END = Buffer.from('\r\n\r\n');

const CONDITIONS = '["RSI crosses above the level","hourly close above its EMA 50"]';
const FILL = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${SIGNALS})
INSERT INTO signals (id, user_id, trader_id, symbol, interval, timestamp, price, price_at_signal, change_percent_at_signal, volume_at_signal,
 matched_conditions, indicator_data, metadata, created_at)
SELECT printf('%08x-0000-5000-8000-%012x', i * 2654435761 % 4294967296, i), 'local', printf('00000000-0000-5000-8000-%012d', i % 20),
 'SYM' || (i % 100) || 'USDT', '5m', 1770000000000 + i * 300000, 100.5 + i % 77, 100.5 + i % 77, 1.25, 12345.678, '${CONDITIONS}',
 '{"plots":[{"kind":"line","title":"RSI","pane":1,"value":31.25},{"kind":"hline","title":"oversold","pane":1,"level":30}]}',
 json_object('trader', 'trader_' || (i % 20), 'trader_name', 'Trader ' || (i % 20), 'revision', hex(randomblob(32)), 'side', 'long', 'score', 1.5, 'stop', 99.5,
  'target', json('[101.5,103]'), 'tags', json('["bench"]'), 'values', json('{"ta.rsi(m.close, 14)":31.25}'), 'late', json('false'), 'state', 'confirmed'),
 1770000000000 + i * 1000 FROM n;`;

const folder = tempDir();
const begin = async () => {
  const daemon = startTrademind({ folder, env: { REQUESTS_PER_MINUTE: '0' } });
  await daemon.until(() => daemon.port(), 'the daemon to listen');
  return daemon;
};

/** CPU time of a process so far, us. */
function cpuUs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 1e6 / TICKS;
}

/** One client: asks, reads the whole answer, asks again, until `until`. */
function ask(port, token, next, until, latencies) {
  return new Promise((done, fail) => {
    const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
    let parts = [], have = 0, want = 0, began = 0;
    const send = () => {
      parts = [];
      have = want = 0;
      began = performance.now();
      socket.write(`GET ${next()} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    };
    socket.on('connect', send).on('error', fail).on('data', bytes => {
      parts.push(bytes);
      have += bytes.length;
      if (!want) {
        const head = Buffer.concat(parts), end = head.indexOf(END);
        if (end < 0) return;
        const text = head.toString('latin1', 0, end);
        if (!text.startsWith('HTTP/1.1 200')) return fail(new Error(text));
        want = end + 4 + Number(/content-length: (\d+)/i.exec(text)[1]);
      }
      if (have < want) return;
      const now = performance.now();
      latencies.push(now - began);
      if (now < until()) return send();
      socket.end();
      done();
    });
  });
}

function kinds() {
  let n = 0;
  return () => {
    const i = n++ % 5;
    if (i < 3) return `/api/v1/signals?limit=${LIMIT}`;
    if (i === 3) return `/api/v1/signals?limit=${LIMIT}&symbol=SYM${n % 100}USDT`;
    return `/api/v1/signals?limit=${LIMIT}&trader=trader_${n % 20}&before=${1770000000000 + (n * 7919 % SIGNALS) * 1000}:00000000-0000-5000-8000-000000000000`;
  };
}

async function load(port, token, ms) {
  const latencies = [], began = performance.now();
  await Promise.all(Array.from({ length: CLIENTS }, () => ask(port, token, kinds(), () => began + ms, latencies)));
  return { rate: latencies.length * 1000 / (performance.now() - began), latencies };
}

await stop(await begin()); // makes the database
execFileSync('sqlite3', [join(folder, 'trademind.db')], { input: FILL });
const daemon = await begin(), token = readFileSync(join(folder, 'token'), 'utf8').trim();
const rates = [], p50 = [], p99 = [], cpu = [];
for (let run = 0; run < RUNS; run++) {
  await load(daemon.port(), token, WARM_MS);
  const before = cpuUs(daemon.process.pid);
  const { rate, latencies } = await load(daemon.port(), token, WINDOW_MS);
  cpu.push((cpuUs(daemon.process.pid) - before) / latencies.length);
  latencies.sort((a, b) => a - b);
  rates.push(rate);
  p50.push(latencies[Math.floor(latencies.length / 2)]);
  p99.push(latencies[Math.floor(latencies.length * 0.99)]);
}
await stop(daemon);

const middle = list => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const line = (name, unit, median, worst) => console.log(JSON.stringify({ name, workload: WORKLOAD, unit, median, p99: worst, runs: RUNS }));
line('api.signals', 'requests/s', middle(rates), Math.min(...rates));
line('api.signals.cpu', 'us', middle(cpu), Math.max(...cpu));
line('api.signals.latency', 'ms', middle(p50), middle(p99));
process.exit(0);
