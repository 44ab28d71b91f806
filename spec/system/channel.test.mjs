// The browser's live channel of the real daemon, as docs/channel.md promises it: what a client is told, that a connection which
// breaks loses nothing, that a pause is kept, and that a flush is answered when it has ended.
// time limit: 900
import { test, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import {
  allTraders, byId, difference, endAll, eventually, listed, recordedMarket, replay, seeAll, settled, startDaemon, startExchange, stop, stored, tempDir,
} from './daemon.mjs';
import { connect } from './channel.mjs';

const market = recordedMarket();
const allMarket = { ...market, traders: allTraders(market) };
const clients = [];
afterEach(async () => {
  for (const c of clients.splice(0)) c.cut();
  await endAll();
});

async function open(daemon, options) {
  const c = await connect(daemon, options);
  clients.push(c);
  return c;
}

const RISING = 'return trader { name = "Rising", interval = "1m", fire = "every", filter = function(m) return m.close[0] > m.close[1] end }\n';
function folderOf(traders) {
  const folder = tempDir();
  for (const [key, code] of Object.entries(traders)) writeFileSync(join(folder, `${key}.lua`), code);
  return folder;
}

const running = daemon => eventually(async () => (await daemon.status()).status === 'running', 'the daemon to be warm');
const created = (...all) => all.flatMap(c => c.of('signal_created')).filter(s => s.state !== 'historical');

test('what a client is told, and the answers to its requests', async () => {
  const folder = tempDir();
  const exchange = await startExchange(market, 300, { stays: true });
  const daemon = await startDaemon({ port: exchange.port, market, folder, traders: folderOf({ rising: RISING }) });
  await running(daemon);
  const c = await open(daemon);
  assert.deepEqual(c.messages.slice(0, 2).map(m => m.type), ['status_update', 'hello']);
  assert.deepEqual(Object.keys(c.of('status_update')[0]).sort(), ['cpus', 'status', 'uptime']);
  assert.match(c.hello.session, /^[0-9a-f]{32}$/);
  assert.equal(c.hello.seq, c.messages[1].seq);
  assert.deepEqual([c.hello.status.status, c.hello.simulated, c.hello.version.length > 0], ['running', true, true]);
  assert.deepEqual(c.hello.traders.map(t => t.name), ['Rising']);
  await c.until(() => created(c).length >= 60, '60 signals', 60000);
  const d = await open(daemon);
  assert.equal(d.hello.signals.length, 50);
  assert.equal(d.hello.session, c.hello.session);
  const told = new Map(created(c).map(s => [s.signalId, s]));
  for (const s of d.hello.signals.filter(one => one.state !== 'historical')) assert.equal(told.get(s.id)?.symbol, s.symbol);
  const one = created(c)[0];
  for (const field of ['signalId', 'traderId', 'symbol', 'price', 'interval', 'time', 'conditions', 'provisional', 'late', 'side', 'state', 'trader'])
    assert.ok(field in one, field);
  await c.until(() => c.of('metrics_update').length >= 2, 'metrics', 30000);
  const seqs = c.messages.filter(m => m.seq).map(m => m.seq);
  assert.ok(seqs.every((seq, i) => i === 0 || seq > seqs[i - 1]), 'the numbers grow');
  assert.ok(c.messages.slice(1).every(m => (m.seq > 0) !== ['ack', 'pong'].includes(m.type)), 'answers have none');
  assert.equal(c.messages[0].seq, undefined, 'nor has the first status, which a client that comes back has not missed');

  const pongs = c.of('pong').length;
  c.say('ping');
  c.say({ type: 'ping' });
  await c.until(() => c.texts.includes('pong') && c.of('pong').length > pongs, 'both pongs');
  await assert.rejects(c.ask('no such type'), { code: 'unknown_type' });
  await assert.rejects(c.ask('subscribe', { symbol: 'BTCUSDT' }), { code: 'bad_request' });
  await assert.rejects(c.ask('resume', { session: c.hello.session }), { code: 'bad_request' });
  c.say('{"type":');
  await c.until(() => c.of('error').some(e => e.code === 'bad_message'), 'an error');
  assert.deepEqual(await c.ask('config_update', { traders: [], version: 7 }), { version: 7 });
  assert.deepEqual(await c.ask('unsubscribe', {}), {});
});

test('metrics are those of the process and the machine', async () => {
  const exchange = await startExchange(market, 600, { stays: true });
  const daemon = await startDaemon({ port: exchange.port, market, folder: tempDir(), traders: folderOf({ rising: RISING }) });
  await running(daemon);
  const c = await open(daemon), pid = daemon.process.pid;
  await c.until(() => c.of('metrics_update').length >= 1, 'metrics', 30000);
  const { cpuUsage, memoryUsage, activeSignals, queueDepth } = c.of('metrics_update')[0];
  const of = (path, name) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(readFileSync(path, 'utf8'))[1]);
  const rss = of(`/proc/${pid}/status`, 'VmRSS'), total = of('/proc/meminfo', 'MemTotal');
  assert.ok(memoryUsage > rss / total * 100 * 0.8, `${memoryUsage} % of memory, resident ${rss} of ${total} kB`); // a group's limit makes it more
  assert.ok(memoryUsage <= 100 && cpuUsage > 0 && cpuUsage <= 100, `${cpuUsage} % of ${cpus().length} CPUs`);
  assert.ok(activeSignals > 0 && queueDepth === 0);
});

