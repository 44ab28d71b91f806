// m.ticker at the forming bar: the exchange's 24 hours, subscribed to while a trader with on = "tick" reads them, and only then.
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endAll, eventually, startDaemon, startModel, stop } from './daemon.mjs';
import { tempDir } from './harness.mjs';

after(endAll);

const market = { symbols: ['BTCUSDT', 'ETHUSDT'] };

const READS = `return trader {interval = "1m", on = "tick", fire = "every", filter = function(m)
    if not m.forming then return m.ticker ~= nil end -- at a close there is none, so no signal
    local t = m.ticker
    if not t then return false end
    return {match = true, conditions = {json.encode {last = t.last, change = t.change_pct, high = t.high, low = t.low, volume = t.volume,
      quote = t.quote_volume, bid = t.bid, ask = t.ask}}}
  end}\n`;

/** What the trader has read. */
const read = signal => JSON.parse(signal.conditions[0]);

async function run(code) {
  const traders = tempDir();
  writeFileSync(join(traders, 'own.lua'), code);
  const sim = await startModel(['--symbols', market.symbols.join(','), '--speed', '30', '--updates', '30', '--log', 'warn']);
  const daemon = await startDaemon({ port: sim.port, market, folder: tempDir(), traders, env: { SCREENING_INTERVAL_MS: '1000' } });
  return { sim, daemon, traders };
}

test('a trader reads the ticker of each symbol at the forming bar, and none at the close', async () => {
  const { sim, daemon } = await run(READS);
  const provisional = () => daemon.signals().filter(s => s.state === 'provisional');
  await eventually(() => new Set(provisional().map(s => s.symbol)).size === 2, 'a signal of each symbol', 60000);
  await eventually(async () => (await daemon.status()).stream.tickers > 10, 'tickers', 30000);
  assert.equal(daemon.signals().filter(s => s.state === 'confirmed').length, 0);
  for (const signal of provisional()) {
    const t = read(signal), said = JSON.stringify([signal.price, t]);
    assert.ok(Math.abs(t.last / signal.price - 1) < 0.1 && t.low > 0 && t.low <= t.last && t.last <= t.high && t.bid > 0 && t.bid <= t.ask, said);
    assert.ok(Math.abs(t.quote / t.volume / signal.price - 1) < 0.5 && Math.abs(t.change) < 50, said);
  }
  assert.equal((await stop(daemon)).code, 0, daemon.stderr.slice(-2000));
  await stop(sim);
});

test('without such a trader nobody subscribes to tickers; with an edit that reads them it is done', async () => {
  const { sim, daemon, traders } = await run('return trader {interval = "1m", on = "tick", fire = "every", filter = function(m) return m.forming end}\n');
  await eventually(() => daemon.signals().some(s => s.state === 'provisional'), 'signals', 60000);
  assert.deepEqual([(await daemon.status()).stream.tickers, (await daemon.status()).stream.wantedTopics], [0, 2]);
  writeFileSync(join(traders, 'own.lua'), READS);
  await eventually(() => daemon.signals().some(s => s.conditions.length && read(s).quote > 0), 'signals that have read it', 60000);
  assert.equal((await daemon.status()).stream.wantedTopics, 4);
  assert.equal((await stop(daemon)).code, 0, daemon.stderr.slice(-2000));
  await stop(sim);
});
