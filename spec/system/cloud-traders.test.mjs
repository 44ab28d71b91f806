// The traders of a machine of the cloud: rows of PostgreSQL, read through PostgREST, changed while the daemon runs, with a
// server in between that fails.
// time limit: 600
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import WebSocket from 'ws';
import { endAll, eventually, recordedMarket, settled, startDaemon, startExchange, stop, tempDir } from './daemon.mjs';
import { answer, capped, cut, forbidden, hold, jwtExpired, lose, reset, statementTimeout, unavailable, wrongKey } from './faulty.mjs';
import { build } from './harness.mjs';
import { startSupabase } from './supabase.mjs';

const market = recordedMarket(2);
const RISING = 'return trader { id = "of-the-script", name = "Rising", interval = "5m", filter = function(m) return m.close[0] > m.close[1] end }\n';
const FALLING = RISING.replace('Rising', 'Falling').replace('>', '<');
const WITH_INPUT = `local bars = input.int("bars", 3, {min = 1, max = 50})
return trader { name = "Input", interval = "5m", filter = function(m) return m.close[0] > m.close[bars] end }
`;
const BROKEN = 'return trader { name = "Broken", interval = "5m", filter = function(m) return m.close[0] >\n';

let supabase, user, folder;

before(async () => { supabase = await startSupabase(); });
after(() => supabase.stop());
beforeEach(async () => {
  supabase.faulty.clear();
  user = await supabase.addUser({ tier: 'elite' });
  folder = tempDir();
});
afterEach(async () => {
  await endAll();
  await supabase.sql`delete from traders`;
});

/** A row of the user's, let into the cloud; its id. */
async function add(fields = {}) {
  const row = {
    id: randomUUID(), name: 'Rising', description: '', filter: { code: RISING }, strategy: {}, language: 'lua', user_id: user.id,
    cloud_config: { enabledInCloud: true }, ...fields,
  };
  for (const name of ['filter', 'cloud_config', 'inputs']) if (name in row) row[name] = supabase.sql.json(row[name]);
  await supabase.sql`insert into traders ${supabase.sql(row)}`;
  return row.id;
}

const change = (id, fields) => supabase.sql`update traders set ${supabase.sql('filter' in fields ? { ...fields, filter: supabase.sql.json(fields.filter) } : fields)} where id = ${id}`;
const errorOf = async id => (await supabase.sql`select error from traders where id = ${id}`)[0].error;

async function begin({ isWarm = true } = {}) {
  const exchange = await startExchange(market, 300);
  const daemon = await startDaemon({ port: exchange.port, market, folder, env: supabase.envFor(user) });
  if (isWarm) await daemon.until(it => it.logged(/running: /).length, 'the daemon to be warm');
  return daemon;
}

/** The browser app says that traders have changed; resolves when the daemon has said that it heard. */
function poke(daemon) {
  return new Promise((done, failed) => {
    const socket = new WebSocket(`ws://127.0.0.1:${daemon.port()}/ws`, { headers: { Authorization: `Bearer ${daemon.token}` } });
    socket.on('open', () => socket.send(JSON.stringify({ type: 'config_update', id: 7, data: { traders: [], version: 1 } })));
    socket.on('message', text => {
      const message = JSON.parse(text);
      if (message.type !== 'ack') return;
      assert.equal(message.id, 7);
      socket.close();
    });
    socket.on('close', done);
    socket.on('error', failed);
  });
}

/** A browser that listens: what it was told of errors. */
async function listen(daemon) {
  const socket = new WebSocket(`ws://127.0.0.1:${daemon.port()}/ws`, { headers: { Authorization: `Bearer ${daemon.token}` } });
  const errors = [];
  socket.on('message', text => {
    const message = JSON.parse(text);
    if (message.type === 'error') errors.push(message.data);
  });
  await new Promise((done, failed) => { socket.on('open', done); socket.on('error', failed); });
  return { socket, errors };
}

const reads = async daemon => (await daemon.status()).supabaseTraders;

/** Pokes, and waits for a round that has begun after it to end in the way that is told. */
async function readAgain(daemon, field = 'reads') {
  const before = (await reads(daemon))[field];
  await poke(daemon);
  return eventually(async () => {
    const now = await reads(daemon);
    return now[field] > before && now;
  }, `another of ${field}`);
}