test('a connection that breaks again and again loses nothing', async () => {
  const folder = tempDir();
  const exchange = await startExchange(allMarket, 3600, { stays: true });
  const daemon = await startDaemon({ port: exchange.port, market: allMarket, folder, traders: allMarket.traders });
  const all = [await open(daemon)];
  let missed = 0;
  while (!exchange.isOver()) {
    const c = all.at(-1), before = c.messages.length;
    await eventually(() => c.messages.length > before + 20 || exchange.isOver(), 'more messages', 60000);
    c.cut();
    const { storage } = await daemon.status();
    await eventually(async () => exchange.isOver() || (await daemon.status()).storage.newSignals > storage.newSignals, 'a signal that nobody hears');
    const d = await open(daemon), at = d.messages.length;
    const heard = [...all.flatMap(one => one.messages), ...d.messages.slice(0, d.messages.findIndex(m => m.type === 'hello'))];
    const seq = Math.max(...heard.map(m => m.seq ?? 0));
    const answer = await d.ask('resume', { session: d.hello.session, seq });
    assert.equal(answer.complete, true);
    missed += answer.replayed;
    const replayed = d.messages.slice(at).filter(m => m.seq > seq && m.seq <= d.hello.seq).map(m => m.seq);
    assert.equal(replayed.length, answer.replayed);
    assert.deepEqual(replayed, [...replayed].sort((x, y) => x - y), 'in order');
    all.push(d);
  }
  await seeAll(exchange, daemon, { folder });
  const kept = stored(folder);
  await eventually(() => new Set(created(...all).map(s => s.signalId)).size === kept.size, 'the last signals', 20000).catch(() => {});
  assert.ok(all.length > 3 && missed > 20 && kept.size > 200, `${all.length} connections, ${missed} missed, ${kept.size} signals`);
  assert.equal(difference(byId(created(...all).map(s => ({ ...s, id: s.signalId }))), kept), '');
  const c = all.at(-1);
  assert.equal((await c.ask('resume', { session: 'another', seq: 1 })).complete, false);
  assert.equal((await c.ask('resume', { session: c.hello.session, seq: 1e9 })).complete, false);
});

/** Pauses when so many signals were told, restarts (by `signal`) while paused, and goes on after so many bars more. */
async function pauseInBetween({ env = {}, signal }) {
  const folder = tempDir();
  const exchange = await startExchange(allMarket, 3600, { stays: true });
  let daemon = await startDaemon({ port: exchange.port, market: allMarket, folder, traders: allMarket.traders, env });
  await daemon.until(it => it.signals().length >= 100, '100 signals', 60000);
  let c = await open(daemon);
  assert.deepEqual(await c.ask('pause_execution'), { status: 'paused' });
  const paused = stored(folder).size, heard = created(c).length;
  assert.equal((await daemon.status()).status, 'paused');
  await c.until(() => c.of('status_update').at(-1).status === 'paused', 'the status');
  const bars = async () => (await daemon.status()).workers.reduce((sum, w) => sum + w.bars, 0);
  const before = await bars();
  await eventually(async () => await bars() > before + 300, 'the market to go on', 60000);
  assert.equal(stored(folder).size, paused, 'nothing is evaluated');
  assert.equal(created(c).length, heard, 'nor told');
  if (signal) {
    await stop(daemon, signal);
    daemon = await startDaemon({ port: exchange.port, market: allMarket, folder, traders: allMarket.traders, env });
    c = await open(daemon);
    await eventually(async () => (await daemon.status()).status === 'paused', 'a start that is paused', 60000);
    await eventually(async () => await bars() > 300, 'the market to go on', 60000);
    assert.equal(stored(folder).size, paused, 'nothing is evaluated after the restart');
    assert.equal((await daemon.get('/ready')).code, 200);
  }
  assert.deepEqual(await c.ask('resume_execution'), { status: 'running' });
  const resumed = (await daemon.status()).marketTime;
  await eventually(async () => (await daemon.status()).status === 'running', 'the end of the pause');
  return { folder, exchange, daemon, resumed };
}

for (const [name, signal] of [['', null], ['through a restart, ', 'SIGTERM'], ['through a crash, ', 'SIGKILL']]) {
  test(`a pause, ${name}then everything as if there had been none`, async () => {
    const expected = await replay(allMarket, allMarket);
    const { folder, exchange, daemon } = await pauseInBetween({ signal });
    await seeAll(exchange, daemon, { folder, wanted: expected.size });
    assert.equal(difference(stored(folder), expected), '');
    const late = (await listed(daemon)).values();
    assert.ok([...late].some(s => s.late), 'what was owed came late');
  });
}

