// The warm start: bars and indicator states of the run before are taken up, whatever moment they are of, and the signals
// are those of an undisturbed run all the same. A snapshot that cannot be believed is set aside.
// time limit: 900
import { test, before, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  allTraders, byId, dice, difference, drained, endAll, eventually, generatedMarket, isSoak, recordedMarket, replay, seed, seeAll, startDaemon, startExchange, stop, stored, tempDir,
} from './daemon.mjs';
import { differenceOfStates, listed } from './snapshot.mjs';

console.log(`# warm: seed ${seed}`);
afterEach(endAll);

const traders = allTraders();
const markets = [['recorded klines', recordedMarket()], ['a generated market', generatedMarket()]];
const expected = new Map();

before(async () => {
  for (const [, market] of markets) expected.set(market, await replay(market, { traders }));
});

function assertSame(found, market) {
  assert.ok(expected.get(market).size > 100);
  assert.equal(difference(found, expected.get(market)), '');
}

const OFTEN = { SNAPSHOT_INTERVAL_MS: '20' }, NEVER = { SNAPSHOT_INTERVAL_MS: '0' };
const takenUp = daemon => Number(/(\d+) series were taken up/.exec(daemon.stderr)?.[1] ?? 0);
const snapshotOf = folder => join(folder, 'snapshot');

/** Lives on one folder: `between(k, folder)` comes after the end of life k; how they end is in `lives`: [signals, signal]. */
async function live(market, lives, { speed = 'max', env = () => OFTEN, workers = () => 1, between = () => {}, isWarm = false, set = traders } = {}) {
  const folder = tempDir(), taken = [], logs = [];
  const exchange = await startExchange(market, speed, { stays: true });
  const run = k => startDaemon({ port: exchange.port, market, folder, traders: set, env: env(k), workers: workers(k) });
  for (const [k, [count, signal]] of lives.entries()) {
    const daemon = await run(k);
    if (isWarm && k > 0) await daemon.until(it => takenUp(it) > 0, 'series to be taken up');
    await eventually(() => exchange.isOver() || daemon.hasEnded || daemon.signals().length >= count, `${count} signals`, 60000);
    const how = await stop(daemon, signal);
    if (signal === 'SIGTERM') assert.equal(how.code, 0, daemon.stderr);
    taken.push(takenUp(daemon));
    logs.push(daemon.stderr);
    await between(k, folder);
  }
  const daemon = await run(lives.length);
  await seeAll(exchange, daemon, { folder, wanted: set === traders ? expected.get(market)?.size ?? 0 : 0 });
  assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  taken.push(takenUp(daemon));
  logs.push(daemon.stderr);
  return { folder, taken, logs };
}

const undisturbed = new Map();

before(async () => {
  for (const [, market] of markets) undisturbed.set(market, listed((await live(market, [], { env: () => NEVER })).folder));
});

