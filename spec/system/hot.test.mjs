// What runs is changed while it runs: traders by their files and over HTTP, the number of workers. Nothing of it disturbs
// the others, and what is wrong leaves what ran before running.
// time limit: 900
import { test, describe, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  allTraders, difference, drained, endAll, eventually, isSoak, recordedMarket, replay, seed, settled, startDaemon, startExchange, stop, stored, tempDir,
} from './daemon.mjs';

console.log(`# hot: seed ${seed}`);
afterEach(endAll);

const market = recordedMarket();
const HOUR_MS = 3600000;

const above = bars => `local bars = input.int("bars", ${bars}, {min = 1, max = 50})
return trader { name = "Above", interval = "5m", filter = function(m) return m.close[0] > m.close[bars] end }
`;
const BELOW = 'return trader { name = "Below", interval = "5m", filter = function(m) return m.close[0] < ta.sma(m.close, 20)[0] end }\n';
const HOURLY = 'return trader { name = "Hourly", interval = "1h", filter = function(m) return m.close[0] < ta.sma(m.close, 3)[0] end }\n';
const FAILING = `return trader { name = "Failing", interval = "5m", filter = function(m)
  if m.close[0] > m.close[1] then error("boom") end
  return false
end }
`;

/** A folder of traders: name -> text. */
function folderOf(files) {
  const folder = tempDir();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** As editors do: another file, which then takes the name. */
function save(folder, name, text) {
  writeFileSync(join(folder, `.${name}.new`), text);
  renameSync(join(folder, `.${name}.new`), join(folder, name));
}

/** A daemon that is warm, on a market that goes on for long enough. */
async function begin(files, { speed = 2400, market: on = market, ...more } = {}) {
  const traders = typeof files === 'string' ? files : folderOf(files), folder = tempDir();
  const exchange = await startExchange(on, speed);
  const daemon = await startDaemon({ port: exchange.port, market: on, folder, traders, ...more });
  await daemon.until(it => it.logged(/running: /).length, 'the daemon to be warm');
  return { daemon, exchange, traders, folder };
}

async function post(daemon, path, body) {
  const response = await fetch(`http://127.0.0.1:${daemon.port()}${path}`, {
    method: 'POST', body: JSON.stringify(body), headers: { Authorization: `Bearer ${daemon.token}` },
  });
  return { code: response.status, detail: (await response.json()).detail };
}

const listed = async daemon => new Map((await daemon.get('/api/v1/traders')).body.traders.map(one => [one.trader, one]));
const errorsOf = async (daemon, trader) => (await daemon.get(`/api/v1/traders/errors?trader=${trader}`)).body.errors;
const told = (daemon, pattern, count = 1) => daemon.until(it => it.logged(pattern).length >= count, `${pattern} ${count} times`);
const of = (signals, ...traders) => new Map([...signals].filter(([, s]) => traders.includes(s.trader)));
const after = (signals, ms) => new Map([...signals].filter(([, s]) => s.time > ms));

/** Lets the market end; what is stored then. */
async function finish({ daemon, exchange, folder }) {
  const how = await Promise.race([exchange.ended, daemon.ended.then(() => null)]);
  assert.equal(how?.code, 0, daemon.stderr);
  await drained(daemon);
  const end = await stop(daemon);
  assert.equal(end.code, 0, daemon.stderr);
  return stored(folder);
}

// What counts the bars since it has begun: a state of C, one over a reference, and an own series.
const COUNTS = {
  'sum.lua': 'return trader { name = "Sum", interval = "1m", filter = function(m) return ta.cum(m.close / m.close)[0] % 9 == 0 end }\n',
  'ref.lua': 'return trader { name = "Ref", interval = "1m", references = {"AVAXUSDT"}, filter = function(m) return ta.cum(m.ref.AVAXUSDT.close / m.ref.AVAXUSDT.close)[0] % 9 == 0 end }\n',
  'own.lua': 'return trader { name = "Own", interval = "1m", series = {n = function(m, prev) return na(prev) and 1 or prev + 1 end}, filter = function(m) return m.my.n[0] % 9 == 0 end }\n',
};
const DEEP = 'return trader { name = "Deep", interval = "1m", filter = function(m) return m.close[0] < ta.ema(m.close, 120)[0] end }\n';
const DEEP_REFERENCE = 'return trader { name = "Deeper", interval = "1m", references = {"AVAXUSDT"}, filter = function(m) return m.ref.AVAXUSDT.close[0] < ta.ema(m.ref.AVAXUSDT.close, 125)[0] end }\n';

test('a trader that needs older bars than are there has them fetched; the others keep everything', { skip: market.hasHoles && 'takes recorded klines' }, async () => {
  const seven = recordedMarket(7); // more than fetch at once
  const { daemon, exchange, traders, folder } = await begin(COUNTS, { speed: 1200, workers: 2, market: seven });
  const nines = () => daemon.signals().filter(s => !s.trader.startsWith('deep'));
  await daemon.until(() => nines().length > 42, 'some of theirs');
  save(traders, 'deep.lua', DEEP);
  await told(daemon, /7 symbols fetch older bars/);
  await told(daemon, /first look: deep: [1-9]\d* hits on 7 of 7 symbols/);
  save(traders, 'deeper.lua', DEEP_REFERENCE);
  await told(daemon, /first look: deeper: [1-9]\d* hits on 7 of 7 symbols/);
  const count = nines().length;
  await daemon.until(() => nines().length > count + 42 && daemon.signals().some(s => s.trader === 'deep'), 'more of theirs, and one of its own');
  assert.equal((await listed(daemon)).get('deeper').state, 'running');
  assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  await stop(exchange);
  const signals = [...stored(folder).values()];
  for (const trader of ['sum', 'ref', 'own']) {
    for (const symbol of seven.symbols) {
      const times = signals.filter(s => s.trader === trader && s.symbol === symbol).map(s => s.time / 60000).sort((a, b) => a - b);
      assert.ok(times.length > 4, `${trader} ${symbol}: ${times.length} signals`);
      assert.deepEqual(times.slice(1).filter((t, i) => t - times[i] !== 9), [], `${trader} ${symbol}: every nine minutes, ${times}`);
    }
  }
});

test('a trader whose history is too short for it says so, and how far it is', { skip: market.hasHoles && 'takes recorded klines' }, async () => {
  const { daemon } = await begin({ 'deep.lua': DEEP.replace('120', '200') }, { speed: 1200 });
  const one = await eventually(async () => {
    const it = (await listed(daemon)).get('deep');
    return it.warming && it;
  }, 'the bars that there are');
  assert.deepEqual([one.state, one.warming.need], ['warming', 2000]);
  assert.ok(one.warming.have >= 1440 && one.warming.have < 2000, `${one.warming.have} bars`); // of a day, and since
  assert.equal(daemon.logged(/fetch older bars/).length, 0);
});

describe('files', () => {
  test('added, edited, broken, mended, removed', async () => {
    const { daemon, traders } = await begin({ 'above.lua': above(3) });
    save(traders, 'below.lua', BELOW);
    await told(daemon, /first look: below: [1-9]\d* hits on [1-3] of 3 symbols in the last 100 bars/);
    await eventually(async () => (await listed(daemon)).get('below')?.state === 'running', 'the new trader to run');

    save(traders, 'above.lua', above(5));
    await told(daemon, /0 added, 1 changed, 0 removed; 2 run/);
    await told(daemon, /first look: above: \d+ hits/);
    await daemon.until(it => it.signals().some(s => s.trader === 'above' && s.time > 0), 'a signal of the edited trader');

    save(traders, 'above.lua', 'return trader {');
    await told(daemon, /above\.lua:1.*the version before it runs on/);
    const count = daemon.signals().filter(s => s.trader === 'above').length;
    save(traders, 'other.txt', 'no trader');
    save(traders, 'third.lua', above(9)); // another list with the same broken file in it
    await told(daemon, /first look: third/);
    await daemon.until(it => it.signals().filter(s => s.trader === 'above').length > count, 'a signal of the version before');
    assert.equal(daemon.logged(/above\.lua:1.*the version before it runs on/).length, 1, 'said once');
    const [broken] = await eventually(async () => {
      const rows = await errorsOf(daemon, 'above');
      return rows.length && rows;
    }, 'the row of the broken file');
    assert.deepEqual([broken.kind, broken.line, broken.count, broken.resolvedAt], ['load', 1, 1, null]);
    const state = (await listed(daemon)).get('above');
    assert.deepEqual([state.state, /above\.lua:1/.test(state.lastError.message)], ['running', true]);

    save(traders, 'above.lua', above(7));
    await told(daemon, /1 changed, 0 removed; 3 run/);
    await eventually(async () => (await errorsOf(daemon, 'above')).every(row => row.resolvedAt), 'the error to be past');
    assert.equal((await listed(daemon)).get('above').lastError, null);

    rmSync(join(traders, 'below.lua'));
    await told(daemon, /0 added, 0 changed, 1 removed; 2 run/);
    await eventually(async () => !(await listed(daemon)).has('below'), 'the trader to be gone');
    assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  });

  test('a file that cannot be read keeps its trader; so does a folder that is gone; an empty one ends all', async () => {
    const { daemon, traders } = await begin({ 'above.lua': above(3), 'above.json': '{"bars": 4}', 'below.lua': BELOW });
    assert.deepEqual((await listed(daemon)).get('above').inputs, { bars: 4 });
    save(traders, 'above.json', '{"bars": ');
    await told(daemon, /above\.json:1.*the version before it runs on/);
    assert.deepEqual((await listed(daemon)).get('above').inputs, { bars: 4 });
    save(traders, 'above.json', '{"bars": 6}');
    await eventually(async () => (await listed(daemon)).get('above').inputs.bars === 6, 'the other value');

    const away = `${traders}.away`;
    renameSync(traders, away);
    await told(daemon, /No such file or directory; the traders that run go on/);
    const count = daemon.signals().length;
    await daemon.until(it => it.signals().length > count, 'a signal without a folder');
    renameSync(away, traders);
    await told(daemon, /is there again/);
    save(traders, 'above.json', '{"bars": 8}'); // it is watched again
    await eventually(async () => (await listed(daemon)).get('above').inputs.bars === 8, 'a change after it was back');
    assert.equal(daemon.logged(/2 removed/).length, 0);

    rmSync(traders, { recursive: true }); // another folder takes its place
    mkdirSync(traders);
    save(traders, 'hourly.lua', HOURLY);
    await told(daemon, /1 added, 0 changed, 2 removed; 1 run/);
    rmSync(join(traders, 'hourly.lua'));
    await told(daemon, /no trader is left/);
    await eventually(async () => (await listed(daemon)).size === 0, 'all traders to be gone');
    assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  });

  test('SIGHUP reads the folder again', async () => {
    const { daemon } = await begin({ 'above.lua': above(3) });
    daemon.process.kill('SIGHUP');
    await told(daemon, /SIGHUP: reading the traders again/);
    assert.deepEqual([...(await listed(daemon)).keys()], ['above']);
    assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  });

  test('a failing filter has rows of its own, which an edit ends', async () => {
    const { daemon, traders } = await begin({ 'above.lua': above(3), 'failing.lua': above(3) });
    save(traders, 'failing.lua', FAILING);
    const rows = await eventually(async () => {
      const all = await errorsOf(daemon, 'failing');
      return all.some(row => row.kind === 'error') && all;
    }, 'its row');
    const row = rows.find(one => one.kind === 'error');
    assert.match(row.message, /boom/);
    assert.ok(market.symbols.includes(row.symbol) && row.count >= 1 && row.resolvedAt === null);
    save(traders, 'failing.lua', above(4));
    await eventually(async () => (await errorsOf(daemon, 'failing')).every(one => one.resolvedAt), 'all to be past');
    assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  });
});

describe('HTTP', () => {
  test('switched off and on, other inputs, and both outlive a restart', async () => {
    const first = await begin({ 'above.lua': above(3), 'below.lua': BELOW });
    const { daemon, exchange, traders, folder } = first;
    assert.equal((await post(daemon, '/api/v1/traders/below', { enabled: false })).code, 202);
    await eventually(async () => (await listed(daemon)).get('below').state === 'paused', 'it to pause');
    assert.equal((await post(daemon, '/api/v1/traders/above', { inputs: { bars: 9 } })).code, 202);
    await eventually(async () => (await listed(daemon)).get('above').inputs.bars === 9, 'the other input');
    for (const [body, detail] of [
      [{ inputs: { bars: 99 } }, /"bars" is 99; expected at most 50/], [{ inputs: { bars: 'x' } }, /expected a whole number/],
      [{ inputs: { length: 2 } }, /"above" has no input "length"/],
    ]) {
      const answer = await post(daemon, '/api/v1/traders/above', body);
      assert.equal(answer.code, 400);
      assert.match(answer.detail, detail);
    }
    assert.equal((await post(daemon, '/api/v1/traders/nobody', { enabled: true })).code, 404);

    // Broken at the moment, it can be switched off all the same.
    save(traders, 'above.lua', 'return nothing');
    await told(daemon, /above\.lua.*the version before it runs on/);
    assert.equal((await post(daemon, '/api/v1/traders/above', { enabled: false })).code, 202);
    await eventually(async () => (await listed(daemon)).get('above').state === 'paused', 'the broken one to pause');
    save(traders, 'above.lua', above(3));
    await eventually(async () => !(await listed(daemon)).get('above').lastError, 'it to be mended');
    assert.equal((await post(daemon, '/api/v1/traders/above', { enabled: null })).code, 202);
    await eventually(async () => (await listed(daemon)).get('above').state === 'running', 'it to run as the file says');
    await settled(daemon);
    await eventually(async () => (await daemon.status()).storage.queued === 0, 'all to be written');
    await stop(daemon);

    const next = await startDaemon({ port: exchange.port, market, folder, traders });
    const found = await eventually(async () => {
      const all = await listed(next);
      return all.size === 2 && all;
    }, 'the traders');
    assert.deepEqual([found.get('below').enabled, found.get('above').enabled, found.get('above').inputs], [false, true, { bars: 9 }]);
    assert.equal((await post(next, '/api/v1/traders/below', { enabled: true })).code, 202);
    assert.equal((await post(next, '/api/v1/traders/above', { inputs: { bars: null } })).code, 202);
    await eventually(async () => (await listed(next)).get('above').inputs.bars === undefined, 'the file\'s own input');
    await eventually(async () => (await listed(next)).get('below').enabled, 'it to run');
    const count = next.signals().filter(s => s.trader === 'below').length;
    await next.until(it => it.signals().filter(s => s.trader === 'below').length > count, 'a signal of it');
    assert.equal((await stop(next)).code, 0, next.stderr);
  });

  test('a change that the script refuses is taken back', async () => {
    const script = above(3).replace('return trader', 'if bars == 13 then error("no 13") end\nreturn trader');
    const { daemon } = await begin({ 'above.lua': script });
    assert.equal((await post(daemon, '/api/v1/traders/above', { inputs: { bars: 13 } })).code, 202);
    await told(daemon, /the change of trader above over HTTP is taken back: .*no 13/);
    await eventually(async () => (await listed(daemon)).get('above').lastError === null, 'it to be as before');
    assert.deepEqual((await listed(daemon)).get('above').inputs, {});
    assert.equal((await post(daemon, '/api/v1/traders/above', { inputs: { bars: 12 } })).code, 202);
    await eventually(async () => (await listed(daemon)).get('above').inputs.bars === 12, 'a better one');
    assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  });
});

describe('nothing is disturbed', () => {
  test('the edit of one trader leaves the signals of all others as they are', async () => {
    const it = await begin(allTraders(), { speed: 3600 });
    const expected = await replay(market, { traders: allTraders() });
    for (let k = 1, looks = 0, failures = 0; k <= 6; k++) {
      save(it.traders, 'hot.lua', k % 3 ? above(k) : `return trader { -- ${k}`);
      if (k % 3) await told(it.daemon, /first look: hot/, ++looks);
      else await told(it.daemon, /hot\.lua.*the version before it runs on/, ++failures);
    }
    const found = await finish(it);
    const names = [...new Set([...expected.values()].map(s => s.trader))];
    assert.ok(names.length > 5 && [...found.values()].some(s => s.trader === 'hot'));
    assert.equal(difference(of(found, ...names), expected), '');
  });

  test('a trader of another interval is given its history, and fires as in a replay', async () => {
    const it = await begin({ 'below.lua': BELOW });
    save(it.traders, 'hourly.lua', HOURLY);
    await told(it.daemon, /first look: hourly: [1-9]\d* hits on 3 of 3 symbols/);
    const began = (await it.daemon.status()).marketTime;
    assert.ok(began < market.to - 6 * HOUR_MS, 'the market is nearly over');
    const found = await finish(it);
    const expected = await replay(market, { traders: it.traders });
    assert.equal(difference(of(found, 'below'), of(expected, 'below')), '');
    const later = signals => after(of(signals, 'hourly'), began);
    assert.ok(later(expected).size > 3);
    assert.equal(difference(later(found), later(expected)), '');
  });

  for (const kills of [false, true]) {
    test(`1, 4, 2, 8 and 1 workers${kills ? ', killed at each' : ''}`, async () => {
      const traders = allTraders();
      const it = await begin(traders, { speed: isSoak ? 1200 : 3600 });
      for (const workers of [4, 2, 8, 1]) {
        const count = it.daemon.signals().length;
        assert.equal((await post(it.daemon, '/api/v1/screener/workers', { workers })).code, 202);
        if (!kills) await eventually(async () => (await it.daemon.status()).workers.length === workers, `${workers} workers`);
        await it.daemon.until(one => one.signals().length > count + 5, 'signals');
        assert.ok(!it.exchange.hasEnded, 'the market ended before');
        if (!kills) continue;
        await stop(it.daemon, 'SIGKILL');
        it.daemon = await startDaemon({ port: it.exchange.port, market, folder: it.folder, traders, workers });
      }
      if (!kills) assert.ok((await it.daemon.status()).moves > 0);
      assert.equal(difference(await finish(it), await replay(market, { traders })), '');
    });
  }
});
