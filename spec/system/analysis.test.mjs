// The daemon asks models about its signals: what comes of it is kept, shown, and gone on with after a kill. The market is generated,
// the exchange a simulator, the model a fake.
// time limit: 500
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { endAll, eventually, generatedMarket, startDaemon, startExchange, stop } from './daemon.mjs';
import { tempDir } from './harness.mjs';
import * as google from './gemini.mjs';
import { opinion } from './opinions.mjs';

const WebSocket = createRequire(import.meta.url)('ws');
const market = generatedMarket();
market.to = market.from + 8 * 3600000;

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

const ASKED = traders('prompt = "any"');

function model({ say = text => opinion(text), interrupt = () => null } = {}) {
  gemini.requests.length = 0;
  Object.assign(gemini, { say, interrupt, most: 0 });
}

const SETTINGS = { GEMINI_API_KEY: google.KEY, GEMINI_BASE_URL: gemini.url, AI_MAX_AGE_MIN: '10080', AI_REQUESTS_PER_MINUTE: '0', AI_REANALYSE_MAX: '0' };

async function run({ speed = 'max', folder = tempDir(), traders: from = ASKED, env = {} } = {}) {
  const exchange = await startExchange(market, speed);
  const daemon = await startDaemon({ port: exchange.port, market, folder, traders: from, env: { ...SETTINGS, ...env } });
  return { exchange, daemon, folder };
}

function rows(folder, query) {
  const text = execFileSync('sqlite3', ['-readonly', '-json', join(folder, 'trademind.db'), query], { encoding: 'utf8', maxBuffer: 1 << 28 });
  return text.trim() ? JSON.parse(text) : [];
}

const ANALYSES = 'SELECT * FROM analyses ORDER BY open_ms, look', SIGNALS = "SELECT * FROM signals WHERE json_extract(metadata, '$.state') <> 'historical'";

/** All messages of the browser's channel from now on. */
async function listen(daemon) {
  const messages = [], socket = new WebSocket(`ws://127.0.0.1:${daemon.port()}/ws?token=${daemon.token}`, { headers: { Authorization: `Bearer ${daemon.token}` } });
  socket.on('message', data => messages.push(JSON.parse(data)));
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return { messages, socket, of: type => messages.filter(m => m.type === type).map(m => m.data) };
}

/** The exchange has ended, and all that it has sent is evaluated and committed. */
const drained = daemon => eventually(async () => {
  const s = await daemon.status();
  return s.stream.klines > 0 && !s.stream.connected && s.backlog === 0 && s.storage.queued === 0 && s;
}, 'the end of the exchange', 120000);

/** Signals that are told, whose prompt is still to be made. */
const owed = s => s.workers.reduce((n, worker) => n + worker.promptsOwed, 0);

const idle = daemon => eventually(async () => {
  const s = await daemon.status();
  return s.stream.klines > 0 && !s.stream.connected && s.backlog === 0 && s.storage.queued === 0 && s.analysis.waiting === 0 && s.analysis.running === 0
    && owed(s) === 0 && s;
}, 'all analyses to be through', 120000);

/** The daemon stops in order. */
async function end(daemon, exchange) {
  const how = await stop(daemon);
  assert.equal(how.code, 0, daemon.stderr.slice(-2000));
  await stop(exchange);
}

