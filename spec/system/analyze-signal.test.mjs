// Somebody asks over HTTP for an analysis of one signal: what becomes of it, and why not. The market is generated, the exchange a
// simulator, the model a fake.
// time limit: 300
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endAll, eventually, generatedMarket, startDaemon, startExchange, stop } from './daemon.mjs';
import { tempDir } from './harness.mjs';
import * as google from './gemini.mjs';
import { opinion } from './opinions.mjs';

const market = generatedMarket();
market.to = market.from + 6 * 3600000;

const gemini = await google.gemini();
after(async () => {
  await endAll();
  await gemini.close();
});

function traders(fields) {
  const folder = tempDir();
  writeFileSync(join(folder, 'asked.lua'), `return trader {name = "Asked", interval = "5m", ${fields},
    filter = function(m) return {match = m.time / 300000 % 8 == 0, side = "long", score = 0.9} end}`);
  return folder;
}

function model({ say = text => opinion(text), interrupt = () => null } = {}) {
  gemini.requests.length = 0;
  Object.assign(gemini, { say, interrupt, most: 0 });
}

const SETTINGS = { GEMINI_API_KEY: google.KEY, GEMINI_BASE_URL: gemini.url, AI_MAX_AGE_MIN: '10080', AI_REQUESTS_PER_MINUTE: '0', AI_REANALYSE_MAX: '0' };

/** A daemon that has seen the whole market, and its confirmed signals, newest bar first: HTTP lists first what was made last. */
async function run(fields, env = {}) {
  const exchange = await startExchange(market, 'max', { stays: true }), folder = tempDir();
  const daemon = await startDaemon({ port: exchange.port, market, folder, traders: traders(fields), env: { ...SETTINGS, ...env } });
  await daemon.until(it => it.logged(/running: /).length, 'the daemon to be warm');
  const signals = await eventually(async () => {
    const page = (await daemon.get('/api/v1/signals?state=confirmed&limit=100')).body.signals.sort((a, b) => b.time - a.time);
    const [newest] = page;
    return page.length >= 3 && page.some(one => one.symbol === newest.symbol && one.time < newest.time) && page;
  }, 'signals of two bars', 60000);
  return { exchange, daemon, folder, signals };
}

function rows(folder, query) {
  const text = execFileSync('sqlite3', ['-readonly', '-json', join(folder, 'trademind.db'), query], { encoding: 'utf8', maxBuffer: 1 << 28 });
  return text.trim() ? JSON.parse(text) : [];
}

async function ask(daemon, id, body) {
  const response = await fetch(`http://127.0.0.1:${daemon.port()}/api/v1/signals/${id}/analyze`, { method: 'POST', body, headers: { Authorization: `Bearer ${daemon.token}` } });
  return { status: response.status, body: await response.json() };
}

const looksAt = async (daemon, id) => (await daemon.get(`/api/v1/signals/${id}`)).body.analyses;

async function end({ daemon, exchange }) {
  const how = await stop(daemon);
  assert.equal(how.code, 0, daemon.stderr.slice(-2000));
  await stop(exchange);
}

