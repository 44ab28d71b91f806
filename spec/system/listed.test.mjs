// Symbols that are listed, delisted and halted while the daemon runs, on the simulated exchange.
// time limit: 180
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { endAll, settled, startDaemon, startModel, stop, stored, tempDir } from './daemon.mjs';

const MINUTE = 60000, FROM = Date.UTC(2026, 0, 5), LENGTH = 120, LOOK = 10;
const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);

afterEach(endAll);

/** The exchange plays the scene for two hours of market time; the daemon looks at the universe every ten minutes of it. */
async function run(scene, files) {
  const folder = tempDir(), traders = tempDir(), path = join(tempDir(), 'own.scene');
  writeFileSync(path, scene);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(traders, name), text);
  const exchange = await startModel(['--symbols', 'BTCUSDT,ETHUSDT,SOLUSDT,ADAUSDT', '--speed', '240', '--to', String(FROM + LENGTH * MINUTE), '--stay', 'stopped', '--scene', path, '--log', 'warn']);
  const daemon = await startDaemon({ port: exchange.port, market: { symbols: [] }, folder, traders, env: { SYMBOLS: '', SYMBOL_COUNT: '10', UNIVERSE_REFRESH_MIN: String(LOOK), KLINE_HISTORY: '300' } });
  await exchange.until(() => exchange.lines.some(l => l.event === 'market_ended'), 'the end of the market', 60000);
  const status = await settled(daemon);
  assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  const all = [...stored(folder).values()];
  assert.equal(daemon.logged(/"level":"error"/).length, 0, daemon.stderr);
  /** Minutes of the scene whose bars this trader has fired on. */
  const bars = (trader, symbol) => all.filter(s => s.trader === trader && s.symbol === symbol).map(s => (Number(s.time) - FROM) / MINUTE).sort((a, b) => a - b);
  return { daemon, status, bars };
}

const every = (more = '') => `return trader {interval = "1m", fire = "every", ${more} filter = function(m) return true end}\n`;

test('who is listed is filled and screened, who is delisted is let go, and whom a trader names is kept and told of', async () => {
  const { daemon, status, bars } = await run(`
at 20m list ADAUSDT
at 40m delist ETHUSDT
at 40m delist SOLUSDT
at 80m list SOLUSDT
`, { 'every.lua': every(), 'named.lua': every('symbols = {include = {"SOLUSDT"}},'), 'deep.lua': every('warmup = 250,') });

  assert.equal(daemon.logged(/universe: 4 symbols; joined: ADAUSDT; left: none/).length, 1, daemon.stderr);
  assert.equal(daemon.logged(/left: [^;"]*ETHUSDT \(does not trade\)/).length, 1, daemon.stderr);
  assert.ok(daemon.logged(/named: symbols: SOLUSDT does not trade/).length >= 1, daemon.stderr);
  assert.equal(status.universe.members, 3);

  const first = bars('every', 'BTCUSDT')[0];
  assert.deepEqual(bars('every', 'BTCUSDT'), range(first, LENGTH), 'a symbol that nothing happens to');
  for (const trader of ['every', 'deep']) {
    const joined = bars(trader, 'ADAUSDT');
    assert.ok(joined[0] >= 19 && joined[0] <= 20 + 2 * LOOK, `${trader}: the new one from ${joined[0]} on`);
    assert.deepEqual(joined, range(joined[0], LENGTH), `${trader}: every bar from then on, its history is there`);
  }
  const left = bars('every', 'ETHUSDT');
  assert.deepEqual(left, range(left[0], 40), 'every bar until the end, none after it');
  const named = bars('named', 'SOLUSDT'), back = named.find(m => m >= 40);
  assert.deepEqual(named, [...range(named[0], 40), ...range(80, LENGTH)], 'the named one: every bar that exists');
  assert.equal(back, 80);
  const again = bars('every', 'SOLUSDT').filter(m => m >= 40);
  assert.deepEqual(again, range(again[0], LENGTH), 'and it comes back to the universe');
  assert.ok(again[0] >= 80 && again[0] <= 80 + 2 * LOOK, `from ${again[0]} on`);
});
