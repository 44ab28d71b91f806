// People are told of signals: by a webhook, in Telegram and in Discord, as rules and templates say, each at least once whatever is
// killed, and as fast as the services take it. The market is generated, the exchange a simulator, the services are fakes.
// time limit: 400
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endAll, eventually, generatedMarket, startDaemon, startExchange, startTrademind, stop } from './daemon.mjs';
import { fake } from './fake.mjs';
import { tempDir } from './harness.mjs';
import * as google from './gemini.mjs';
import { CHAT, HOOK, SECRET, TOKEN, discord, limitedByDiscord, migrated, signatureFault, telegram, tooManyRequests, webhook } from './messengers.mjs';

const market = generatedMarket();
market.to = market.from + 5 * 3600000;
const closing = [];
after(async () => {
  await endAll();
  for (const it of closing) await it.close();
});

const until = it => (closing.push(it), it);
const hook = until(await webhook()), chat = until(await telegram()), channel = until(await discord());

function forget() {
  for (const it of [hook, chat, channel]) {
    it.requests.length = it.taken.length = it.refusals.length = 0;
    it.interrupt = () => null;
  }
  chat.chat = CHAT;
}

/** A folder of one trader that fires at every eighth close. */
function traders(fields = '', match = 'm.time / 300000 % 8 == 0') {
  const folder = tempDir();
  writeFileSync(join(folder, 'told.lua'), `return trader {name = "Told", interval = "5m", conditions = {"every \\"eighth\\" bar"}, ${fields}
    filter = function(m) return {match = ${match}, side = "long", score = m.time / 300000 % 16 / 16 + 0.1, stop = m.low[0], target = {m.close[0] * 1.02}} end,
    plots = function(m) return {plot.line("RSI", ta.rsi(m.close, 14), {pane = 1}), plot.band("BB", ta.bb(m.close, 20, 2).upper, ta.bb(m.close, 20, 2).lower)} end}`);
  return folder;
}

const RATES = { NOTIFY_WEBHOOK_PER_MINUTE: '0', NOTIFY_TELEGRAM_PER_MINUTE: '0', NOTIFY_DISCORD_PER_MINUTE: '0', NOTIFY_MAX_AGE_MIN: '0' };
const WEBHOOK = { ...RATES, NOTIFY_WEBHOOK_URL: `${hook.url}/in?key=a-key-that-no-log-may-have`, NOTIFY_WEBHOOK_SECRET: SECRET };
const TELEGRAM = { ...RATES, NOTIFY_TELEGRAM_URL: chat.url, NOTIFY_TELEGRAM_TOKEN: TOKEN, NOTIFY_TELEGRAM_CHAT: CHAT };
const DISCORD = { ...RATES, NOTIFY_DISCORD_URL: channel.url + HOOK };

async function run({ speed = 3000, folder = tempDir(), from = traders(), env = WEBHOOK } = {}) {
  const exchange = await startExchange(market, speed);
  const daemon = await startDaemon({ port: exchange.port, market, folder, traders: from, env });
  return { exchange, daemon, folder };
}

function rows(folder, query) {
  if (!existsSync(join(folder, 'trademind.db'))) return [];
  const text = execFileSync('sqlite3', ['-readonly', '-json', join(folder, 'trademind.db'), query], { encoding: 'utf8', maxBuffer: 1 << 28 });
  return text.trim() ? JSON.parse(text) : [];
}

const SIGNALS = "SELECT * FROM signals WHERE json_extract(metadata, '$.state') <> 'historical' ORDER BY created_at";
const DELIVERIES = 'SELECT * FROM deliveries ORDER BY n', WAITING = "SELECT n FROM deliveries WHERE state = 'waiting' UNION ALL SELECT n FROM notices";

/** The exchange has ended, and all that it has sent is evaluated and committed. */
const drained = daemon => eventually(async () => {
  const s = await daemon.status();
  return s.stream.klines > 0 && !s.stream.connected && s.backlog === 0 && s.storage.queued === 0 && s;
}, 'the end of the exchange', 120000);