const patches = id => supabase.faulty.asked('traders', 'PATCH').filter(r => r.query.id === `eq.${id}`);

/** Those that run, or would: id -> {name, state, ...}. */
const running = async daemon => new Map((await daemon.get('/api/v1/traders')).body.traders.map(one => [one.trader, one]));
const names = async daemon => [...(await running(daemon)).values()].map(one => one.name).sort();
const untilNames = (daemon, expected) => eventually(async () => JSON.stringify(await names(daemon)) === JSON.stringify([...expected].sort()), `${expected} to run`);

describe('which rows run', () => {
  test('own ones in Lua, enabled and let into the cloud, and built-in ones; by their own ids', async () => {
    const other = await supabase.addUser();
    const own = await add({ name: 'Own' });
    const twice = await add({ name: 'Encoded twice', filter: JSON.stringify({ code: FALLING }), cloud_config: JSON.stringify({ enabledInCloud: true }) });
    const unsaid = await add({ name: 'Unsaid', cloud_config: null });
    const builtIn = await add({ name: 'Built in', user_id: null, is_built_in: true, access_tier: 'elite', cloud_config: { enabledInCloud: false } });
    await add({ name: 'Off', enabled: false });
    await add({ name: 'Not in the cloud', cloud_config: { enabledInCloud: false } });
    await add({ name: 'Encoded twice and not in the cloud', cloud_config: JSON.stringify({ enabledInCloud: false }) });
    await add({ name: 'Of another', user_id: other.id });
    await add({ name: 'Old one', language: 'javascript', filter: { code: 'return true;' } });
    await add({ name: 'Go one', language: 'go', filter: { code: '...' } });

    const daemon = await begin();
    assert.deepEqual([...(await running(daemon)).keys()].sort(), [own, twice, unsaid, builtIn].sort());
    await eventually(async () => (await settled(daemon)) && stored().some(s => s.trader_id === twice), 'a signal');
    assert.deepEqual([...new Set(stored().map(s => s.user_id))], [user.id]);
    await readAgain(daemon);
    await readAgain(daemon);
    assert.equal(daemon.logged(/2 are not in Lua and do not run here/).length, 1);
    assert.match(daemon.logged(/not in Lua/)[0], /Old one \(javascript\)/);
    const { chosen, switchedOff, unsupported, rowsRead, tier } = await reads(daemon);
    assert.deepEqual({ chosen, switchedOff, unsupported, rowsRead, tier }, { chosen: 4, switchedOff: 3, unsupported: 2, rowsRead: 9, tier: 'elite' });
    assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  });

  test('the tier decides, and acts at once when it changes', async () => {
    for (let i = 0; i < 12; i++) await add({ name: `Own ${String(i).padStart(2, '0')}`, created_at: new Date(Date.UTC(2026, 0, 1 + i)) });
    for (const tier of ['anonymous', 'free', 'pro', 'elite']) await add({ name: `of ${tier}`, user_id: null, is_built_in: true, access_tier: tier });
    const own = n => Array.from({ length: n }, (_, i) => `Own ${String(i).padStart(2, '0')}`);
    const daemon = await begin();
    const expected = [
      ['elite', 'active', [...own(12), 'of anonymous', 'of free', 'of pro', 'of elite']],
      ['pro', 'active', [...own(10), 'of anonymous', 'of free', 'of pro']],
      ['free', 'active', ['of anonymous', 'of free']],
      ['elite', 'past_due', ['of anonymous']],
      ['ELITE', 'active', [...own(12), 'of anonymous', 'of free', 'of pro', 'of elite']],
    ];
    for (const [tier, status, traders] of expected) {
      await supabase.sql`update user_subscriptions set tier = ${tier}, status = ${status} where user_id = ${user.id}`;
      await poke(daemon);
      await untilNames(daemon, traders);
    }
    assert.match(daemon.logged(/tier pro/)[0], /13 run .*2 are more than the 10 .*1 are of a higher tier/);
  });
});

