// What a client says of traders in config_update: applied where there is no cloud; in the cloud the rows decide, and it counts only
// while they cannot be read.
// time limit: 240
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { afterEach, after, test } from 'node:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from './channel.mjs';
import { endAll, eventually, generatedMarket, startDaemon, startExchange, tempDir } from './daemon.mjs';
import { unavailable } from './faulty.mjs';
import { startSupabase } from './supabase.mjs';

const market = generatedMarket();
const SCRIPT = `local bars = input.int("bars", 3, {min = 1, max = 50})
return trader { name = "One", interval = "1m", filter = function(m) return m.close[0] > m.close[bars] end }`;
let supabase;
afterEach(endAll);
after(() => supabase?.stop());

async function begin({ env, folder = tempDir(), traders } = {}) {
  const exchange = await startExchange(market, 60, { stays: true });
  const daemon = await startDaemon({ port: exchange.port, market, folder, traders, env });
  const c = await connect(daemon);
  return { daemon, c, say: traders_ => c.ask('config_update', { traders: traders_, version: 3 }) };
}

const one = async (daemon, name) => (await daemon.get('/api/v1/traders')).body.traders.find(t => [t.trader, t.id].includes(name));
const bars = trader => trader.parameters.find(p => p.name === 'bars').value;
const until = (daemon, name, holds, what) => eventually(async () => { const it = await one(daemon, name); return it && holds(it) && it; }, what);

test('without the cloud it is applied where it differs, checked, kept, and scripts are not taken', async () => {
  const folder = tempDir(), traders = tempDir();
  for (const key of ['first', 'second']) writeFileSync(join(traders, `${key}.lua`), SCRIPT);
  const { daemon, c, say } = await begin({ folder, traders });
  const { id } = await until(daemon, 'second', it => it.enabled, 'the traders');
  assert.deepEqual(await say([]), { version: 3 });
  assert.deepEqual(await say([
    { id: 'first', enabled: false, name: 'Other', filter: { code: 'return 1' } }, { id, enabled: true, inputs: { bars: 5 } }, { id: 'third', enabled: false },
    { id: 'first', enabled: 'no' }, { id: 'second', inputs: { bars: 51 } }, { id: 'second', inputs: { speed: 1 } }, 7,
  ]), { version: 3, traders: [
    { id: 'first', result: 'changed' }, { id, result: 'changed' }, { id: 'third', result: 'ignored', why: 'there is no such trader' },
    { id: 'first', result: 'ignored', why: 'enabled: expected true or false' },
    { id: 'second', result: 'ignored', why: 'input "bars" is 51; expected at most 50' },
    { id: 'second', result: 'ignored', why: 'trader "second" has no input "speed"' },
    { id: null, result: 'ignored', why: 'expected an object with an id' },
  ] });
  const first = await until(daemon, 'first', it => !it.enabled, 'the first to be off');
  assert.equal(first.name, 'One');
  const second = await until(daemon, 'second', it => bars(it) === 5, 'the input');
  assert.deepEqual([second.enabled, bars(first)], [true, 3]);
  assert.deepEqual((await say([{ id: 'first', enabled: false, inputs: null }, { id: 'second', enabled: true, inputs: { bars: 5 } }])).traders.map(t => t.result), ['same', 'same']);
  c.leave();
  await daemon.stop();
  const again = await begin({ folder, traders });
  await until(again.daemon, 'second', it => bars(it) === 5, 'the input after a restart');
  assert.equal((await one(again.daemon, 'first')).enabled, false);
  assert.equal(readFileSync(join(traders, 'first.lua'), 'utf8'), SCRIPT);
  again.c.leave();
});

test('in the cloud the rows decide; while they cannot be read it counts, for what they have allowed, until they are', async () => {
  supabase = await startSupabase();
  const user = await supabase.addUser({ tier: 'elite' }), { sql } = supabase, [shown, off] = [randomUUID(), randomUUID()];
  for (const id of [shown, off]) {
    await sql`insert into traders (id, name, description, filter, strategy, language, user_id, enabled, cloud_config)
      values (${id}, 'One', '', ${sql.json({ code: SCRIPT })}, '{}', 'lua', ${user.id}, ${id === shown}, '{"enabledInCloud": true}')`;
  }
  const { daemon, c, say } = await begin({ env: supabase.envFor(user) });
  await until(daemon, shown, it => it.enabled, 'the trader');
  const read = async () => (await daemon.status()).supabaseTraders;
  const before = (await read()).reads;
  assert.deepEqual(await say([{ id: shown, enabled: false, inputs: { bars: 9 } }, { id: off, enabled: true }]),
    { version: 3, traders: [{ id: shown, result: 'row' }, { id: off, result: 'row' }] });
  await eventually(async () => (await read()).reads > before, 'the rows to be read');
  await say([]);
  await eventually(async () => (await read()).reads > before + 1, 'the rows to be read again');
  assert.deepEqual([(await one(daemon, shown)).enabled, bars(await one(daemon, shown)), await one(daemon, off)], [true, 3, undefined]);

  supabase.faulty.on({ table: 'trademind_facts' }, unavailable(0));
  assert.deepEqual((await say([{ id: shown, enabled: false, inputs: { bars: 9 } }, { id: off, enabled: true }, { id: shown, inputs: { bars: 0 } }])).traders.map(t => t.result),
    ['row', 'row', 'ignored']);
  const told = await until(daemon, shown, it => !it.enabled, 'it to be off without Supabase');
  assert.deepEqual([bars(told), await one(daemon, off)], [9, undefined]);
  await say([{ id: shown, enabled: true }]);
  await until(daemon, shown, it => it.enabled && bars(it) === 9, 'it to be on again');

  supabase.faulty.clear();
  await say([]);
  await until(daemon, shown, it => it.enabled && bars(it) === 3, 'what the row says');
  c.leave();
});
