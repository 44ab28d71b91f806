// What the specs of the running daemon share: a market to run on, the daemon itself, the same market replayed, and a
// proxy that stands between daemon and exchange and makes trouble.
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, existsSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build, dataPath, root, start, startSim, tempDir, until } from './harness.mjs';

export const isSoak = process.env.TRADEMIND_SOAK === '1';
export const seed = Number(process.env.TRADEMIND_SEED ?? Date.now() % 1e9);

// Numbers from the seed.
export function dice(start) {
  let state = start % 2147483646 + 1;
  return (low, high) => { state = state * 48271 % 2147483647; return low + state % (high - low + 1); };
}

const DAY_MS = 86400000;
const FIRST_MS = Date.parse('2026-02-02T00:00:00Z');
const WEEK = ['ALGOUSDT', 'AVAXUSDT', 'DOTUSDT', 'FILUSDT', 'LINKUSDT', 'LTCUSDT', 'NEARUSDT'];

// ---- markets ----

/** Three generated symbols full of holes and still stretches, 1m, three days. */
export function generatedMarket() {
  const data = tempDir(), symbols = ['AAUSDT', 'BBUSDT', 'CCUSDT'];
  symbols.forEach((symbol, i) => {
    const call = `require("spec.lua.oracle_market").write("${join(data, symbol)}-1m.csv", ${seed + i}, ${FIRST_MS + i * 60000 * 7}, ${3 * 1440})`;
    execFileSync('luajit', ['-e', call], { cwd: root });
  });
  return { data, symbols, from: FIRST_MS + 1.5 * DAY_MS, to: FIRST_MS + 2.5 * DAY_MS, hasHoles: true };
}

/** A day of recorded klines, or where there are none the generated market. */
export function recordedMarket(n_symbols = 3, days = 1) {
  const data = dataPath('klines');
  if (!data || !existsSync(join(data, 'ALGOUSDT-1m.csv.gz'))) return generatedMarket();
  return { data, symbols: WEEK.slice(0, n_symbols), from: FIRST_MS + DAY_MS, to: FIRST_MS + (1 + days) * DAY_MS };
}

/** The built-in traders and those of spec/lua/traders in one folder; with those that look at other symbols of the market. */
export function allTraders(market = null) {
  const folder = tempDir();
  for (const from of ['lua/traders', 'spec/lua/traders']) {
    for (const name of readdirSync(join(root, from))) cpSync(join(root, from, name), join(folder, name));
  }
  if (market) writeReferenceTraders(folder, market);
  return folder;
}

/** Traders that look at another symbol of the market beside their own, into a folder. */
function writeReferenceTraders(folder, market) {
  const [name, other] = market.symbols;
  const write = (key, code) => writeFileSync(join(folder, `${key}.lua`), code);
  write('leader', `return trader {interval = "1m", references = {"${name}"}, filter = function(m)
  local r = m.ref.${name}
  return r.close[0] > r.close[3] and m.close[0] < m.close[3] and ta.rsi(r.close, 14)[0] > 50
end}`);
  write('pair', `return trader {interval = "5m", timeframes = {"15m"}, references = {"${other}"}, fire = "every", cooldown = 6, filter = function(m)
  local hour = m.ref.${other}["15m"]
  return m.close[0] > ta.sma(m.close, 20)[0] and hour.close[0] > ta.ema(hour.close, 10)[0]
end}`);
}

export const builtInTraders = join(root, 'lua/traders');

// A machine that is busy with other things may take a worker's thread away for longer than a filter is allowed to last.
const PATIENCE = ['--set', 'SCRIPT_CPU_MS=1000'];

const span = market => ['--from', String(market.from), '--to', String(market.to), '--symbols', market.symbols.join(',')];

/** The signals of a replay: id -> signal. */
export async function replay(market, { traders = builtInTraders, workers = 1 } = {}) {
  const words = ['replay', '--json', '--data', market.data, ...span(market), '--traders', traders, '--workers', String(workers), ...PATIENCE];
  const { stdout } = await promisify(execFile)(join(build, 'trademind'), words, { cwd: root, maxBuffer: 1 << 28 });
  return byId(stdout.trim().split('\n').filter(Boolean).map(line => JSON.parse(line)));
}

