// `trademind provision`: against our own Fly and a real PostgreSQL. Whatever is lost or killed, a user has one machine, and what
// a failed call has made is gone again.
// time limit: 900
import { test, before, after, beforeEach } from 'node:test';
import assert from 'node:assert/strict';
import { SECRET_KEY } from './supabase.mjs';
import { startPlace } from './provisioning.mjs';

let place;
before(async () => { place = await startPlace(); });
after(() => place.stop());
beforeEach(async () => {
  place.fly.apps.clear();
  place.fly.log.length = 0;
  place.fly.fault = () => undefined;
  place.fly.capacity = () => true;
  place.isWell = () => true;
  await place.sql`delete from cloud_machines`;
});

const create = (env, ...words) => place.provision(['create', '--user', place.user.id, ...words], env);
const app = () => `trademind-screener-${place.user.id}`;

test('create: an app of its own with addresses, secrets, volume, one machine that is well; the row knows all of it', async () => {
  const { code, result, stderr, stdout } = await create({}, '--region', 'fra', '--cpus', '2');
  assert.equal(code, 0, stderr);
  const [machine] = place.machines(), owner = place.fly.apps.get(app());
  assert.deepEqual(result, {
    machineId: app(), flyMachineId: machine.id, websocketUrl: `wss://${app()}.fly.dev`, websocketHost: `${app()}.fly.dev`,
    healthCheckUrl: `https://${app()}.fly.dev/health`, status: 'running', wasReused: false, flyAppName: app(), region: 'fra', cpus: 2, memoryMb: 512,
  });
  assert.deepEqual(owner.addresses.map(a => [a.ip.includes(':'), a.shared]), [[false, true], [true, false]]);
  assert.deepEqual(owner.secrets, { SUPABASE_SERVICE_KEY: SECRET_KEY, SUPABASE_SERVICE_KEY_B64: Buffer.from(SECRET_KEY).toString('base64'), GEMINI_API_KEY: 'gemini-secret' });
  assert.deepEqual(owner.volumes.map(v => [v.name, v.region]), [['data', 'fra']]);
  const { config } = machine;
  assert.deepEqual([machine.region, config.guest, config.restart, config.stop_config, config.metrics],
    ['fra', { cpu_kind: 'shared', cpus: 2, memory_mb: 512 }, { policy: 'always' }, { signal: 'SIGINT', timeout: '10s' }, { port: 9091, path: '/metrics' }]);
  assert.deepEqual(config.mounts, [{ volume: owner.volumes[0].id, path: '/data' }]);
  assert.deepEqual([config.services[0].internal_port, config.services[0].autostop, config.checks.health.path], [8080, 'off', '/health']);
  assert.deepEqual([config.env.USER_ID, config.env.SUPABASE_URL, config.env.SUPABASE_SERVICE_KEY, config.env.SCALE_MACHINE], [place.user.id, place.env.SUPABASE_URL, undefined, 'on']);
  const row = await place.row();
  assert.deepEqual([row.fly_machine_id, row.fly_app_name, row.status, row.region, row.cpus, row.memory_mb, row.websocket_url, row.provision_owner],
    [machine.id, app(), 'running', 'fra', 2, 512, `wss://${app()}.fly.dev`, null]);
  assert.ok(row.provisioned_at && row.started_at && row.health_check_url && !row.error_message);
  for (const secret of [SECRET_KEY, Buffer.from(SECRET_KEY).toString('base64'), 'gemini-secret', place.fly.token]) assert.ok(!(stderr + stdout).includes(secret));
  const events = await place.sql`select event_type from cloud_events order by created_at`;
  assert.deepEqual(events.map(e => e.event_type).sort(), ['machine_provisioned', 'machine_started']);
});

test('create again: the machine that is there; one that was stopped is started', async () => {
  const first = (await create()).result;
  const again = await create();
  assert.deepEqual([again.code, again.result.flyMachineId, again.result.wasReused, again.result.status], [0, first.flyMachineId, true, 'running']);
  const stopped = await place.provision(['stop', '--user', place.user.id]);
  assert.deepEqual([stopped.code, stopped.result.status, place.machines()[0].state, (await place.row()).status], [0, 'stopped', 'stopped', 'stopped']);
  const third = await create();
  assert.deepEqual([third.result.flyMachineId, third.result.wasReused, place.machines()[0].state], [first.flyMachineId, true, 'started']);
  assert.equal(place.machines().length, 1);
});

