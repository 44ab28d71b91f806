// What the daemon decides reaches Supabase: each signal once, with its event, through everything that may go wrong on the
// way.
// time limit: 2400
import { test, before, after, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import {
  builtInTraders, difference, endAll, eventually, isSoak, recordedMarket, seed, settled, startDaemon, startExchange, startTrademind, stop,
  stored, tempDir,
} from './daemon.mjs';
import { connect } from './channel.mjs';
import { cloudEnv, cloudSignals, eventDifference, fillBacklog, nameId, startProject, verb, waitingIn } from './cloud.mjs';
import { cut, lose, statementTimeout, tooBig, unavailable, wrongKey } from './faulty.mjs';

console.log(`# sync: seed ${seed}`);

const market = recordedMarket(3);
let supabase;

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

/** Nothing waits in the outbox any more. */
const sent = folder => eventually(() => waitingIn(folder) === 0, 'everything to be sent', 60000);

async function assertAllThere(folder) {
  const signals = stored(folder);
  assert.ok(signals.size > 100, `${signals.size} signals`);
  assert.equal(difference(await cloudSignals(supabase), signals), '');
  assert.equal(await eventDifference(supabase, signals), '');
}

test('signals, events, the machine and its numbers', async () => {
  const { daemon, folder } = await runMarket();
  await sent(folder);
  await assertAllThere(folder);
  const [machine] = await supabase.sql`select * from cloud_machines`;
  assert.equal(machine.status, 'running');
  assert.ok(Date.now() - machine.last_health_check < 30000 && machine.lease_owner);
  assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  const [stopped] = await supabase.sql`select * from cloud_machines`;
  assert.deepEqual([stopped.id, stopped.status, stopped.lease_owner], [machine.id, 'stopped', null]);
  assert.ok(stopped.stopped_at >= stopped.started_at);
  const [here] = JSON.parse(execFileSync('sqlite3', ['-readonly', '-json', join(folder, 'trademind.db'), 'select * from cloud_machines']));
  assert.deepEqual([here.machine_id, here.status, here.user_id], [stopped.machine_id, 'stopped', supabase.user.id]);
  const [metrics] = await supabase.sql`select * from cloud_metrics`;
  assert.equal(metrics.machine_id, machine.id);
  assert.ok(metrics.memory_used_mb > 0 && metrics.memory_total_mb > metrics.memory_used_mb && Number(metrics.cpu_usage_vcpus) > 0);
  assert.equal(metrics.signals_created_count, stored(folder).size);
  const types = (await supabase.sql`select event_type from cloud_events where event_type <> 'signal_created' order by created_at`).map(e => e.event_type);
  for (const type of ['config_synced', 'websocket_connected', 'machine_started', 'machine_stopped']) assert.ok(types.includes(type), `${types}`);
  const mine = await supabase.client(supabase.user.token).from('signals').select('id, indicator_data, status').eq('status', 'new')
    .order('created_at', { ascending: false }).order('id').limit(100);
  assert.equal(mine.error, null);
  assert.ok(mine.data.length === 100 && mine.data.every(s => s.indicator_data.klines.length > 0), 'the browser reads what the machine wrote');
  const others = await supabase.client((await supabase.addUser()).token).from('signals').select('id');
  assert.deepEqual(others.data, []);
  const [cost] = await supabase.sql`select * from cloud_costs`;
  assert.ok(cost && cost.period_end > cost.period_start);
});

test('an outage: all is kept, health says so, and what has waited is sent afterwards', async () => {
  const { daemon, folder } = await runMarket({
    during: async it => {
      await it.until(() => it.signals().length > 20, '20 signals');
      await supabase.faulty.refuse();
      await eventually(async () => (await it.status()).cloud.state === 'outage', 'the outage to be seen');
      const { code, body } = await it.get('/health');
      assert.deepEqual([code, body.status, body.components.cloud], [200, 'degraded', 'degraded']);
    },
  });
  assert.ok(waitingIn(folder) > 100);
  await eventually(async () => (await daemon.status()).cloud.waiting > 100, 'the status to tell', 20000);
  await supabase.faulty.accept();
  daemon.process.kill('SIGHUP'); // of no help, and no harm
  await sent(folder);
  await assertAllThere(folder);
  await eventually(async () => (await daemon.get('/health')).body.components.cloud === 'ok', 'health');
});

test('answers that are lost, cut or late write nothing twice', async () => {
  supabase.faulty.on({ method: 'POST', table: 'signals', times: 2 }, lose());
  supabase.faulty.on({ method: 'POST', table: 'cloud_events', times: 1 }, cut());
  supabase.faulty.on({ method: 'POST', table: 'cloud_events', after: 1, times: 2 }, lose());
  const { daemon, folder } = await runMarket();
  await sent(folder);
  await assertAllThere(folder);
  assert.ok(supabase.faulty.asked('signals', 'POST').some(r => r.fault === 'lose' && r.isDone));
});

test('batches shrink where they are too big or take too long', async () => {
  supabase.faulty.on({ method: 'POST', table: 'signals' }, tooBig(30000));
  supabase.faulty.on({ method: 'POST', table: 'cloud_events', when: r => r.rows?.length > 40 }, statementTimeout());
  const { daemon, folder } = await runMarket();
  await sent(folder);
  await assertAllThere(folder);
});

test('Retry-After is heeded', async () => {
  const rule = supabase.faulty.on({ method: 'POST', table: 'signals', times: 1 }, unavailable(2));
  const { daemon, folder } = await runMarket({ during: () => supabase.faulty.until(() => rule.hits === 1, 'the refusal', 30000) });
  await sent(folder);
  await assertAllThere(folder);
  const asked = supabase.faulty.asked('signals', 'POST'), refused = asked.findIndex(r => r.fault);
  assert.ok(refused >= 0 && asked.length > refused + 1);
});

test('a row that breaks a constraint is set aside; the others go on', async () => {
  const symbol = market.symbols[1], before = market.from + 3 * 3600000;
  await supabase.sql.unsafe(`alter table signals add constraint spec_no_symbol check (symbol <> '${symbol}' or "timestamp" < to_timestamp(${market.from / 1000}) or "timestamp" >= to_timestamp(${before / 1000}))`);
  const { daemon, folder } = await runMarket();
  await sent(folder);
  const signals = stored(folder), good = new Map([...signals].filter(([, s]) => s.symbol !== symbol || s.time >= before));
  assert.ok(good.size > 100 && good.size < signals.size);
  assert.equal(difference(await cloudSignals(supabase), good), '');
  assert.equal(await eventDifference(supabase, signals), '');
  const cloud = await eventually(async () => { const { cloud: it } = await daemon.status(); return it.dead === it.refused && it; }, 'the count');
  assert.ok(cloud.dead === signals.size - good.size && cloud.dead > 1, JSON.stringify(cloud));

  const outbox = (...words) => verb(['outbox', ...words, '--json', '--set', `DATA_DIR=${folder}`]);
  const dead = (await outbox('list')).lines;
  assert.equal(dead.length, cloud.dead);
  assert.ok(dead.every(d => d.table === 'signals' && d.code === '23514' && /spec_no_symbol/.test(d.reason) && d.row.symbol === symbol));
  assert.deepEqual((await outbox('drop', String(dead[0].n))).lines, [{ count: 1 }]);
  assert.equal((await outbox('drop', String(dead[0].n))).code, 1);
  await supabase.sql`alter table signals drop constraint spec_no_symbol`;
  assert.deepEqual((await outbox('retry', '--all')).lines, [{ count: dead.length - 1 }]);
  await eventually(async () => (await daemon.status()).cloud.dead === 0, 'no dead letters', 20000);
  await sent(folder);
  const there = new Set((await supabase.sql`select id from signals`).map(row => row.id));
  assert.deepEqual(dead.map(d => there.has(d.key)), dead.map((d, i) => i > 0));
});

test('a refused key stops the writing until there is another', async () => {
  const folder = tempDir(), dotenv = join(process.cwd(), '.env');
  assert.ok(!existsSync(dotenv), 'this spec needs a folder without .env');
  const rule = supabase.faulty.on({ when: r => r.headers.apikey === 'an_old_key' }, wrongKey());
  const exchange = await startExchange(market);
  try {
    writeFileSync(dotenv, 'SUPABASE_SERVICE_KEY=an_old_key\n');
    const { SUPABASE_SERVICE_KEY: key, ...env } = cloudEnv(supabase, market);
    const daemon = startTrademind({ port: exchange.port, folder, env: { ...env, MACHINE_CPUS: '1' } });
    await daemon.until(() => daemon.port(), 'the daemon to listen');
    await supabase.faulty.until(() => rule.hits > 2, 'refusals', 30000);
    assert.equal((await (await fetch(`http://127.0.0.1:${daemon.port()}/health`)).json()).components.cloud, 'degraded');
    writeFileSync(dotenv, `SUPABASE_SERVICE_KEY=${key}\n`);
    await eventually(async () => (await supabase.sql`select 1 from cloud_machines where lease_owner is not null`).length === 1, 'the lease', 30000);
    assert.ok(!daemon.stderr.includes('an_old_key') && !daemon.stderr.includes(key), 'a key was told');
    assert.equal((await stop(daemon)).code, 0);
  } finally {
    rmSync(dotenv, { force: true });
  }
});

test('a second process of the same user is refused, the same one after a kill is not', async () => {
  const folder = tempDir(), env = cloudEnv(supabase, market);
  const exchange = await startExchange(market, 60);
  const first = await startDaemon({ port: exchange.port, market, folder, env });
  await eventually(async () => (await first.status()).cloud.state === 'ok', 'the lease');
  const second = startTrademind({ port: exchange.port, folder: tempDir(), env });
  assert.equal((await second.ended).code, 1);
  assert.match(second.stderr, /another process acts for user .*: machine .*, at least until/);
  const [machine] = await supabase.sql`select * from cloud_machines`;
  await stop(first, 'SIGKILL');
  const again = await startDaemon({ port: exchange.port, market, folder, env });
  await eventually(async () => (await again.status()).cloud.state === 'ok', 'the lease again');
  assert.equal((await supabase.sql`select id from cloud_machines`)[0].id, machine.id);
  const { ms } = await stop(again);
  console.log(`# stopped in ${ms} ms`);
  assert.ok(ms < 5000);
});

test('a start that fails says so in the machine\'s row', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const daemon = startTrademind({ folder: tempDir(), env: { ...cloudEnv(supabase, market), PORT: String(port) } });
  assert.equal((await daemon.ended).code, 1);
  server.close();
  const [machine] = await supabase.sql`select * from cloud_machines`;
  assert.equal(machine.status, 'error');
  assert.match(machine.error_message, /cannot listen/);
  assert.equal(machine.lease_owner, null);
});