test('each signal is analysed: kept, shown, and its status goes on', async () => {
  model();
  const { exchange, daemon, folder } = await run({ speed: 3000 });
  const channel = await listen(daemon);
  const status = await idle(daemon);
  const signals = rows(folder, SIGNALS), analyses = rows(folder, ANALYSES);
  assert.ok(signals.length >= 15, `${signals.length} signals`);
  assert.equal(analyses.length, signals.length);
  assert.equal(gemini.requests.length, signals.length);
  for (const a of analyses) {
    assert.deepEqual([a.status, a.decision, a.follow_up, a.model, a.requests, a.prompt], ['done', 'enter_trade', 'ready', 'gemini-3.8-flash-001', 1, null]);
    assert.ok(a.cost_usd > 0 && a.tokens_in > 500 && a.raw.includes('the fake says so') && JSON.parse(a.key_levels).takeProfit.length === 2);
  }
  assert.ok(signals.every(s => s.status === 'ready'));
  const verdicts = rows(folder, 'SELECT * FROM signal_analyses');
  assert.deepEqual(verdicts.map(v => v.signal_id).sort(), signals.map(s => s.id).sort());
  assert.ok(verdicts.every(v => v.decision === 'enter_trade' && v.confidence === 71 && v.gemini_tokens_used > 500 && JSON.parse(v.technical_indicators).trend === 'up'));
  await eventually(() => channel.of('analysis_completed').length === signals.length, 'all results on the channel');
  const told = channel.of('analysis_completed')[0], kept = verdicts.find(v => v.signal_id === told.signalId);
  assert.deepEqual([told.decision, told.confidence, told.signalStatus], ['enter_trade', 71, 'ready']);
  assert.deepEqual(told.keyLevels, JSON.parse(kept.key_levels));
  assert.deepEqual(told.tradePlan, JSON.parse(kept.trade_plan));
  const created = channel.messages.findIndex(m => m.type === 'signal_created' && m.data.signalId === told.signalId);
  assert.ok(created >= 0 && created < channel.messages.findIndex(m => m.type === 'analysis_completed'), 'the signal itself is told first');
  assert.ok(Math.abs(status.analysis.spentToday.usd) > 0 && status.analysis.providers[0].state === 'ok');
  channel.socket.close();
  await end(daemon, exchange);
});

test('the filter is asked again for the prompt, but what it prints is said once', async () => {
  const from = tempDir();
  writeFileSync(join(from, 'talks.lua'), `return trader {name = "Talks", interval = "5m",
    filter = function(m)
      local is_match = m.time / 300000 % 8 == 0
      if is_match then print("seen", m.symbol, m.time) end
      return is_match
    end,
    conditions = {{"noted", function(m) if m.symbol == "BBUSDT" then print("noted", m.symbol, m.time) end return true end}},
    plots = function(m) if m.symbol == "BBUSDT" then print("drawn", m.symbol, m.time) end return {} end,
    prompt = function(m) print("asked", m.symbol, m.time) return "any" end}`);
  model();
  const { exchange, daemon, folder } = await run({ speed: 2000, traders: from });
  await daemon.until(() => daemon.logged(/running: /).length > 0, 'the daemon to run');
  const { marketTime } = await daemon.status(), at = daemon.stderr.length;
  await idle(daemon);
  const said = daemon.stderr.split('\n').flatMap(line => /"talks \w+: ((seen|noted|drawn|asked) \w+ \d+)"/.exec(line)?.[1] ?? []);
  assert.deepEqual(said.filter((line, at) => said.indexOf(line) < at), [], 'nothing is said twice');
  // At most ten lines a second are written; a machine that stands still may bring more together, as the start does.
  const isCut = daemon.stderr.slice(at).includes('were left out'), later = rows(folder, SIGNALS).filter(s => s.timestamp > marketTime);
  assert.ok(later.length > 5, `${later.length} signals`);
  for (const signal of later) {
    const wanted = signal.symbol === 'BBUSDT' ? ['seen', 'noted', 'drawn', 'asked'] : ['seen', 'asked'];
    for (const what of wanted) assert.ok(isCut || said.includes(`${what} ${signal.symbol} ${signal.timestamp}`), `${what} ${signal.symbol} ${signal.timestamp}`);
  }
  await end(daemon, exchange);
});

test('without a key nothing is asked, and nothing is kept for it', async () => {
  model();
  const { exchange, daemon, folder } = await run({ env: { GEMINI_API_KEY: '' } });
  await drained(daemon);
  assert.equal((await daemon.status()).analysis, null);
  assert.equal(rows(folder, ANALYSES).length, 0);
  assert.equal(gemini.requests.length, 0);
  await end(daemon, exchange);
});

test('traders that ask for nothing are analysed with AI_SIGNALS=all only', async () => {
  const silent = traders('description = "no prompt"');
  for (const [all, n] of [['asked', 0], ['all', 10]]) {
    model();
    const { exchange, daemon } = await run({ traders: silent, env: { AI_SIGNALS: all } });
    await idle(daemon);
    assert.ok(n ? gemini.requests.length >= n : gemini.requests.length === 0, `${all}: ${gemini.requests.length}`);
    await end(daemon, exchange);
  }
});