export function byId(signals) {
  const map = new Map(signals.map(signal => [signal.id, signal]));
  if (map.size !== signals.length) throw new Error(`${signals.length - map.size} ids come twice`);
  return map;
}

/** '' when both have the same ids, else what differs. */
export function difference(found, expected) {
  const name = s => `${s.trader} ${s.symbol} ${new Date(s.time ?? 0).toISOString()}${s.late ? ' late' : ''}`;
  const lacks = (a, b) => [...a.values()].filter(s => !b.has(s.id)).sort((x, y) => x.time - y.time);
  const missing = lacks(expected, found), besides = lacks(found, expected);
  if (missing.length + besides.length === 0) return '';
  return `seed ${seed}: ${expected.size} expected, ${missing.length} missing: ${missing.slice(0, 6).map(name).join('; ')}`
    + ` | ${besides.length} besides: ${besides.slice(0, 6).map(name).join('; ')}`;
}

// ---- the exchange and the daemon ----

/** `stays`: it answers after the end of the market, too, until it is stopped (seeAll). */
export async function startExchange(market, speed = 'max', { stays = false } = {}) {
  const words = ['--data', market.data, ...span(market), '--speed', String(speed), '--log', 'warn'];
  const it = await startModel(stays ? [...words, '--stay', 'stopped'] : words);
  it.isOver = () => it.hasEnded || it.lines.some(line => line.event === 'delivered');
  return it;
}

/**
 * Waits until the daemon has seen all of the market, however late it has come to it; then the exchange ends. A bar that is
 * missing at the very end is asked for seconds later, and when the minute's weight is used up, in the next one: `wanted`
 * signals in `folder` say that all has come. When they do not, the comparison will say which ones are missing.
 */
export async function seeAll(exchange, daemon, { deadlineMs = 300000, folder = null, wanted = 0 } = {}) {
  const isAll = () => !folder || stored(folder).size >= wanted;
  await exchange.until(it => it.isOver(), 'the end of the market', deadlineMs);
  await eventually(async () => (await daemon.status()).status === 'running' && settled(daemon, 90000), 'the daemon to catch up', 90000);
  await eventually(isAll, 'all signals', 90000).catch(() => {});
  await settled(daemon, 90000);
  const how = await exchange.stop();
  if (how.code !== 0) throw new Error(`the exchange ended with ${how.code ?? how.signal}\n${exchange.stderr}`);
  return drained(daemon);
}

/** exchange-sim with any words. */
export async function startModel(words) {
  const it = await startSim(words);
  started.add(it);
  return it;
}

/** The daemon on the exchange at `port` (its proxy, say), ready when it listens. */
export async function startDaemon({ port, market, folder, traders = builtInTraders, env = {}, words = [], workers = 1 }) {
  const it = startTrademind({ port, folder, traders, env: { SYMBOLS: market.symbols.join(','), MACHINE_CPUS: String(workers), ...env }, words });
  await it.until(() => it.port(), 'the daemon to listen');
  it.token = readFileSync(join(folder, 'token'), 'utf8').trim();
  return it;
}

/** The same, not waiting for anything: for starts that fail. */
export function startTrademind({ port = 1, folder, traders = builtInTraders, env = {}, words = [] }) {
  const it = start('trademind', ['run', '--json', ...PATIENCE, ...words], {
    DATA_DIR: folder, TRADERS_DIR: traders, PORT: '0', METRICS_PORT: '0', REQUESTS_PER_MINUTE: '0', BINANCE_REST_URL: `http://127.0.0.1:${port}`, BINANCE_WS_URL: `ws://127.0.0.1:${port}`, ...env,
  });
  started.add(it);
  it.port = () => Number(/listening on \S+ port (\d+)/.exec(it.stderr)?.[1] ?? 0);
  it.logged = pattern => it.stderr.split('\n').filter(line => pattern.test(line));
  it.signals = () => it.lines.filter(line => line.id && line.trader);
  it.get = async path => {
    const response = await fetch(`http://127.0.0.1:${it.port()}${path}`, { headers: { Authorization: `Bearer ${it.token}` } });
    return { code: response.status, body: await response.json() };
  };
  it.status = async () => (await it.get('/api/v1/status')).body;
  return it;
}

