// A hostile script beside good ones: it is named and quarantined in the whole process, and the others lose nothing.
// time limit: 300
import { test, describe, before, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { cpSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { start } from './harness.mjs';
import {
  builtInTraders, byId, difference, endAll, eventually, recordedMarket, replay, seed, settled, startDaemon, startExchange, startModel, stored, tempDir,
} from './daemon.mjs';

console.log(`# hostile: seed ${seed}`);
afterEach(endAll);

// Longer than a busy machine may keep a good filter waiting; the limit itself is measured in spec/c/runaway_test.c.
const LIMITS = ['--set', 'SCRIPT_CPU_MS=100'];
const market = recordedMarket(4, 0.25);
const middle = (market.from + market.to) / 2;

/** A trader whose filter is good in the dry evaluation and in the first half of the span, and then does `body`. */
function turning(body, before = '') {
  return `${before}\nreturn trader {name = "h", interval = "1m", filter = function(m)\n`
    + `  if m.symbol ~= "DRYUSDT" and m.time >= ${middle} then ${body} end\n  return m.close[0] > m.open[0]\nend}\n`;
}

const CPU = /stopped, over its limit SCRIPT_CPU_MS of 100 ms of CPU time/;
const MEMORY = /stopped, over its limit SCRIPT_MEMORY_MB of 64 MB/;
const KINDS = {
  loop: [turning('while true do end'), CPU],
  errors_loop: [turning('while true do pcall(error, "x") end'), CPU],
  pattern: [turning('local _ = ("a"):rep(30000):find(("a*"):rep(20) .. "b")'), CPU],
  storm: [turning('local t = {} while true do t[#t + 1] = ("x"):rep(#t) end'), new RegExp(`${CPU.source}|${MEMORY.source}`)],
  recursion: [turning('local function f() coroutine.wrap(f)() end while true do pcall(f) end'), CPU],
  sort: [turning('table.sort({3, 2, 1}, function() while true do end end)'), CPU],
  json: [turning('local s = ("x"):rep(2e5) while true do json.encode({s}) end'), CPU],
  one_text: [turning('local s = ("x"):rep(60e6) return s == s .. s'), new RegExp(`${CPU.source}|${MEMORY.source}`)],
  hoarder: [turning('for i = 1, 2000 do kept[#kept + 1] = {m.close[0], {}, {}} end', 'local kept = {}'), MEMORY],
  errors: [turning('error("on purpose")'), /hostile\.lua:3: on purpose/],
  nonsense: [turning('return 7'), /hostile\.lua:2: filter returned 7; expected true, false or a table/],
};
const BROKEN = {
  at_load: ['while true do end', /hostile\.lua: stopped, over its limit SCRIPT_LOAD_CPU_MS/],
  in_dry_evaluation: ['return trader {filter = function(m) while true do end end}', /hostile\.lua: stopped, over its limit SCRIPT_CPU_MS/],
  memory_at_load: ['local t = {} while true do t[#t + 1] = ("x"):rep(1e5) .. #t end', /hostile\.lua: stopped, over its limit/],
  syntax: ['return trader {\n  filter = function(m) return m.close[0] > end,\n}', /hostile\.lua:2: unexpected symbol near 'end'/],
};
// It makes much and keeps nothing: the neighbour that a hoarder must not be mistaken for.
const CHURNING = 'return trader {name = "churning", interval = "1m", filter = function(m)\n'
  + 'local t = {} for i = 1, 300 do t[i] = {i .. "x" .. m.close[0]} end return m.close[0] > m.open[0] and m.close[1] < m.open[1] end}\n';

function folderWith(scripts) {
  const folder = tempDir();
  for (const name of readdirSync(builtInTraders)) cpSync(join(builtInTraders, name), join(folder, name));
  writeFileSync(join(folder, 'churning.lua'), CHURNING);
  for (const [name, code] of Object.entries(scripts)) writeFileSync(join(folder, `${name}.lua`), code);
  return folder;
}

/** A replay that may have failing traders: how it ended, what it said, and the signals of all traders but the named ones. */
async function replayBeside(scripts, workers) {
  const span = ['--from', String(market.from), '--to', String(market.to), '--symbols', market.symbols.join(',')];
  const words = ['replay', '--json', '--data', market.data, ...span, '--traders', folderWith(scripts), '--workers', String(workers), ...LIMITS];
  const it = start('trademind', words);
  const { code, signal } = await it.ended;
  assert.equal(signal, null, it.stderr);
  return { code, stderr: it.stderr, signals: byId(it.lines.filter(line => line.id && !(line.trader in scripts))) };
}

const quarantines = (stderr, trader) => stderr.split('\n').filter(line => line.includes(`trader ${trader} is quarantined: `));

let expected;
before(async () => {
  expected = await replay(market, { traders: folderWith({}) });
  assert.ok(expected.size > 20, `${expected.size} signals`);
});

// The pauses of 1, 5, 30 and 120 minutes fit into the three hours in which it fails, and the fifth goes beyond their end.
const N_PAUSES = 5;

function assertPauses(said, name, what) {
  if (/hoard/.test(name)) assert.ok(said.length >= 1 && said.length <= N_PAUSES, `${said.length} pauses\n${what}`); // it has to fill up first
  else assert.equal(said.length, N_PAUSES, what);
}

describe('in a replay a script that is stopped is quarantined for growing times, and costs the others no signal:', () => {
  Object.entries(KINDS).forEach(([name, [code, reason]], i) => {
    const workers = [1, 2, 4][i % 3];
    test(`${name}, ${workers} workers`, async () => {
      const { code: exitCode, stderr, signals } = await replayBeside({ hostile: code }, workers);
      assert.equal(exitCode, 1, 'a trader has failed');
      assert.equal(difference(signals, expected), '');
      const said = quarantines(stderr, 'hostile');
      assertPauses(said, name, stderr);
      assert.match(said[0], reason);
      assert.equal(quarantines(stderr, '').length, 0);
      assert.doesNotMatch(stderr, /trader (?!hostile )\w+ (is quarantined|failed)/);
    });
  });

  for (const workers of [1, 2, 4]) {
    test(`all of them at once, ${workers} workers`, async () => {
      const scripts = Object.fromEntries(Object.entries(KINDS).map(([name, [code]]) => [`hostile_${name}`, code]));
      const { stderr, signals } = await replayBeside(scripts, workers);
      assert.equal(difference(signals, expected), '');
      for (const name of Object.keys(scripts)) assertPauses(quarantines(stderr, name), name, `${name}\n${stderr}`);
    });
  }

  test('a trader that fails is quarantined after SCRIPT_MAX_ERRORS bars in a row, not before', async () => {
    const once = turning(`local k = (m.time - ${middle}) / 60000 if k >= 0 and k % 6 < 4 then error("now and then") end`);
    const { code, stderr, signals } = await replayBeside({ hostile: once }, 2);
    assert.equal(code, 1);
    assert.equal(difference(signals, expected), '');
    assert.equal(quarantines(stderr, 'hostile').length, 0, stderr);
    assert.match(stderr, /trader hostile failed on \w+: .*hostile\.lua:3: now and then/);
  });
});

describe('a script that cannot be loaded is named with its reason, and the others run:', () => {
  for (const [name, [code, reason]] of Object.entries(BROKEN)) {
    test(name, async () => {
      const { code: exitCode, stderr, signals } = await replayBeside({ hostile: code }, 2);
      assert.equal(exitCode, 1, 'a trader has failed');
      assert.match(stderr, reason);
      assert.equal(difference(signals, expected), '');
    });
  }
});

describe('in the running daemon', () => {
  const others = (found, scripts) => new Map([...found].filter(([, s]) => !(s.trader in scripts)));

  test('a hostile script is seen in the status, costs no signal, and the end is an ordinary one', async () => {
    const scripts = { hostile: KINDS.loop[0], hoarding: KINDS.hoarder[0], failing: KINDS.errors[0] };
    const folder = tempDir();
    const sim = await startExchange(market);
    const daemon = await startDaemon({ port: sim.port, market, folder, traders: folderWith(scripts), words: LIMITS, workers: 2 });
    await sim.ended;
    const status = await settled(daemon);
    for (const { trader, state, errors, lastError: last } of status.traders) {
      const lastError = last?.message;
      assert.equal(errors > 0, trader in scripts, `${trader}: ${lastError}`);
      if (trader !== 'hoarding') assert.equal(state === 'quarantined', trader in scripts, `${trader}: ${lastError}`);
      if (trader === 'hostile') assert.match(lastError, CPU);
      if (trader === 'hoarding') assert.match(lastError, MEMORY);
      if (trader === 'failing') assert.ok(errors >= 5 && /failing\.lua:3: on purpose/.test(lastError), `${errors} ${lastError}`);
    }
    assert.equal((await daemon.get('/health')).body.status, 'degraded');
    assert.equal((await daemon.stop()).code, 0, daemon.stderr);
    assert.equal(difference(others(stored(folder), scripts), expected), '');
  });

  test('after SCRIPT_MAX_KILLS it drains and starts anew under the same process id, and no signal is lost', async () => {
    // Each rages at one bar only: what was stopped is not tried again at the next start.
    const bar = k => turning(`if m.time == ${middle + k * 60000} then while true do end end`);
    const scripts = { first: bar(3), second: bar(9) };
    const folder = tempDir();
    const sim = await startExchange(market, 7200);
    const daemon = await startDaemon({
      port: sim.port, market, folder, traders: folderWith(scripts), words: LIMITS, env: { SCRIPT_MAX_KILLS: '2' }, workers: 1,
    });
    const { pid } = daemon.process;
    await daemon.until(it => it.logged(/SCRIPT_MAX_KILLS.*starting anew/).length > 0, 'the second kill', 60000);
    await daemon.until(it => it.logged(/listening on/).length > 1, 'the daemon to listen again');
    assert.equal(daemon.process.pid, pid);
    await sim.ended;
    daemon.port = () => Number(/listening on \S+ port (\d+)/.exec(daemon.logged(/listening on/).at(-1))[1]);
    await eventually(async () => (await settled(daemon)).status !== 'starting', 'the daemon to run');
    assert.equal((await daemon.stop()).code, 0, daemon.stderr);
    assert.equal(difference(others(stored(folder), scripts), expected), '');
  });
});

test('a trader that floods is paused to the end of the hour, with an event; its neighbour loses nothing', async () => {
  const traders = tempDir(), most = 20, market = { symbols: ['BTCUSDT', 'ETHUSDT'] };
  writeFileSync(join(traders, 'loud.lua'), 'return trader {interval = "1m", fire = "every", filter = function(m) return true end}\n');
  writeFileSync(join(traders, 'calm.lua'), 'return trader {interval = "1m", fire = "every", filter = function(m) return m.time / 60000 % 10 == 0 end}\n');
  const sim = await startModel(['--symbols', market.symbols.join(','), '--speed', '1200', '--updates', '1', '--log', 'warn']);
  const daemon = await startDaemon({ port: sim.port, market, folder: tempDir(), traders, env: { MAX_SIGNALS_PER_TRADER_HOUR: String(most) } });
  const HOUR_MS = 3600000, hourOf = s => Math.floor((s.time + 60000 - 1) / HOUR_MS); // of the instant before the close
  const of = name => daemon.signals().filter(s => s.trader === name), hours = name => Object.values(Object.groupBy(of(name), hourOf));
  await eventually(() => hours('calm').length >= 3, 'two hours of the market', 60000);
  const [first, second] = hours('loud');
  assert.deepEqual([first.length, second.length], [most, most], 'so many in each hour, and then no more');
  for (const signals of hours('calm').slice(0, 2)) assert.equal(signals.length, 12, 'both symbols, every ten minutes');
  const get = async path => (await daemon.get(path)).body;
  const { events } = await get('/api/v1/events?limit=200&type=error');
  assert.ok(events.length >= 2 && events.every(e => e.severity === 'error' && e.message === `trader loud is paused: more than ${most} signals within an hour: paused to its end`), JSON.stringify(events));
  assert.equal(events[0].details.kind, 'flood');
  assert.equal(events[0].details.until % HOUR_MS, 1);
  const { errors } = await get('/api/v1/traders/errors');
  assert.deepEqual(errors.map(e => [e.trader, e.kind]), [['loud', 'flood']]);
});