test('kill -9 with a full queue: the rest is asked after the restart, what was answered is not asked again', async () => {
  let n = 0;
  model({ interrupt: async () => ++n > 6 ? { never: true } : null });
  const { exchange, daemon, folder } = await run({ speed: 1500, env: { AI_CONCURRENCY: '2' } });
  await eventually(() => rows(folder, "SELECT * FROM analyses WHERE status = 'done'").length === 6
    && rows(folder, "SELECT * FROM analyses WHERE status = 'queued'").length >= 8, 'six that are kept and eight that wait');
  const texts = gemini.requests.map(r => google.asked(r.body)), first = texts.slice(0, 6), hanging = texts.slice(6);
  assert.equal(hanging.length, 2);
  await stop(daemon, 'SIGKILL');
  const before = rows(folder, ANALYSES), underWay = before.filter(a => a.status === 'queued' && a.requests > 0);
  assert.equal(underWay.length, 2);
  assert.ok(underWay.every(a => a.requests === 1 && a.day > 0 && a.cost_usd > 0), 'a request that may have to be paid is counted before its answer');
  model();
  const again = await startDaemon({ port: exchange.port, market, folder, traders: ASKED, env: SETTINGS });
  await idle(again);
  const asked = gemini.requests.map(r => google.asked(r.body)), analyses = rows(folder, ANALYSES);
  assert.deepEqual(rows(folder, SIGNALS).map(s => s.id).sort(), analyses.map(a => a.signal_id).sort());
  assert.ok(analyses.every(a => a.status === 'done'));
  assert.equal(asked.length, analyses.length - 6);
  assert.equal(new Set(asked).size, asked.length);
  assert.ok(hanging.every(text => asked.includes(text)), 'what was not answered is asked again');
  assert.ok(first.every(text => !asked.includes(text)), 'what was answered is not');
  for (const a of underWay) assert.equal(analyses.find(b => b.id === a.id).requests, 2);
  for (const a of before.filter(b => b.status === 'done')) assert.deepEqual(analyses.find(b => b.id === a.id), a);
  const days = rows(folder, 'SELECT day, sum(requests) AS n FROM analyses GROUP BY day ORDER BY day');
  assert.equal((await again.status()).analysis.spentToday.requests, days.at(-1).n, 'what the run before has spent counts');
  await end(again, exchange);
});

/** Of a trader whose prompt takes its time, and begins with what it has been made of. */
const THINKS = traders(`prompt = function(m, signal)
      local x = 0
      for i = 1, 1e6 do x = x + math.sin(i) end
      if m.time / 300000 % 40 == 0 and x < 1e9 then error("no words for this one") end
      return ("of %d %.10g %.10g\\n"):format(m.time, m.close[0], signal.price) .. prompt.default(m, signal)
    end`);

test('no signal waits for a prompt, and each prompt is of the bar of its match', async () => {
  model();
  const { exchange, daemon, folder } = await run({ traders: THINKS, env: { SCRIPT_LOAD_CPU_MS: '20000' } });
  await eventually(async () => owed(await daemon.status()) >= 8, 'signals that are ahead of their prompts', 60000);
  await idle(daemon);
  const signals = rows(folder, SIGNALS), analyses = rows(folder, ANALYSES), done = analyses.filter(a => a.status === 'done');
  assert.deepEqual(analyses.map(a => a.signal_id).sort(), signals.map(s => s.id).sort());
  const failed = analyses.filter(a => a.status !== 'done'), isWordless = a => a.open_ms / 300000 % 40 === 0;
  assert.ok(failed.length >= 2 && failed.every(a => isWordless(a) && a.status === 'failed' && /no words for this one/.test(a.error)), JSON.stringify(failed));
  assert.equal(failed.length, analyses.filter(isWordless).length);
  const price = new Map(signals.map(s => [s.id, s.price_at_signal]));
  const expected = done.map(a => `of ${a.open_ms} ${price.get(a.signal_id)} ${price.get(a.signal_id)}`);
  const asked = gemini.requests.map(r => /^of .*/.exec(google.asked(r.body))?.[0]).filter(Boolean);
  assert.deepEqual(asked.map(text => text.split(' ').slice(0, 2).join(' ') + text.split(' ').slice(2).map(x => ' ' + Number(x)).join('')).sort(), expected.sort());
  await end(daemon, exchange);
});

