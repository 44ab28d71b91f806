// The machine that asks Fly for another size: whatever fails or is killed on the way, it ends with the old size or the new one,
// with no lease left, and without a loop. The Machines API is our own (fly.mjs), and restarts the daemon as Fly does.
// time limit: 600
import { test, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { endAll, eventually, startModel, startTrademind, stop, tempDir } from './daemon.mjs';
import { startFly } from './fly.mjs';

const WAIT_MS = 60000;
const cleanups = [];
afterEach(async () => {
  for (const end of cleanups.splice(0).reverse()) await end();
  await endAll();
});

/**
 * A machine at Fly on which the daemon runs: restarted when Fly replaces the machine, and when it dies by itself. `env` more settings.
 */
async function startMachine({ env = {}, socket = false, folder = tempDir(), fly, machine, exchange, restarts = true } = {}) {
  // 60 minutes a second, and a state of the bar every 5 s of it: quiet moments are seen.
  exchange ??= await startModel(['--symbols', '3', '--updates', '11', '--speed', '60']);
  const path = socket ? join(tempDir(), 'api') : undefined;
  fly ??= await startFly({ socket: path });
  machine ??= fly.addMachine({ app: 'demo', cpus: 1, memory_mb: 256 });
  const it = { fly, machine, exchange, folder, daemon: null, runs: 0, isOver: false };
  const settings = {
    SYMBOL_COUNT: '3', HOST: '127.0.0.1', SCALE_MACHINE: 'on', SCALE_MIN_CPUS: '2', SCALE_MAX_CPUS: '2', SCALE_SAMPLE_MS: '200', SCALE_COOLDOWN_S: '1', KLINE_HISTORY: '300',
    FLY_APP_NAME: 'demo', FLY_MACHINE_ID: machine.id,
    ...(socket ? { FLY_API_SOCKET: path } : { FLY_API_URL: fly.url, FLY_API_TOKEN: fly.token }), ...env,
  };
  it.begin = () => {
    const daemon = startTrademind({ port: exchange.port, folder, env: settings });
    it.daemon = daemon;
    it.runs++;
    daemon.ended.then(() => { if (it.daemon === daemon && !it.isOver) it.begin(); }); // restart policy: always
    return daemon;
  };
  it.end = async signal => {
    const daemon = it.daemon;
    it.daemon = null; // it ends on purpose
    const how = daemon && await stop(daemon, signal);
    return how;
  };
  if (restarts) {
    fly.launch = async (which, why) => {
      if (which.id !== machine.id) return;
      it.last = await it.end('SIGINT');
      if (why !== 'stop') it.begin();
    };
  }
  cleanups.push(async () => {
    it.isOver = true;
    await it.end('SIGKILL');
    await fly.close();
  });
  it.logged = pattern => it.daemon && it.daemon.stderr.match(pattern);
  it.status = async () => {
    const daemon = it.daemon;
    if (!daemon?.port() || daemon.hasEnded) return null;
    daemon.token = readFileSync(join(folder, 'token'), 'utf8').trim();
    return (await daemon.status().catch(() => null))?.scale ?? null;
  };
  /** It has `cpus`, knows it, and holds nothing. */
  it.rests = cpus => eventually(async () => {
    const scale = await it.status();
    return machine.state === 'started' && machine.config.guest.cpus === cpus && scale?.known && scale.cpus === cpus && !machine.lease;
  }, `${cpus} CPUs and rest`, WAIT_MS);
  it.begin();
  return it;
}

const actionsOf = (fly, ...names) => fly.log.filter(line => names.includes(line.action)).map(line => line.action);

test('the size that is asked for, through the machine\'s own socket: lease, read, update, stopped, back, verified, released', async () => {
  const it = await startMachine({ socket: true });
  await it.rests(2);
  assert.deepEqual(it.machine.config.guest, { cpu_kind: 'shared', cpus: 2, memory_mb: 512 });
  assert.deepEqual(actionsOf(it.fly, 'get', 'lease', 'update', 'unlease'), ['get', 'lease', 'get', 'update', 'get', 'unlease']);
  const update = it.fly.log.find(line => line.action === 'update');
  assert.deepEqual([update.body.config.image, update.body.config.restart, Boolean(update.body.current_version), Boolean(update.nonce)], ['registry/trademind:1', { policy: 'always' }, true, true]);
  assert.deepEqual([it.runs, it.fly.restarts, it.last.code], [2, 1, 0]);
  assert.ok(it.last.ms < 5000, `${it.last.ms} ms`);
  assert.ok(readdirSync(it.folder).some(name => name.includes('snapshot')), 'a snapshot was written');
  const told = JSON.parse(execFileSync('sqlite3', ['-readonly', '-json', join(it.folder, 'trademind.db'), "SELECT message FROM cloud_events WHERE event_type = 'machine_scaled' ORDER BY created_at"], { encoding: 'utf8' }));
  assert.match(told[0].message, /: 1 CPUs and 256 MB become 2 and 512/);
  assert.equal(it.fly.log.filter(line => line.status === 429).length, 0, 'never faster than Fly allows');
});

const STEPS = ['lease', 'get', 'update', 'unlease'];
for (const step of STEPS) {
  for (const when of ['before', 'after']) {
    test(`killed at ${step}, ${when} Fly does it`, async () => {
      let n = 0, isDone = false;
      const it = await startMachine();
      it.fly.fault = request => {
        if (request.action !== step || isDone || (step === 'get' && ++n < 2)) return undefined; // the first get is that of the start
        isDone = true;
        it.daemon.process.kill('SIGKILL');
        return { lost: when === 'before' ? 'before' : true };
      };
      await eventually(() => isDone, `the ${step}`, WAIT_MS);
      // A lease whose nonce nobody has ends by itself; here its time is over as soon as somebody has asked for it in vain.
      if (step === 'lease' && when === 'after') {
        await eventually(() => it.fly.log.some(line => line.action === 'lease' && line.status === 409), 'another attempt', WAIT_MS);
        it.machine.lease = null;
      }
      await it.rests(2);
      assert.ok(it.fly.restarts <= 1 && it.fly.count('update') <= 2, `${it.fly.restarts} restarts, ${it.fly.count('update')} updates`);
      assert.equal(it.machine.config.guest.memory_mb, 512);
    });
  }
}

test('killed instead of stopped when Fly replaces the machine', async () => {
  const it = await startMachine();
  it.fly.launch = async () => { await it.end('SIGKILL'); it.begin(); };
  await it.rests(2);
  assert.deepEqual([it.fly.restarts, it.fly.count('update')], [1, 1]);
});

test('two daemons that both want it: one lease, one update', async () => {
  const one = await startMachine();
  const other = await startMachine({ fly: one.fly, machine: one.machine, exchange: one.exchange, restarts: false });
  one.fly.launch = async () => { // both are of this machine
    await Promise.all([one.end('SIGINT'), other.end('SIGINT')]);
    one.begin();
    other.begin();
  };
  await one.rests(2);
  await other.rests(2);
  assert.deepEqual([one.fly.restarts, one.fly.log.filter(line => line.action === 'update' && line.status === 200).length], [1, 1]);
  // Whoever updated had the lease; nobody was given a second one before it was over.
  let holder = null;
  for (const line of one.fly.log) {
    if (line.action === 'lease' && line.status === 201) {
      assert.equal(holder, null, 'two leases');
      holder = 'somebody';
    }
    if (line.action === 'update' && line.status === 200) assert.ok(line.nonce && holder);
    if (line.action === 'unlease' && line.status === 200) holder = null;
  }
});

test('no capacity: it stays as it is, goes on, and asks no more often than allowed', async () => {
  const it = await startMachine({ env: { SCALE_MAX_A_DAY: '2' } });
  it.fly.capacity = () => false;
  await eventually(async () => (await it.status())?.refused === 2, 'two refusals', WAIT_MS);
  const before = (await it.status()).samples;
  await eventually(async () => (await it.status())?.samples > before + 10, 'more samples', WAIT_MS);
  assert.deepEqual([it.machine.config.guest.cpus, it.machine.lease, it.runs, it.fly.restarts, it.fly.count('update')], [1, null, 1, 0, 2]);
  assert.ok(it.logged(/the machine's size is not changed: .*insufficient CPUs/));
});

const TROUBLES = {
  'an update that is carried out and whose reply is lost': { update: [{ lost: true }] },
  'an update that is lost on its way': { update: [{ lost: 'before' }] },
  '500 for the update': { update: [{ status: 500, body: { error: 'internal' } }] },
  '429 for the lease, twice': { lease: [{ status: 429, body: { error: 'rate limit exceeded' } }, { status: 429, body: {} }] },
  'a slow Fly': { lease: [{ delayMs: 700 }], get: [{ delayMs: 700 }, { delayMs: 700 }], update: [{ delayMs: 700 }], unlease: [{ delayMs: 700 }] },
  'a lease that cannot be given back at first': { unlease: [{ status: 500, body: {} }, { lost: 'before' }] },
  'what the machine is cannot be verified at first': { get: [{}, {}, { status: 500, body: {} }] },
};
for (const [name, faults] of Object.entries(TROUBLES)) {
  test(name, async () => {
    const it = await startMachine(), left = structuredClone(faults);
    it.fly.fault = request => left[request.action]?.shift();
    await it.rests(2);
    assert.ok(it.fly.restarts === 1 && it.fly.count('update') <= 3, `${it.fly.restarts} restarts, ${it.fly.count('update')} updates`);
    assert.ok(Object.values(left).every(list => list.length === 0), 'all of it happened');
  });
}

test('flyctl scale vm: the size that is found is held', async () => {
  const it = await startMachine({ env: { SCALE_MIN_CPUS: '1', SCALE_MAX_CPUS: '1' } });
  await it.rests(1);
  it.machine.config = { ...it.machine.config, guest: { cpu_kind: 'shared', cpus: 4, memory_mb: 1024 } };
  it.machine.instance_id = 'v2';
  await it.end('SIGINT');
  it.begin();
  await it.rests(4);
  assert.ok(it.logged(/the machine has 4 CPUs and 1024 MB, chosen by hand: held for 24 h/));
  const scale = await it.status();
  assert.ok(scale.heldUntil > Date.now() + 23 * 3600000);
  assert.equal(it.fly.count('update'), 0);
});

test('without Fly\'s names there is nothing to scale, and it says so', async () => {
  const exchange = await startModel(['--symbols', '3', '--speed', '60']);
  const daemon = startTrademind({ port: exchange.port, folder: tempDir(), env: { SYMBOL_COUNT: '3', SCALE_MACHINE: 'on' } });
  await daemon.until(it => /without FLY_APP_NAME and FLY_MACHINE_ID/.test(it.stderr), 'the warning');
  assert.equal((await stop(daemon)).code, 0);
});

const n_cpus = availableParallelism();
test('workers follow what an evaluation takes, without a restart', { skip: n_cpus < 2 && 'one CPU only' }, async () => {
  const traders = tempDir(), folder = tempDir();
  // Some 10 ms of work at each close of each symbol: SCALE_LAG_MS and more.
  writeFileSync(join(traders, 'slow.lua'), `return trader {interval = "1m", filter = function(m)
  local sum = 0
  for i = 1, 2e6 do sum = sum + i % 7 end
  return sum < 0
end}`);
  const exchange = await startModel(['--symbols', '3', '--speed', '60']);
  const daemon = startTrademind({ port: exchange.port, folder, traders, env: { SYMBOL_COUNT: '3', SCALE_WORKERS: 'on', SCALE_LAG_MS: '10', SCALE_SAMPLE_MS: '200', KLINE_HISTORY: '300' } });
  await daemon.until(it => it.port(), 'the daemon to listen');
  daemon.token = readFileSync(join(folder, 'token'), 'utf8').trim();
  const status = await eventually(async () => { const s = await daemon.status(); return s.workers.length === 2 && s; }, 'a second worker', WAIT_MS);
  assert.ok(status.scale.workers && !status.scale.machine);
  assert.equal((await stop(daemon)).code, 0);
});
