// An exchange whose list of symbols the spec holds in its hands: REST and combined streams in this process, bars that
// follow from symbol and minute, and a time that moves only when it is told to.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { WebSocketServer } from 'ws';

const MINUTE = 60000;

/** symbols: {AAAUSDT: {volume, status}}; both may be changed at any time. */
export async function startListing(symbols, now = Date.parse('2026-03-01T12:00:00Z')) {
  const it = { symbols, now, isBroken: false, asked: { exchangeInfo: 0, klines: 0 }, sockets: new Set(), wanted: new Set() };

  const price = (symbol, minute) => ((minute + symbol.charCodeAt(0)) % 2 ? 100 : 200).toFixed(8);
  const bar = (symbol, open) => {
    const p = price(symbol, open / MINUTE);
    return [open, p, p, p, p, '1.00000000', open + MINUTE - 1, p, 1, '0.50000000', (p / 2).toFixed(8), '0'];
  };
  const base = name => name.slice(0, -4);
  const answers = {
    '/api/v3/time': () => ({ serverTime: it.now }),
    '/api/v3/exchangeInfo': () => {
      it.asked.exchangeInfo++;
      return {
        serverTime: it.now, rateLimits: [{ rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: 6000 }],
        symbols: Object.entries(symbols).map(([symbol, s]) => ({
          symbol, status: s.status ?? 'TRADING', baseAsset: base(symbol), quoteAsset: 'USDT', isSpotTradingAllowed: s.spot ?? true,
          permissions: [], permissionSets: [s.permissions ?? ['SPOT']], filters: [],
        })),
      };
    },
    '/api/v3/ticker/24hr': () => Object.entries(symbols).map(([symbol, s]) => ({
      symbol, openPrice: '100', highPrice: '200', lowPrice: '100', lastPrice: '100', volume: '1', quoteVolume: String(s.volume), openTime: it.now - 86400000, closeTime: it.now, firstId: 1, lastId: 2, count: 2,
    })),
    '/api/v3/klines': query => {
      it.asked.klines++;
      const rows = [], limit = Number(query.get('limit') ?? 500), end = Math.min(Number(query.get('endTime')), it.now);
      for (let open = Math.ceil(Number(query.get('startTime')) / MINUTE) * MINUTE; open <= end && rows.length < limit; open += MINUTE) rows.push(bar(query.get('symbol'), open));
      return rows;
    },
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://x'), answer = answers[url.pathname];
    const isBroken = it.isBroken && url.pathname === '/api/v3/exchangeInfo';
    response.writeHead(isBroken ? 500 : answer ? 200 : 404, { 'content-type': 'application/json' });
    response.end(isBroken || !answer ? '{"code":-1000,"msg":"broken"}' : JSON.stringify(answer(url.searchParams)));
  });
  const streams = new WebSocketServer({ server });
  streams.on('connection', (socket, request) => {
    it.sockets.add(socket);
    for (const name of (new URL(request.url, 'http://x').searchParams.get('streams') ?? '').split('/').filter(Boolean)) it.wanted.add(name);
    socket.on('message', text => {
      const { method, params, id } = JSON.parse(text);
      for (const name of params) method === 'SUBSCRIBE' ? it.wanted.add(name) : it.wanted.delete(name);
      socket.send(JSON.stringify({ result: null, id }));
    });
    socket.on('close', () => it.sockets.delete(socket));
  });

  const send = (symbol, open, isClosed) => {
    const [t, o, h, l, c, v, T, q, n, V, Q] = bar(symbol, open), name = `${symbol.toLowerCase()}@kline_1m`;
    if (!it.wanted.has(name)) return;
    const data = { e: 'kline', E: it.now, s: symbol, k: { t, T, s: symbol, i: '1m', f: 1, L: 1, o, c, h, l, v, n, x: isClosed, q, V, Q, B: '0' } };
    for (const socket of it.sockets) socket.send(JSON.stringify({ stream: name, data }));
  };

  /** The present minute ends, and the next one begins. */
  it.advance = () => {
    it.now = (Math.floor(it.now / MINUTE) + 1) * MINUTE;
    const trading = Object.keys(symbols).filter(symbol => (symbols[symbol].status ?? 'TRADING') === 'TRADING');
    for (const symbol of trading) send(symbol, it.now - MINUTE, true);
    for (const symbol of trading) send(symbol, it.now, false);
  };
  /** Symbols whose streams somebody wants, in order. */
  it.watched = () => [...it.wanted].map(name => name.split('@')[0].toUpperCase()).sort().join();
  it.close = () => { for (const socket of it.sockets) socket.terminate(); streams.close(); server.close(); server.closeAllConnections(); };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  it.port = server.address().port;
  return it;
}
