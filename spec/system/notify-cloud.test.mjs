// In the cloud the owner of a trader says beside its script whether signals are notified (cloud_config.notifyOnSignal).
// time limit: 180
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { connect } from './channel.mjs';
import { endAll, eventually, generatedMarket, startDaemon, startExchange, tempDir } from './daemon.mjs';
import { SECRET, webhook } from './messengers.mjs';
import { startSupabase } from './supabase.mjs';

const market = generatedMarket();
const hook = await webhook(), supabase = await startSupabase();
after(async () => {
  await endAll();
  await hook.close();
  await supabase.stop();
});

const script = name => `return trader { name = "${name}", interval = "1m", fire = "every", filter = function(m) return m.time / 60000 % 4 == 0 end }`;

async function add(user, name, wishes) {
  const { sql } = supabase, id = randomUUID(), settings = { enabledInCloud: true, ...wishes };
  await sql`insert into traders (id, name, description, filter, strategy, language, user_id, cloud_config)
    values (${id}, ${name}, '', ${sql.json({ code: script(name) })}, '{}', 'lua', ${user.id}, ${sql.json(settings)})`;
  return id;
}

test('a trader whose owner does not want to be told makes signals in silence, until the owner does', async () => {
  const user = await supabase.addUser({ tier: 'elite' });
  const [loud, silent, unsaid] = [await add(user, 'Loud', { notifyOnSignal: true }), await add(user, 'Silent', { notifyOnSignal: false }), await add(user, 'Unsaid', {})];
  const exchange = await startExchange(market, 120, { stays: true });
  const env = { ...supabase.envFor(user), SYNC_INTERVAL_MS: '200', NOTIFY_WEBHOOK_URL: `${hook.url}/in?key=a-key-that-no-log-may-have`,
    NOTIFY_WEBHOOK_SECRET: SECRET, NOTIFY_WEBHOOK_PER_MINUTE: '0', NOTIFY_MAX_AGE_MIN: '0' };
  const daemon = await startDaemon({ port: exchange.port, market, folder: tempDir(), env });
  const client = await connect(daemon);
  const made = id => client.of('signal_created').filter(signal => signal.traderId === id).map(signal => signal.signalId);
  const told = id => hook.taken.map(t => t.body.signal).filter(signal => signal.traderId === id).map(signal => signal.id);
  await client.until(() => [loud, silent, unsaid].every(id => made(id).length > 5), 'signals of all of them', 60000);
  await eventually(() => told(loud).length > 5 && told(unsaid).length > 5, 'word of two');
  const nobodys = made(silent);
  assert.deepEqual(told(silent), []);

  await supabase.sql`update traders set cloud_config = ${supabase.sql.json({ enabledInCloud: true, notifyOnSignal: true })} where id = ${silent}`;
  await client.ask('config_update', { traders: [], version: 2 });
  await eventually(() => told(silent).length > 3, 'word of the third', 60000);
  assert.deepEqual(told(silent).filter(id => nobodys.includes(id)), [], 'and of none that was made in silence');

  await supabase.sql`update traders set cloud_config = ${supabase.sql.json({ enabledInCloud: true, notifyOnSignal: false })} where id = ${loud}`;
  const { supabaseTraders: { reads } } = await daemon.status();
  await client.ask('config_update', { traders: [], version: 3 });
  await eventually(async () => (await daemon.status()).supabaseTraders.reads > reads + 1, 'the row to be read', 60000);
  const n_made = made(loud).length;
  await client.until(() => made(loud).length > n_made + 5, 'signals in silence');
  const n = told(unsaid).length;
  await eventually(() => told(unsaid).length > n + 2, 'word of others');
  assert.deepEqual(made(loud).slice(n_made).filter(id => told(loud).includes(id)), []);
  client.leave();
});