test('a signal of a trader that is asked by hand only is analysed when somebody asks, and again', async () => {
  model({ say: text => opinion(text, { decision: 'bad_setup' }) });
  const it = await run('prompt = "any", analysis = {when = "manual"}'), { daemon, folder, signals } = it;
  assert.equal(gemini.requests.length, 0);
  const [newest] = signals, older = signals.find(s => s.symbol === newest.symbol && s.time < newest.time);
  const answer = await ask(daemon, older.id);
  assert.equal(answer.status, 202, JSON.stringify(answer.body));
  assert.deepEqual([answer.body.signalId, answer.body.look, answer.body.state, answer.body.hindrance], [older.id, 0, 'queued', null]);
  const [done] = await eventually(async () => (await looksAt(daemon, older.id)).filter(a => a.state === 'done').length && looksAt(daemon, older.id), 'the verdict');
  assert.deepEqual([done.analysisId, done.decision, done.signalStatus], [answer.body.analysisId, 'bad_setup', 'expired']);
  const text = google.asked(gemini.requests[0].body), bars = text.split('close, volume\n').at(-1).split('\n').filter(line => /^\d\d:\d\d /.test(line));
  assert.match(text, /# Since then: look 1 at this signal, which a person asks for now/);
  assert.ok(bars.length >= 8, 'the bars since the signal stand behind the prompt of its bar');
  const opened = new Date(older.time + 300000).toISOString().slice(11, 16);
  assert.ok(bars[0].startsWith(opened), `${bars[0]} opens after the signal's bar, at ${opened}`);
  assert.ok(text.includes(new Date(older.time).toISOString().slice(0, 16).replace('T', ' ')), 'the prompt is of the bar of the signal');
  assert.equal(rows(folder, `SELECT status FROM signals WHERE id = '${older.id}'`)[0].status, 'expired');

  model({ say: t => opinion(t, { decision: 'wait' }) });
  const again = await ask(daemon, older.id);
  assert.deepEqual([again.status, again.body.look], [202, 1]);
  await eventually(async () => (await looksAt(daemon, older.id)).filter(a => a.state === 'done').length === 2, 'the second verdict');
  const [second, first] = (await looksAt(daemon, older.id)).sort((a, b) => b.look - a.look);
  assert.deepEqual([[second.look, first.look], second.decision, first.decision], [[1, 0], 'wait', 'bad_setup'], 'the first one is kept');
  assert.equal((await daemon.status()).analysis.spentToday.requests, rows(folder, 'SELECT sum(requests) AS n FROM analyses')[0].n);
  await end(it);
});

test('what is refused says why', async () => {
  model({ interrupt: async () => ({ never: true }) });
  const it = await run('prompt = "any", analysis = {when = "manual"}'), { daemon, signals } = it;
  const refused = async (id, status, reason, body) => {
    const answer = await ask(daemon, id, body);
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    assert.match(answer.body.detail, reason);
  };
  await refused('00000000-0000-0000-0000-000000000000', 404, /there is no signal/);
  await refused('x'.repeat(60), 404, /there is no signal/);
  await refused(signals[0].id, 400, /no body/, '{}');
  const [historical] = (await daemon.get('/api/v1/signals?state=historical&limit=1')).body.signals;
  if (historical) await refused(historical.id, 409, /before its trader's start/);
  assert.equal((await ask(daemon, signals[0].id)).status, 202);
  await refused(signals[0].id, 409, /at work/);
  await eventually(() => gemini.requests.length === 1, 'the request');
  await refused(signals[0].id, 409, /at work/);
  assert.equal((await daemon.get(`/api/v1/signals/${signals[0].id}/analyze`)).code, 405);
  assert.equal((await daemon.get(`/api/v1/signals/${signals[0].id}/analyse`)).code, 404);
  assert.equal((await fetch(`http://127.0.0.1:${daemon.port()}/api/v1/signals/${signals[0].id}/analyze`, { method: 'POST' })).status, 401);
  await end(it);
});

test('without a model, after the day\'s budget or cap, and for old signals nothing is asked', async () => {
  const cases = [
    ['prompt = "any"', { GEMINI_API_KEY: '' }, 0, 503, /no model is set up/],
    ['analysis = {when = "manual"}', { AI_DAILY_REQUESTS: '1' }, 1, 503, /budget of the day is used up/],
    ['analysis = {when = "manual", max_per_day = 1}', {}, 1, 503, /max_per_day/],
    ['analysis = {when = "score>0.95"}', {}, 0, 409, /its score is not high enough/],
    ['analysis = {when = "manual"}', { AI_MAX_AGE_MIN: '1' }, 0, 409, /too old: its bar closed \d+ minutes ago/],
    ['prompt = function(m) if m.symbol:find("^AA") or m.symbol:find("^BB") or m.symbol:find("^CC") then error("no words") end return "any" end, analysis = {when = "manual"}', {}, 0, 422, /no words/],
  ];
  for (const [fields, env, n, status, reason] of cases) {
    model();
    const it = await run(fields, env), { daemon, signals } = it, [last] = signals.slice(-1);
    for (let i = 0; i < n; i++) {
      assert.equal((await ask(daemon, signals[i].id)).status, 202);
      await eventually(async () => (await looksAt(daemon, signals[i].id))[0]?.state === 'done', 'the verdict');
    }
    const answer = await ask(daemon, last.id);
    assert.equal(answer.status, status, `${fields}: ${JSON.stringify(answer.body)}`);
    assert.match(answer.body.detail, reason);
    assert.equal(gemini.requests.length, n, fields);
    assert.deepEqual(await looksAt(daemon, last.id), [], 'nothing is kept of what was refused');
    await end(it);
  }
});

test('what was asked counts against the trader\'s share of the day after a restart, later looks as well', async () => {
  model({ say: text => opinion(text, { decision: 'bad_setup' }) });
  const fields = 'prompt = "any", analysis = {when = "manual", max_per_day = 2}', it = await run(fields), { exchange, folder, signals } = it;
  for (let look = 0; look < 2; look++) {
    assert.deepEqual([(await ask(it.daemon, signals[0].id)).body.look], [look]);
    await eventually(async () => (await looksAt(it.daemon, signals[0].id)).filter(a => a.state === 'done').length === look + 1, 'the verdict');
  }
  assert.equal((await stop(it.daemon)).code, 0);
  const daemon = await startDaemon({ port: exchange.port, market, folder, traders: traders(fields), env: SETTINGS });
  await daemon.until(() => daemon.logged(/running: /).length, 'the daemon to be warm');
  const answer = await ask(daemon, signals[1].id);
  assert.deepEqual([answer.status, gemini.requests.length], [503, 2], JSON.stringify(answer.body));
  assert.match(answer.body.detail, /max_per_day/);
  await end({ daemon, exchange });
});

test('a look that somebody asks for comes after those that have begun and ended while its prompt was made', async () => {
  const traderFolder = tempDir(), folder = tempDir();
  writeFileSync(join(traderFolder, 'slow.lua'), `return trader {name = "Slow", interval = "1m",
    filter = function(m) return m.symbol == "AAUSDT" and m.time / 60000 % 120 == 0 end,
    prompt = function(m)
      local n = 0
      for i = 1, 5e6 do n = n + i % 7 end
      return "any " .. n
    end}`);
  model({ say: text => opinion(text, { decision: 'wait' }) });
  const env = { ...SETTINGS, AI_REANALYSE_MAX: '100', AI_DAILY_REQUESTS: '10000', AI_DAILY_TOKENS: '1000000000', SCRIPT_LOAD_CPU_MS: '20000' };
  const exchange = await startExchange(market, 600, { stays: true });
  const daemon = await startDaemon({ port: exchange.port, market, folder, traders: traderFolder, env });
  const newest = async () => (await daemon.get('/api/v1/signals?state=confirmed&limit=1')).body.signals[0];
  for (let n_met = 0; n_met < 3;) {
    const signal = await eventually(newest, 'a signal'), before = await looksAt(daemon, signal.id), answer = await ask(daemon, signal.id);
    if (answer.status !== 202) continue;
    n_met += answer.body.look > before.length;
    await eventually(async () => (await looksAt(daemon, signal.id)).some(a => a.analysisId === answer.body.analysisId && a.state === 'done'), 'the verdict');
  }
  await stop(exchange);
  await eventually(async () => (await daemon.status()).analysis.running === 0, 'the last look');
  assert.equal((await stop(daemon)).code, 0, daemon.stderr.slice(-2000));
  const kept = rows(folder, 'SELECT id, look, requests FROM analyses');
  assert.equal(kept.reduce((n, row) => n + row.requests, 0), gemini.requests.length, 'nothing is written over');
});