describe('changes while it runs', () => {
  test('edited, broken, mended, switched off and on, deleted, added', async () => {
    const one = await add({ name: 'One' }), two = await add({ name: 'Two', filter: { code: WITH_INPUT }, inputs: { bars: 5 } });
    const daemon = await begin();
    await untilNames(daemon, ['One', 'Two']);
    assert.deepEqual((await running(daemon)).get(two).inputs, { bars: 5 });

    const browser = await listen(daemon);
    await change(one, { filter: { code: BROKEN } });
    await poke(daemon);
    await eventually(async () => /unexpected symbol|expected near/.test(await errorOf(one)), 'the error column');
    await eventually(() => browser.errors.length, 'the browser to be told');
    assert.deepEqual(browser.errors, [{ message: await errorOf(one), code: 'trader_failed', traderId: one }]);
    browser.socket.close();
    assert.match(await errorOf(one), /^One:/);
    assert.equal((await running(daemon)).get(one).state, 'running', 'its last good version');
    assert.match(daemon.logged(/One:.*the version before it runs on/)[0], /One/);
    await readAgain(daemon);
    await readAgain(daemon);
    assert.equal(patches(one).length, 1, 'written once');

    await change(one, { filter: 'no object' });
    await poke(daemon);
    await eventually(async () => /filter: found no JSON object/.test(await errorOf(one)), 'the error column');
    assert.equal((await running(daemon)).get(one).state, 'running');

    await change(one, { filter: { code: FALLING }, name: 'Mended' });
    await poke(daemon);
    await untilNames(daemon, ['Mended', 'Two']);
    await eventually(async () => (await errorOf(one)) === null, 'the error column to be empty');

    await change(one, { enabled: false });
    await poke(daemon);
    await untilNames(daemon, ['Two']);
    await change(one, { enabled: true });
    await supabase.sql`delete from traders where id = ${two}`;
    await poke(daemon);
    await untilNames(daemon, ['Mended']);
    await supabase.sql`delete from traders where id = ${one}`;
    await poke(daemon);
    await untilNames(daemon, []);
    await add({ name: 'New' });
    await poke(daemon);
    await untilNames(daemon, ['New']);
    assert.equal((await stop(daemon)).code, 0, daemon.stderr);
    assert.deepEqual(daemon.logged(/handle was left open/), []);
  });

  test('without being told, it finds a change within 30 s', async () => {
    const one = await add({ name: 'One' });
    const daemon = await begin();
    await change(one, { name: 'Another' });
    await untilNames(daemon, ['Another']);
  });

  test('a sentence that was cut in the middle of a character is written once', async () => {
    // a character has four bytes: wherever it is cut, three of these are cut within one
    const ids = [];
    for (const before of ['', 'a', 'ab', 'abc']) ids.push(await add({ name: 'Cut', filter: { code: `error("${before}${'\u{1f4be}'.repeat(1000)}")\n` } }));
    const daemon = await begin();
    for (const id of ids) await eventually(async () => await errorOf(id), 'the error column');
    for (let n = 0; n < 3; n++) await readAgain(daemon);
    assert.deepEqual(ids.map(id => patches(id).length), [1, 1, 1, 1]);
  });

  test('what is only counted in a row is no change', async () => {
    const one = await add({ name: 'One' });
    const daemon = await begin();
    const loads = () => daemon.logged(/"component":"screener".*traders: /), n_loads = loads().length;
    await change(one, { execution_count: 5 });
    const { rowsRead } = await readAgain(daemon);
    assert.equal(rowsRead, 2);
    assert.equal(loads().length, n_loads);
    assert.equal(patches(one).length, 0);
  });
});