test('force_sync writes what waits; REALTIME=on broadcasts new signals', async () => {
  supabase.faulty.broadcasts.length = 0;
  const { daemon, folder } = await runMarket({ env: { SYNC_INTERVAL_MS: '3600000', REALTIME: 'on' } });
  const c = await connect(daemon);
  await c.ask('pause_execution'); // is an event; the last batch of a hundred may have taken all others
  await eventually(() => waitingIn(folder) > 0, 'it to wait');
  assert.deepEqual(await c.ask('force_sync', {}, 60000), { complete: true, cloud: true });
  c.leave();
  await assertAllThere(folder);
  const messages = supabase.faulty.broadcasts.flatMap(b => b.body.messages);
  assert.ok(messages.length > 20, `${messages.length} broadcasts`);
  const known = stored(folder);
  assert.ok(messages.every(m => m.topic === `user:${supabase.user.id}` && m.event === 'signal_created' && m.private && known.has(m.payload.id)));
});

test('force_sync is answered while Supabase cannot be written to, and says why', async () => {
  const rule = supabase.faulty.on({ method: 'POST', table: 'signals' }, unavailable()); // before anything could be written
  const { daemon, folder } = await runMarket({ env: { SYNC_INTERVAL_MS: '3600000' } });
  const c = await connect(daemon);
  const refused = await c.ask('force_sync', {}, 60000);
  assert.deepEqual([refused.complete, refused.cloud], [false, true]);
  assert.match(refused.why, /schema cache/);
  assert.ok(rule.hits > 0 && waitingIn(folder) > 0);
  supabase.faulty.clear();
  await eventually(async () => (await c.ask('force_sync', {}, 60000)).complete, 'the next success', 60000);
  await assertAllThere(folder);
  c.leave();
});