/** The market is over, and nobody is left to be told of anything. */
async function told({ daemon, folder }) {
  await drained(daemon);
  await eventually(() => rows(folder, WAITING).length === 0, 'all to be told', 60000);
}

async function end({ daemon, exchange }) {
  const how = await stop(daemon);
  assert.equal(how.code, 0, daemon.stderr.slice(-2000));
  await stop(exchange);
}

const sorted = list => [...list].sort();

test('each signal goes to each service once, signed, in words, and with all of it', async () => {
  forget();
  const it = await run({ env: { ...WEBHOOK, ...TELEGRAM, ...DISCORD } });
  await told(it);
  const signals = rows(it.folder, SIGNALS);
  assert.ok(signals.length >= 15, `${signals.length} signals`);
  assert.deepEqual([hook.refusals, chat.refusals, channel.refusals], [[], [], []]);
  assert.deepEqual(sorted(hook.taken.map(t => t.body.signal.id)), sorted(signals.map(s => s.id)));
  assert.equal(chat.taken.length, signals.length);
  assert.deepEqual(sorted(channel.taken), sorted(chat.taken));
  const one = hook.taken[0], s = one.body.signal;
  assert.deepEqual([one.type, one.body.id, one.body.event], ['application/json', one.id, 'signal']);
  assert.equal(one.body.text, `${s.symbol} 5m long at ${s.price}: Told${s.late ? ' (late)' : ''}\nevery "eighth" bar`);
  assert.ok(chat.taken.includes(one.body.text));
  assert.deepEqual([s.trader, s.interval, s.conditions, s.plots.map(p => p.title)], ['told', '5m', ['every "eighth" bar'], ['RSI', 'BB']]);
  assert.equal(new Set(hook.taken.map(t => t.id)).size, signals.length);
  const kept = rows(it.folder, DELIVERIES);
  assert.ok(kept.length === 3 * signals.length && kept.every(d => d.state === 'sent' && d.tries === 1 && d.body === null && d.ended_at > 0));
  const { notify } = await it.daemon.status();
  assert.deepEqual([notify.webhook.sent, notify.telegram.waiting, notify.discord.working], [signals.length, 0, true]);
  await end(it);
  for (const secret of [TOKEN, SECRET, 'a-key-that-no-log-may-have', 'a-token-that-no-log-may-have'])
    assert.ok(!it.daemon.stderr.includes(secret) && !it.daemon.stdout.includes(secret), `the log has ${secret}`);
});

test('what nobody has set up is not kept either', async () => {
  forget();
  const it = await run({ env: {} });
  await drained(it.daemon);
  assert.ok(rows(it.folder, SIGNALS).length > 0);
  assert.deepEqual([rows(it.folder, DELIVERIES), rows(it.folder, WAITING)], [[], []]);
  assert.equal((await it.daemon.status()).notify, null);
  await end(it);
});

