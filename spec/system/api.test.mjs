// The HTTP API against its own description: every answer of a running daemon is checked with the schema that it serves, every
// path and method of the description is asked, and every path of the program is described.
// time limit: 600
import { test, describe, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv2020 from 'ajv/dist/2020.js';
import { builtInTraders, endAll, eventually, recordedMarket, settled, startDaemon, startExchange, stop, tempDir } from './daemon.mjs';
import { root } from './harness.mjs';
import * as google from './gemini.mjs';

const RISING = 'return trader { name = "Rising, fast!", interval = "5m", description = "two rising closes", filter = function(m) return m.close[0] > m.close[1] and m.close[1] > m.close[2] end }\n';
const NEVER = 'local n = input.int("n", 3, {min = 1, max = 9, help = "bars"})\nreturn trader { name = "Never", interval = "15m", timeframes = {"1h"}, filter = function(m) return m.close[0] > 1e9 + n and m["1h"].close[0] > 0 end }\n';
const BROKEN = 'return trader {\n  interval = "5m",\n  filter = function(m) return m.clos[0] > 1 end,\n}\n';
const DRAWN = `return trader { name = "Drawn", interval = "5m", filter = function(m) return m.close[0] > m.close[1] end,
  plots = function(m) return {
    plot.line("SMA", ta.sma(m.close, 5), {color = "orange"}), plot.hline("level", 0.1, {pane = 1, style = "dashed"}),
    plot.histogram("volume", m.volume, {pane = 1}), plot.band("bands", ta.bb(m.close, 20, 2).upper, ta.bb(m.close, 20, 2).lower),
    plot.marker("up", m.close[0] > m.close[1], {position = "below", shape = "arrow_up"}),
  } end }
`;

const description = JSON.parse(readFileSync(join(root, 'src/serve/openapi.json'), 'utf8'));
const ajv = new Ajv2020({ strict: false, allErrors: true });
ajv.addSchema({ $id: 'api', ...description }, 'api');
const validators = new Map();

/** The validator of the schema at a JSON pointer of the description. */
function validator(pointer) {
  if (!validators.has(pointer)) validators.set(pointer, ajv.compile({ $ref: `api#${pointer}` }));
  return validators.get(pointer);
}

const escape = text => encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'));
const asked = new Set(); // "get /path 200"

/** The path of the description that a path is one of: what has a name of its own counts first. */
function templateOf(path) {
  if (description.paths[path]) return path;
  const at = Object.keys(description.paths).find(one => one.includes('{') && new RegExp(`^${one.replace(/\{\w+\}/g, '[^/]+')}$`).test(path));
  assert.ok(at, `${path} is not described`);
  return at;
}

const gemini = await google.gemini();
after(() => gemini.close());

let daemon, exchange, folder, traders;

/** Asks, and checks status, type and body with the description. */
async function call(method, path, body, { raw } = {}) {
  const response = await fetch(`http://127.0.0.1:${daemon.port()}${path}`, {
    method, body: raw ?? (body === undefined ? undefined : JSON.stringify(body)), headers: { Authorization: `Bearer ${daemon.token}` },
  });
  const text = await response.text(), code = response.status, type = response.headers.get('content-type');
  const template = templateOf(new URL(path, 'http://a').pathname), verb = method.toLowerCase();
  const operation = description.paths[template][verb];
  const what = `${method} ${path}: ${code} ${text.slice(0, 300)}`;
  assert.ok(operation, `${what} is not described`);
  assert.ok(operation.responses[code], `${what}: this status is not described`);
  asked.add(`${verb} ${template} ${code}`);
  let pointer = `/paths/${escape(template)}/${verb}/responses/${code}`, answer = operation.responses[code];
  if (answer.$ref) {
    pointer = answer.$ref.slice(1);
    answer = description.components.responses[pointer.split('/').pop()];
  }
  if (!answer.content) {
    assert.equal(text, '', what);
    return { code, body: null };
  }
  const [expected] = Object.keys(answer.content);
  assert.equal(type, expected, what);
  const value = /json/.test(expected) ? JSON.parse(text) : text, check = validator(`${pointer}/content/${escape(expected)}/schema`);
  assert.ok(check(value), `${what}\n${ajv.errorsText(check.errors)}`);
  if (code < 300 && body !== undefined) {
    const wanted = validator(`/paths/${escape(template)}/${verb}/requestBody/content/application~1json/schema`);
    assert.ok(wanted(body), `${what}: the request is not as described: ${ajv.errorsText(wanted.errors)}`);
  }
  return { code, body: value };
}

async function expect(code, method, path, body, more) {
  const answer = await call(method, path, body, more);
  assert.equal(answer.code, code, JSON.stringify(answer.body).slice(0, 400));
  return answer.body;
}

const get = (path, code = 200) => expect(code, 'GET', path);
const traderNamed = async name => (await get('/api/v1/traders')).traders.find(one => one.trader === name);

describe('the API as it is described', { concurrency: false }, () => {
  const market = recordedMarket();

  before(async () => {
    folder = tempDir();
    traders = tempDir();
    for (const name of readdirSync(builtInTraders)) cpSync(join(builtInTraders, name), join(traders, name));
    writeFileSync(join(traders, 'drawn.lua'), DRAWN);
    writeFileSync(join(traders, 'variant.json'), '{"use": "drawn", "name": "Variant"}');
    exchange = await startExchange(market, 'max', { stays: true });
    const env = { GEMINI_API_KEY: google.KEY, GEMINI_BASE_URL: gemini.url, AI_MAX_AGE_MIN: '10080' }; // no trader here asks by itself
    daemon = await startDaemon({ port: exchange.port, market, folder, traders, env });
    await daemon.until(it => it.logged(/running: /).length, 'the daemon to be warm');
    await eventually(async () => (await settled(daemon)).storage.newSignals > 100, 'signals', 120000);
  });
  after(async () => {
    if (daemon) assert.equal((await stop(daemon)).code, 0, daemon.stderr);
    await endAll();
  });

  test('the machine', async () => {
    assert.equal((await get('/health')).status, 'healthy');
    assert.equal((await get('/ready')).ready, true);
    assert.deepEqual(await get('/api/v1/openapi.json'), description);
    const status = await get('/api/v1/status');
    assert.deepEqual([status.simulated, status.market, status.workers.length, status.queues.outbox], [true, 'spot', 1, null]);
    assert.ok(status.memory.used > 1e6 && status.memory.total > status.memory.used);
    const workers = await get('/api/v1/screener/workers');
    assert.deepEqual([workers.workers, workers.each.length], [1, 1]);
    assert.equal((await expect(202, 'POST', '/api/v1/screener/workers', { workers: 1 })).workers, 1);
    await expect(400, 'POST', '/api/v1/screener/workers', { workers: 99 });
    assert.match(await get('/metrics'), /^# (HELP|TYPE) /m);
    const outbox = await get('/api/v1/outbox');
    assert.deepEqual([outbox.enabled, outbox.waiting, outbox.refused], [false, 0, []]);
  });

  test('signals: pages, filters, one with its candles', async () => {
    const all = await get('/api/v1/signals?limit=500');
    const first = await get('/api/v1/signals?limit=3');
    const second = await get(`/api/v1/signals?limit=3&before=${encodeURIComponent(first.next)}`);
    assert.deepEqual([...first.signals, ...second.signals].map(s => s.id), all.signals.slice(0, 6).map(s => s.id));
    const one = all.signals.find(s => s.state === 'confirmed');
    const filters = {
      symbol: one.symbol, trader: one.trader, state: 'confirmed', status: one.status, interval: one.interval, from: one.time, to: one.time + 1,
    };
    for (const [name, value] of Object.entries(filters)) {
      const { signals } = await get(`/api/v1/signals?limit=500&${name}=${value}`);
      const holds = { from: s => s.time >= value, to: s => s.time < value };
      assert.ok(signals.length > 0 && signals.every(holds[name] ?? (s => s[name] === value)), name);
      const others = all.signals.filter(holds[name] ?? (s => s[name] === value)).map(s => s.id), found = new Set(signals.map(s => s.id));
      assert.ok(others.every(id => found.has(id)), `${name} leaves none out`);
    }
    const details = await get(`/api/v1/signals/${one.id}`);
    assert.equal(details.candles.length, 100);
    assert.deepEqual([details.candles.at(-1)[0], details.candles.at(-1)[4]], [one.time, one.price]);
    assert.deepEqual(details.analyses, []);
    for (const wrong of ['limit=0', 'state=x', 'status=x', 'interval=7m', 'from=x', 'before=1', 'nothing=1']) await get(`/api/v1/signals?${wrong}`, 400);
    await get('/api/v1/signals/00000000-0000-0000-0000-000000000000', 404);
    assert.deepEqual(await get('/api/v1/analyses?decision=wait&limit=5'), { analyses: [], next: null });
    await get('/api/v1/analyses?decision=maybe', 400);
    const drawn = all.signals.find(s => s.trader === 'drawn' && s.state === 'confirmed');
    const begun = await expect(202, 'POST', `/api/v1/signals/${drawn.id}/analyze`);
    await eventually(async () => (await get(`/api/v1/signals/${drawn.id}`)).analyses[0]?.state === 'done', 'the analysis');
    assert.equal((await get(`/api/v1/analyses?signal=${drawn.id}`)).analyses[0].analysisId, begun.analysisId);
    await expect(404, 'POST', '/api/v1/signals/00000000-0000-0000-0000-000000000000/analyze');
    await expect(400, 'POST', `/api/v1/signals/${drawn.id}/analyze`, undefined, { raw: '{}' });
  });

  test('events: pages and kinds', async () => {
    const first = await get('/api/v1/events?limit=2');
    const second = await get(`/api/v1/events?limit=2&before=${encodeURIComponent(first.next)}`);
    const all = await get('/api/v1/events?limit=500');
    assert.deepEqual([...first.events, ...second.events], all.events.slice(0, 4));
    const { events } = await get('/api/v1/events?type=signal_created&limit=5');
    assert.ok(events.length === 5 && events.every(e => e.type === 'signal_created'));
    await get('/api/v1/events?limit=501', 400);
  });

  test('candles are those of the exchange, also of intervals that nobody uses', async () => {
    const [symbol] = market.symbols;
    const { klines } = await get(`/api/v1/klines?symbol=${symbol}&interval=5m&limit=50`);
    assert.equal(klines.length, 50);
    const theirs = await (await fetch(`http://127.0.0.1:${exchange.port}/api/v3/klines?symbol=${symbol}&interval=5m&limit=60`)).json();
    const closed = klines.filter(k => k[6]), byTime = new Map(theirs.map(k => [k[0], k]));
    for (const k of closed.filter(one => byTime.has(one[0]))) assert.deepEqual(k.slice(1, 6), byTime.get(k[0]).slice(1, 6).map(Number));
    assert.ok(closed.some(k => byTime.has(k[0])));
    const earlier = await get(`/api/v1/klines?symbol=${symbol}&interval=5m&limit=2&before=${klines[10][0]}`);
    assert.deepEqual(earlier.klines, klines.slice(8, 10));
    const hours = (await get(`/api/v1/klines?symbol=${symbol}&interval=2h&limit=3`)).klines;
    const parts = (await get(`/api/v1/klines?symbol=${symbol}&interval=1h&limit=20`)).klines;
    const pair = parts.filter(k => k[0] >= hours[1][0] && k[0] < hours[2][0]);
    assert.deepEqual(hours[1].slice(1, 5), [pair[0][1], Math.max(...pair.map(k => k[2])), Math.min(...pair.map(k => k[3])), pair.at(-1)[4]]);
    await get('/api/v1/klines?symbol=NOUSDT&interval=5m', 404);
    await get(`/api/v1/klines?symbol=${symbol}&interval=1s`, 404);
    await get(`/api/v1/klines?symbol=${symbol}`, 400);
  });

  test('plots are the trader\'s, at the bars\' times', async () => {
    const [symbol] = market.symbols;
    const { klines } = await get(`/api/v1/klines?symbol=${symbol}&interval=5m&limit=60`);
    const drawing = await get(`/api/v1/plots?trader=drawn&symbol=${symbol}&limit=20`);
    const closed = klines.filter(k => k[6]).slice(-20);
    assert.deepEqual([drawing.interval, drawing.times], ['5m', closed.map(k => k[0])]);
    const plot = Object.fromEntries(drawing.plots.map(one => [one.name, one]));
    const bars = klines.filter(k => k[6]), mean = i => bars.slice(i - 4, i + 1).reduce((sum, k) => sum + k[4], 0) / 5;
    plot.SMA.values.forEach((value, i) => assert.ok(Math.abs(value - mean(bars.length - 20 + i)) < 1e-9));
    assert.deepEqual([plot.SMA.color, plot.level.level, plot.level.pane, plot.level.values], ['orange', 0.1, 1, undefined]);
    assert.deepEqual(plot.volume.values, closed.map(k => k[5]));
    assert.ok(plot.bands.upper.every((value, i) => value > plot.bands.lower[i]));
    assert.deepEqual(plot.up.values, closed.map(k => Number(k[4] > bars[bars.indexOf(k) - 1][4])));
    assert.equal((await get(`/api/v1/plots?trader=drawn&symbol=${symbol}&interval=1h&limit=5`)).interval, '1h');
    await get(`/api/v1/plots?trader=none&symbol=${symbol}`, 404);
    await get('/api/v1/plots?trader=drawn&symbol=NOUSDT', 404);
    await get(`/api/v1/plots?symbol=${symbol}`, 400);
  });

  test('all symbols, and how many go which way', async () => {
    const { symbols, breadth } = await get('/api/v1/symbols');
    assert.deepEqual(symbols.map(s => s.symbol).sort(), [...market.symbols].sort());
    for (const one of symbols) {
      const { klines } = await get(`/api/v1/klines?symbol=${one.symbol}&interval=1m&limit=1`);
      assert.equal(one.price, klines[0][4]);
    }
    const known = symbols.map(s => s.change_24h).filter(c => c !== null).sort((a, b) => a - b);
    assert.deepEqual([breadth.advancing, breadth.declining], [known.filter(c => c > 0).length, known.filter(c => c < 0).length]);
    if (known.length % 2) assert.equal(breadth.median_change, known[(known.length - 1) / 2]);
  });

  test('what is wrong with a script, and where one would have fired', async () => {
    const wrong = await expect(200, 'POST', '/api/v1/traders/validate', { source: BROKEN });
    assert.deepEqual([wrong.ok, wrong.findings[0].line, wrong.findings[0].code], [false, 3, 'unknown-field']);
    assert.equal((await expect(200, 'POST', '/api/v1/traders/validate', { source: RISING })).ok, true);
    await expect(400, 'POST', '/api/v1/traders/validate', { code: RISING });
    await expect(400, 'POST', '/api/v1/traders/validate', undefined, { raw: '{"source":' });

    const [symbol] = market.symbols;
    const look = await expect(200, 'POST', '/api/v1/traders/look', { source: RISING, symbols: [symbol, 'NOUSDT'], bars: 50 });
    const { klines } = await get(`/api/v1/klines?symbol=${symbol}&interval=5m&limit=60`);
    const bars = klines.filter(k => k[6]), rises = i => bars[i][4] > bars[i - 1][4] && bars[i - 1][4] > bars[i - 2][4];
    const expected = bars.map((k, i) => i).slice(-50).filter(rises).reverse();
    assert.deepEqual(look.matches.map(m => [m.time, m.price]), expected.map(i => [bars[i][0], bars[i][4]]));
    assert.deepEqual(look.matches.map(m => m.fires), expected.map(i => !rises(i - 1)));
    assert.deepEqual([look.symbols, look.skipped, look.n_matches], [1, 1, expected.length]);
    const everywhere = await expect(200, 'POST', '/api/v1/traders/look', { source: NEVER, inputs: { n: 2 } });
    assert.deepEqual([everywhere.symbols, everywhere.matches], [market.symbols.length, []]);
    const refused = await expect(422, 'POST', '/api/v1/traders/look', { source: BROKEN });
    assert.equal(refused.findings[0].line, 3);
    const failing = await expect(200, 'POST', '/api/v1/traders/look', { source: RISING.replace('return m', 'if m.close[0] > m.close[1] then error("boom") end return m') });
    assert.match(failing.errors[0].message, /boom/);
    const endless = await expect(422, 'POST', '/api/v1/traders/look', { source: RISING.replace('return m', 'while true do end return m') });
    assert.match(endless.detail, /SCRIPT_CPU_MS|stopped/);
    await expect(400, 'POST', '/api/v1/traders/look', { source: RISING, bars: 501 });
  });

  test('while a script is looked at, others are answered', async () => {
    const slow = RISING.replace('return m', 'local x = 0 for i = 1, 1e6 do x = x + i % 7 end return m');
    let isDone = false;
    const looks = Array.from({ length: 11 }, () => call('POST', '/api/v1/traders/look', { source: slow, bars: 10, symbols: market.symbols.slice(0, 1) }));
    const done = Promise.all(looks).then(answers => { isDone = true; return answers; });
    assert.equal((await get('/api/v1/status')).status, 'running');
    assert.equal(isDone, false, 'an answer came before the looks were through');
    const codes = (await done).map(answer => answer.code);
    assert.ok(codes.includes(429) && codes.includes(200) && codes.every(code => code === 429 || code === 200), codes.join());
  });

  test('traders: created, edited, switched, archived, deleted', async () => {
    const drawn = await traderNamed('drawn');
    assert.deepEqual([drawn.origin, drawn.editable, drawn.error, drawn.timeframes], ['file', true, null, []]);
    assert.ok(drawn.cost_us > 0 && drawn.n_signals > 0);
    assert.equal((await traderNamed('variant')).editable, false);

    const made = await expect(201, 'POST', '/api/v1/traders', { source: NEVER, inputs: { n: 5 } });
    assert.deepEqual([made.trader, made.source, made.state, made.inputs, made.origin], ['never', NEVER, 'running', { n: 5 }, 'file']);
    assert.deepEqual(made.parameters, [{ name: 'n', type: 'int', default: 3, value: 5, min: 1, max: 9, help: 'bars' }]);
    assert.deepEqual(made.timeframes, ['1h']);
    assert.equal(readFileSync(join(traders, 'never.lua'), 'utf8'), NEVER);
    assert.deepEqual(await get('/api/v1/traders/never'), await get(`/api/v1/traders/${made.id}`));
    await expect(409, 'POST', '/api/v1/traders', { source: NEVER });
    await expect(409, 'POST', '/api/v1/traders', { source: RISING, id: 'never' });
    const refused = await expect(422, 'POST', '/api/v1/traders', { source: BROKEN, id: 'broken' });
    assert.deepEqual([refused.findings[0].line, existsSync(join(traders, 'broken.lua'))], [3, false]);
    for (const id of ['../x', 'a b', 'look', '']) await expect(400, 'POST', '/api/v1/traders', { source: RISING, id });
    await expect(413, 'POST', '/api/v1/traders', { source: `--${'x'.repeat(140000)}`, id: 'big' });

    const edited = NEVER.replace('"Never"', '"Nearly never"');
    const conflict = await expect(409, 'PUT', '/api/v1/traders/never', { source: edited, version: '0' });
    assert.equal(conflict.version, made.version);
    const changed = await expect(200, 'PUT', '/api/v1/traders/never', { source: edited, version: made.version });
    assert.deepEqual([changed.name, changed.inputs, changed.source], ['Nearly never', { n: 5 }, edited]);
    assert.notEqual(changed.version, made.version);
    await expect(409, 'PUT', '/api/v1/traders/never', { source: NEVER, version: made.version });
    await expect(422, 'PUT', '/api/v1/traders/never', { source: BROKEN, version: changed.version });
    assert.equal((await get('/api/v1/traders/never')).version, changed.version);
    await expect(404, 'PUT', '/api/v1/traders/none', { source: NEVER, version: '0' });
    await expect(409, 'PUT', '/api/v1/traders/variant', { source: NEVER, version: '0' });
    await expect(400, 'PUT', '/api/v1/traders/never', { source: NEVER });

    const named = RISING.replace('name =', 'id = "other", name =');
    await expect(400, 'PUT', '/api/v1/traders/never', { source: edited.replace('name =', 'id = "other", name ='), version: changed.version });
    await expect(422, 'POST', '/api/v1/traders', { source: named.replace('"other"', '"../other"') });
    await expect(400, 'POST', '/api/v1/traders', { source: named.replace('"other"', '".other"') });
    await expect(400, 'POST', '/api/v1/traders', { source: named, id: 'never2' });
    const other = await expect(201, 'POST', '/api/v1/traders', { source: named });
    assert.deepEqual([other.trader, readFileSync(join(traders, 'other.lua'), 'utf8')], ['other', named]);
    assert.equal((await expect(200, 'PUT', '/api/v1/traders/other', { source: named.replace('two', '2'), version: other.version })).description, '2 rising closes');

    await expect(202, 'POST', '/api/v1/traders/never', { enabled: false });
    await eventually(async () => !(await traderNamed('never')).enabled, 'the trader to be switched off');
    await expect(202, 'POST', `/api/v1/traders/${made.id}`, { enabled: true }); // by its UUID as well as by its key
    await eventually(async () => (await traderNamed('never')).enabled, 'the trader to be switched on');
    await expect(202, 'POST', `/api/v1/traders/${made.id}`, { enabled: false, inputs: { n: 4 } });
    await eventually(async () => (await traderNamed('never')).inputs?.n === 4, 'the new input');
    await expect(400, 'POST', '/api/v1/traders/never', { inputs: { n: 99 } });
    await expect(404, 'POST', '/api/v1/traders/none', { enabled: false });

    await expect(204, 'DELETE', '/api/v1/traders/never');
    assert.deepEqual([await traderNamed('never'), existsSync(join(traders, 'never.lua')), existsSync(join(traders, 'never.json'))], [undefined, false, false]);
    await expect(404, 'DELETE', '/api/v1/traders/never');
    await get('/api/v1/traders/never', 404);
    const again = await expect(201, 'POST', '/api/v1/traders', { source: NEVER, id: 'never', enabled: false });
    assert.deepEqual([again.enabled, again.state, again.inputs], [false, 'paused', {}], 'nothing of the one before');

    const gone = await expect(200, 'DELETE', '/api/v1/traders/drawn');
    const open = (await get('/api/v1/signals?trader=drawn&status=new&limit=500')).signals;
    assert.ok(gone.open_signals >= open.length && open.length > 0);
    assert.deepEqual([await traderNamed('drawn'), readFileSync(join(traders, 'archive/drawn.lua'), 'utf8')], [undefined, DRAWN]);
  });

  test('a file that was broken from outside shows its text and why', async () => {
    writeFileSync(join(traders, 'never.lua'), BROKEN);
    const one = await eventually(async () => {
      const found = await get('/api/v1/traders/never');
      return found.error && found;
    }, 'the error');
    assert.deepEqual([one.source, /never\.lua/.test(one.error)], [BROKEN, true]);
    const mended = await expect(200, 'PUT', '/api/v1/traders/never', { source: NEVER, version: one.version });
    assert.deepEqual([mended.error, mended.source], [null, NEVER]);
    assert.ok((await get('/api/v1/traders/errors?trader=never')).errors.length > 0);
    await get('/api/v1/traders/errors?limit=0', 400);
  });

  test('errors have one shape, also without a token', async () => {
    const token = daemon.token;
    daemon.token = 'another one';
    for (const [path, methods] of Object.entries(description.paths)) {
      for (const method of Object.keys(methods).filter(name => ['get', 'post', 'put', 'delete'].includes(name))) {
        if (methods[method].security?.length === 0) continue;
        await expect(401, method.toUpperCase(), path.replace('{id}', 'x'), undefined, method === 'get' || method === 'delete' ? {} : { raw: '{}' });
      }
    }
    daemon.token = token;
    await expect(400, 'POST', '/api/v1/traders/validate', undefined, { raw: '' });
  });

  test('every path and method is there, and nothing else', async () => {
    for (const [path, methods] of Object.entries(description.paths)) {
      for (const method of Object.keys(methods).filter(name => ['get', 'post', 'put', 'delete'].includes(name))) {
        assert.ok([...asked].some(one => one.startsWith(`${method} ${path} 2`)), `${method} ${path} was never answered well`);
      }
    }
    const routes = readFileSync(join(root, 'src/serve/http_routes.c'), 'utf8');
    const paths = [...routes.matchAll(/\.path = "([^"]+)"(.*?)\}/gs)].filter(([, path]) => !['/', '/ws'].includes(path));
    const verbs = { get: 'get', post: 'post', put: 'put', remove: 'delete' };
    for (const [, path, fields] of paths) {
      const behind = /\.end = "([^"]+)"/.exec(fields)?.[1] ?? '';
      const described = description.paths[path.endsWith('/') ? `${path}{id}${behind}` : path];
      assert.ok(described, `${path} is not described`);
      for (const [, field] of fields.matchAll(/\.(get|post|put|remove) = /g)) {
        if (path === '/api/v1/traders/errors' && field === 'post') continue; // of a trader that is called so
        assert.ok(described[verbs[field]], `${field} ${path} is not described`);
      }
    }
    assert.equal(paths.length, Object.keys(description.paths).length);
  });
});

