// The same bars and the same traders give the same signals: replayed by any number of workers, or live through sockets
// at any pace; and all that tells of a signal tells of the same ones.
// time limit: 900
import { test, describe, before, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import {
  allTraders, builtInTraders, byId, difference, drained, endAll, eventually, generatedMarket, isSoak, listed, recordedMarket, replay, seed, seeAll, startDaemon, startExchange, startProxy, stop, stored, tempDir,
} from './daemon.mjs';
import { readKlines } from './harness.mjs';

console.log(`# equality: seed ${seed}`);
afterEach(endAll);

/** A daemon that sees all of the market; gives it, drained and still running, and its folder. */
async function runThrough(market, { speed = 'max', traders = builtInTraders, workers = 1, wanted = 0 } = {}) {
  const folder = tempDir();
  const exchange = await startExchange(market, speed, { stays: true });
  const daemon = await startDaemon({ port: exchange.port, market, folder, traders, workers });
  await seeAll(exchange, daemon, { folder, wanted });
  return { daemon, folder, exchange };
}

function assertSame(found, expected) {
  assert.ok(expected.size > 0, 'nothing is proven by a market without signals');
  assert.equal(difference(found, expected), '');
}

/**
 * Signals that are late although an earlier one of that trader on that symbol was not: only the start may be late. It lasts until
 * the trader has begun on every symbol: at top speed half a day may pass before the history of the last one is there, and a
 * reference is held for it meanwhile, for the other symbols of the worker as well.
 */
function lateAgain(signals) {
  const begun = new Map(), started = new Map(); // trader and symbol -> its first that is not late; trader -> the last of these
  for (const s of signals) {
    const key = `${s.trader} ${s.symbol}`;
    if (!s.late) begun.set(key, Math.min(s.time, begun.get(key) ?? Infinity));
  }
  for (const [key, time] of begun) {
    const [trader] = key.split(' ');
    started.set(trader, Math.max(time, started.get(trader) ?? 0));
  }
  return signals.filter(s => s.late && s.time > started.get(s.trader));
}

for (const [name, market, given] of [
  ['recorded klines, built-in traders', recordedMarket(), builtInTraders],
  ['recorded klines, all traders', recordedMarket(), null],
  ['a generated market, all traders', generatedMarket(), null],
]) {
  describe(name, () => {
    const traders = given ?? allTraders(market);
    let expected;
    before(async () => { expected = await replay(market, { traders }); });

    test('replayed by 2, 3, 4 and 8 workers', async () => {
      for (const workers of [2, 3, 4, 8]) assertSame(await replay(market, { traders, workers }), expected);
    });

    for (const [speed, workers] of [['max', 1], ['max', 3], [28800, 2]]) {
      test(`live at speed ${speed} with ${workers} workers`, async () => {
        const { daemon, folder } = await runThrough(market, { speed, traders, workers, wanted: expected.size });
        const status = await daemon.status();
        const how = await stop(daemon);
        assert.deepEqual([how.code, how.ms < 5000], [0, true], daemon.stderr);
        assertSame(stored(folder), expected);
        assertSame(byId(daemon.signals()), expected);
        if (!market.hasHoles) assert.deepEqual(lateAgain(daemon.signals()), [], 'late, though it had caught up');
        assert.equal(status.workers.reduce((sum, w) => sum + w.errors, 0), 0);
        assert.equal(status.stream.malformed, 0);
      });
    }
  });
}

describe('all that tells of a signal', () => {
  test('terminal, browser channel, HTTP and SQLite have the same ones', async () => {
    const market = recordedMarket();
    const folder = tempDir();
    const exchange = await startExchange(market, 28800);
    const gate = await startProxy(exchange.port);
    gate.isShut = true; // the market stands still until the channel is open
    const daemon = await startDaemon({ port: gate.port, market, folder });
    const told = [];
    const channel = new WebSocket(`ws://127.0.0.1:${daemon.port()}/ws`, { headers: { Authorization: `Bearer ${daemon.token}` } });
    channel.on('message', text => { const message = JSON.parse(text); if (message.type === 'signal_created' && message.data.state !== 'historical') told.push(message.data); });
    await new Promise((done, failed) => { channel.on('open', done); channel.on('error', failed); });
    gate.isShut = false;
    assert.equal((await exchange.ended).code, 0);
    await drained(daemon);
    const expected = await replay(market);
    await eventually(() => told.length >= expected.size, 'all signals on the channel');
    const pages = await listed(daemon);
    channel.terminate();
    gate.close();
    assert.equal((await stop(daemon)).code, 0, daemon.stderr);
    assertSame(byId(told.map(data => ({ id: data.signalId, trader: data.traderId, symbol: data.symbol, time: data.time }))), expected);
    assertSame(pages, expected);
    assertSame(byId(daemon.signals()), expected);
    assertSame(stored(folder), expected);
    for (const { signalId, symbol, price, interval, time, provisional } of told) {
      const s = expected.get(signalId);
      assert.deepEqual([symbol, price, interval, time, provisional], [s.symbol, s.price, s.interval, s.time, false]);
    }
  });
});

// What comes behind such a hole is further away than a reference keeps room for: the others must not wait for it.
test('a symbol with a hole longer than the bars that are kept, and others with the same reference', async () => {
  const market = generatedMarket(), traders = tempDir(), [reference, , holed] = market.symbols;
  const hole = { from: market.from + 3 * 3600000, to: market.from + 17 * 3600000 };
  const path = symbol => join(market.data, `${symbol}-1m.csv`);
  const times = symbol => readKlines(path(symbol)).map(row => Number(row.open_time));
  const [head, ...lines] = readFileSync(path(holed), 'utf8').trim().split('\n');
  const kept = lines.filter(line => { const time = Number(line.split(',')[0]); return time < hole.from || time >= hole.to; });
  writeFileSync(path(holed), [head, ...kept, ''].join('\n'));
  writeFileSync(join(traders, 'quarter.lua'), `return trader {interval = "1m", references = {"${reference}"}, fire = "every", filter = function(m)
  return m.time / 60000 % 15 == 0 and m.ref.${reference}.close[0] > 0
end}`);
  const led = new Set(times(reference)), isSeen = time => time >= market.from && time < market.to && time % 900000 === 0 && led.has(time);
  const expected = market.symbols.map(symbol => [symbol, times(symbol).filter(isSeen)]);
  for (const [symbol, all] of expected) assert.ok(all.some(time => time >= hole.to), symbol);
  for (const workers of [1, 2, 3]) {
    const found = [...(await replay(market, { traders, workers })).values()].sort((a, b) => a.time - b.time);
    assert.deepEqual(market.symbols.map(symbol => [symbol, found.filter(it => it.symbol === symbol).map(it => it.time)]), expected, `${workers} workers, seed ${seed}`);
  }
});

test('the whole week of seven symbols at speed 3600', { skip: !isSoak && 'only with TRADEMIND_SOAK=1' }, async () => {
  const market = recordedMarket(7, 6);
  const began = performance.now();
  const { daemon, folder } = await runThrough(market, { speed: 3600, workers: 2 });
  console.log(`# a week at speed 3600: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  assert.equal((await stop(daemon)).code, 0);
  assertSame(stored(folder), await replay(market));
});
