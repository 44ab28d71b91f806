// exchange-sim --market usdm: USD-M futures, by npm `binance`'s futures client and by bare connections.
// time limit: 120
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dataPath, start } from './harness.mjs';
import { connect, get, sim } from './wire.mjs';

const { USDMClient } = createRequire(import.meta.url)('binance');

const MINUTE = 60000;
const FROM = Date.UTC(2026, 0, 5);
const usdm = (...args) => sim(['--market', 'usdm', '--symbols', 'BTCUSDT,ETHUSDT,SOLUSDT', ...args]);

describe('REST', () => {
  test('npm binance: time, symbols, klines and tickers', async () => {
    const it = await usdm();
    assert.equal(it.listening.market, 'usdm');
    const client = new USDMClient({ baseUrl: it.url, disableTimeSync: true });
    await client.testConnectivity();
    assert.equal((await client.getServerTime()), FROM);
    const info = await client.getExchangeInfo();
    assert.deepEqual(info.symbols.map(s => [s.symbol, s.baseAsset, s.quoteAsset, s.contractType, s.status]),
      ['BTC', 'ETH', 'SOL'].map(base => [`${base}USDT`, base, 'USDT', 'PERPETUAL', 'TRADING']));
    const rows = await client.getKlines({ symbol: 'ETHUSDT', interval: '5m', startTime: FROM - 10 * MINUTE, limit: 3 });
    assert.deepEqual(rows.map(r => r[0]), [FROM - 10 * MINUTE, FROM - 5 * MINUTE]);
    assert.equal(rows[0].length, 12);
    const day = await client.get24hrChangeStatistics({ symbol: 'BTCUSDT' });
    const minutes = await client.getKlines({ symbol: 'BTCUSDT', interval: '1m', startTime: FROM - 1440 * MINUTE, limit: 1500 });
    assert.equal(minutes.length, 1440);
    assert.equal(Number(day.highPrice), Math.max(...minutes.map(r => Number(r[2]))));
    assert.equal(Number(day.lastPrice), Number(minutes.at(-1)[4]));
    assert.equal((await client.get24hrChangeStatistics()).length, 3);
    await assert.rejects(client.getKlines({ symbol: 'NOPE', interval: '1m' }), error => error.code === -1121);
  });

  test('the shape of exchangeInfo and of the ticker is that of the futures', async () => {
    const it = await usdm();
    const { body } = await get(it, '/fapi/v1/exchangeInfo');
    assert.equal(body.futuresType, 'U_MARGINED');
    for (const s of body.symbols) assert.ok(!('permissionSets' in s) && !('isSpotTradingAllowed' in s));
    const path = dataPath('messages/rest_exchangeInfo.usdm-one.jsonl');
    if (path) {
      const genuine = JSON.parse(readFileSync(path, 'utf8').split('\n')[0]);
      assert.deepEqual(Object.keys(body), Object.keys(genuine));
      assert.deepEqual(Object.keys(body.symbols[0]), Object.keys(genuine.symbols[0]));
      for (const f of body.symbols[0].filters) {
        const same = genuine.symbols[0].filters.find(g => g.filterType === f.filterType);
        assert.deepEqual(Object.keys(f), Object.keys(same), f.filterType);
      }
    }
    assert.deepEqual(Object.keys((await get(it, '/fapi/v1/ticker/24hr?symbol=BTCUSDT')).body), ['symbol', 'priceChange', 'priceChangePercent',
      'weightedAvgPrice', 'lastPrice', 'lastQty', 'openPrice', 'highPrice', 'lowPrice', 'volume', 'quoteVolume', 'openTime', 'closeTime', 'firstId', 'lastId', 'count']);
    for (const path of ['/api/v3/time', '/fapi/v2/time', '/fapi/v1/depth']) assert.equal((await get(it, path)).status, 404, path);
  });

  test('weights by limit, 2400 a minute, 1500 klines', async () => {
    const it = await usdm();
    const klines = limit => `/fapi/v1/klines?symbol=BTCUSDT&interval=1m${limit ? `&limit=${limit}` : ''}`;
    const used = async path => Number((await get(it, path)).headers.get('x-mbx-used-weight-1m'));
    // The count starts again at each full minute, so a pair that straddles one is measured once more.
    const cost = async path => { let d; do { const a = await used('/fapi/v1/ping'); d = await used(path) - a; } while (d <= 0); return d; };
    for (const [path, weight] of [['/fapi/v1/time', 1], [klines(99), 1], [klines(100), 2], [klines(499), 2], [klines(500), 5], [klines(), 5],
      [klines(1000), 5], [klines(1001), 10], [klines(1500), 10], ['/fapi/v1/exchangeInfo', 1], ['/fapi/v1/ticker/24hr?symbol=BTCUSDT', 1],
      ['/fapi/v1/ticker/24hr', 40]]) assert.equal(await cost(path), weight, path);
    assert.equal((await get(it, klines(2000))).body.length, 1500);
    assert.equal((await get(it, klines())).body.length, 500);
    const limit = (await get(it, '/fapi/v1/exchangeInfo')).body.rateLimits.find(l => l.rateLimitType === 'REQUEST_WEIGHT');
    assert.equal(limit.limit, 2400);
    let reply, n = 0;
    for (; n < 130 && reply?.status !== 429; n++) reply = await get(it, '/fapi/v1/ticker/24hr');
    assert.equal(reply.status, 429);
    assert.match(reply.body.msg, /2400 request weight/);
  });
});