test('kill -9 while prompts are still to be made: they are made after the restart', async () => {
  model({ interrupt: () => ({ never: true }) });
  const { exchange, daemon, folder } = await run({ speed: 3000, traders: THINKS, env: { SCRIPT_LOAD_CPU_MS: '20000' } });
  const unmade = () => rows(folder, 'SELECT s.id, s.timestamp FROM owed_prompts o JOIN signals s ON s.id = o.signal_id');
  await eventually(() => unmade().length >= 1, 'a signal that is ahead of its prompt', 60000);
  await stop(daemon, 'SIGKILL');
  const left = unmade();
  assert.ok(left.length >= 1);
  model();
  const again = await startDaemon({ port: exchange.port, market, folder, traders: THINKS, env: { ...SETTINGS, SCRIPT_LOAD_CPU_MS: '20000' } });
  await eventually(() => unmade().length === 0 && rows(folder, "SELECT * FROM analyses WHERE status = 'queued'").length === 0, 'what was left', 60000);
  await idle(again);
  const analyses = rows(folder, ANALYSES);
  assert.deepEqual(analyses.map(a => a.signal_id).sort(), rows(folder, SIGNALS).map(s => s.id).sort());
  for (const one of left) assert.equal(analyses.find(a => a.signal_id === one.id).status, one.timestamp / 300000 % 40 === 0 ? 'failed' : 'done');
  await end(again, exchange);
});

test('a signal that is to wait is looked at again, with what has happened since', async () => {
  model({ say: text => opinion(text, /Since then: look 3/.test(text) ? {} : { decision: 'wait' }) });
  const { exchange, daemon, folder } = await run({ speed: 1500, env: { AI_REANALYSE_MAX: '5' } });
  await idle(daemon);
  const bySignal = Object.values(Object.groupBy(rows(folder, ANALYSES), a => a.signal_id)).filter(looks => looks.length === 3);
  assert.ok(bySignal.length >= 8, `${bySignal.length} signals with three looks`);
  for (const looks of bySignal) {
    assert.deepEqual(looks.map(a => [a.look, a.decision, a.follow_up]), [[0, 'wait', 'monitoring'], [1, 'wait', 'monitoring'], [2, 'enter_trade', 'ready']]);
    assert.ok(looks[1].open_ms > looks[0].open_ms && looks[2].open_ms > looks[1].open_ms);
  }
  const later = gemini.requests.map(r => google.asked(r.body)).find(text => /look 3/.test(text));
  const bars = later.split('close, volume\n').at(-1).split('\n').filter(line => /^\d\d:\d\d /.test(line));
  assert.ok(bars.length >= 2);
  assert.match(later, /Judge the setup as it is now, at the last close: \S+\n$/);
  assert.equal(/last close: (\S+)\n$/.exec(later)[1], bars.at(-1).split(' ')[4]);
  const ids = new Set(bySignal.map(looks => looks[0].signal_id));
  assert.ok(rows(folder, SIGNALS).filter(s => ids.has(s.id)).every(s => s.status === 'ready'));
  await end(daemon, exchange);
});

test('looks end with AI_REANALYSE_MAX', async () => {
  model({ say: text => opinion(text, { decision: 'wait' }) });
  const { exchange, daemon, folder } = await run({ speed: 1500, env: { AI_REANALYSE_MAX: '2' } });
  await idle(daemon);
  const looks = Object.values(Object.groupBy(rows(folder, ANALYSES), a => a.signal_id));
  assert.ok(looks.every(list => list.length <= 3) && looks.filter(list => list.length === 3).length >= 8);
  for (const list of looks.filter(l => l.length === 3)) assert.equal(list[2].follow_up, 'expired');
  await end(daemon, exchange);
});

test('a failed analysis is visible as such, and no verdict', async () => {
  model({ interrupt: () => google.answer('{', { finishReason: 'SAFETY' }) });
  const { exchange, daemon, folder } = await run({ speed: 3000 });
  const channel = await listen(daemon);
  await idle(daemon);
  const analyses = rows(folder, ANALYSES);
  assert.ok(analyses.length >= 10 && analyses.every(a => a.status === 'failed' && /SAFETY/.test(a.error) && a.decision === ''));
  assert.equal(rows(folder, 'SELECT * FROM signal_analyses').length, 0);
  assert.ok(rows(folder, SIGNALS).every(s => s.status === 'new'));
  await eventually(() => channel.of('analysis_failed').length === analyses.length, 'all failures on the channel');
  assert.ok(channel.of('analysis_failed').every(d => d.decision === null && d.state === 'failed' && /SAFETY/.test(d.error)));
  assert.equal(channel.of('analysis_completed').length, 0);
  channel.socket.close();
  await end(daemon, exchange);
});