for (const [name, market] of markets) {
  test(`${name}: stopped, and gone on with what was there`, async () => {
    const { folder, taken } = await live(market, [[100, 'SIGTERM'], [100, 'SIGTERM']], { env: () => NEVER, isWarm: true });
    assertSame(stored(folder), market);
    assert.equal(differenceOfStates(listed(folder), undisturbed.get(market)), '');
    assert.equal(taken[0], 0);
    assert.ok(taken[1] >= market.symbols.length * 4 && taken[2] >= market.symbols.length * 4, `${taken}`);
  });

  test(`${name}: killed and stopped at any moment, while snapshots are written all the time`, async () => {
    const random = dice(seed + 7);
    const lives = Array.from({ length: isSoak ? 30 : 6 }, () => [random(0, isSoak ? 20 : 90), random(0, 3) ? 'SIGKILL' : 'SIGTERM']);
    const { folder, taken } = await live(market, lives, { workers: () => random(1, 3) });
    assertSame(stored(folder), market);
    assert.equal(differenceOfStates(listed(folder), undisturbed.get(market)), '');
    assert.ok(taken.some(n => n > 0), `${taken}`);
  });

  test(`${name}: a snapshot older than the database`, async () => {
    const aside = join(tempDir(), 'snapshot');
    const { folder, taken } = await live(market, [[60, 'SIGTERM'], [120, 'SIGKILL']], {
      env: () => NEVER,
      between: (k, at) => (k === 0 ? copyFileSync(snapshotOf(at), aside) : copyFileSync(aside, snapshotOf(at))),
    });
    assertSame(stored(folder), market);
    assert.ok(taken[2] > 0, `${taken}`);
  });

  test(`${name}: a database older than the snapshot`, async () => {
    const aside = tempDir();
    const databaseFiles = at => readdirSync(at).filter(file => file.startsWith('trademind.db'));
    const { folder, taken } = await live(market, [[60, 'SIGTERM'], [60, 'SIGTERM']], {
      env: () => NEVER,
      between: (k, at) => {
        if (k === 0) return databaseFiles(at).forEach(file => copyFileSync(join(at, file), join(aside, file)));
        databaseFiles(at).forEach(file => rmSync(join(at, file)));
        return databaseFiles(aside).forEach(file => copyFileSync(join(aside, file), join(at, file)));
      },
    });
    assertSame(stored(folder), market);
    assert.equal(taken.length, 3);
  });
}

const flip = (path, at) => {
  const bytes = readFileSync(path);
  bytes[at(bytes.length)] ^= 4;
  writeFileSync(path, bytes);
};
const FORMAT_AT = 8, INDICATORS_AT = 12;
const faults = [
  ['one bit of its body is flipped', path => flip(path, n => Math.floor(n * 0.7)), 'damaged'],
  ['one bit of its heading is flipped', path => flip(path, () => 40), 'damaged'],
  ['the version of its indicators is flipped, without a new checksum', path => flip(path, () => INDICATORS_AT), 'damaged'],
  ['it is cut off', path => truncateSync(path, 5000), 'damaged'],
  ['it is cut off in its heading', path => truncateSync(path, 100), 'damaged'],
  ['it is empty', path => truncateSync(path, 0), 'damaged'],
  ['something stands behind it', path => writeFileSync(path, 'x', { flag: 'a' }), 'damaged'],
  ['it has another format', path => flip(path, () => FORMAT_AT), 'outdated'],
  ['it is something else', path => writeFileSync(path, 'open,high,low,close\n'.repeat(100)), 'foreign'],
];

for (const [name, spoil, suffix] of faults) {
  test(`a snapshot is set aside when ${name}`, async () => {
    const [, market] = markets[0];
    const { folder, taken, logs } = await live(market, [[60, 'SIGTERM']], { env: () => NEVER, between: (k, at) => spoil(snapshotOf(at)) });
    assertSame(stored(folder), market);
    assert.equal(taken[1], 0);
    assert.ok(existsSync(`${snapshotOf(folder)}.${suffix}`), readdirSync(folder).join(' '));
    const said = logs[1].split('\n').filter(line => /"component":"snapshot"/.test(line) && /"level":"(warn|error)"/.test(line));
    assert.equal(said.length, 1, said.join('\n'));
    assert.match(said[0], new RegExp(`snapshot.${suffix} now, and the history is fetched`));
  });
}

test('a snapshot of another exchange is set aside', async () => {
  const [, market] = markets[0], [, other] = markets[1];
  const folder = tempDir();
  const first = await startExchange(other), second = await startExchange(market);
  const daemon = await startDaemon({ port: first.port, market: other, folder, traders, env: NEVER });
  await daemon.until(it => it.signals().length > 0, 'a signal');
  assert.equal((await stop(daemon)).code, 0);
  const after = await startDaemon({ port: second.port, market, folder, traders, env: NEVER });
  await after.until(it => it.signals().length > 0, 'a signal');
  assert.equal((await stop(after)).code, 0);
  assert.match(after.stderr, /expected spot of http.* it is .*snapshot.foreign now/);
  assert.equal(takenUp(after), 0);
});

