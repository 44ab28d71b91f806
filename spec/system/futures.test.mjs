// alone
// The daemon on USD-M futures: an exchange of this file's own that has the futures' paths and nothing else.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { endAll, eventually, startDaemon, stop } from './daemon.mjs';
import { tempDir } from './harness.mjs';

const MINUTE = 60000, NOW = Date.parse('2026-02-03T10:00:30Z'), NS = '6d8f2f0c3f0e5b7a9c557a1c1f0e9b42';
const CONTRACTS = [
  ['BTCUSDT', 'PERPETUAL', 'TRADING', 900], ['ETHUSDT', 'PERPETUAL', 'TRADING', 700], ['OLDUSDT', 'PERPETUAL', 'SETTLING', 9999],
  ['BTCUSDT_260327', 'CURRENT_QUARTER', 'TRADING', 8000], ['XRPUSDT', 'PERPETUAL', 'TRADING', 50], ['ETHBTC', 'PERPETUAL', 'TRADING', 5000],
];

function exchangeInfo() {
  return {
    timezone: 'UTC', serverTime: NOW, futuresType: 'U_MARGINED',
    rateLimits: [{ rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: 1800 }],
    symbols: CONTRACTS.map(([symbol, contractType, status]) => ({
      symbol, pair: symbol, contractType, status, baseAsset: symbol.slice(0, 3), quoteAsset: symbol === 'ETHBTC' ? 'BTC' : 'USDT',
      filters: [{ filterType: 'PRICE_FILTER', tickSize: '0.10' }, { filterType: 'LOT_SIZE', stepSize: '0.001' }],
    })),
  };
}

const row = t => [t, '100.0', '101.0', '99.0', '100.5', '10', t + MINUTE - 1, '1005.0', 7, '4', '402.0', '0'];

function weight(limit) { return limit < 100 ? 1 : limit < 500 ? 2 : limit <= 1000 ? 5 : 10; }

async function startFutures() {
  const asked = [], sockets = new Set(), streams = new Set();
  let used = 0;
  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://x'), q = Object.fromEntries(url.searchParams);
    const answer = (value, cost, code = 200) => {
      used += cost;
      response.writeHead(code, { 'Content-Type': 'application/json', 'X-MBX-USED-WEIGHT-1M': used });
      response.end(JSON.stringify(value));
    };
    asked.push({ path: url.pathname, ...q });
    switch (url.pathname) {
      case '/fapi/v1/time': return answer({ serverTime: NOW }, 1);
      case '/fapi/v1/exchangeInfo': return answer(exchangeInfo(), 1);
      case '/fapi/v1/ticker/24hr': return answer(CONTRACTS.map(([symbol, , , volume]) => ({ symbol, lastPrice: '1', quoteVolume: String(volume) })), 40);
      case '/fapi/v1/klines': {
        const rows = [];
        for (let t = Number(q.startTime); t <= Math.min(Number(q.endTime), NOW) && rows.length < Number(q.limit); t += MINUTE) rows.push(row(t));
        return answer(rows, weight(Number(q.limit)));
      }
      default: return answer({ code: -5000, msg: 'Path not found' }, 1, 404);
    }
  });
  const ws = new WebSocketServer({ server, path: '/market/stream' });
  ws.on('connection', socket => {
    sockets.add(socket);
    socket.on('message', text => {
      const command = JSON.parse(text);
      command.params.forEach(name => streams.add(name));
      socket.send(JSON.stringify({ result: null, id: command.id }));
    });
  });
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  const close = () => { sockets.forEach(s => s.terminate()); server.close(); };
  const send = message => sockets.forEach(s => s.send(JSON.stringify(message)));
  return { port: server.address().port, asked, streams, send, close };
}

function uuid5(name) {
  const h = createHash('sha1').update(Buffer.from(NS, 'hex')).update(name).digest();
  h[6] = (h[6] & 15) | 0x50;
  h[8] = (h[8] & 63) | 0x80;
  return h.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

after(endAll);

test('futures: perpetual contracts, their own paths and pages, and ids of their own market', async t => {
  const futures = await startFutures();
  t.after(futures.close);
  const traders = tempDir();
  writeFileSync(join(traders, 'up.lua'), 'return trader { name = "up", interval = "1m", fire = "every", filter = function(m) return m.close[0] > 150 end }');
  const daemon = await startDaemon({
    port: futures.port, folder: tempDir(), traders, market: { symbols: [] },
    env: { MARKET: 'usdm', SYMBOLS: '', SYMBOL_COUNT: '2', KLINE_HISTORY: '2000', BINANCE_WS_URL: `ws://127.0.0.1:${futures.port}/market` },
  });
  const running = await eventually(async () => {
    const s = await daemon.status();
    return s.status === 'running' && s;
  }, 'the daemon to run');
  assert.equal(running.market, 'usdm');
  assert.equal(running.rest.weightLimit, 1800, 'what exchangeInfo says');
  assert.deepEqual([...futures.streams].sort(), ['btcusdt@kline_1m', 'ethusdt@kline_1m'], 'the largest perpetuals in USDT');
  const pages = futures.asked.filter(a => a.path === '/fapi/v1/klines' && a.symbol === 'BTCUSDT');
  assert.ok(pages.some(p => p.limit === '1500'), 'pages of 1500');
  assert.equal(futures.asked.filter(a => !a.path.startsWith('/fapi/v1/')).length, 0);

  const open = Math.floor(NOW / MINUTE) * MINUTE;
  futures.send({
    stream: 'btcusdt@kline_1m',
    data: {
      e: 'kline', E: open + MINUTE + 5, s: 'BTCUSDT',
      k: { t: open, T: open + MINUTE - 1, s: 'BTCUSDT', i: '1m', f: 1, L: 9, o: '100.0', c: '160.0', h: '161.0', l: '99.0', v: '10', n: 9, x: true, q: '1500.0', V: '5', Q: '750.0', B: '0' },
    },
  });
  const signal = await eventually(() => daemon.signals()[0], 'a signal');
  assert.equal(signal.id, uuid5(`local|usdm|${signal.traderId}|${signal.revision}|BTCUSDT|1m|${open}|close`));
  assert.equal((await stop(daemon)).code, 0);
});