test('create twice at once: one machine, both know it', async () => {
  const both = await Promise.all([create(), create()]);
  assert.deepEqual(both.map(one => one.code), [0, 0], both.map(one => one.stderr).join('\n'));
  assert.deepEqual(both.map(one => one.result.wasReused).sort(), [false, true]);
  assert.equal(both[0].result.flyMachineId, both[1].result.flyMachineId);
  assert.deepEqual([place.machines().length, place.fly.apps.size, place.fly.apps.get(app()).volumes.length], [1, 1, 1]);
});

test('who may not: another tier, no subscription, a region or a size that there is not', async () => {
  const pro = await place.supabase.addUser({ tier: 'pro' });
  const refused = await place.provision(['create', '--user', pro.id]);
  assert.deepEqual([refused.code, /active elite subscription; this one is pro/.test(refused.stderr)], [1, true], refused.stderr);
  const stranger = await place.provision(['create', '--user', '6f2d1c1e-0000-4000-8000-000000000000']);
  assert.match(stranger.stderr, /has no subscription/);
  await place.sql`update user_subscriptions set status = 'past_due' where user_id = ${place.user.id}`;
  assert.match((await create()).stderr, /elite, past_due/);
  await place.sql`update user_subscriptions set status = 'active' where user_id = ${place.user.id}`;
  for (const [words, pattern] of [[['--region', 'syd'], /region "syd"; expected one of sin,iad,fra/], [['--cpus', '3'], /cpus 3; expected 1, 2, 4 or 8/], [['--app', 'A_b'], /app "A_b"/]]) {
    const it = await create({}, ...words);
    assert.deepEqual([it.code, pattern.test(it.stderr)], [2, true], it.stderr);
  }
  assert.match((await place.provision(['create', '--user', 'ann'])).stderr, /expected a UUID/);
  assert.equal(place.fly.log.length, 0, 'Fly was never asked');
});

test('iad: made, with a warning', async () => {
  const it = await create({}, '--region', 'iad');
  assert.equal(it.code, 0);
  assert.match(it.stderr, /warning: Binance refuses addresses of the United States/);
});

test('never well: what was made is taken back, the row says why, and the next try works', async () => {
  place.isWell = () => false;
  const failed = await create({ PROVISION_HEALTH_S: '3' });
  assert.equal(failed.code, 5, failed.stderr);
  assert.match(failed.stderr, /says that the machine is not well/);
  assert.deepEqual([place.fly.apps.size, place.machines().length], [0, 0]);
  const row = await place.row();
  assert.deepEqual([row.status, row.fly_machine_id, row.provision_owner], ['error', null, null]);
  assert.match(row.error_message, /not well/);
  place.isWell = () => true;
  const next = await create();
  assert.deepEqual([next.code, next.result.wasReused, place.machines().length], [0, false, 1]);
  assert.equal((await place.row()).error_message, null);
});

test('no capacity: taken back, and told with the region', async () => {
  place.fly.capacity = () => false;
  const it = await create();
  assert.deepEqual([it.code, place.fly.apps.size], [1, 0]);
  assert.match(it.stderr, /there is no room for it in sin now; try again, or another region/);
});

test('the name is another\'s', async () => {
  place.fly.names.add(app());
  const it = await create();
  place.fly.names.clear();
  assert.equal(it.code, 1);
  assert.match(it.stderr, /cannot be made: .*already been taken/);
});

