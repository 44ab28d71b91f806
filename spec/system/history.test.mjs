// time limit: 240
// alone
// A first start that needs more request weight than a minute has, on an exchange that counts and refuses: 400 symbols,
// and the first of the two REST hosts is dead.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { endAll, eventually, startDaemon, startModel, stop } from './daemon.mjs';
import { tempDir } from './harness.mjs';

after(endAll);

const WEIGHT_PER_MINUTE = 6000, FIRST_START = 5400, LATER = 3000;

test('the history of 400 symbols comes without one call too many', async () => {
  const traders = tempDir();
  writeFileSync(join(traders, 'two.lua'), `return trader {
    name = "two", interval = "1m", timeframes = {"3m"},
    filter = function(m) return m.close[0] < 0 and m["3m"].close[0] < 0 end,
  }`);
  const exchange = await startModel(['--symbols', '400', '--log', 'warn']);
  const daemon = await startDaemon({
    port: exchange.port, folder: tempDir(), traders, market: { symbols: [] },
    env: { SYMBOLS: '', SYMBOL_COUNT: '400', KLINE_HISTORY: '3600', BINANCE_REST_URL: `http://127.0.0.1:1,http://127.0.0.1:${exchange.port}` },
  });
  let most = 0, wasHeld = false;
  const done = await eventually(async () => {
    const s = await daemon.status();
    if (!s.rest) return false;
    most = Math.max(most, s.rest.usedWeight);
    wasHeld ||= s.rest.usedWeight > FIRST_START - WEIGHT_PER_MINUTE / 20 - 20 && s.history.underWay > 0;
    return s.history.rangesDone >= 800 && s.history.underWay === 0 && s;
  }, 'all of the history', 200000);
  assert.equal(done.rest.pauses, 0, 'never 429');
  assert.equal(daemon.logged(/HTTP 4(29|18)/).length, 0);
  assert.ok(most <= FIRST_START, `${most} of ${WEIGHT_PER_MINUTE} were used`);
  assert.ok(wasHeld && done.rest.calls * 2 > WEIGHT_PER_MINUTE, `${done.rest.calls} calls: more than one minute has`);
  assert.equal(done.history.barsDone, done.history.bars);
  assert.equal(done.rest.host, `http://127.0.0.1:${exchange.port}`, 'the second host serves');
  assert.equal(done.rest.moves, 1);
  assert.ok(daemon.logged(/history: \d+ of \d+ ranges/).length >= 3, 'progress is told');
  await eventually(async () => (await daemon.status()).rest.weightAllowed === LATER, 'half of the limit to be left alone');
  assert.equal((await stop(daemon)).code, 0);
});
