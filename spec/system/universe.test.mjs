// The universe of a running daemon: who is in, who joins and leaves while it runs, what traders name, and what is said
// about it. On an exchange in this process (listing.mjs).
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { endAll, eventually, settled, startTrademind, stop, stored, tempDir } from './daemon.mjs';
import { startListing } from './listing.mjs';

const EVERY = 'return trader {interval = "1m", fire = "every", filter = function(m) return true end}\n';
const HIGH = 'return trader {interval = "1m", filter = function(m) return m.close[0] > 150 end}\n';
const named = symbols => `return trader {interval = "1m", fire = "every", symbols = {include = {${symbols}}}, filter = function(m) return true end}\n`;

let exchange;
afterEach(async () => { await endAll(); exchange?.close(); });

async function begin(symbols, files, env) {
  const folder = tempDir(), traders = join(folder, 'traders');
  mkdirSync(traders);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(traders, name), text);
  exchange = await startListing(symbols);
  const daemon = startTrademind({ port: exchange.port, folder, traders, env: { SYMBOL_COUNT: '2', UNIVERSE_REFRESH_MIN: '1', KLINE_HISTORY: '300', ...env } });
  await daemon.until(it => it.port(), 'the daemon to listen');
  daemon.token = readFileSync(join(folder, 'token'), 'utf8').trim();
  await daemon.until(it => it.logged(/running: /).length, 'the daemon to run');
  await eventually(() => exchange.wanted.size > 0, 'streams to be asked for');
  return { daemon, folder };
}

/** A minute goes by: all that belongs to it is evaluated and stored, and the look at the universe that it brings is over. */
async function minute(daemon) {
  exchange.advance();
  await eventually(async () => {
    const { universe, marketTime } = await daemon.status();
    return marketTime >= exchange.now && (exchange.isBroken || universe.refreshedAt >= exchange.now);
  }, 'the minute to be heard of and the look to be over');
  await settled(daemon);
}

async function minutes(daemon, count) {
  for (let i = 0; i < count; i++) await minute(daemon);
}

/** Minutes go by until it holds. */
async function minutesUntil(daemon, condition, what) {
  for (let i = 0; i < 5; i++) {
    if (await condition()) return;
    await minute(daemon);
  }
  assert.ok(await condition(), `5 minutes in vain for ${what}\n${daemon.stderr}`);
}

const watched = symbols => eventually(() => exchange.watched() === symbols, `the streams of ${symbols}`);

const traderOf = async (daemon, name) => (await daemon.status()).traders.find(t => t.trader === name);

/** Bars (open times) with a signal of this trader on this symbol. */
const barsOf = (folder, trader, symbol) => [...stored(folder).values()].filter(s => s.trader === trader && s.symbol === symbol).map(s => Number(s.time)).sort((a, b) => a - b);