test('with LATE_BARS=skip the bars of a pause are passed over', async () => {
  const expected = await replay(allMarket, allMarket);
  const { folder, exchange, daemon, resumed } = await pauseInBetween({ env: { LATE_BARS: 'skip' } });
  await seeAll(exchange, daemon, { folder });
  const found = stored(folder);
  const missing = [...expected.values()].filter(s => !found.has(s.id));
  assert.ok(missing.length > 20, `${missing.length} are missing`);
  assert.ok(missing.every(s => s.time < resumed), 'none that came after it');
  assert.deepEqual([...found.keys()].filter(id => !expected.has(id)), [], 'and none that would not have been');
});

test('force_sync without Supabase: what was told is on the disk', async () => {
  const folder = tempDir();
  const exchange = await startExchange(market, 3600, { stays: true });
  const daemon = await startDaemon({ port: exchange.port, market, folder, traders: folderOf({ rising: RISING }) });
  await running(daemon);
  const c = await open(daemon);
  for (let i = 0; i < 5; i++) {
    const evaluated = (await daemon.status()).workers.reduce((sum, w) => sum + w.signals, 0);
    assert.deepEqual(await c.ask('force_sync'), { complete: true, cloud: false });
    assert.ok(stored(folder).size >= evaluated, `${stored(folder).size} of ${evaluated}`);
    const before = created(c).length;
    await c.until(() => created(c).length > before, 'another signal', 60000);
  }
});

test('live klines of one symbol', async () => {
  const exchange = await startExchange(market, 120, { stays: true });
  const daemon = await startDaemon({ port: exchange.port, market, folder: tempDir(), traders: folderOf({ rising: RISING }) });
  await running(daemon);
  const c = await open(daemon), other = await open(daemon), [symbol, second] = market.symbols;
  await assert.rejects(c.ask('subscribe', { symbol: 'NOSUCHUSDT', interval: '1m' }), { code: 'not_found' });
  await assert.rejects(c.ask('subscribe', { symbol, interval: '3d' }), error => error.code === 'unsupported' && /1m/.test(error.message));
  await c.ask('subscribe', { symbol, interval: '1m' });
  await c.ask('subscribe', { symbol, interval: '1m' });
  const klines = (of = symbol) => c.of('kline_update').filter(k => k.symbol === of).map(k => k.kline);
  await c.until(() => klines().filter(k => k[6]).length >= 4, 'closed bars', 60000);
  const closed = klines().filter(k => k[6]), forming = klines().filter(k => !k[6]);
  assert.ok(forming.length >= 3);
  assert.deepEqual(closed.slice(1).map((k, i) => k[0] - closed[i][0]), closed.slice(1).map(() => 60000), 'each closed bar, once');
  assert.ok(klines().every((k, i, all) => i === 0 || k[0] >= all[i - 1][0]), 'never back');
  const known = await fetch(`${exchange.url}/api/v3/klines?symbol=${symbol}&interval=1m&startTime=${closed[0][0]}&endTime=${closed.at(-1)[0]}`).then(r => r.json());
  assert.deepEqual(closed.map(k => k.slice(0, 6)), known.map(k => [k[0], ...k.slice(1, 6).map(Number)]), "the exchange's own bars");
  assert.equal(other.of('kline_update').length, 0);
  assert.equal(klines(second).length, 0);
  await c.ask('subscribe', { symbol: second, interval: '1m' });
  await c.ask('unsubscribe', { symbol, interval: '1m' });
  const seen = klines().length;
  await c.until(() => klines(second).filter(k => k[6]).length >= 2, 'bars of the other symbol', 60000);
  assert.equal(klines().length, seen);
});

test('a client that does not read is closed, and the others hear everything', async () => {
  const folder = tempDir(), many = {};
  for (let i = 0; i < 5; i++) many[`loud_${i}`] = `return trader { interval = "1m", fire = "every", conditions = {string.rep("x", 2000)}, filter = function() return true end }\n`;
  const exchange = await startExchange(market, 7200, { stays: true });
  const daemon = await startDaemon({ port: exchange.port, market, folder, traders: folderOf(many) });
  await running(daemon);
  const c = await open(daemon);
  const slow = createConnection(daemon.port(), '127.0.0.1');
  slow.on('error', () => {});
  await once(slow, 'connect');
  slow.write(`GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer ${daemon.token}\r\n\r\n`);
  await once(slow, 'readable'); // nothing more is read from here on
  await daemon.until(it => it.logged(/reads too slowly/).length, 'the slow one to be found out', 120000);
  const heard = created(c).length;
  await c.until(() => created(c).length > heard + 100, 'the others to go on', 60000);
  slow.destroy();
  assert.deepEqual(await c.ask('force_sync', {}, 60000), { complete: true, cloud: false });
  assert.equal((await settled(daemon, 60000)).status, 'running');
});