const STEPS = ['app_create', 'POST ip_assignments', 'POST secrets', 'POST volumes', 'POST machines', 'wait'];
for (const step of STEPS) {
  test(`the reply to ${step} is lost`, async () => {
    let isDone = false;
    place.fly.fault = request => (request.action === step && !isDone ? (isDone = true, { lost: true }) : undefined);
    const it = await create();
    assert.equal(it.code, 0, it.stderr);
    assert.ok(isDone);
    const owner = place.fly.apps.get(app());
    assert.deepEqual([place.machines().length, owner.volumes.length, owner.addresses.length], [1, 1, 2]);
  });

  test(`killed at ${step}, after Fly did it; then asked again`, async () => {
    let first = place.begin(['create', '--user', place.user.id]), isDone = false;
    place.fly.fault = request => {
      if (request.action !== step || isDone) return undefined;
      isDone = true;
      first.process.kill('SIGKILL');
      return { lost: true };
    };
    assert.equal((await first.ended).signal, 'SIGKILL');
    await place.sql`update cloud_machines set provision_until = now() - interval '1 second'`; // its claim is over
    const it = await create();
    assert.equal(it.code, 0, it.stderr);
    const owner = place.fly.apps.get(app());
    assert.deepEqual([place.machines().length, owner.volumes.length, owner.addresses.length, (await place.row()).fly_machine_id], [1, 1, 2, place.machines()[0].id]);
  });
}

/** As if another had claimed the machine since, and had made something of it. */
const takeOver = more => place.sql`update cloud_machines set ${place.sql({ provision_owner: 'another', ...more })}`;

test('a claim that is lost: the row is another\'s, and what is at Fly, too', async () => {
  let isDone = false;
  place.fly.fault = async ({ action }) => {
    if (action === 'POST machines' && !isDone) await takeOver({ error_message: 'of another', provision_until: new Date(Date.now() + 3600000) });
    isDone ||= action === 'POST machines';
  };
  const it = await create();
  assert.deepEqual([it.code, isDone], [1, true], it.stderr);
  assert.match(it.stderr, /another has taken over the work on this machine/);
  const row = await place.row();
  assert.deepEqual([row.status, row.error_message, row.provision_owner, row.fly_machine_id], ['provisioning', 'of another', 'another', null]);
  assert.equal(place.machines().length, 1, 'whoever has the claim finds it by its name');
});

test('a claim that is lost before the machine is made: nothing is made any more', async () => {
  place.fly.fault = async ({ action }) => { if (action === 'POST volumes') await takeOver(); };
  const it = await create();
  assert.deepEqual([it.code, place.fly.count('POST machines'), place.fly.count('app_delete')], [1, 0, 0], it.stderr);
});

test('a claim that is lost, and the work fails: another\'s machine stays', async () => {
  place.isWell = () => false;
  place.fly.fault = async ({ action }) => { if (action === 'wait') await takeOver({ status: 'running' }); };
  const it = await create({ PROVISION_HEALTH_S: '2' });
  assert.equal(it.code, 5, it.stderr);
  const row = await place.row();
  assert.deepEqual([place.fly.count('destroy'), place.fly.count('app_delete'), row.status, row.fly_machine_id], [0, 0, 'running', place.machines()[0].id]);
});

test('a sentence that is cut in the middle of a character is told and kept', async () => {
  for (const before of ['', 'a', 'ab', 'abc']) {
    place.fly.fault = ({ action }) => (action === 'POST volumes' ? { status: 422, body: { error: before + '\u{1f4be}'.repeat(200) } } : undefined);
    const it = await create();
    assert.equal(it.code, 1, it.stderr);
    const row = await place.row();
    assert.match(`${row.status}: ${row.error_message}`, /^error: the volume cannot be made: .*\u{1f4be}$/u);
    await place.sql`delete from cloud_machines`;
  }
});

test('start: not without a subscription', async () => {
  await create();
  await place.provision(['stop', '--user', place.user.id]);
  await place.sql`update user_subscriptions set status = 'past_due' where user_id = ${place.user.id}`;
  const it = await place.provision(['start', '--user', place.user.id]);
  await place.sql`update user_subscriptions set status = 'active' where user_id = ${place.user.id}`;
  assert.deepEqual([it.code, /active elite subscription; this one is elite, past_due/.test(it.stderr)], [1, true], it.stderr);
  const row = await place.row();
  assert.deepEqual([place.machines()[0].state, place.fly.count('start'), row.status, row.error_message], ['stopped', 0, 'stopped', null]);
});