describe('traders without a folder of their own', () => {
  test('are kept in the database, over a restart, and built-in ones are read-only', async () => {
    const market = recordedMarket(1), data = tempDir();
    exchange = await startExchange(market, 'max', { stays: true });
    const begin = async () => {
      daemon = await startDaemon({ port: exchange.port, market, folder: data, env: { TRADERS_DIR: undefined } });
      await daemon.until(it => it.logged(/running: /).length, 'the daemon to be warm', 120000);
    };
    await begin();
    const [built] = (await get('/api/v1/traders')).traders;
    assert.deepEqual([built.origin, built.editable], ['builtin', false]);
    await expect(409, 'PUT', `/api/v1/traders/${built.trader}`, { source: NEVER, version: built.version });
    await expect(409, 'DELETE', `/api/v1/traders/${built.trader}`);
    const made = await expect(201, 'POST', '/api/v1/traders', { source: NEVER, id: 'mine', inputs: { n: 4 } });
    assert.deepEqual([made.trader, made.origin, made.editable, made.inputs], ['mine', 'local', true, { n: 4 }]);
    const kept = await expect(201, 'POST', '/api/v1/traders', { source: RISING });
    assert.equal(kept.trader, 'rising_fast');
    assert.equal((await stop(daemon)).code, 0, daemon.stderr);
    await begin();
    const back = await get('/api/v1/traders/mine');
    assert.deepEqual([back.source, back.inputs, back.version, back.id], [NEVER, { n: 4 }, made.version, made.id]);
    const edited = await expect(200, 'PUT', '/api/v1/traders/mine', { source: NEVER.replace('1e9', '1e8'), version: back.version });
    assert.notEqual(edited.version, back.version);
    await expect(409, 'PUT', '/api/v1/traders/mine', { source: NEVER, version: back.version });
    await expect(204, 'DELETE', '/api/v1/traders/mine');
    await get('/api/v1/traders/mine', 404);
    assert.equal((await stop(daemon)).code, 0, daemon.stderr);
    await endAll();
  });
});