test('a trader chooses services, events, words and how often', async () => {
  forget();
  const names = 'symbol ticker base quote exchange market interval time close_time open high low close price volume trader trader_id conditions side stop target state id event plot_0 plot("RSI") plot("BB.upper") plot("nothing")';
  const list = [...names.matchAll(/\w+\("[^"]*"\)|\w+/g)].map(m => m[0]);
  const message = `{${list.map(n => `"${n.replaceAll('"', '')}": "{{${n}}}"`).join(', ')}}`;
  const it = await run({ env: { ...WEBHOOK, ...TELEGRAM, NOTIFY_WEBHOOK_BODY: 'text' }, from: traders(`notify = {to = {"webhook"}, message = [[${message}]], min_score = 0.5},`) });
  await told(it);
  const signals = rows(it.folder, SIGNALS).filter(s => JSON.parse(s.metadata).score >= 0.5);
  assert.ok(signals.length >= 5 && signals.length < rows(it.folder, SIGNALS).length);
  assert.equal(chat.requests.length, 0);
  assert.equal(hook.taken.length, signals.length);
  const said = hook.taken[0].body, s = signals.find(x => x.id === said.id), plots = JSON.parse(s.indicator_data).plots;
  const iso = ms => new Date(ms).toISOString().replace('.000', '');
  assert.deepEqual([said.symbol, said.ticker, said.base, said.quote, said.exchange, said.market], [s.symbol, s.symbol, s.symbol.replace('USDT', ''), 'USDT', 'BINANCE', 'spot']);
  assert.deepEqual([said.interval, said.time, said.close_time], ['5m', iso(s.timestamp), iso(s.timestamp + 300000)]);
  assert.deepEqual([said.trader, said.trader_id, said.conditions, said.side, said.state, said.event], ['Told', 'told', 'every "eighth" bar', 'long', 'confirmed', 'signal']);
  assert.deepEqual([Number(said.close), Number(said.price), Number(said.stop)], [s.price, s.price, JSON.parse(s.metadata).stop]);
  assert.ok(Number(said.low) <= Math.min(Number(said.open), s.price) && Number(said.high) >= Math.max(Number(said.open), s.price) && Number(said.volume) === s.volume_at_signal);
  for (const [name, value] of [['plot_0', plots[0].value], ['plot(RSI)', plots[0].value], ['plot(BB.upper)', plots[1].upper]])
    assert.ok(Math.abs(Number(said[name]) - value) < 1e-7, `${name}: ${said[name]}, ${value}`);
  assert.equal(said['plot(nothing)'], 'n/a');
  await end(it);
});

test('notify = false, and NOTIFY_SIGNALS=asked', async () => {
  for (const [fields, env, some] of [['notify = false,', {}, false], ['', { NOTIFY_SIGNALS: 'asked' }, false], ['notify = {events = {"signal"}},', { NOTIFY_SIGNALS: 'asked' }, true]]) {
    forget();
    const it = await run({ from: traders(fields), env: { ...WEBHOOK, ...env } });
    await told(it);
    assert.equal(hook.taken.length > 0, some, `${fields} ${JSON.stringify(env)}: ${hook.taken.length}`);
    await end(it);
  }
});

test('of a trader no more in an hour than it says', async () => {
  forget();
  const it = await run({ from: traders('notify = {max_per_hour = 4},') });
  await told(it);
  assert.equal(hook.taken.length, 4);
  const states = rows(it.folder, 'SELECT state, count(*) AS n FROM deliveries GROUP BY state ORDER BY state');
  assert.deepEqual(states, [{ state: 'limited', n: rows(it.folder, SIGNALS).length - 4 }, { state: 'sent', n: 4 }]);
  await end(it);
});

test('provisional signals are told as such, and what has become of them', async () => {
  forget();
  const from = traders('on = "tick", notify = {events = {"signal", "provisional", "confirmed", "withdrawn"}},', 'm.close[0] > m.open[0] * 1.0005');
  const it = await run({ speed: 600, from, env: { ...WEBHOOK, SCREENING_INTERVAL_MS: '1000', MAX_SIGNALS_PER_TRADER_HOUR: '100000' } });
  await eventually(() => ['provisional', 'confirmed', 'withdrawn'].every(event => hook.taken.some(t => t.body.event === event)), 'signals of all kinds', 120000);
  await stop(it.exchange);
  await told(it);
  const of = event => hook.taken.filter(t => t.body.event === event).map(t => t.body.signal.id);
  const provisional = new Set(of('provisional'));
  assert.ok(provisional.size > 0 && of('confirmed').length > 0 && of('withdrawn').length > 0);
  assert.ok(of('confirmed').every(id => provisional.has(id)) && of('withdrawn').every(id => provisional.has(id)));
  const state = new Map(rows(it.folder, SIGNALS).map(s => [s.id, JSON.parse(s.metadata).state]));
  assert.deepEqual(sorted(of('withdrawn')), sorted([...state].filter(([id, s]) => s === 'withdrawn' && provisional.has(id)).map(([id]) => id)));
  const gone = hook.taken.find(t => t.body.event === 'withdrawn').body;
  assert.match(gone.text, /: Told \(withdrawn(, late)?\)$/);
  assert.match(hook.taken.find(t => t.body.event === 'provisional').body.text, /: Told \(provisional(, late)?\)\n/);
  await end(it);
});

test('a verdict on a signal is told when the trader says so', async () => {
  forget();
  const gemini = until(await google.gemini());
  const it = await run({ from: traders('prompt = "any", notify = {events = {"analysis"}},'), speed: 3000, env: {
    ...TELEGRAM, GEMINI_API_KEY: google.KEY, GEMINI_BASE_URL: gemini.url, AI_MAX_AGE_MIN: '10080', AI_REQUESTS_PER_MINUTE: '0', AI_REANALYSE_MAX: '0' } });
  await drained(it.daemon);
  await eventually(() => rows(it.folder, "SELECT 1 FROM analyses WHERE status = 'queued'").length === 0, 'all verdicts', 60000);
  await told(it);
  assert.equal(chat.taken.length, rows(it.folder, 'SELECT * FROM signal_analyses').length);
  assert.match(chat.taken[0], /^\w+USDT 5m: enter_trade, 71 % \(Told\)\n.*the fake says so/s);
  await end(it);
});

test('kill -9 while some are sent and others wait: none is lost, and what comes twice has the same id', async () => {
  forget();
  let n = 0;
  hook.interrupt = async () => ++n === 6 ? { never: true } : null;
  const it = await run({ speed: 1500 });
  await eventually(() => rows(it.folder, "SELECT 1 FROM deliveries WHERE state = 'sent'").length === 5 && rows(it.folder, WAITING).length >= 5, 'five that are sent and five that wait');
  await stop(it.daemon, 'SIGKILL');
  const hanging = hook.requests[5].headers['webhook-id'];
  forget();
  const again = await startDaemon({ port: it.exchange.port, market, folder: it.folder, traders: traders(), env: WEBHOOK });
  await told({ daemon: again, folder: it.folder });
  const signals = rows(it.folder, SIGNALS), kept = rows(it.folder, DELIVERIES);
  assert.deepEqual(sorted(kept.map(d => d.signal_id)), sorted(signals.map(s => s.id)));
  assert.ok(kept.every(d => d.state === 'sent'));
  assert.equal(hook.taken.length, signals.length - 5, 'what the receiver had taken, and said so, is not sent again');
  assert.equal(hook.taken.filter(t => t.id === hanging).length, 1, 'what was under way is');
  await end({ daemon: again, exchange: it.exchange });
});

test('a service that is down gets everything, in its order, when it is back', async () => {
  forget();
  hook.interrupt = () => ({ status: 502, body: 'bad gateway' });
  const it = await run();
  await drained(it.daemon);
  const health = await eventually(async () => {
    const { body } = await it.daemon.get('/health');
    return body.components.notify === 'degraded' && body;
  }, 'health to say so');
  assert.equal(health.status, 'degraded');
  assert.match((await it.daemon.status()).notify.webhook.why, /502/);
  hook.interrupt = () => null;
  await told(it);
  assert.equal(hook.taken.length, rows(it.folder, SIGNALS).length);
  assert.equal((await it.daemon.get('/health')).body.components.notify, 'ok');
  await end(it);
});

test('a webhook that says 429 is left alone for as long as it says; what it never takes is refused and holds up nobody', async () => {
  forget();
  let n = 0;
  hook.interrupt = () => { n++; return n === 3 ? { status: 429, headers: { 'retry-after': '2' } } : n === 6 ? { status: 422 } : null; };
  const it = await run();
  await told(it);
  const [limited, next] = hook.requests.slice(2, 4);
  assert.ok(next.at - limited.at >= 1900, `${next.at - limited.at} ms`);
  assert.equal(next.headers['webhook-id'], limited.headers['webhook-id']);
  const states = rows(it.folder, 'SELECT state, count(*) AS n FROM deliveries GROUP BY state ORDER BY state');
  assert.deepEqual(states, [{ state: 'refused', n: 1 }, { state: 'sent', n: rows(it.folder, SIGNALS).length - 1 }]);
  assert.match(rows(it.folder, "SELECT why FROM deliveries WHERE state = 'refused'")[0].why, /422/);
  await end(it);
});

test('Telegram: retry_after is kept to, a chat that moves is followed, and an unknown one is waited for', async () => {
  forget();
  let n = 0;
  chat.interrupt = () => { n++; return n === 2 ? tooManyRequests(2) : n === 4 ? (chat.chat = '-100777', migrated(-100777)) : null; };
  const it = await run({ env: TELEGRAM });
  await told(it);
  assert.ok(chat.requests[2].at - chat.requests[1].at >= 1900);
  assert.equal(chat.taken.length, rows(it.folder, SIGNALS).length);
  assert.deepEqual(chat.refusals, []);
  assert.match(it.daemon.stderr, /set NOTIFY_TELEGRAM_CHAT to -100777/);
  await end(it);

  forget();
  chat.chat = '-5';
  const other = await run({ env: TELEGRAM });
  await eventually(async () => /chat not found/.test((await other.daemon.status()).notify?.telegram.why), 'the refusal to be told');
  chat.chat = CHAT;
  await told(other);
  assert.equal(chat.taken.length, rows(other.folder, SIGNALS).length);
  await end(other);
});

test('Discord: retry_after in parts of a second, and a bucket that is empty', async () => {
  forget();
  let n = 0;
  channel.interrupt = () => { n++; return n === 2 ? limitedByDiscord(1.25) : n === 5 ? { status: 204, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset-after': '1.5' } } : null; };
  const it = await run({ env: DISCORD });
  await told(it);
  const gap = i => channel.requests[i + 1].at - channel.requests[i].at;
  assert.ok(gap(1) >= 1200, `${gap(1)} ms`);
  assert.ok(gap(4) >= 1450, `${gap(4)} ms`);
  assert.equal(channel.taken.length, rows(it.folder, SIGNALS).length - 1);
  await end(it);
});

test('no faster than the rate that is set', async () => {
  forget();
  const it = await run({ env: { ...WEBHOOK, NOTIFY_WEBHOOK_PER_MINUTE: '5' } });
  await drained(it.daemon);
  await eventually(() => hook.taken.length === 5, 'a minute\'s worth');
  const signals = rows(it.folder, SIGNALS).length;
  assert.ok(hook.taken.length < signals);
  await eventually(() => hook.taken.length === 6, 'the sixth', 60000);
  assert.ok(hook.requests[5].at - hook.requests[4].at >= 10000, 'a fifth of a minute, less what went by since the start');
  await end(it);
});

test('signals that are older than NOTIFY_MAX_AGE_MIN are not told of any more', async () => {
  forget();
  hook.interrupt = () => ({ status: 503 });
  const it = await run({ env: { ...WEBHOOK, NOTIFY_MAX_AGE_MIN: '30' } });
  await drained(it.daemon);
  hook.interrupt = () => null;
  await told(it);
  const states = new Map(rows(it.folder, 'SELECT state, count(*) AS n FROM deliveries GROUP BY state').map(r => [r.state, r.n]));
  assert.ok(states.get('expired') >= 10, JSON.stringify([...states]));
  await end(it);
});

/** What the log says, without its form. */
const messages = daemon => daemon.stderr.split('\n').map(line => { try { return JSON.parse(line).message; } catch { return line; } }).join('\n');

test('settings and rules that cannot be meant are one clear error at the start', async () => {
  const fails = async (env, pattern, from = traders()) => {
    const daemon = startTrademind({ folder: tempDir(), traders: from, env: { SYMBOLS: 'AAUSDT', ...env } });
    const { code } = await daemon.ended;
    assert.notEqual(code, 0);
    assert.match(messages(daemon), pattern);
  };
  await fails({ ...WEBHOOK, NOTIFY_MESSAGE: '{{simbol}} at {{close}}' }, /NOTIFY_MESSAGE: \{\{simbol\}\} is no name; did you mean \{\{symbol\}\}\?/);
  await fails({ ...WEBHOOK, NOTIFY_WEBHOOK_SECRET: 'password' }, /NOTIFY_WEBHOOK_SECRET is no secret; expected whsec_ and a key of 16 to 128 bytes in Base64/);
  await fails({ NOTIFY_TELEGRAM_TOKEN: TOKEN }, /NOTIFY_TELEGRAM_CHAT is not set/);
  await fails({ NOTIFY_WEBHOOK_URL: 'ftp://x' }, /NOTIFY_WEBHOOK_URL/);
  const WRONG = [
    ['notify = {message = "{{simbol}}"},', 'field "notify.message": {{simbol}} is no name; did you mean {{symbol}}?'],
    ['notify = {message = "{{plot}}"},', 'needs a title in quotes, such as {{plot("RSI")}}'],
    ['notify = {message = "{{symbol"},', '"{{" without "}}" behind it'],
    ['notify = {message = {signl = "x"}},', 'field "notify.message" has no event "signl"; did you mean "signal"?'],
    ['notify = {to = {"telegramm"}},', 'field "notify.to" has "telegramm"; did you mean "telegram"?'],
    ['notify = {events = {}},', 'field "notify.events" is a table; expected a list of one or more of'],
    ['notify = {evnts = {"signal"}},', 'notify has no field "evnts"; did you mean "events"?'],
    ['notify = {min_score = 2},', 'field "notify.min_score" is 2; expected a number from 0 to 1'],
    ['notify = {max_per_hour = 0.5},', 'field "notify.max_per_hour" is 0.5; expected a whole number from 1 to 10000'],
    ['notify = "telegram",', 'field "notify" is "telegram"; expected false or a table'],
  ];
  for (const [fields, said] of WRONG) {
    const daemon = startTrademind({ folder: tempDir(), traders: traders(fields), env: { SYMBOLS: 'AAUSDT' } });
    assert.notEqual((await daemon.ended).code, 0);
    const log = messages(daemon);
    assert.ok(log.includes(said), `${fields}\n${log.slice(-2000)}`);
    assert.match(log, /told\.lua:1: /);
  }
});

test('the heartbeat is called while all is well, and not while the market is not seen', async () => {
  const heart = until(await fake(() => ({ status: 200 })));
  const it = await run({ speed: 300, env: { HEARTBEAT_URL: `${heart.url}/ping/a-key-that-no-log-may-have`, HEARTBEAT_INTERVAL_S: '1' } });
  await eventually(() => heart.requests.length >= 3, 'three beats', 60000);
  assert.deepEqual([heart.requests[0].method, heart.requests[0].path], ['GET', '/ping/a-key-that-no-log-may-have']);
  await stop(it.exchange);
  await eventually(async () => (await it.daemon.get('/health')).body.components.stream === 'degraded', 'the stream to be missed', 60000);
  const n = heart.requests.length, uptime = (await it.daemon.status()).uptime;
  await eventually(async () => (await it.daemon.status()).uptime >= uptime + 2500, 'two beats to be left out');
  assert.ok(heart.requests.length <= n + 1, `${heart.requests.length - n} beats without a market`);
  const how = await stop(it.daemon);
  assert.equal(how.code, 0);
  assert.ok(!it.daemon.stderr.includes('a-key-that-no-log-may-have'));
});

test('the fakes themselves refuse what they should', async () => {
  const headers = { 'webhook-id': '2b2f4c1e-0000-5000-8000-000000000001', 'webhook-timestamp': String(Math.floor(Date.now() / 1000)), 'webhook-signature': 'v1,AAAA' };
  assert.match(signatureFault({ headers, text: '{}' }), /webhook-signature/);
  assert.ok(readdirSync('spec/system').includes('notify.test.mjs') && readFileSync('spec/system/notify.test.mjs', 'utf8').includes('signatureFault'));
});