const started = new Set();

/** Ends what a failed test has left running; it would keep the whole file from ending. */
export async function endAll() {
  for (const it of started) await it.stop('SIGKILL');
  started.clear();
}

/** Tries `condition`, which may ask the daemon, again and again until it holds. */
export async function eventually(condition, what, deadlineMs = 30000) {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms in vain for ${what}`);
    await new Promise(done => setTimeout(done, 20));
  }
}

/** Waits until all that the daemon has received is evaluated and committed, and stays so: one answer may lead to a question. */
export function settled(daemon, deadlineMs = 30000) {
  let before = null;
  return eventually(async () => {
    const s = await daemon.status();
    const isThrough = s.history && s.backlog === 0 && s.rangesUnderWay === 0 && s.storage.queued === 0;
    const now = isThrough ? `${s.history.ranges} ${s.storage.passes}` : null;
    const stays = isThrough && now === before;
    before = now;
    return stays && s;
  }, 'the daemon to be through', deadlineMs);
}

/**
 * After the end of the exchange, which has served REST for as long as anybody asked: waits until all that it has sent is
 * evaluated and committed. What is missing at the very end is asked for again and again, in vain.
 */
export function drained(daemon) {
  return eventually(async () => {
    const s = await daemon.status();
    return !s.stream.connected && s.backlog === 0 && s.storage.queued === 0 && s;
  }, 'the daemon to be through with what the exchange has sent', 120000);
}

/** SIGTERM; how it ended, and after how many ms. */
export async function stop(daemon, signal = 'SIGTERM') {
  const began = performance.now();
  const how = await daemon.stop(signal);
  return { ...how, ms: performance.now() - began };
}

/** Looks at a process until it ends; then gives for how many ms the thread that waited longest for a CPU has waited. */
function watchWaits(pid) {
  const first = new Map(), last = new Map(); // by thread, ns
  const look = isFirst => {
    try {
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        const ns = Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[1]);
        if (!first.has(thread)) first.set(thread, isFirst ? ns : 0);
        last.set(thread, ns);
      }
    } catch { /* a thread, or all of it, has ended meanwhile */ }
  };
  look(true);
  const timer = setInterval(look, 5, false);
  return () => {
    clearInterval(timer);
    return Math.max(0, ...[...last].map(([thread, ns]) => (ns - first.get(thread)) / 1e6));
  };
}

/**
 * The same, less the time for which the machine has had no CPU for the daemon (`waitedMs`): being busy with other things, that is not
 * the daemon's.
 */
export async function stopTimed(daemon, signal = 'SIGTERM') {
  const waited = watchWaits(daemon.process.pid), how = await stop(daemon, signal), waitedMs = waited();
  return { ...how, ms: how.ms - waitedMs, waitedMs };
}

/** What SQLite has, the daemon running or not: id -> signal. */
export function stored(folder) {
  const query = "SELECT id, trader, symbol, interval, timestamp AS time, price FROM signals WHERE json_extract(metadata, '$.state') <> 'historical'";
  const text = execFileSync('sqlite3', ['-readonly', '-json', join(folder, 'trademind.db'), query], { encoding: 'utf8', maxBuffer: 1 << 28 });
  return byId(text.trim() ? JSON.parse(text) : []);
}

/** All pages of GET /api/v1/signals. */
export async function listed(daemon) {
  const signals = [];
  for (let next = ''; next !== null;) {
    const { code, body } = await daemon.get(`/api/v1/signals?limit=500${next && `&before=${encodeURIComponent(next)}`}`);
    if (code !== 200) throw new Error(`code ${code}`);
    signals.push(...body.signals.filter(s => s.state !== 'historical'));
    next = body.next;
  }
  return byId(signals);
}

// ---- the proxy ----

// Length of the first WebSocket frame in `bytes`, as a server sends it; 0 while it is not complete.
function frameLength(bytes) {
  if (bytes.length < 2) return 0;
  const short = bytes[1] & 127, head = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < head) return 0;
  const payload = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  return bytes.length < head + payload ? 0 : head + payload;
}

export const TEXT = 1, BINARY = 2, PING = 9;

/** A frame as a server sends it. */
export function frame(payload, opcode = TEXT, isLast = true) {
  const body = Buffer.from(payload);
  const head = body.length < 126 ? Buffer.alloc(2) : body.length < 65536 ? Buffer.alloc(4) : Buffer.alloc(10);
  head[0] = (isLast ? 128 : 0) | opcode;
  head[1] = body.length < 126 ? body.length : body.length < 65536 ? 126 : 127;
  if (head[1] === 126) head.writeUInt16BE(body.length, 2);
  if (head[1] === 127) head.writeBigUInt64BE(BigInt(body.length), 2);
  return Buffer.concat([head, body]);
}

/**
 * Listens at proxy.port and passes everything on to `target` (a port). `onFrame(count, bytes, cut)` sees every WebSocket
 * frame of the server and returns what goes to the client instead (a list of buffers); `cut()` ends the connection.
 * While `isShut`, connections are refused. `proxy.history` lists what became of the WebSockets, in order: {id, what} with
 * open, data (the first kline), and left (by the daemon) or ended.
 */
export async function startProxy(target, onFrame = (count, bytes) => [bytes]) {
  const proxy = { target, isShut: false, count: 0, frames: 0, connections: new Set(), history: [] };
  const server = createServer(client => {
    if (proxy.isShut) return client.destroy();
    const exchange = createConnection(proxy.target, '127.0.0.1');
    const cut = () => { client.destroy(); exchange.destroy(); };
    let rest = Buffer.alloc(0), isSocket = false, hasHead = false, hasData = false, leaver;
    const id = ++proxy.count, note = what => proxy.history.push({ id, what });
    proxy.connections.add(cut);
    client.once('data', bytes => { isSocket = /^upgrade: *websocket/im.test(bytes.toString('latin1')); });
    client.pipe(exchange);
    const pass = bytes => { if (!client.write(bytes)) exchange.pause(); };
    client.on('drain', () => exchange.resume());
    exchange.on('data', bytes => {
      if (!isSocket) return pass(bytes);
      rest = rest.length ? Buffer.concat([rest, bytes]) : bytes;
      if (!hasHead) {
        const end = rest.indexOf('\r\n\r\n');
        if (end < 0) return;
        hasHead = true;
        note('open');
        pass(rest.subarray(0, end + 4));
        rest = rest.subarray(end + 4);
      }
      for (let n = frameLength(rest); n > 0 && !client.destroyed; n = frameLength(rest)) {
        if (!hasData && (hasData = rest.subarray(0, n).includes('"kline"'))) note('data');
        for (const part of onFrame(++proxy.frames, rest.subarray(0, n), cut)) pass(part);
        rest = rest.subarray(n);
      }
    });
    exchange.on('end', () => { leaver ??= 'exchange'; client.end(); }); // after all that is still to be written
    exchange.on('error', () => { leaver ??= 'exchange'; cut(); });
    client.on('error', () => { leaver ??= 'daemon'; cut(); });
    client.on('end', () => { leaver ??= 'daemon'; });
    client.on('close', () => { cut(); proxy.connections.delete(cut); if (hasHead) note(leaver === 'daemon' ? 'left' : 'ended'); });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy.port = server.address().port;
  proxy.cutAll = () => { for (const cut of proxy.connections) cut(); };
  proxy.close = () => { proxy.cutAll(); server.close(); };
  server.unref();
  return proxy;
}

export { tempDir, until };