test('the budget of the day and the cap of a trader are kept to', async () => {
  model();
  const capped = traders('analysis = {max_per_day = 4}');
  const { exchange, daemon, folder } = await run({ traders: capped });
  await eventually(() => rows(folder, "SELECT * FROM analyses WHERE status = 'queued'").length === 0 && rows(folder, ANALYSES).length > 10, 'all to be through');
  const days = new Set(rows(folder, 'SELECT DISTINCT day FROM analyses WHERE day > 0').map(r => r.day)).size;
  assert.ok(gemini.requests.length <= 4 * days && gemini.requests.length >= 4, `${gemini.requests.length} requests on ${days} days`);
  assert.ok(rows(folder, "SELECT * FROM analyses WHERE status = 'expired'").every(a => /max_per_day/.test(a.error)));
  await end(daemon, exchange);
  model();
  const poor = await run({ env: { AI_DAILY_BUDGET_USD: '0.05' } });
  await drained(poor.daemon);
  await eventually(async () => {
    const { running, waiting, hindrance } = (await poor.daemon.status()).analysis;
    return running === 0 && waiting > 0 && /budget/.test(hindrance) && rows(poor.folder, ANALYSES).filter(a => a.status === 'done').length === gemini.requests.length;
  }, 'the budget to be used up');
  const cost = rows(poor.folder, 'SELECT sum(cost_usd) AS usd FROM analyses')[0].usd;
  assert.ok(cost > 0.02 && cost <= 0.05, `$${cost}`);
  assert.equal((await poor.daemon.get('/health')).body.status, 'degraded');
  await end(poor.daemon, poor.exchange);
});

test('with the provider down for hours signals come all the same, what waits is bounded, and then the newest goes first', async () => {
  model({ interrupt: () => google.error(503, 'UNAVAILABLE', 'down') });
  const folder = tempDir(), from = traders('prompt = "any"');
  writeFileSync(join(from, 'asked.lua'), `return trader {name = "Asked", interval = "1m", fire = "every", prompt = "any", filter = function(m) return m.close[0] > 0 end}`);
  const env = { AI_QUEUE_MAX: '500', MAX_SIGNALS_PER_TRADER_HOUR: '1000000' };
  const { exchange, daemon } = await run({ speed: 1500, folder, traders: from, env });
  let most = 0;
  await eventually(async () => {
    most = Math.max(most, (await daemon.status()).analysis.waiting);
    return rows(folder, "SELECT count(*) AS n FROM analyses WHERE status = 'expired'")[0].n > 50;
  }, 'more than 500 to wait', 60000);
  const signals = daemon.signals();
  assert.ok(signals.length > 550 && most <= 500 && most > 400, `${signals.length} signals, at most ${most} waiting`);
  assert.ok(rows(folder, "SELECT error FROM analyses WHERE status = 'expired'").every(a => /AI_QUEUE_MAX/.test(a.error)));
  assert.ok(gemini.requests.length < 60, `${gemini.requests.length} requests into the void`);
  assert.equal((await daemon.get('/health')).body.status, 'degraded');
  await stop(daemon, 'SIGKILL');
  const kept = rows(folder, "SELECT signal_id, open_ms FROM analyses WHERE status = 'queued'");
  model();
  const again = await startDaemon({ port: exchange.port, market, folder, traders: from, env: { ...SETTINGS, ...env, AI_CONCURRENCY: '1' } });
  await eventually(() => gemini.requests.length > 60, 'sixty answers');
  const times = gemini.requests.slice(0, 20).map(r => /bar (\S+ \S+) UTC/.exec(google.asked(r.body))[1]);
  const newest = Math.max(...kept.map(a => a.open_ms));
  for (const time of times) assert.ok(Date.parse(`${time}Z`.replace(' ', 'T')) >= newest - 30 * 60000, `${time}: ${kept.length} waited`);
  await end(again, exchange);
});
