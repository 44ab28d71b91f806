// Nothing lost, nothing twice: the daemon is killed at named points and at any moment while signals flow and the network
// fails. Afterwards Supabase holds exactly the signals of an undisturbed run, each once, each with its event.
// builds: release dev
// time limit: 3600
import { test, before, after, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { builtInTraders, dice, difference, endAll, eventually, isSoak, recordedMarket, seed, settled, startDaemon, startExchange, startTrademind, stop, tempDir } from './daemon.mjs';
import { cloudEnv, cloudSignals, eventDifference, startProject, waitingIn } from './cloud.mjs';
import { cut, lose, reset, statementTimeout, tooMany, unavailable } from './faulty.mjs';
import { build } from './harness.mjs';

console.log(`# durability: seed ${seed}`);

// A whole run is some 250 signals: killed about so often.
const SPEED = isSoak ? 1440 : 3600; // a day in 60 or 24 s: the market goes on while nobody looks
const LIFE_MS = 4000;
const KILLING_MS = 0.55 * 86400000 / SPEED; // the last life has to see its end
const KILLS_PER_RUN = isSoak ? 20 : 8, KILLS = isSoak ? 200 : 16;
const POINTS = ['commit.before', 'commit.middle', 'commit.after', 'outbox.put', 'sync.send', 'sync.sent', 'outbox.settle.before', 'outbox.settle.after'];
const hasFaults = readFileSync(join(build, 'libtrademind.so')).includes('TRADEMIND_FAULT');

const market = recordedMarket(3);
let supabase, expected;

const random = dice(seed);

const env = extra => ({ ...cloudEnv(supabase, market), SYNC_INTERVAL_MS: '100', MACHINE_CPUS: String(random(1, 2)), ...extra });

/** The market is over and the daemon has dealt with it: then it is stopped once nothing waits. */
async function finishRun(exchange, folder) {
  const daemon = await startDaemon({ port: exchange.port, market, folder, env: env() });
  assert.equal((await exchange.ended).code, 0);
  await settled(daemon);
  await eventually(() => waitingIn(folder) === 0, 'everything to be sent', 120000);
  assert.equal((await stop(daemon)).code, 0, daemon.stderr);
}

const dead = folder => execFileSync('sqlite3', ['-readonly', join(folder, 'trademind.db'), 'select destination, reason from dead_letters'], { encoding: 'utf8' });

async function clearProject() {
  await supabase.sql`delete from signals`;
  await supabase.sql`delete from cloud_machines`;
}

before(async () => {
  supabase = await startProject(builtInTraders);
  const exchange = await startExchange(market), folder = tempDir();
  await finishRun(exchange, folder);
  expected = await cloudSignals(supabase);
  assert.ok(expected.size > 100, `${expected.size} signals`);
  await clearProject();
}, { timeout: 300000 });
after(() => supabase?.stop());
afterEach(endAll);

/** Trouble on the way to Supabase, now of this kind and now of that, until it is told to stop. */
function startTrouble() {
  let hasEnded = false;
  const kinds = [lose, cut, reset, statementTimeout, () => unavailable(0), () => tooMany(1)];
  const pause = ms => new Promise(done => setTimeout(done, ms));
  const work = (async () => {
    while (!hasEnded) {
      supabase.faulty.clear();
      await pause(random(0, 400));
      if (random(0, 5) === 0) {
        await supabase.faulty.refuse();
        await pause(random(50, 500));
        await supabase.faulty.accept();
      } else {
        supabase.faulty.on({ times: random(1, 4), when: r => r.method !== 'GET' }, kinds[random(0, kinds.length - 1)]());
      }
      await pause(random(20, 200));
    }
    supabase.faulty.clear();
  })();
  return async () => { hasEnded = true; await work; };
}

/** The first life, until it runs: before, the machine has promised nothing, and a later life would begin with later bars. */
async function begin(exchange, folder, tally) {
  const daemon = await startDaemon({ port: exchange.port, market, folder, env: env() });
  await eventually(async () => { const s = await daemon.status(); return s.status === 'running' && s.storage.queued === 0; }, 'the daemon to run');
  await stop(daemon, 'SIGKILL');
  tally.set('any moment', (tally.get('any moment') ?? 0) + 1);
}

/** One life of the daemon, ended by SIGKILL: at a fault point, or after some signals and ms more. */
async function live(exchange, folder, tally) {
  const point = hasFaults && random(0, 3) > 0 ? `${POINTS[random(0, POINTS.length - 1)]}:${random(1, 12)}` : null;
  const daemon = startTrademind({ port: exchange.port, folder, env: env(point ? { TRADEMIND_FAULT: point } : {}) });
  const wanted = random(0, 10), ms = random(0, 400), isStopped = random(0, 4) === 0;
  await Promise.race([daemon.ended, daemon.until(it => it.signals().length >= wanted, 'signals', LIFE_MS).catch(() => {})]);
  await Promise.race([daemon.ended, new Promise(done => setTimeout(done, ms))]);
  if (isStopped && !daemon.hasEnded) { // in the middle of a stop
    daemon.process.kill('SIGTERM');
    await Promise.race([daemon.ended, new Promise(done => setTimeout(done, ms))]);
  }
  const atPoint = daemon.hasEnded;
  const how = await stop(daemon, 'SIGKILL');
  if (how.signal !== 'SIGKILL') assert.equal(how.code, 0, daemon.stderr);
  const where = atPoint ? point?.split(':')[0] : 'any moment';
  if (how.signal === 'SIGKILL') tally.set(where, (tally.get(where) ?? 0) + 1);
}

test(`${KILLS} kills`, async () => {
  const tally = new Map(), total = () => [...tally.values()].reduce((a, b) => a + b, 0);
  for (let run = 0; total() < KILLS; run++) {
    const exchange = await startExchange(market, SPEED), folder = tempDir(), before_ = total();
    await begin(exchange, folder, tally);
    const endTrouble = startTrouble();
    const end = performance.now() + KILLING_MS;
    while (total() - before_ < KILLS_PER_RUN && performance.now() < end) await live(exchange, folder, tally);
    assert.ok(!exchange.hasEnded, 'the market ended before the last life began');
    await endTrouble();
    await finishRun(exchange, folder);
    const where = `seed ${seed}, run ${run}, ${total()} kills`;
    assert.equal(difference(await cloudSignals(supabase), expected), '', where);
    assert.equal(await eventDifference(supabase, expected), '', where);
    assert.equal(dead(folder), '', where);
    await clearProject();
    await endAll();
  }
  console.log(`# killed: ${[...tally].map(([name, n]) => `${name} ${n}`).join(', ')}`);
});

test('a kill at every named point', { skip: hasFaults ? false : 'this build has no fault points (dev has)' }, async () => {
  const exchange = await startExchange(market, SPEED), folder = tempDir();
  const points = [...POINTS, 'outbox.bury'];
  await begin(exchange, folder, new Map());
  await supabase.sql`alter table cloud_events add constraint spec_refused check (event_type <> 'config_synced') not valid`;
  try {
    for (const point of points) {
      const daemon = startTrademind({ port: exchange.port, folder, env: env({ TRADEMIND_FAULT: `${point}:${point === 'outbox.bury' ? 1 : random(1, 3)}` }) });
      const how = await Promise.race([daemon.ended, new Promise(done => setTimeout(done, 60000, null))]);
      assert.equal(how?.signal, 'SIGKILL', `${point} was not passed: ${daemon.stderr.slice(-2000)}`);
    }
    await finishRun(exchange, folder);
  } finally {
    await supabase.sql`alter table cloud_events drop constraint spec_refused`;
  }
  assert.equal(difference(await cloudSignals(supabase), expected), '');
  assert.equal(await eventDifference(supabase, expected), '');
  assert.match(dead(folder), /^(cloud_events\|.*23514.*spec_refused.*\n)+$/);
  await clearProject();
});