test('status, stop, start, destroy', async () => {
  const none = await place.provision(['status', '--user', place.user.id]);
  assert.deepEqual([none.code, /has no machine/.test(none.stderr)], [1, true]);
  const made = (await create()).result;
  const status = async () => (await place.provision(['status', '--user', place.user.id])).result.status;
  assert.equal(await status(), 'running');
  await place.provision(['stop', '--user', place.user.id]);
  assert.equal(await status(), 'stopped');
  const started = await place.provision(['start', '--user', place.user.id]);
  assert.deepEqual([started.code, started.result.status, place.machines()[0].state], [0, 'running', 'started']);
  const gone = await place.provision(['destroy', '--user', place.user.id]);
  assert.deepEqual([gone.code, gone.result.status, gone.result.flyMachineId, place.fly.apps.size], [0, 'destroyed', made.flyMachineId, 0]);
  assert.equal((await place.row()).fly_machine_id, null);
  assert.equal((await place.provision(['stop', '--user', place.user.id])).code, 1);
});

test('a machine that somebody else has destroyed is made anew', async () => {
  const first = (await create()).result;
  place.fly.apps.clear();
  assert.equal((await place.provision(['status', '--user', place.user.id])).result.status, 'destroyed');
  const next = await create();
  assert.deepEqual([next.code, next.result.wasReused, next.result.flyMachineId === first.flyMachineId], [0, false, false]);
});

test('upgrade: another image, well; one that is not well goes back', async () => {
  await create();
  const upgrade = (image, env) => place.provision(['upgrade', '--user', place.user.id, '--image', image], env);
  const good = await upgrade('registry.fly.io/trademind:2');
  assert.equal(good.code, 0, good.stderr);
  const [machine] = place.machines();
  assert.deepEqual([machine.config.image, machine.config.mounts.length, machine.lease], ['registry.fly.io/trademind:2', 1, null]);
  place.isWell = image => !image.endsWith(':3');
  const bad = await upgrade('registry.fly.io/trademind:3', { PROVISION_HEALTH_S: '3' });
  assert.equal(bad.code, 5, bad.stderr);
  assert.match(bad.stderr, /not well; the machine has the image before again/);
  assert.deepEqual([machine.config.image, machine.state, machine.lease, (await place.row()).status], ['registry.fly.io/trademind:2', 'started', null, 'running']);
  machine.lease = { nonce: 'x', until: Date.now() + 60000, owner: 'spec' };
  const held = await upgrade('registry.fly.io/trademind:4');
  assert.deepEqual([held.code, /lease currently held/.test(held.stderr), machine.config.image], [1, true, 'registry.fly.io/trademind:2']);
});

test('upgrade: a way back that fails, too: both failures are told', async () => {
  await create();
  place.isWell = image => !image.endsWith(':3');
  place.fly.fault = ({ action }) => (action === 'update' && place.fly.count('update') === 1 ? { status: 422, body: { error: 'no such image any more' } } : undefined);
  const it = await place.provision(['upgrade', '--user', place.user.id, '--image', 'registry.fly.io/trademind:3'], { PROVISION_HEALTH_S: '2' });
  assert.equal(it.code, 5, it.stderr);
  assert.match(it.stderr, /not well; and it could not be given the image before: .*no such image any more/);
});

test('upgrade: the lease is prolonged before the way back', async () => {
  await create();
  const [machine] = place.machines();
  place.isWell = image => !image.endsWith(':3');
  place.fly.log.length = 0;
  const it = await place.provision(['upgrade', '--user', place.user.id, '--image', 'registry.fly.io/trademind:3'], { PROVISION_HEALTH_S: '2' });
  assert.match(it.stderr, /the machine has the image before again/);
  const steps = place.fly.log.filter(({ action }) => ['lease', 'update', 'unlease'].includes(action));
  assert.deepEqual(steps.map(({ action, nonce, status }) => [action, Boolean(nonce), status]),
    [['lease', false, 201], ['update', true, 200], ['lease', true, 201], ['update', true, 200], ['unlease', true, 200]]);
  assert.ok(steps[2].body.ttl >= 600);
  assert.equal(machine.lease, null);
});