describe('the universe', () => {
  test('who is in, and what traders name', async () => {
    const symbols = {
      AAAUSDT: { volume: 300 }, BBBUSDT: { volume: 200 }, CCCUSDT: { volume: 100 }, USDCUSDT: { volume: 9999 }, EURUSDT: { volume: 8888 },
      AAAUPUSDT: { volume: 7777 }, NOSPOTUSDT: { volume: 6666, permissions: ['MARGIN'] }, HALTUSDT: { volume: 5555, status: 'HALT' }, NAMEDUSDT: { volume: 1 },
    };
    const { daemon, folder } = await begin(symbols, { 'every.lua': EVERY, 'named.lua': named('"NAMEDUSDT"'), 'lost.lua': named('"GONEUSDT", "HALTUSDT"') });
    const { universe } = await daemon.status();
    await watched('AAAUSDT,BBBUSDT,HALTUSDT,NAMEDUSDT');
    assert.deepEqual([universe.members, universe.symbols, universe.named, universe.addedEver], [2, 4, 2, 0]);
    const every = await traderOf(daemon, 'every'), one = await traderOf(daemon, 'named'), lost = await traderOf(daemon, 'lost');
    assert.deepEqual([every.symbols, every.skippedSymbols, every.warning], [2, 2, null]);
    assert.deepEqual([one.symbols, one.skippedSymbols, one.warning], [1, 3, null]);
    assert.match(lost.warning, /GONEUSDT is not listed by the exchange; HALTUSDT does not trade at the moment/);
    assert.equal(daemon.logged(/lost: symbols: GONEUSDT is not listed/).length, 1);
    await minutes(daemon, 3);
    assert.deepEqual(['AAAUSDT', 'BBBUSDT', 'NAMEDUSDT'].map(s => barsOf(folder, 'every', s).length), [3, 3, 0]);
    assert.deepEqual(['AAAUSDT', 'NAMEDUSDT'].map(s => barsOf(folder, 'named', s).length), [0, 3]);

    symbols.GONEUSDT = { volume: 2 };
    symbols.NAMEDUSDT.status = 'BREAK';
    await minutesUntil(daemon, async () => /HALTUSDT/.test((await traderOf(daemon, 'lost')).warning) && !/GONE/.test((await traderOf(daemon, 'lost')).warning), 'the symbol to be listed');
    assert.match((await traderOf(daemon, 'named')).warning, /NAMEDUSDT does not trade at the moment/);
    assert.equal(daemon.logged(/NAMEDUSDT does not trade any more \(BREAK\)/).length, 1);
    await watched('AAAUSDT,BBBUSDT,GONEUSDT,HALTUSDT,NAMEDUSDT'); // what is named is kept and waits
    assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  });

  test('symbols join, leave and come back', async () => {
    const symbols = { AAAUSDT: { volume: 300 }, BBBUSDT: { volume: 200 }, CCCUSDT: { volume: 1 } };
    const { daemon, folder } = await begin(symbols, { 'every.lua': EVERY, 'high.lua': HIGH });
    const startMs = exchange.now;
    await minutes(daemon, 2);
    symbols.CCCUSDT.volume = 5000;
    await minutesUntil(daemon, async () => (await daemon.status()).universe.addedEver === 1, 'the other symbol to take the place');
    await watched('AAAUSDT,CCCUSDT');
    const joinedMs = exchange.now;
    assert.equal(daemon.logged(/universe: 2 symbols; joined: CCCUSDT; left: BBBUSDT/).length, 1, daemon.stderr);
    await minutes(daemon, 4);
    const { universe } = await daemon.status();
    assert.deepEqual([universe.members, universe.symbols, universe.addedEver, universe.removedEver], [2, 2, 1, 1]);
    assert.ok(universe.refreshedAt >= startMs && universe.refreshedAt < exchange.now + 60000);

    symbols.AAAUSDT.status = 'BREAK';
    await minutesUntil(daemon, async () => (await daemon.status()).universe.addedEver === 2, 'the first one to come back');
    await watched('BBBUSDT,CCCUSDT');
    const backMs = exchange.now;
    assert.equal(daemon.logged(/left: AAAUSDT \(does not trade\)/).length, 1, daemon.stderr);
    await minutes(daemon, 4);
    assert.equal((await stop(daemon)).code, 0, daemon.stderr);

    const last = exchange.now, times = (from, to) => Array.from({ length: (to - from) / 60000 }, (_, i) => from + i * 60000);
    const b = barsOf(folder, 'every', 'BBBUSDT'), c = barsOf(folder, 'every', 'CCCUSDT');
    assert.equal(new Set(b).size, b.length, 'nothing fires twice');
    assert.deepEqual(b.filter(t => t >= backMs), times(backMs, last), 'every bar from its return on');
    assert.deepEqual(b.filter(t => t >= joinedMs && t < backMs), [], 'and none while it was out');
    assert.deepEqual(c.filter(t => t >= joinedMs), times(joinedMs, last), 'every bar from its coming on');
    assert.deepEqual(barsOf(folder, 'high', 'BBBUSDT').filter(t => t >= joinedMs && t < backMs), []);
  });

  test('a trader that turns to another symbol has the bars there that it needs', async () => {
    const symbols = { AAAUSDT: { volume: 300 }, BBBUSDT: { volume: 200 } };
    const { daemon, folder } = await begin(symbols, { 'every.lua': EVERY });
    await minutes(daemon, 2);
    writeFileSync(join(folder, 'traders', 'deep.lua'), 'return trader {interval = "1m", fire = "every", symbols = {top = 1}, filter = function(m) return ta.ema(m.close, 60)[0] > 0 end}\n');
    await daemon.until(it => it.logged(/1 symbols fetch older bars/).length === 1, 'the first symbol to fetch them');
    await daemon.until(it => it.logged(/first look: deep: [1-9]\d* hits on 1 of /).length, 'its first look');
    symbols.BBBUSDT.volume = 5000;
    await minutesUntil(daemon, () => daemon.logged(/1 symbols fetch older bars/).length === 2, 'the other symbol to fetch them');
    await minutes(daemon, 3);
    assert.equal((await stop(daemon)).code, 0, daemon.stderr);
    const last = exchange.now, there = barsOf(folder, 'deep', 'BBBUSDT').filter(t => t >= last - 2 * 60000);
    assert.deepEqual(there, [last - 120000, last - 60000]);
    for (const symbol of ['AAAUSDT', 'BBBUSDT']) {
      const bars = barsOf(folder, 'every', symbol);
      assert.deepEqual(bars.slice(1).filter((t, i) => t - bars[i] !== 60000), [], `${symbol}: the other one is not disturbed`);
    }
  });

  test('a look that fails changes nothing and is repeated', async () => {
    const symbols = { AAAUSDT: { volume: 300 }, BBBUSDT: { volume: 200 }, CCCUSDT: { volume: 1 } };
    const { daemon } = await begin(symbols, { 'every.lua': EVERY });
    exchange.isBroken = true;
    symbols.CCCUSDT.volume = 5000;
    await minute(daemon);
    await daemon.until(it => it.logged(/symbols: HTTP 500.*next try in/).length, 'a look that fails');
    assert.equal(exchange.watched(), 'AAAUSDT,BBBUSDT');
    exchange.isBroken = false;
    await watched('AAAUSDT,CCCUSDT');
    assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  });

  test('named symbols stay, whatever becomes of them', async () => {
    const symbols = { AAAUSDT: { volume: 3 }, BBBUSDT: { volume: 2 }, CCCUSDT: { volume: 9 } };
    const { daemon, folder } = await begin(symbols, { 'every.lua': EVERY }, { SYMBOLS: 'BBBUSDT,AAAUSDT' });
    symbols.BBBUSDT.status = 'HALT';
    await minutesUntil(daemon, () => daemon.logged(/BBBUSDT does not trade any more \(HALT\)/).length, 'it to stop');
    assert.equal(exchange.watched(), 'AAAUSDT,BBBUSDT');
    symbols.BBBUSDT.status = 'TRADING';
    await minutesUntil(daemon, () => daemon.logged(/BBBUSDT trades again/).length, 'it to trade again');
    const againMs = exchange.now;
    await minutes(daemon, 2);
    assert.ok(barsOf(folder, 'every', 'BBBUSDT').filter(t => t >= againMs).length === 2);
    assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  });
});