test('other traders at the next start: who stays goes on as if nothing had happened', async () => {
  const [, market] = markets[0];
  const folder = tempDir(), some = allTraders();
  const added = 'breakout', gone = 'wide_range', file = id => join(some, `${id}.lua`);
  const aside = readFileSync(file(added));
  const exchange = await startExchange(market);
  rmSync(file(added));
  const before_ = await startDaemon({ port: exchange.port, market, folder, traders: some, env: NEVER });
  await before_.until(it => it.signals().length >= 60, '60 signals', 60000);
  assert.equal((await stop(before_)).code, 0, before_.stderr);
  writeFileSync(file(added), aside);
  rmSync(file(gone));
  const after = await startDaemon({ port: exchange.port, market, folder, traders: some, env: NEVER });
  assert.equal((await exchange.ended).code, 0);
  await drained(after);
  assert.equal((await stop(after)).code, 0);
  assert.ok(takenUp(after) > 0);
  const staying = map => new Map([...map].filter(([, s]) => s.trader !== added && s.trader !== gone));
  const there = stored(folder), news = [...there.values()].filter(s => s.trader === added);
  assert.equal(difference(staying(there), staying(expected.get(market))), '');
  assert.ok(news.length > 0 && news.every(s => expected.get(market).has(s.id)), `${news.length} signals of the new one`);
});

test('what was told by two runs is told once', async () => {
  const [, market] = markets[0];
  const folder = tempDir(), told = [];
  const exchange = await startExchange(market);
  for (const count of [80, Infinity]) {
    const daemon = await startDaemon({ port: exchange.port, market, folder, traders, env: OFTEN });
    if (count < Infinity) await daemon.until(it => it.signals().length >= count, `${count} signals`, 60000);
    else {
      assert.equal((await exchange.ended).code, 0);
      await drained(daemon);
    }
    assert.equal((await stop(daemon)).code, 0);
    told.push(...daemon.signals());
  }
  assertSame(byId(told), market);
});

const BESIDE = {
  ratio: `return trader {name = "ratio", interval = "1m", references = {"LEADER"}, filter = function(m)
  local ratio = m.close / m:align(m.ref.LEADER.close)
  return ta.crossover(ratio, ta.ema(ratio, 20)) end}`,
  slower: `return trader {name = "slower", interval = "1m", references = {"LEADER"}, timeframes = {"5m"}, filter = function(m)
  return m.ref.LEADER.close[0] > m:align(ta.ema(m.ref.LEADER["5m"].close, 5))[0]
    and ta.crossover(m.close, ta.sma(m.close, 5)) end}`,
};

test('beside another symbol: its copies are taken up, and what is aligned from them goes on', async () => {
  const [, market] = markets[0], random = dice(seed + 11);
  const some = tempDir();
  for (const [name, text] of Object.entries(BESIDE)) writeFileSync(join(some, `${name}.lua`), text.replaceAll('LEADER', market.symbols[0]));
  const wanted = await replay(market, { traders: some });
  for (const name of Object.keys(BESIDE)) assert.ok([...wanted.values()].some(s => s.trader === name), `${name} has no signal`);
  const lives = Array.from({ length: 4 }, () => [random(5, 60), random(0, 1) ? 'SIGKILL' : 'SIGTERM']);
  const { folder, taken } = await live(market, lives, { speed: 7200, workers: () => random(1, 3), set: some });
  assert.equal(difference(stored(folder), wanted), '');
  assert.ok(taken.some(n => n > 0), `${taken}`);
  assert.ok([...listed(folder).keys()].includes(`@${market.symbols[0]} 5m`), [...listed(folder).keys()].join());
});
