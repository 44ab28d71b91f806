// Traders that look at more than their own closed bars: forming bars, other symbols, all symbols.
import { test, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readKlines } from './harness.mjs';
import {
  difference, drained, endAll, eventually, generatedMarket, recordedMarket, replay, settled, startDaemon, startExchange, stop, stored, tempDir,
} from './daemon.mjs';

afterEach(endAll);

const TRADERS = {
  regime: `return trader {name = "regime", interval = "5m", references = {"LEADER"}, filter = function(m)
  return m.ref.LEADER.close[0] > m.ref.LEADER.close[3] and ta.crossover(m.close, ta.sma(m.close, 5)) end}`,
  relative: `return trader {name = "relative", interval = "1m", references = {"LEADER"}, filter = function(m)
  local ratio = m.close / m:align(m.ref.LEADER.close)
  return ta.crossover(ratio, ta.sma(ratio, 20)) end}`,
  strongest: `return trader {name = "strongest", interval = "1m", rank = {by = function(m) return ta.roc(m.close, 10)[0] end, top = 1},
  filter = function(m) return m.rank == 1 and m.universe.count > 1 and m.universe.missing == 0 end}`,
  rising: `return trader {name = "rising", interval = "1m", on = "tick", fire = "every", filter = function(m)
  return m.close[0] > m.open[0] end}`,
};

function folderWith(names, market) {
  const folder = tempDir();
  for (const name of names) writeFileSync(join(folder, `${name}.lua`), TRADERS[name].replaceAll('LEADER', market.symbols[0]));
  return folder;
}

test('references and ranks: replayed by any number of workers, live, and with workers that come and go, the signals are the same', async () => {
  const market = recordedMarket(); // no holes: who is missing after the grace is left out of a rank, whatever a replay says
  const names = Object.keys(TRADERS).filter(name => name !== 'rising');
  const traders = folderWith(names, market);
  const expected = await replay(market, { traders });
  for (const name of names)
    assert.ok([...expected.values()].some(s => s.trader === name), `${name} has no signal: nothing is proven`);
  for (const workers of [2, 4]) assert.equal(difference(await replay(market, { traders, workers }), expected), '');
  const folder = tempDir();
  const exchange = await startExchange(market, 7200);
  const daemon = await startDaemon({ port: exchange.port, market, folder, traders, workers: 2 });
  await daemon.until(it => it.logged(/watching /).length, 'the market to be there');
  let ended = false;
  exchange.ended.then(() => { ended = true; });
  for (let n = 1; !ended; n = n % 4 + 1) {
    const answer = await fetch(`http://127.0.0.1:${daemon.port()}/api/v1/screener/workers`, {
      method: 'POST', body: JSON.stringify({ workers: n }), headers: { Authorization: `Bearer ${daemon.token}` },
    }).catch(failed => assert.fail(`${failed.cause} ${daemon.stderr}`));
    assert.equal(answer.status, 202, daemon.stderr);
    await new Promise(done => setTimeout(done, 300)); // a pace of changes, not a wait for one
  }
  await settled(daemon);
  assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  assert.equal(difference(stored(folder), expected), '');
});

const states = folder => JSON.parse(execFileSync('sqlite3', ['-readonly', '-json', join(folder, 'trademind.db'),
  "SELECT json_extract(metadata, '$.state') AS state, count(*) AS n FROM signals GROUP BY state"], { encoding: 'utf8' }).trim() || '[]');
const count = (folder, state) => states(folder).find(row => row.state === state)?.n ?? 0;

test('ticks: a trader that ends leaves nothing provisional behind', async () => {
  const market = generatedMarket();
  const folder = tempDir(), traders = folderWith(['rising'], market);
  writeFileSync(join(traders, 'other.lua'), 'return trader {name = "other", interval = "1h", filter = function(m) return m.close[0] < 0 end}');
  const exchange = await startExchange(market, 60); // a bar a second
  const daemon = await startDaemon({ port: exchange.port, market, folder, traders, env: { SCREENING_INTERVAL_MS: '100' } });
  await eventually(() => count(folder, 'provisional') > 0, 'a provisional signal');
  rmSync(join(traders, 'rising.lua'));
  await daemon.until(it => it.logged(/1 removed/).length, 'the trader to be gone');
  await eventually(() => count(folder, 'provisional') === 0, 'all of them to be withdrawn');
  assert.ok(count(folder, 'withdrawn') > 0);
  await stop(daemon);
  await exchange.stop();
});

test('ticks: what is provisional is confirmed or withdrawn at the close, in place', async () => {
  const market = generatedMarket();
  const folder = tempDir();
  const exchange = await startExchange(market, 7200);
  const daemon = await startDaemon({
    port: exchange.port, market, folder, traders: folderWith(['rising'], market), env: { SCREENING_INTERVAL_MS: '100' }, workers: 2,
  });
  await exchange.ended;
  await drained(daemon);
  assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  const text = execFileSync('sqlite3', ['-readonly', '-json', join(folder, 'trademind.db'),
    "SELECT symbol, timestamp AS time, json_extract(metadata, '$.state') AS state, price FROM signals WHERE json_extract(metadata, '$.state') <> 'historical'"],
  { encoding: 'utf8', maxBuffer: 1 << 28 });
  const rows = JSON.parse(text);
  const rises = new Map();
  for (const symbol of market.symbols)
    for (const bar of readKlines(join(market.data, `${symbol}-1m.csv`))) rises.set(`${symbol} ${bar.open_time}`, Number(bar.close) > Number(bar.open));
  const newest = Math.max(...rows.map(row => row.time));
  const counts = { confirmed: 0, withdrawn: 0, provisional: 0 };
  for (const { symbol, time, state } of rows) {
    counts[state]++;
    if (time === newest) continue;
    assert.equal(state, rises.get(`${symbol} ${time}`) ? 'confirmed' : 'withdrawn', `${symbol} ${time}`);
  }
  console.log(`# ${JSON.stringify(counts)}`);
  assert.ok(counts.confirmed > 50 && counts.withdrawn > 50, JSON.stringify(counts));
});
