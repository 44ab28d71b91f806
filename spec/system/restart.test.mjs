// However the daemon ends and starts again on the same data folder, its signals are those of an undisturbed run: none
// lost, none twice.
// time limit: 900
import { test, before, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  allTraders, byId, dice, difference, endAll, eventually, generatedMarket, isSoak, recordedMarket, replay, seed, seeAll, settled, startDaemon, startExchange,
  startTrademind, stop, stopTimed, stored, tempDir,
} from './daemon.mjs';

console.log(`# restart: seed ${seed}`);
afterEach(endAll);

const markets = [['recorded klines', recordedMarket()], ['a generated market', generatedMarket()]];
for (const [, market] of markets) market.traders = allTraders(market);
const expected = new Map();

before(async () => {
  for (const [, market] of markets) expected.set(market, await replay(market, market));
});

function assertSame(found, market) {
  assert.ok(expected.get(market).size > 100);
  assert.equal(difference(found, expected.get(market)), '');
}

/** Runs to the end of the market, ended by `signal` each time it has told of so many signals more. Gives what all runs told. */
async function runWithStops(market, { speed = 'max', signal, after, workers = () => 1 }) {
  const folder = tempDir(), told = [];
  const exchange = await startExchange(market, speed, { stays: true });
  for (const count of after) {
    const daemon = await startDaemon({ port: exchange.port, market, folder, traders: market.traders, workers: workers() });
    await daemon.until(it => exchange.isOver() || it.signals().length >= count, `${count} signals`, 60000);
    const how = await stop(daemon, signal);
    if (signal === 'SIGKILL') assert.equal(how.signal, 'SIGKILL');
    else assert.deepEqual([how.code, how.ms < 5000], [0, true], `${how.ms} ms\n${daemon.stderr}`);
    told.push(...daemon.signals());
    assert.ok(told.length < expected.get(market).size, 'it was through before it was stopped');
  }
  const daemon = await startDaemon({ port: exchange.port, market, folder, traders: market.traders, workers: workers() });
  await seeAll(exchange, daemon, { folder, wanted: expected.get(market).size });
  assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  told.push(...daemon.signals());
  return { folder, told };
}

test('workers that are far behind do not hold up a stop, and the next life does what they left', async () => {
  const hours = { ...generatedMarket(), traders: tempDir() };
  writeFileSync(join(hours.traders, 'slow.lua'), `return trader {interval = "1m", fire = "every", filter = function(m)
    local x = 0
    for i = 1, 5e6 do x = x + i % 7 end
    return x > 0 and m.close[0] > m.open[0]
  end}`);
  let wanted;
  for (let n = 2; !(wanted?.size > 50) && n < 24; n *= 2) { // a market may be full of holes there
    hours.to = hours.from + n * 3600000;
    wanted = await replay(hours, hours);
  }
  const folder = tempDir();
  const exchange = await startExchange(hours, 'max', { stays: true });
  const begin = () => startDaemon({ port: exchange.port, market: hours, folder, traders: hours.traders });
  const first = await begin();
  await exchange.until(it => it.isOver(), 'the end of the market', 60000);
  await first.until(it => it.signals().length > 0, 'a signal', 60000);
  const how = await stopTimed(first);
  assert.deepEqual([how.code, how.ms < 5000], [0, true], `${how.ms} ms\n${first.stderr}`);
  assert.ok(first.logged(/events are left to the next start/).length === 1, 'it was not behind');
  const second = await begin();
  await seeAll(exchange, second, { folder, wanted: wanted.size });
  assert.equal((await stop(second)).code, 0, second.stderr);
  assert.ok(wanted.size > 50);
  assert.equal(difference(stored(folder), wanted), '');
  assert.equal(difference(byId([...first.signals(), ...second.signals()]), wanted), '');
});

for (const [name, market] of markets) {
  test(`${name}: stopped by SIGTERM in the middle`, async () => {
    const { folder, told } = await runWithStops(market, { signal: 'SIGTERM', after: [300] });
    assertSame(stored(folder), market);
    assertSame(byId(told), market); // each told once, by one run or the other
  });

  test(`${name}: stopped three times while the market goes on`, async () => {
    const random = dice(seed);
    const { folder, told } = await runWithStops(market, {
      speed: 7200, signal: 'SIGTERM', after: [20, 50, 100], workers: () => random(1, 4),
    });
    assertSame(stored(folder), market);
    assertSame(byId(told), market);
  });

  test(`${name}: killed in the middle`, async () => {
    const { folder } = await runWithStops(market, { signal: 'SIGKILL', after: [300] });
    assertSame(stored(folder), market);
  });

  test(`${name}: killed again and again`, async () => {
    const random = dice(seed + 1);
    const after = Array.from({ length: isSoak ? 30 : 4 }, () => random(0, isSoak ? 20 : 120));
    const { folder } = await runWithStops(market, { signal: 'SIGKILL', after, workers: () => random(1, 4) });
    assertSame(stored(folder), market);
  });

  test(`${name}: killed twice while the first history is being loaded`, async () => {
    const folder = tempDir();
    const exchange = await startExchange(market, 'max', { stays: true });
    for (const pattern of [/watching \d+ symbols/, /stream connected/]) {
      const daemon = startTrademind({ port: exchange.port, folder, traders: market.traders, env: { SYMBOLS: market.symbols.join(',') } });
      await daemon.until(it => it.logged(pattern).length, `${pattern}`);
      await stop(daemon, 'SIGKILL');
    }
    const daemon = await startDaemon({ port: exchange.port, market, folder, traders: market.traders });
    await seeAll(exchange, daemon, { folder, wanted: expected.get(market).size });
    assert.equal((await stop(daemon)).code, 0);
    assertSame(stored(folder), market);
  });
}

test('with the data folder deleted in the middle, what was lost is what closed while nobody looked', async () => {
  const [, market] = markets[0];
  const exchange = await startExchange(market, 'max', { stays: true });
  const first = tempDir(), second = tempDir();
  const before_ = await startDaemon({ port: exchange.port, market, folder: first });
  await before_.until(it => it.signals().length >= 60, '60 signals', 60000);
  assert.equal((await stop(before_)).code, 0);
  const after = await startDaemon({ port: exchange.port, market, folder: second });
  const start = await eventually(async () => (await after.status()).marketTime, 'the market time');
  await seeAll(exchange, after);
  await stop(after);
  const builtIn = await replay(market);
  const early = stored(first), late = stored(second);
  const later = map => new Map([...map].filter(([, s]) => s.time > start + 3600000));
  assert.ok(early.size > 0 && late.size > 0);
  for (const id of early.keys()) assert.ok(builtIn.has(id));
  // The built-in traders look back less far than the silent pass does, so their edges are as if nothing had happened.
  assert.equal(difference(later(late), later(builtIn)), '');
});