test('damaged candles do not hold up their signals', async () => {
  const { folder } = await fillBacklog(supabase, nameId('file:rsi_oversold_bounce'), 3, 'damaged');
  execFileSync('sqlite3', [join(folder, 'trademind.db'), "update candles set packed = x'6400ff'"]);
  supabase.faulty.on({ method: 'POST', table: 'signals' }, exchange => exchange.reply(201, ''));
  const daemon = startTrademind({ folder, env: cloudEnv(supabase, market) });
  await eventually(() => waitingIn(folder) === 0, 'the rows to go', 60000);
  assert.equal(daemon.logged(/candles of BTCUSDT 1m are damaged/).length, 1);
});

test('what has waited through a long outage drains with flat memory, each row sent once', { timeout: 1500000 }, async () => {
  const rows = isSoak ? 864000 : 20000; // of a day at ten a second
  const { folder } = await fillBacklog(supabase, nameId('file:rsi_oversold_bounce'), rows, 'backlog');
  supabase.faulty.on({ method: 'POST', table: 'signals' }, exchange => { exchange.entry.rows = exchange.entry.rows.length; exchange.reply(201, ''); });
  const before_ = supabase.faulty.requests.length;
  const daemon = startTrademind({ folder, env: cloudEnv(supabase, market) });
  const resident = () => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${daemon.process.pid}/status`, 'utf8'))[1]) / 1024;
  await eventually(() => waitingIn(folder) < rows - 1000, 'the first rows to go', 60000);
  const first = resident();
  let most = first;
  await eventually(() => { most = Math.max(most, resident()); return waitingIn(folder) < 100; }, 'all to go', 1400000);
  const sizes = supabase.faulty.requests.slice(before_).filter(r => r.table === 'signals' && r.method === 'POST').map(r => r.rows);
  assert.ok(sizes.reduce((a, b) => a + b, 0) >= rows - 100 && Math.max(...sizes) <= 500, `${sizes.length} requests`);
  assert.ok(most < first + 32, `${first} MB at first, ${most} MB at the most`);
  console.log(`# ${rows} rows: ${first.toFixed(0)} MB resident at first, ${most.toFixed(0)} MB at the most, ${sizes.length} requests`);
});