describe('streams', () => {
  test('split paths: each part takes its own streams, others and old paths are refused', async () => {
    const it = await usdm('--speed', '600');
    const raw = await connect(it, '/market/ws/btcusdt@kline_1m'), combined = await connect(it, '/market/stream?streams=btcusdt@kline_1m/!ticker@arr');
    await raw.until(c => c.messages.some(m => m.k?.x), 'a closed bar');
    await combined.until(c => ['btcusdt@kline_1m', '!ticker@arr'].every(s => c.messages.some(m => m.stream === s)), 'both streams');
    const tickers = combined.messages.find(m => m.stream === '!ticker@arr').data;
    assert.deepEqual(tickers.map(t => t.s), ['BTCUSDT', 'ETHUSDT', 'SOLUSDT']);
    assert.deepEqual(Object.keys(tickers[0]), ['e', 'E', 's', 'p', 'P', 'w', 'c', 'Q', 'o', 'h', 'l', 'v', 'q', 'O', 'C', 'F', 'L', 'n']);
    for (const path of ['/ws/btcusdt@kline_1m', '/stream?streams=btcusdt@kline_1m', '/ws', '/other/ws', '/marketws'])
      await assert.rejects(connect(it, path), /404/, path);
    await assert.rejects(connect(it, '/public/ws/btcusdt@kline_1m'), /400/);
    await assert.rejects(connect(it, '/market/ws/btcusdt@bookTicker'), /400/);
    const open = await connect(it, '/public/stream?streams=btcusdt@bookTicker/btcusdt@depth5');
    assert.equal((await open.ask({ method: 'SUBSCRIBE', params: ['btcusdt@kline_1m'], id: 1 })).code, 2);
    assert.equal((await open.ask({ method: 'SUBSCRIBE', params: ['!bookTicker'], id: 2 })).result, null);
    const own = await connect(it, '/private/ws');
    assert.equal((await own.ask({ method: 'SUBSCRIBE', params: ['btcusdt@kline_1m'], id: 1 })).code, 2);
    const market = await connect(it, '/market/ws');
    assert.equal((await market.ask({ method: 'SUBSCRIBE', params: ['btcusdt@aggTrade', 'btcusdt@markPrice@1s', 'ethusdt@miniTicker'], id: 1 })).result, null);
    assert.equal((await market.ask({ method: 'SUBSCRIBE', params: ['btcusdt@avgPrice'], id: 2 })).code, 2, 'a stream of spot');
  });

  test('old paths where they are allowed', async () => {
    const it = await usdm('--speed', '600', '--legacy-paths', 'on');
    const c = await connect(it, '/ws/btcusdt@kline_1m');
    await c.until(() => c.messages.length > 0, 'a frame');
  });

  test('ten messages in a second are taken, the eleventh closes', async () => {
    const it = await usdm();
    const c = await connect(it, '/market/ws');
    for (let i = 0; i < 11; i++) c.socket.send(JSON.stringify({ method: 'LIST_SUBSCRIPTIONS', id: i }));
    await c.until(() => c.closed, 'the close');
    assert.equal(c.closed.code, 1008);
    assert.equal(c.messages.length, 10);
  });

  test('scenes are played here as well', async () => {
    const it = await usdm('--speed', 'max', '--stay', 'stopped', '--to', String(FROM + 20 * MINUTE), '--scene', 'spec/scenes/gap.scene');
    const c = await connect(it, '/market/ws/btcusdt@kline_1m');
    await it.until(() => it.lines.some(l => l.event === 'market_ended'), 'the end of the market');
    await c.ask({ method: 'LIST_SUBSCRIPTIONS', id: 1 });
    const seen = c.messages.filter(m => m.k?.x).map(m => (m.k.t - FROM) / MINUTE);
    const rest = (await get(it, `/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=${FROM}`)).body.map(r => (r[0] - FROM) / MINUTE);
    assert.deepEqual(rest.filter(m => !seen.includes(m)), [10, 11, 12]);
  });
});

test('a market that is none is named', async () => {
  const it = start('exchange-sim', ['--market', 'coinm']);
  assert.equal((await it.ended).code, 2);
  assert.match(it.stderr, /--market is "coinm"; expected spot or usdm/);
});
