// web/client, in Node, on the running daemon: what the interface answers, a channel that comes back over cuts and restarts, and a
// machine from a provisioner.
// time limit: 240
import { afterEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Api, ApiError, Channel, provisionMachine } from '../../web/client/index.js';
import { endAll, eventually, listed, recordedMarket, startDaemon, startExchange, startProxy, stop } from './daemon.mjs';
import { fake } from './fake.mjs';
import { tempDir } from './harness.mjs';

const market = recordedMarket(2);
market.to = market.from + 12 * 3600000;
const traders = tempDir();
writeFileSync(join(traders, 'clockwork.lua'), `return trader {
  id = "clockwork", name = "Clockwork", interval = "1m", fire = "every", filter = function(m) return m.time / 60000 % 2 == 0 end,
}`);

const closers = [];
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await endAll();
});

async function run({ folder = tempDir(), speed = 60, exchange, port = '0' } = {}) {
  const market_ = exchange ?? await startExchange(market, speed, { stays: true });
  return { exchange: market_, folder, daemon: await startDaemon({ port: market_.port, market, folder, traders, env: { PORT: String(port) } }) };
}

/** A channel and everything that it has told, in order. */
function listen(port, token) {
  const channel = new Channel({ url: `ws://127.0.0.1:${port}/ws`, token });
  const it = { channel, signals: [], states: [], gaps: [], klines: [] };
  channel.on('signal_created', data => it.signals.push(data.signalId));
  channel.on('state', state => it.states.push(state));
  channel.on('gap', gap => it.gaps.push(gap));
  channel.on('kline_update', data => it.klines.push(data));
  closers.push(() => channel.stop());
  channel.start();
  return it;
}

const isOpen = it => eventually(() => it.channel.state === 'open', 'the channel to open').catch(error => { throw new Error(`${error.message}; it was ${it.states.join(', ')}`); });

test('the interface: what is there, page by page, and problems as errors that say what is wrong', async () => {
  const { daemon } = await run();
  const api = new Api({ base: `http://127.0.0.1:${daemon.port()}`, token: daemon.token });
  await eventually(async () => (await api.signals()).signals.length > 8, 'signals');
  const ids = [];
  for await (const signal of api.eachSignal({ limit: 3, to: market.from + 600000 })) ids.push(signal.id);
  assert.ok(ids.length > 4);
  assert.equal(new Set(ids).size, ids.length);
  assert.equal((await api.signal(ids[0])).id, ids[0]);
  assert.deepEqual((await api.traders()).map(it => it.trader), ['clockwork']);
  assert.equal((await api.klines({ symbol: market.symbols[0], interval: '1m', limit: 10 })).klines.length, 10);
  assert.equal((await api.validate('return trader {}')).ok, false);
  await assert.rejects(api.signal('00000000-0000-0000-0000-000000000000'), error => error instanceof ApiError && error.status === 404 && error.problem.status === 404 && error.message.length > 5);
  await assert.rejects(new Api({ base: api.base, token: 'wrong' }).status(), error => error.status === 401);
  await assert.rejects(new Api({ base: 'http://127.0.0.1:9', token: 'x' }).status(), error => error.status === 0 && /reached/.test(error.message));
});

test('a connection that is cut comes back, and what was missed comes in order, once', async () => {
  const { daemon } = await run();
  const proxy = await startProxy(daemon.port());
  closers.push(() => proxy.close());
  const it = listen(proxy.port, daemon.token);
  await isOpen(it);
  const end = it.channel.subscribe(market.symbols[0], '1m');
  await eventually(() => it.signals.length > 2 && it.klines.length > 2, 'signals and candles');
  for (let n = 0; n < 3; n++) {
    const known = (await listed(daemon)).size, nKlines = it.klines.length;
    proxy.isShut = true;
    proxy.cutAll();
    await eventually(async () => (await listed(daemon)).size > known + 3, 'signals that it cannot hear');
    proxy.isShut = false;
    it.channel.retryNow();
    await isOpen(it);
    await eventually(() => it.klines.length > nKlines + 2, 'candles again');
  }
  const first = it.signals[0], all = [...(await listed(daemon)).values()].sort((a, b) => a.created - b.created).map(signal => signal.id);
  await eventually(() => it.signals.includes(all.at(-1)), 'the last one');
  assert.deepEqual(all.slice(all.indexOf(first)).filter(id => !it.signals.includes(id)), []);
  assert.equal(new Set(it.signals).size, it.signals.length, 'none twice');
  assert.deepEqual(it.gaps, []);
  end();
});

test('after a restart of the daemon a gap is told', async () => {
  const { exchange, daemon, folder } = await run();
  const it = listen(daemon.port(), daemon.token);
  await eventually(() => it.signals.length > 1, 'signals');
  await stop(daemon, 'SIGKILL');
  await eventually(() => it.channel.state === 'connecting', 'the loss');
  await run({ exchange, folder, port: daemon.port() });
  await isOpen(it);
  await eventually(() => it.gaps.length === 1, 'the gap');
  const n = it.signals.length;
  await eventually(() => it.signals.length > n, 'signals again');
});

test('requests are answered, refused, or fail with the connection', async () => {
  const { daemon } = await run();
  await eventually(async () => (await daemon.status()).status === 'running', 'the daemon to run');
  const it = listen(daemon.port(), daemon.token);
  await isOpen(it);
  await it.channel.request('pause_execution');
  assert.equal((await daemon.status()).status, 'paused');
  await it.channel.request('resume_execution');
  await it.channel.request('force_sync');
  await assert.rejects(it.channel.request('subscribe', { symbol: 'NONEUSDT', interval: '1m' }), error => error.code.length > 0 && error.message.length > 5);
  const waiting = it.channel.request('force_sync');
  it.channel.stop();
  await assert.rejects(waiting, error => error.code === 'connection_lost');
  await assert.rejects(it.channel.request('ping'), error => error.code === 'not_connected');
});

test('a wrong token is refused once, and not tried again', async () => {
  const { daemon } = await run();
  const it = listen(daemon.port(), 'tm_wrong');
  await eventually(() => it.channel.state === 'refused', 'the refusal');
  assert.deepEqual(it.states, ['connecting', 'refused']);
});

test('a machine from the provisioner comes with its channel and its interface', async () => {
  const provisioner = await fake(async ({ body }) => (body.cpus > 8
    ? { status: 400, headers: { 'content-type': 'application/problem+json' }, body: { type: 'about:blank', title: 'Bad Request', status: 400, detail: 'cpus is 9; expected 1..8' } }
    : { status: 201, body: { machineId: 'vyx-1', websocketUrl: 'vyx-1.fly.dev', status: 'starting' } }));
  closers.push(() => provisioner.close());
  const machine = await provisionMachine({ userId: 'user_123', region: 'sin', cpus: 1, url: provisioner.url, token: 'jwt' });
  const [request] = provisioner.requests;
  assert.deepEqual([request.method, request.path, request.headers.authorization, request.body], ['POST', '/v1/machines', 'Bearer jwt', { userId: 'user_123', region: 'sin', cpus: 1 }]);
  assert.equal(machine.machineId, 'vyx-1');
  assert.equal(machine.channel().url, 'wss://vyx-1.fly.dev');
  assert.equal(machine.api().base, 'https://vyx-1.fly.dev');
  await assert.rejects(provisionMachine({ userId: 'u', cpus: 9, url: provisioner.url, token: 'jwt' }), error => error.status === 400 && /expected 1\.\.8/.test(error.message));
});