describe('a stop', () => {
  test('while scripts are tried, candles are asked for and traders are written', async () => {
    const market = recordedMarket(2), data = tempDir();
    exchange = await startExchange(market, 'max', { stays: true });
    daemon = await startDaemon({ port: exchange.port, market, folder: data });
    await daemon.until(it => it.logged(/running: /).length, 'the daemon to be warm', 120000);
    const slow = RISING.replace('return m', 'local x = 0 for i = 1, 1e6 do x = x + i % 7 end return m');
    const headers = { Authorization: `Bearer ${daemon.token}` };
    const post = (path, body) => fetch(`http://127.0.0.1:${daemon.port()}${path}`, { method: 'POST', body: JSON.stringify(body), headers });
    const open = [
      ...Array.from({ length: 4 }, () => post('/api/v1/traders/look', { source: slow })),
      post('/api/v1/traders', { source: NEVER, id: 'late' }),
      ...market.symbols.map(symbol => fetch(`http://127.0.0.1:${daemon.port()}/api/v1/klines?symbol=${symbol}&interval=5m`, { headers })),
      fetch(`http://127.0.0.1:${daemon.port()}/api/v1/symbols`, { headers }),
    ].map(request => request.then(answer => answer.status, () => 'cut off'));
    assert.equal((await get('/api/v1/status')).status, 'running'); // they have come in
    assert.equal((await stop(daemon)).code, 0, daemon.stderr);
    for (const outcome of await Promise.all(open)) assert.ok([200, 503, 'cut off'].includes(outcome), String(outcome));
    await endAll();
  });
});
