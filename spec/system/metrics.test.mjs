// What Prometheus is told: on a port of its own without a token, on the big one with one; true numbers, in a form that our own strict
// reader and, where it is installed, promtool find no fault with.
// time limit: 240
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { endAll, eventually, generatedMarket, startDaemon, startExchange, stop } from './daemon.mjs';
import { read } from './exposition.mjs';
import { tempDir } from './harness.mjs';
import * as google from './gemini.mjs';
import { webhook } from './messengers.mjs';

const market = generatedMarket();
market.to = market.from + 6 * 3600000;
after(endAll);

const metricsPort = daemon => Number(/metrics: http:\/\/127\.0\.0\.1:(\d+)\/metrics/.exec(daemon.stderr)?.[1] ?? 0);

async function scrape(daemon) {
  const response = await fetch(`http://127.0.0.1:${metricsPort(daemon)}/metrics`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  const text = await response.text();
  return { text, families: read(text) };
}

const one = (families, name, labels = {}) => families.get(name)?.samples.find(s => s.name === name && Object.entries(labels).every(([k, v]) => s.labels[k] === v))?.value;

/** Whatever is written to a plain connection, what comes back. */
function talk(port, text, { half = false } = {}) {
  return new Promise((done, failed) => {
    let answer = '';
    const socket = createConnection(port, '127.0.0.1', () => half ? socket.write(text) : socket.end(text));
    socket.setEncoding('latin1').on('data', part => { answer += part; }).on('close', () => done(answer)).on('error', failed);
  });
}

test('the numbers are those of the daemon, before, while and after', async () => {
  const hook = await webhook({ isSigned: false });
  const exchange = await startExchange(market, 1500);
  const daemon = await startDaemon({ port: exchange.port, market, folder: tempDir(), env: { NOTIFY_WEBHOOK_URL: hook.url, NOTIFY_WEBHOOK_PER_MINUTE: '0' } });
  const first = await scrape(daemon);
  assert.equal(one(first.families, 'trademind_build_info'), 1);
  await eventually(async () => (await daemon.status()).status === 'running', 'the start to be through');
  const { families } = await eventually(async () => {
    const s = await scrape(daemon);
    return one(s.families, 'trademind_storage_signals_total') > 0 && one(s.families, 'trademind_notifications_total', { outcome: 'sent' }) > 0 && s;
  }, 'signals in the metrics', 60000);
  assert.equal(one(families, 'trademind_ready'), 1);
  assert.equal(one(families, 'trademind_symbols'), 3);
  assert.equal(one(families, 'trademind_stream_live_connections'), 1);
  assert.ok(one(families, 'trademind_stream_silence_seconds', { connection: '0' }) < 30);
  assert.ok(one(families, 'process_resident_memory_bytes') > 5e6 && one(families, 'trademind_memory_used_ratio') < 1 && one(families, 'trademind_disk_free_bytes') > 0);
  assert.ok(one(families, 'process_cpu_seconds_total') > 0 && one(families, 'trademind_uptime_seconds') > 0);
  for (const name of ['trademind_loop_delay_seconds', 'trademind_bar_commit_seconds']) {
    const { type, samples } = families.get(name);
    assert.ok(type === 'histogram' && samples.at(-1).value > 0, name);
  }
  await exchange.ended;
  const status = await eventually(async () => {
    const s = await daemon.status();
    return !s.stream.connected && s.backlog === 0 && s.storage.queued === 0 && s;
  }, 'the end of the market', 60000);
  const last = await scrape(daemon);
  assert.equal(one(last.families, 'trademind_storage_signals_total'), status.storage.newSignals);
  assert.equal(one(last.families, 'trademind_stream_klines_total'), status.stream.klines);
  assert.equal(one(last.families, 'trademind_worker_evaluations_total', { worker: '0' }), status.workers[0].evaluations);
  assert.equal(one(last.families, 'trademind_health_state', { component: 'stream' }), 1, 'the exchange is gone');
  for (const [name, f] of first.families) {
    if (f.type !== 'counter') continue;
    for (const s of f.samples) assert.ok(one(last.families, name, s.labels) >= s.value, `${name} goes back`);
  }
  for (const text of [daemon.token, ...market.symbols, 'rsi_rebound']) assert.ok(!last.text.includes(text), `no ${text} without a token`);
  assert.equal((await stop(daemon)).code, 0, daemon.stderr.slice(-2000));
  await hook.close();
});

test('on the big port only with the token; on its own port nothing but metrics', async () => {
  const daemon = await startDaemon({ port: 1, market, folder: tempDir() });
  const big = headers => fetch(`http://127.0.0.1:${daemon.port()}/metrics`, { headers });
  assert.equal((await big({})).status, 401);
  assert.equal((await big({ Authorization: 'Bearer wrong' })).status, 401);
  const answer = await big({ Authorization: `Bearer ${daemon.token}` });
  assert.equal(answer.status, 200);
  assert.ok(read(await answer.text()).size > 20);
  const port = metricsPort(daemon);
  for (const [request, status] of [
    ['GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n', 200], ['HEAD /metrics HTTP/1.0\r\n\r\n', 200], ['GET / HTTP/1.1\r\n\r\n', 404], ['GET /api/v1/status HTTP/1.1\r\n\r\n', 404],
    ['GET /metricsx HTTP/1.1\r\n\r\n', 404], ['POST /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello', 405], ['\r\n\r\n', 405], [`GET /metrics HTTP/1.1\r\nX: ${'x'.repeat(5000)}`, 431]]) {
    const said = await talk(port, request);
    assert.ok(said.startsWith(`HTTP/1.1 ${status} `), `${request.slice(0, 40)}: ${said.slice(0, 60)}`);
    if (request.startsWith('HEAD')) assert.ok(said.endsWith('\r\n\r\n') && /content-length: [1-9]/i.test(said));
  }
  const idle = Array.from({ length: 16 }, () => createConnection(port, '127.0.0.1'));
  await Promise.all(idle.map(s => new Promise(done => s.once('connect', done))));
  const refused = await talk(port, 'GET /metrics HTTP/1.1\r\n\r\n').catch(error => error.code);
  assert.ok(refused === '' || refused === 'ECONNRESET' || refused === 'EPIPE', 'the seventeenth is turned away');
  for (const s of idle) s.destroy();
  await eventually(() => talk(port, 'GET /metrics HTTP/1.1\r\n\r\n').then(a => a.startsWith('HTTP/1.1 200'), () => false), 'room again');
  assert.equal((await stop(daemon)).code, 0, daemon.stderr.slice(-2000));
});

test('a port that another has: it is said, and the daemon runs', async () => {
  const first = await startDaemon({ port: 1, market, folder: tempDir() });
  const second = await startDaemon({ port: 1, market, folder: tempDir(), env: { METRICS_PORT: String(metricsPort(first)) } });
  assert.match(second.stderr, /no metrics on METRICS_PORT: 127\.0\.0\.1 port \d+: address already in use/);
  assert.equal((await second.get('/health')).code, 200);
  for (const it of [first, second]) assert.equal((await stop(it)).code, 0);
});

test('promtool finds no fault', async t => {
  if (spawnSync('promtool', ['--version']).error) return t.skip('promtool is not installed');
  const daemon = await startDaemon({ port: 1, market, folder: tempDir() });
  const { text } = await scrape(daemon);
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  assert.deepEqual([status, stdout + stderr], [0, '']);
  for (const file of ['docs/operations/alerts.yml']) {
    const rules = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
    assert.equal(rules.status, 0, rules.stdout + rules.stderr);
  }
  await stop(daemon);
});

test('the reader itself finds what is wrong', () => {
  const head = '# HELP a_total x\n# TYPE a_total counter\n';
  for (const [text, said] of [
    [`${head}a_total 1`, 'no end'], [`${head}a_total 1\na_total 2\n`, 'twice'], [`${head}b_total 1\n`, 'not of a_total'], ['a_total 1\n', 'no sample'], [`${head}a_total -1\n`, 'below 0'],
    ['# HELP a x\n# TYPE a counter\n', '_total'], ['# HELP a_ms x\n# TYPE a_ms gauge\n', 'base unit'], [`${head}a_total{x="1",x="2"} 1\n`, 'labels'], [`${head}a_total 1,5\n`, 'no number'],
    ['# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n', 'add up'], ['# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n', 'whole']])
    assert.throws(() => read(text), new RegExp(said), text);
});

test('alerts and dashboard ask for metrics that there are', async () => {
  const gemini = await google.gemini(), hook = await webhook();
  const exchange = await startExchange(market, 1500);
  const daemon = await startDaemon({ port: exchange.port, market, folder: tempDir(), env: {
    NOTIFY_WEBHOOK_URL: hook.url, GEMINI_API_KEY: google.KEY, GEMINI_BASE_URL: gemini.url } });
  const { families } = await eventually(async () => {
    const s = await scrape(daemon);
    return s.families.has('trademind_storage_last_commit_age_seconds') && s;
  }, 'all metrics');
  const known = new Set([...families].flatMap(([name, f]) => f.type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]));
  const files = [readFileSync('docs/operations/alerts.yml', 'utf8'), readFileSync('docs/operations/grafana.json', 'utf8')];
  const asked = new Set(files.flatMap(text => text.match(/\b(trademind|process)_[a-z0-9_]+/g)));
  assert.ok(asked.size >= 25, `${asked.size} names`);
  assert.deepEqual([...asked].filter(name => !known.has(name)), []);
  const dashboard = JSON.parse(files[1]);
  assert.equal(new Set(dashboard.panels.map(p => p.id)).size, dashboard.panels.length);
  for (const it of [daemon, exchange]) await stop(it);
  await Promise.all([hook.close(), gemini.close()]);
});