describe('reads that fail', () => {
  test('partly or wholly, they change nothing', async () => {
    const ids = [];
    for (let i = 0; i < 5; i++) ids.push(await add({ name: `T${i}` }));
    const daemon = await begin();
    const before = [...(await running(daemon)).entries()].map(([id, one]) => [id, one.state]);
    await change(ids[0], { name: 'Changed' });
    await supabase.sql`delete from traders where id = ${ids[1]}`;
    const garbled = answer(200, '[{"id":', { 'Content-Type': 'application/json' });
    const cases = [
      [{ table: 'trademind_facts' }, unavailable(0)], [{ table: 'trademind_facts' }, answer(200, {})], [{ table: 'trademind_facts' }, wrongKey()],
      [{ table: 'traders', method: 'GET' }, unavailable(0)], [{ table: 'traders', method: 'GET' }, cut()], [{ table: 'traders', method: 'GET' }, garbled],
      [{ table: 'traders', method: 'GET', after: 1 }, reset()], [{ table: 'traders', method: 'GET', after: 1 }, answer(200, { message: 'no list' })],
      [{ when: r => r.query.id?.startsWith('in.') }, statementTimeout()], [{ when: r => r.query.id?.startsWith('in.') }, cut()],
      [{ when: r => r.query.id?.startsWith('in.') }, answer(200, [])], [{ when: r => r.query.id?.startsWith('in.') }, lose()],
      [{ when: r => r.query.id?.startsWith('in.') }, forbidden('traders')], [{ table: 'traders', method: 'GET' }, jwtExpired()],
    ];
    for (const [which, fault] of cases) {
      supabase.faulty.clear();
      const rule = supabase.faulty.on(which, fault);
      const { failure } = await readAgain(daemon, 'failedReads');
      assert.ok(rule.hits > 0 && failure, fault.fault);
      assert.deepEqual([...(await running(daemon)).entries()].map(([id, one]) => [id, one.state]), before, fault.fault);
      assert.deepEqual((await daemon.get('/health')).body.components?.supabase ?? 'degraded', 'degraded');
    }
    supabase.faulty.clear();
    await poke(daemon);
    await untilNames(daemon, ['Changed', 'T2', 'T3', 'T4']);
    assert.equal((await reads(daemon)).failure, null);
  });

  test('a server that gives fewer rows than were asked for hides none', async () => {
    const expected = Array.from({ length: 9 }, (_, i) => `T${i}`);
    for (const name of expected) await add({ name });
    supabase.faulty.on({ table: 'traders', method: 'GET' }, capped(2));
    const daemon = await begin();
    await untilNames(daemon, expected);
  });

  test('an error column that cannot be written is written later', async () => {
    const one = await add({ name: 'One' });
    const daemon = await begin();
    const rule = supabase.faulty.on({ table: 'traders', method: 'PATCH', times: 2 }, unavailable(0));
    await change(one, { filter: { code: BROKEN } });
    await poke(daemon);
    await supabase.faulty.until(() => rule.hits === 1, 'the first try');
    await readAgain(daemon);
    await readAgain(daemon);
    await eventually(async () => await errorOf(one), 'the error column');
  });
});

