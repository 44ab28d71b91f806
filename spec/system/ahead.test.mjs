// A market that is far ahead of the screener: what waits has a bound, and nothing of it is lost.
// time limit: 300
import { test, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { byId, difference, endAll, recordedMarket, replay, settled, startDaemon, startExchange, stop, stored, tempDir } from './daemon.mjs';

afterEach(endAll);

// As in orchestrator_flow.c; what one read brings comes on top.
const FULL = 30000, ONE_READ = 2000;

test('streams are read no further while more waits than the workers get through', async t => {
  const market = recordedMarket(7, 6), traders = tempDir();
  if (market.hasHoles) return t.skip('no recorded klines');
  writeFileSync(join(traders, 'slow.lua'), `return trader {interval = "1m", filter = function(m)
  local sum = 0
  for i = 1, 8000 do sum = (sum + m.close[i % 50]) % 1000 end
  return sum >= 0 and m.close[0] > ta.highest(m.high, 60)[1]
end}`);
  const folder = tempDir(), exchange = await startExchange(market, 'max', { stays: true });
  const daemon = await startDaemon({ port: exchange.port, market, folder, traders });
  let most = 0, holds = 0;
  for (let s; !exchange.isOver() || s.backlog > 0;) {
    s = await daemon.status();
    most = Math.max(most, s.backlog);
    holds = Math.max(holds, s.stream.holds);
    await new Promise(done => setTimeout(done, 50));
  }
  assert.ok(holds >= 1, `held ${holds} times; ${most} waited at the most`);
  assert.ok(most < FULL + ONE_READ, `${most} waited`);
  assert.ok(daemon.logged(/the market is ahead: more than 30000 updates wait/).length >= 1, daemon.stderr);
  await settled(daemon, 120000);
  assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  const expected = await replay(market, { traders });
  assert.ok(expected.size > 100, `${expected.size} signals`);
  assert.equal(difference(stored(folder), expected), '');
  assert.equal(difference(byId(daemon.signals()), expected), '');
});
