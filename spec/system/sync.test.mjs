// What the daemon decides reaches Supabase: each signal once, with its event, through everything that may go wrong on the
// way.
// time limit: 600
import { test, before, after, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import {
  builtInTraders, difference, endAll, eventually, recordedMarket, replay, seed, settled, startDaemon, startExchange, startTrademind, stop,
  stored, tempDir,
} from './daemon.mjs';
import { cloudEnv, cloudSignals, eventDifference, startProject } from './cloud.mjs';

console.log(`# sync: seed ${seed}`);

const market = recordedMarket(3);
let supabase, expected;

before(async () => {
  supabase = await startProject(builtInTraders);
}, { timeout: 120000 });
after(() => supabase?.stop());
afterEach(async () => {
  await endAll();
  supabase.faulty.clear();
  await supabase.sql`delete from signals`;
  await supabase.sql`delete from cloud_machines`;
});

/** A daemon in the cloud on the whole market. `during` may make trouble. Gives the daemon, stopped, and the folder. */
async function runMarket({ during = async () => {}, env = {}, folder = tempDir() } = {}) {
  const exchange = await startExchange(market);
  const daemon = await startDaemon({ port: exchange.port, market, folder, env: { ...cloudEnv(supabase, market), ...env } });
  await during(daemon);
  assert.equal((await exchange.ended).code, 0);
  await settled(daemon);
  return { daemon, folder };
}

const sent = daemon => eventually(async () => {
  const { cloud } = await daemon.status();
  return cloud.waiting === 0 && cloud.state === 'ok' && cloud;
}, 'everything to be sent', 60000);

async function assertAllThere(folder) {
  const signals = stored(folder);
  assert.ok(signals.size > 100, `${signals.size} signals`);
  assert.equal(difference(await cloudSignals(supabase), signals), '');
  assert.equal(await eventDifference(supabase, signals), '');
}

test('signals, events, the machine and its numbers', async () => {
  const { daemon, folder } = await runMarket();
  await sent(daemon);
  await assertAllThere(folder);
  const [machine] = await supabase.sql`select * from cloud_machines`;
  assert.equal(machine.status, 'running');
  assert.ok(Date.now() - machine.last_health_check < 30000 && machine.lease_owner);
  assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  const [stopped] = await supabase.sql`select * from cloud_machines`;
  assert.deepEqual([stopped.id, stopped.status, stopped.lease_owner], [machine.id, 'stopped', null]);
  assert.ok(stopped.stopped_at >= stopped.started_at);
  const [metrics] = await supabase.sql`select * from cloud_metrics`;
  assert.equal(metrics.machine_id, machine.id);
  assert.ok(metrics.memory_used_mb > 0 && metrics.memory_total_mb > metrics.memory_used_mb && Number(metrics.cpu_usage_vcpus) > 0);
  assert.equal(metrics.signals_created_count, stored(folder).size);
  const types = (await supabase.sql`select event_type from cloud_events where event_type <> 'signal_created' order by created_at`).map(e => e.event_type);
  for (const type of ['config_synced', 'websocket_connected', 'machine_started', 'machine_stopped']) assert.ok(types.includes(type), `${types}`);
  const [cost] = await supabase.sql`select * from cloud_costs`;
  assert.ok(cost && cost.period_end > cost.period_start);
});