describe('starts', () => {
  test('without Supabase the traders of the run before run', async () => {
    const one = await add({ name: 'One' });
    await add({ name: 'Two', filter: { code: FALLING } });
    const first = await begin();
    await untilNames(first, ['One', 'Two']);
    assert.equal((await stop(first)).code, 0, first.stderr);
    const files = tempDir();
    execFileSync(join(build, 'trademind'), ['export', '--from', join(folder, 'trademind.db'), '--to', files], { stdio: 'ignore' });
    assert.deepEqual(readdirSync(files).sort(), ['one.lua', 'two.lua']);
    assert.equal(readFileSync(join(files, 'two.lua'), 'utf8'), FALLING);
    await change(one, { enabled: false });
    await supabase.faulty.refuse();
    const daemon = await begin();
    assert.deepEqual(await names(daemon), ['One', 'Two']);
    await supabase.faulty.accept();
    await poke(daemon);
    await untilNames(daemon, ['Two']);
  });

  test('without Supabase and a run before it waits', async () => {
    await add({ name: 'One' });
    await supabase.faulty.refuse();
    const daemon = await begin({ isWarm: false });
    await eventually(async () => (await reads(daemon)).failedReads > 0, 'a failed read');
    assert.deepEqual([await names(daemon), (await daemon.get('/ready')).code], [[], 503]);
    await supabase.faulty.accept();
    await daemon.until(it => it.logged(/running: /).length, 'the daemon to be warm');
    assert.deepEqual(await names(daemon), ['One']);
  });

  test('with no trader at all it runs, and takes the first one', async () => {
    const daemon = await begin();
    assert.deepEqual(await names(daemon), []);
    await add({ name: 'First' });
    await poke(daemon);
    await untilNames(daemon, ['First']);
    await eventually(() => stored().length > 0, 'its signals');
  });

  test('on the tables of the earlier machine, with a trigger that has signals analysed', async () => {
    const original = await startSupabase({ start: 'original' });
    const id = randomUUID();
    await original.sql`insert into traders (id, name, description, filter, strategy, language, user_id, cloud_config)
      values (${id}, 'Ported', '', ${original.sql.json({ code: RISING })}, '{}', 'lua', ${original.user.id}, '{"enabledInCloud": true}')`;
    const exchange = await startExchange(market, 300);
    const daemon = await startDaemon({ port: exchange.port, market, folder, env: original.env });
    await daemon.until(it => it.logged(/running: /).length, 'the daemon to be warm');
    assert.deepEqual([...(await running(daemon)).keys()], [id]);
    assert.equal((await reads(daemon)).analysedByProject, true);
    assert.equal(daemon.logged(/auto_trigger_ai_analysis/).length, 1);
    assert.match(daemon.logged(/not in Lua/)[0], /Built in \(javascript\)/);
    await daemon.stop('SIGKILL');
    await original.stop();
  });

  test('a project without our migrations is told what it lacks', async () => {
    supabase.faulty.on({ table: 'trademind_facts' }, answer(404, { code: 'PGRST202', message: 'Could not find the function public.trademind_facts', details: null, hint: null }));
    const daemon = await begin({ isWarm: false });
    await daemon.until(it => it.logged(/lacks trademind's migrations \(supabase\/migrations\)/).length, 'the hint');
  });
});

function stored() {
  const query = 'SELECT user_id, trader_id, trader FROM signals';
  const text = execFileSync('sqlite3', ['-readonly', '-json', join(folder, 'trademind.db'), query], { encoding: 'utf8', maxBuffer: 1 << 28 });
  return text.trim() ? JSON.parse(text) : [];
}

describe('written over HTTP', () => {
  const ask = async (daemon, method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${daemon.port()}${path}`, {
      method, body: body && JSON.stringify(body), headers: { Authorization: `Bearer ${daemon.token}` },
    });
    const text = await response.text();
    return { code: response.status, body: text ? JSON.parse(text) : null };
  };
  const rowOf = async id => (await supabase.sql`select * from traders where id = ${id}`)[0];

  test('created, edited, archived and deleted: rows of the user', async () => {
    await add({ name: 'Never', filter: { code: RISING.replace('m.close[0] >', 'm.close[0] > 1e9 +') } });
    const builtIn = await add({ name: 'Built in', user_id: null, is_built_in: true, access_tier: 'free' });
    const daemon = await begin();
    const made = await ask(daemon, 'POST', '/api/v1/traders', { source: WITH_INPUT, inputs: { bars: 5 } });
    assert.equal(made.code, 201, JSON.stringify(made.body));
    assert.deepEqual([made.body.origin, made.body.name, made.body.source, made.body.inputs], ['cloud', 'Input', WITH_INPUT, { bars: 5 }]);
    const row = await rowOf(made.body.id);
    assert.deepEqual([row.user_id, row.filter.code, row.inputs, row.language, row.enabled], [user.id, WITH_INPUT, { bars: 5 }, 'lua', true]);

    const path = `/api/v1/traders/${row.id}`, edited = WITH_INPUT.replace('"Input"', '"Output"');
    assert.equal((await ask(daemon, 'PUT', path, { source: edited, version: '0' })).code, 409);
    const changed = await ask(daemon, 'PUT', path, { source: edited, version: made.body.version });
    assert.deepEqual([changed.code, changed.body.source, (await rowOf(row.id)).filter.code], [200, edited, edited]);
    const same = await ask(daemon, 'PUT', path, { source: edited, version: changed.body.version });
    assert.deepEqual([same.code, same.body.version], [200, changed.body.version]);
    await change(row.id, { filter: { code: FALLING } }); // by the app, which the machine has not heard of yet
    const late = await ask(daemon, 'PUT', path, { source: WITH_INPUT, version: changed.body.version });
    assert.deepEqual([late.code, (await rowOf(row.id)).filter.code], [409, FALLING]);
    assert.equal((await ask(daemon, 'PUT', `/api/v1/traders/${builtIn}`, { source: edited, version: '0' })).code, 409);
    const { id: uuid } = (await running(daemon)).get(builtIn);
    for (const [name, enabled] of [[builtIn, false], [uuid, true]]) {
      assert.equal((await ask(daemon, 'POST', `/api/v1/traders/${name}`, { enabled })).code, 202);
      await eventually(async () => (await running(daemon)).get(builtIn).enabled === enabled, `enabled ${enabled}`);
    }

    await daemon.until(it => it.signals().some(s => s.traderId === row.id), 'a signal of it');
    await eventually(async () => (await daemon.get(`/api/v1/signals?trader=${row.id}`)).body.signals.length, 'the signal to be stored');
    const archived = await ask(daemon, 'DELETE', path);
    assert.deepEqual([archived.code, archived.body.archived, archived.body.open_signals > 0], [200, true, true]);
    const after = await rowOf(row.id);
    assert.deepEqual([after.enabled, after.cloud_config.enabledInCloud, (await running(daemon)).has(row.id)], [false, false, false]);

    const never = (await supabase.sql`select id from traders where name = 'Never'`)[0].id;
    assert.equal((await ask(daemon, 'DELETE', `/api/v1/traders/${never}`)).code, 204);
    assert.deepEqual([await rowOf(never), (await running(daemon)).has(never)], [undefined, false]);
  });

  test('an edit right after the machine has written the error column is no conflict', async () => {
    const id = await add({ name: 'Broken', filter: { code: BROKEN } }), path = `/api/v1/traders/${id}`;
    const daemon = await begin();
    await eventually(async () => await errorOf(id), 'the error column');
    const { version } = (await ask(daemon, 'GET', path)).body;
    const mended = await ask(daemon, 'PUT', path, { source: RISING, version });
    assert.deepEqual([mended.code, (await rowOf(id)).filter.code], [200, RISING], JSON.stringify(mended.body));
    await eventually(async () => (await errorOf(id)) === null, 'the error column to be empty');
  });

  test('... and one that the app has made before the error column was written is one', async () => {
    const id = await add({ name: 'Broken', filter: { code: BROKEN } }), path = `/api/v1/traders/${id}`;
    const rule = supabase.faulty.on({ table: 'traders', method: 'PATCH', times: 1 }, hold());
    const daemon = await begin();
    await supabase.faulty.until(() => rule.hits === 1, 'the error column to be on its way');
    const { version } = (await ask(daemon, 'GET', path)).body;
    await change(id, { filter: { code: FALLING } });
    supabase.faulty.clear();
    await eventually(async () => await errorOf(id), 'the error column');
    const late = await ask(daemon, 'PUT', path, { source: RISING, version });
    assert.deepEqual([late.code, (await rowOf(id)).filter.code], [409, FALLING]);
  });

  test('what the app keeps in the columns, too, stays', async () => {
    const rest = { key: 'rising', description: ['It rises'], indicators: [{ name: 'RSI', threshold: 0.1 }] };
    const id = await add({ filter: { code: RISING, ...rest }, cloud_config: { enabledInCloud: true, notifyOnSignal: true, notifyOnAnalysis: false } });
    const daemon = await begin(), path = `/api/v1/traders/${id}`;
    await daemon.until(it => it.signals().some(s => s.traderId === id), 'a signal of it');
    const { version } = (await ask(daemon, 'GET', path)).body;
    const edited = RISING.replace('m.close[0] >', 'm.close[0] >=');
    const changed = await ask(daemon, 'PUT', path, { source: edited, version });
    assert.deepEqual([changed.code, (await rowOf(id)).filter], [200, { code: edited, ...rest }], JSON.stringify(changed.body));
    await eventually(async () => (await daemon.get(`/api/v1/signals?trader=${id}`)).body.signals.length, 'a signal to be stored');
    assert.equal((await ask(daemon, 'DELETE', path)).body.archived, true);
    assert.deepEqual((await rowOf(id)).cloud_config, { enabledInCloud: false, notifyOnSignal: true, notifyOnAnalysis: false });
  });
});
