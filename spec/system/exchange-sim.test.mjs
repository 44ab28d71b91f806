// exchange-sim against clients that others wrote (npm `binance`, `@binance/spot`), and against the exchange's documented
// corners with a bare WebSocket. The bars are real where recordings lie beside the project, else a folder made here.
// time limit: 300
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import { DEADLINE_MS, dataPath, readKlines, start, tempDir } from './harness.mjs';
import { connect, get, sim } from './wire.mjs';

const require = createRequire(import.meta.url);
const { MainClient, WebsocketClient } = require('binance');
const { Spot } = require('@binance/spot');

const HEADER = 'open_time,open,high,low,close,volume,close_time,quote_volume,trades,taker_base,taker_quote';
const MINUTE = 60000, HOUR = 3600000, DAY = 86400000;

// ---- recordings ----

const scaled = text => {
  const [whole, fraction = ''] = String(text).split('.');
  return BigInt(whole) * 100000000n + BigInt(fraction.padEnd(8, '0'));
};
const printed = value => `${value / 100000000n}.${String(value % 100000000n).padStart(8, '0')}`;

/** A CSV row as the exchange would print it; sums as exact integers of 1e-8. */
function exact(row) {
  return {
    t: Number(row.open_time), o: scaled(row.open), h: scaled(row.high), l: scaled(row.low), c: scaled(row.close),
    v: scaled(row.volume), q: scaled(row.quote_volume), n: BigInt(row.trades), V: scaled(row.taker_base), Q: scaled(row.taker_quote),
  };
}

/** Bars of `lengthMs` folded from exact minutes, with integers only. */
function fold(bars, lengthMs) {
  const out = [];
  for (const bar of bars) {
    const t = Math.floor(bar.t / lengthMs) * lengthMs;
    const last = out.at(-1);
    if (last?.t !== t) { out.push({ ...bar, t }); continue; }
    last.h = bar.h > last.h ? bar.h : last.h;
    last.l = bar.l < last.l ? bar.l : last.l;
    last.c = bar.c;
    for (const field of ['v', 'q', 'n', 'V', 'Q']) last[field] += bar[field];
  }
  return out;
}

const FIELDS = ['o', 'h', 'l', 'c', 'v', 'q', 'V', 'Q'];
const asText = bar => ({ t: bar.t, n: Number(bar.n), ...Object.fromEntries(FIELDS.map(f => [f, printed(bar[f])])) });
const ofFrame = k => ({ t: k.t, n: k.n, ...Object.fromEntries(FIELDS.map(f => [f, k[f]])) });
const ofRow = r => ({ t: r[0], o: r[1], h: r[2], l: r[3], c: r[4], v: r[5], q: r[7], n: r[8], V: r[9], Q: r[10] });

function writeRecording(folder, symbol, opens) {
  let price = 10000;
  const lines = opens.map((open, i) => {
    const next = price + ((i * 7919) % 41) - 20;
    const high = Math.max(price, next) + (i % 5), low = Math.min(price, next) - (i % 3);
    const volume = ((i * 104729) % 100000) / 1000;
    const line = [open, price / 100, high / 100, low / 100, next / 100, volume, open + MINUTE - 1,
      printed(scaled(volume) * BigInt(price) / 100n), i % 50, volume / 4, printed(scaled(volume) * BigInt(price) / 400n)].join(',');
    price = next;
    return line;
  });
  writeFileSync(join(folder, `${symbol}-1m.csv`), `${HEADER}\n${lines.join('\n')}\n`);
}

const minutes = (from, count) => Array.from({ length: count }, (_, i) => from + i * MINUTE);

const recorded = dataPath('klines/LTCUSDT-1m.csv.gz');
const T0 = Date.UTC(2026, 1, 2);
const FOLDER = recorded ? dataPath('klines') : tempDir();
if (!recorded) for (const symbol of ['LTCUSDT', 'NEARUSDT']) writeRecording(FOLDER, symbol, minutes(T0, 7 * 1440));
const SYMBOLS = ['LTCUSDT', 'NEARUSDT'];
const CSV = Object.fromEntries(SYMBOLS.map(s => [s, readKlines(join(FOLDER, `${s}-1m.csv${recorded ? '.gz' : ''}`)).map(exact)]));
const files = (...more) => ['--data', FOLDER, '--symbols', SYMBOLS.join(','), ...more];

// ---- REST ----

describe('REST, by independent clients', () => {
  test('npm binance: time, symbols, tickers and klines have the values of the recording', async () => {
    const from = T0 + DAY + 30 * MINUTE;
    const it = await sim(files('--from', String(from)));
    const client = new MainClient({ baseUrl: it.url, disableTimeSync: true });
    await client.testConnectivity();
    const info = await client.getExchangeInfo();
    assert.deepEqual(info.symbols.map(s => s.symbol), SYMBOLS);
    assert.equal(info.symbols[0].status, 'TRADING');
    assert.deepEqual([info.symbols[0].baseAsset, info.symbols[0].quoteAsset], ['LTC', 'USDT']);
    const day = await client.get24hrChangeStatistics({ symbol: 'LTCUSDT' });
    const window = CSV.LTCUSDT.filter(b => b.t >= from - DAY && b.t < from);
    const sum = fold(window, 365 * 10 * DAY)[0];
    for (const [field, value] of [['openPrice', sum.o], ['highPrice', sum.h], ['lowPrice', sum.l], ['lastPrice', sum.c],
      ['volume', sum.v]]) assert.equal(Number(day[field]), Number(printed(value)), field);
    // A sum this large has fewer than eight decimals left in a double.
    const turnover = Number(printed(sum.q));
    assert.ok(Math.abs(Number(day.quoteVolume) - turnover) < 1e-12 * turnover, `${day.quoteVolume} ${turnover}`);
    assert.equal(day.count, Number(sum.n));
    const rows = await client.getKlines({ symbol: 'NEARUSDT', interval: '1m', startTime: T0 + 5 * MINUTE, limit: 10 });
    assert.deepEqual(rows.map(ofRow), CSV.NEARUSDT.slice(5, 15).map(asText));
    const hours = await client.getKlines({ symbol: 'NEARUSDT', interval: '1h', startTime: T0, endTime: T0 + 3 * HOUR });
    assert.deepEqual(hours.map(ofRow), fold(CSV.NEARUSDT, HOUR).slice(0, 4).map(asText));
    await assert.rejects(client.getKlines({ symbol: 'NOPE', interval: '1m' }), error => error.code === -1121);
    assert.equal((await get(it, '/api/v3/time')).body.serverTime, from, 'nobody has asked for the time before: the clock stood');
  });

  test('@binance/spot: the same', async () => {
    const it = await sim(files('--from', '2026-02-03'));
    const client = new Spot({ configurationRestAPI: { apiKey: '', basePath: it.url } }).restAPI;
    assert.equal(Number((await (await client.time()).data()).serverTime), T0 + DAY);
    const reply = await client.klines({ symbol: 'LTCUSDT', interval: '5m', limit: 3, endTime: T0 + 12 * HOUR - 1 });
    const rows = (await reply.data()).map(row => ofRow(row));
    assert.deepEqual(rows, fold(CSV.LTCUSDT, 5 * MINUTE).slice(141, 144).map(asText));
    const info = await (await client.exchangeInfo({ symbol: 'LTCUSDT' })).data();
    assert.equal(info.symbols[0].filters.find(f => f.filterType === 'PRICE_FILTER').tickSize, '0.01000000');
    await assert.rejects(client.klines({ symbol: 'LTCUSDT', interval: '7m' }), /Invalid interval/);
  });
});

describe('REST, the documented corners', () => {
  test('klines: ranges, limits and the open candle', async () => {
    const from = T0 + 2 * DAY;
    const it = await sim(files('--from', String(from)));
    const klines = async query => (await get(it, `/api/v3/klines?symbol=LTCUSDT&interval=1m${query}`)).body;
    const texts = CSV.LTCUSDT.map(asText);
    assert.equal((await klines('')).length, 500);
    assert.deepEqual((await klines('')).map(ofRow), texts.slice(2880 - 500, 2880), 'the latest, and nothing of the future');
    assert.equal((await klines('&limit=1000')).length, 1000);
    assert.equal((await klines('&limit=1500')).length, 1000, '1000 is the most');
    assert.deepEqual((await klines(`&startTime=${T0 + 1}&limit=2`)).map(r => r[0]), [T0 + MINUTE, T0 + 2 * MINUTE], 'from there, oldest first');
    assert.deepEqual((await klines(`&endTime=${T0 + 10 * MINUTE}&limit=2`)).map(r => r[0]), [T0 + 9 * MINUTE, T0 + 10 * MINUTE], 'the latest before');
    assert.deepEqual((await klines(`&startTime=${T0}&endTime=${T0 + HOUR}&limit=2`)).map(r => r[0]), [T0, T0 + MINUTE], 'both: oldest first');
    assert.deepEqual(await klines(`&startTime=${from}`), [], 'nothing has opened yet');
    assert.deepEqual((await klines(`&startTime=${T0 * 1000}&limit=1`)).map(r => r[0]), [T0], 'microseconds are taken');
    const row = (await klines('&limit=1'))[0];
    assert.equal(row.length, 12);
    assert.equal(row[6], row[0] + MINUTE - 1);
    assert.equal(row[11], '0');
    const day = (await get(it, '/api/v3/klines?symbol=LTCUSDT&interval=1d')).body;
    assert.deepEqual(day.map(ofRow).map(r => r.t), [T0, T0 + DAY]);
    assert.deepEqual((await get(it, '/api/v3/klines?symbol=LTCUSDT&interval=1s')).body, [], 'the recording has no seconds');
    assert.deepEqual((await get(it, '/api/v3/klines?symbol=LTCUSDT&interval=1M')).body, [], 'a month whose beginning is missing does not exist');
  });

  test('errors have the codes and words of the documentation', async () => {
    const it = await sim(['--symbols', 'BTCUSDT,ETHUSDT']);
    const cases = [
      ['/api/v3/klines?interval=1m', -1102, /'symbol'/],
      ['/api/v3/klines?symbol=BTCUSDT', -1102, /'interval'/],
      ['/api/v3/klines?symbol=XYZ&interval=1m', -1121, /^Invalid symbol\.$/],
      ['/api/v3/klines?symbol=btcusdt&interval=1m', -1100, /'symbol'/],
      ['/api/v3/klines?symbol=BTCUSDT&interval=1H', -1120, /^Invalid interval\.$/],
      ['/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=abc', -1100, /'limit'/],
      ['/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=0', -1130, /'limit'/],
      ['/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=-5', -1100, /'startTime'/],
      ['/api/v3/klines?symbol=BTCUSDT&interval=1m&timeZone=8', -1130, /'timeZone'/],
      ['/api/v3/ticker/24hr?symbol=BTCUSDT&symbols=["ETHUSDT"]', -1128, /Combination/],
      ['/api/v3/ticker/24hr?symbols=["BTCUSDT"', -1100, /'symbols'/],
      ['/api/v3/ticker/24hr?symbols=["BTCUSDT","NOPE"]', -1121, /Invalid symbol/],
      ['/api/v3/ticker/24hr?symbolStatus=OPEN', -1122, /symbolStatus/],
      ['/api/v3/ticker/24hr?symbol=BTCUSDT&symbolStatus=HALT', -1220, /status/],
      ['/api/v3/exchangeInfo?symbol=BTCUSDT&symbolStatus=TRADING', -1128, /Combination/],
      ['/api/v3/exchangeInfo?symbol=NOPE', -1121, /Invalid symbol/],
    ];
    for (const [path, code, words] of cases) {
      const { status, body } = await get(it, path);
      assert.deepEqual([status, body.code], [400, code], path);
      assert.match(body.msg, words, path);
    }
    for (const path of ['/', '/api/v1/time', '/api/v3/depth']) assert.equal((await get(it, path)).status, 404, path);
  });

  test('tickers and exchangeInfo narrow by symbols, type, status and permissions', async () => {
    const it = await sim(['--symbols', '25']);
    const all = await get(it, '/api/v3/ticker/24hr');
    assert.equal(all.body.length, 25);
    const two = (await get(it, `/api/v3/ticker/24hr?symbols=${encodeURIComponent('["BTCUSDT","ETHUSDT"]')}&type=MINI`)).body;
    assert.deepEqual(two.map(t => t.symbol), ['BTCUSDT', 'ETHUSDT']);
    assert.ok(!('priceChange' in two[0]) && 'quoteVolume' in two[0]);
    assert.deepEqual((await get(it, '/api/v3/ticker/24hr?symbolStatus=BREAK')).body, []);
    const info = async query => (await get(it, `/api/v3/exchangeInfo${query}`)).body;
    assert.equal((await info('')).symbols.length, 25);
    assert.equal((await info('?permissions=SPOT')).symbols.length, 25);
    assert.equal((await info('?permissions=LEVERAGED')).symbols.length, 0);
    assert.deepEqual((await info('?symbol=ETHUSDT&showPermissionSets=false')).symbols[0].permissionSets, []);
    const limit = (await info('')).rateLimits.find(l => l.rateLimitType === 'REQUEST_WEIGHT');
    assert.deepEqual([limit.limit, limit.interval, limit.intervalNum], [6000, 'MINUTE', 1]);
  });

  test('weights add up by endpoint; over the limit 429, then 418, both with Retry-After', async () => {
    const it = await sim(['--symbols', '3']);
    const used = async path => Number((await get(it, path)).headers.get('x-mbx-used-weight-1m'));
    // The count starts again at each full minute, so a pair that straddles one is measured once more.
    const cost = async path => { let d; do { const a = await used('/api/v3/ping'); d = await used(path) - a; } while (d <= 0); return d; };
    const names = n => encodeURIComponent(JSON.stringify(Array(n).fill('BTCUSDT')));
    for (const [path, weight] of [['/api/v3/ping', 1], ['/api/v3/time', 1], ['/api/v3/klines?symbol=BTCUSDT&interval=1m', 2],
      ['/api/v3/exchangeInfo', 20], ['/api/v3/ticker/24hr?symbol=BTCUSDT', 2], [`/api/v3/ticker/24hr?symbols=${names(20)}`, 2],
      [`/api/v3/ticker/24hr?symbols=${names(21)}`, 40], [`/api/v3/ticker/24hr?symbols=${names(101)}`, 80], ['/api/v3/ticker/24hr', 80]]) {
      assert.equal(await cost(path), weight, path);
    }
    let reply;
    for (let i = 0; i < 160 && reply?.status !== 429; i++) reply = await get(it, '/api/v3/ticker/24hr');
    assert.equal(reply.status, 429);
    assert.equal(reply.body.code, -1003);
    const wait = Number(reply.headers.get('retry-after'));
    assert.ok(wait >= 1 && wait <= 60, `Retry-After ${wait}`);
    for (let i = 0; i < 200 && reply.status !== 418; i++) reply = await get(it, '/api/v3/ticker/24hr');
    assert.equal(reply.status, 418);
    assert.match(reply.body.msg, /banned until \d+/);
    assert.ok(Number(reply.headers.get('retry-after')) > 60);
    assert.equal((await get(it, '/api/v3/ping')).status, 418, 'the ban is for everything');
  });
});

// ---- streams ----

describe('streams, by independent clients', () => {
  test('npm binance: every close frame of a day is the bar of the recording', async () => {
    const from = T0 + 6 * DAY;
    const it = await sim(files('--from', String(from), '--speed', 'max'));
    const client = new WebsocketClient({ wsUrl: `ws://127.0.0.1:${it.port}`, beautify: false });
    const frames = [];
    const streams = SYMBOLS.flatMap(s => ['1m', '5m', '1h'].map(i => `${s.toLowerCase()}@kline_${i}`));
    client.on('message', m => { const data = m.data ?? m; if (data.e === 'kline') frames.push(data); });
    client.on('exception', () => {}); // it complains when the exchange has gone, as it should
    await client.subscribe(streams, 'main');
    const ended = await it.ended;
    client.closeAll(true);
    assert.equal(ended.code, 0, it.stderr);
    assert.ok(it.lines.some(line => line.event === 'ended' && line.bars === 2 * 1440));
    for (const symbol of SYMBOLS) {
      for (const [interval, length] of [['1m', MINUTE], ['5m', 5 * MINUTE], ['1h', HOUR]]) {
        const closed = frames.filter(f => f.s === symbol && f.k.i === interval && f.k.x);
        const expected = fold(CSV[symbol], length).filter(b => b.t >= from).map(asText);
        // It subscribes to all in one message, so nothing can have been missed.
        assert.deepEqual(closed.map(f => ofFrame(f.k)), expected, `${symbol} ${interval}`);
        for (const f of closed) assert.ok(f.E > f.k.T && f.E < f.k.T + 20, 'a closing frame leaves just after the end');
      }
    }
    checkOrder(frames);
    checkForming(frames, CSV);
  });

  test('@binance/spot: a kline stream', async () => {
    const it = await sim(files('--from', '2026-02-05', '--speed', '600'));
    const client = new Spot({ configurationWebsocketStreams: { wsURL: `ws://127.0.0.1:${it.port}` } });
    const connection = await client.websocketStreams.connect();
    const stream = connection.kline({ symbol: 'ltcusdt', interval: '1m' });
    const frame = await new Promise((done, failed) => {
      const timer = setTimeout(() => failed(new Error('no closing frame came')), DEADLINE_MS);
      stream.on('message', f => { if (f.k.x) { clearTimeout(timer); done(f); } });
    });
    const expected = CSV.LTCUSDT.find(b => b.t === Number(frame.k.t));
    assert.deepEqual(ofFrame({ ...frame.k, t: Number(frame.k.t), n: Number(frame.k.n) }), asText(expected));
    await connection.disconnect();
  });
});

/** Event times never decrease, and all closes of an instant come before anything later. */
function checkOrder(frames) {
  let last = 0;
  let closing = 0;
  for (const f of frames) {
    assert.ok(f.E >= last, `E went from ${last} to ${f.E}`);
    last = f.E;
    const end = f.k.T + 1;
    if (f.k.x) {
      assert.ok(end >= closing, `the close of ${end} came after one of ${closing}`);
      closing = end;
    } else {
      assert.ok(f.E > closing, 'an update came between or before the closes of its instant');
    }
  }
}

/** Forming updates: open first, inside the final range, sums that only grow, never more than the final ones. */
function checkForming(frames, csv) {
  const finals = new Map();
  for (const [symbol, bars] of Object.entries(csv))
    for (const [interval, length] of [['1m', MINUTE], ['5m', 5 * MINUTE], ['1h', HOUR]])
      for (const bar of fold(bars, length)) finals.set(`${symbol} ${interval} ${bar.t}`, bar);
  const seen = new Map();
  for (const f of frames) {
    const key = `${f.s} ${f.k.i} ${f.k.t}`, final = finals.get(key), before = seen.get(key) ?? { v: 0n, n: 0, h: 0n, l: final.h, count: 0 };
    const k = Object.fromEntries([...FIELDS].map(x => [x, scaled(f.k[x])]));
    assert.equal(k.o, final.o, key);
    assert.ok(k.h <= final.h && k.l >= final.l && k.c <= k.h && k.c >= k.l && k.h >= before.h && k.l <= before.l, `${key}: range`);
    assert.ok(k.v >= before.v && k.v <= final.v && f.k.n >= before.n && f.k.n <= Number(final.n) && k.V <= k.v, `${key}: sums`);
    assert.equal(f.k.L - f.k.f + 1, f.k.n || 1, `${key}: trade ids`);
    seen.set(key, { ...k, n: f.k.n, count: before.count + 1 });
  }
  for (const [key, { count }] of seen) if (key.includes(' 1m ')) assert.equal(count, 4, `${key}: three updates and the close`);
}

describe('streams, the documented corners', () => {
  test('SUBSCRIBE, LIST_SUBSCRIPTIONS, UNSUBSCRIBE, properties and their errors', async () => {
    const it = await sim(['--symbols', 'BTCUSDT']);
    const c = await connect(it, '/ws');
    assert.deepEqual(await c.ask({ method: 'SUBSCRIBE', params: ['btcusdt@kline_1m', 'unknown@ticker'], id: 1 }), { result: null, id: 1 });
    assert.deepEqual(await c.ask({ id: 'abc-1', method: 'LIST_SUBSCRIPTIONS' }), { result: ['btcusdt@kline_1m', 'unknown@ticker'], id: 'abc-1' });
    assert.deepEqual(await c.ask({ method: 'UNSUBSCRIBE', params: ['unknown@ticker', 'never@trade'], id: null }), { result: null, id: null });
    assert.deepEqual(await c.ask({ method: 'LIST_SUBSCRIPTIONS', id: 3 }), { result: ['btcusdt@kline_1m'], id: 3 });
    const d = await connect(it, '/stream');
    assert.deepEqual(await d.ask({ method: 'GET_PROPERTY', params: ['combined'], id: 4 }), { result: true, id: 4 });
    assert.deepEqual(await d.ask({ method: 'SET_PROPERTY', params: ['combined', false], id: 5 }), { result: null, id: 5 });
    assert.deepEqual(await d.ask({ method: 'GET_PROPERTY', params: ['combined'], id: 6 }), { result: false, id: 6 });
    const errors = [
      [{ method: 'GET_PROPERTY', params: ['other'], id: 7 }, 0],
      [{ method: 'SET_PROPERTY', params: ['combined', 1], id: 8 }, 1],
      [{ method: 'GET_PROPERTY', params: [5], id: 9 }, 2],
      [{ method: 'SUBSCRIBE', params: ['btcusdt@kline_7m'], id: 10 }, 2],
      [{ method: 'SUBSCRIBE', params: ['btcusdt'], id: 11 }, 2],
      [{ method: 'SUBSCRIBE', params: 'btcusdt@ticker', id: 12 }, 2],
      [{ method: 'SUBSCRIBE', id: 13 }, 2],
      [{ method: 'SING', params: [], id: 14 }, 2],
      [{ params: [], id: 15 }, 2],
      [{ method: 'LIST_SUBSCRIPTIONS', id: { a: 1 } }, 2],
      [{ method: 'LIST_SUBSCRIPTIONS', id: 'x'.repeat(37) }, 2],
      ['{"method":', 3],
      ['{"method":"LIST_SUBSCRIPTIONS","id":1,}', 3],
      ['[]', 2],
    ];
    for (const [message, code] of errors) {
      const fresh = await connect(it, '/ws'); // five messages a second are the most on one connection
      const reply = await fresh.ask(message);
      assert.equal(reply.code, code, `${JSON.stringify(message)}: ${JSON.stringify(reply)}`);
      assert.equal(typeof reply.msg, 'string');
      if (Number.isInteger(message.id)) assert.equal(reply.id, message.id);
      if (code === 2 && message.method === 'SUBSCRIBE')
        assert.deepEqual((await fresh.ask({ method: 'LIST_SUBSCRIPTIONS', id: 1 })).result, [], 'all or nothing');
      fresh.socket.terminate();
    }
    assert.equal(it.hasEnded, false);
  });

  test('/ws is raw, /stream is wrapped; only what was asked for comes, until it is given back', async () => {
    const it = await sim(['--symbols', 'BTCUSDT,ETHUSDT', '--speed', '600']);
    const raw = await connect(it, '/ws/btcusdt@kline_1m/ethusdt@miniTicker');
    const wrapped = await connect(it, '/stream?streams=btcusdt@kline_1m/btcusdt@kline_1h/!miniTicker@arr');
    await raw.until(c => c.messages.some(m => m.k?.x) && c.messages.some(m => m.e === '24hrMiniTicker'), 'both raw streams');
    await wrapped.until(c => ['btcusdt@kline_1m', 'btcusdt@kline_1h', '!miniTicker@arr'].every(s => c.messages.some(m => m.stream === s)), 'all three wrapped streams');
    for (const m of raw.messages) assert.ok((m.e === 'kline' && m.s === 'BTCUSDT' && m.k.i === '1m') || (m.e === '24hrMiniTicker' && m.s === 'ETHUSDT'));
    for (const m of wrapped.messages) assert.deepEqual(Object.keys(m), ['stream', 'data']);
    const all = wrapped.messages.find(m => m.stream === '!miniTicker@arr').data;
    assert.deepEqual(all.map(t => t.s), ['BTCUSDT', 'ETHUSDT']);
    const byE = new Map(raw.messages.filter(m => m.k).map(m => [m.E, m]));
    const same = wrapped.messages.filter(m => m.stream === 'btcusdt@kline_1m' && byE.has(m.data.E));
    assert.ok(same.length > 0);
    for (const m of same) assert.deepEqual(m.data, byE.get(m.data.E), 'the same payload on both');
    await raw.ask({ method: 'UNSUBSCRIBE', params: ['btcusdt@kline_1m'], id: 1 });
    const from = raw.messages.length;
    await raw.until(c => c.messages.length > from + 5, 'more of the other stream');
    assert.ok(raw.messages.slice(from).every(m => m.e !== 'kline'), 'nothing of a stream that was given back');
  });

  test('payloads have the documented fields, decimals as strings', async () => {
    const it = await sim(['--symbols', 'BTCUSDT', '--speed', '600']);
    const c = await connect(it, '/ws/btcusdt@kline_5m/btcusdt@ticker/btcusdt@miniTicker');
    const find = e => c.until(() => c.messages.find(m => m.e === e), e);
    const kline = await find('kline'), mini = await find('24hrMiniTicker'), full = await find('24hrTicker');
    assert.deepEqual(Object.keys(kline), ['e', 'E', 's', 'k']);
    assert.deepEqual(Object.keys(kline.k), ['t', 'T', 's', 'i', 'f', 'L', 'o', 'c', 'h', 'l', 'v', 'n', 'x', 'q', 'V', 'Q', 'B']);
    assert.deepEqual(Object.keys(mini), ['e', 'E', 's', 'c', 'o', 'h', 'l', 'v', 'q']);
    assert.deepEqual(Object.keys(full), ['e', 'E', 's', 'p', 'P', 'w', 'x', 'c', 'Q', 'b', 'B', 'a', 'A', 'o', 'h', 'l', 'v', 'q', 'O', 'C', 'F', 'L', 'n']);
    for (const f of ['o', 'c', 'h', 'l', 'v', 'q', 'V', 'Q']) assert.match(kline.k[f], /^\d+\.\d{8}$/);
    for (const f of ['t', 'T', 'f', 'L', 'n']) assert.ok(Number.isInteger(kline.k[f]), f);
    assert.equal(kline.k.T, kline.k.t + 5 * MINUTE - 1);
    assert.match(full.P, /^-?\d+\.\d{3}$/);
    const rest = (await get(it, '/api/v3/ticker/24hr?symbol=BTCUSDT')).body;
    const at = await c.until(() => c.messages.find(m => m.e === '24hrTicker' && m.C >= rest.closeTime), 'a newer ticker');
    assert.ok(at.O >= rest.openTime && Number(at.v) > 0);
  });

  test('REST and the stream say the same: closed bars bit for bit, the open one as last shown', async () => {
    const it = await sim(['--symbols', 'BTCUSDT', '--speed', '240', '--updates', '5', '--from', '2026-03-01T10:55']);
    const c = await connect(it, '/ws/btcusdt@kline_1m/btcusdt@kline_15m');
    await c.until(() => c.messages.some(m => m.k?.x && m.k.i === '15m'), 'a closed quarter');
    for (const interval of ['1m', '15m']) {
      const rows = (await get(it, `/api/v3/klines?symbol=BTCUSDT&interval=${interval}&limit=30`)).body.map(ofRow);
      for (const closed of c.messages.filter(m => m.k.x && m.k.i === interval))
        assert.deepEqual(rows.find(r => r.t === closed.k.t), ofFrame(closed.k), `${interval} ${closed.k.t}`);
    }
    // Whatever REST says of the open bar, the stream has said or is about to say.
    for (let i = 0; i < 30; i++) {
      const row = ofRow((await get(it, '/api/v3/klines?symbol=BTCUSDT&interval=15m&limit=1')).body[0]);
      await c.until(() => c.messages.some(m => m.k.i === '15m' && isDeepStrictEqual(ofFrame(m.k), row)), `the frame that says ${JSON.stringify(row)}`);
    }
  });

  test('a SUBSCRIBE over 4088 bytes gets no answer; one of 4088 does', async () => {
    const it = await sim(['--symbols', '2']);
    const c = await connect(it, '/ws');
    const message = bytes => {
      const empty = JSON.stringify({ method: 'SUBSCRIBE', params: ['x@ticker'], id: 1 }).length - 1;
      return JSON.stringify({ method: 'SUBSCRIBE', params: [`${'x'.repeat(bytes - empty)}@ticker`], id: 1 });
    };
    assert.equal(message(4088).length, 4088);
    c.socket.send(message(4089));
    assert.deepEqual(await c.ask({ method: 'LIST_SUBSCRIPTIONS', id: 2 }), { result: [], id: 2 }, 'nothing was subscribed');
    assert.equal(c.messages.length, 1, 'and nothing was said');
    assert.deepEqual(await c.ask(message(4088)), { result: null, id: 1 });
  });

  test('at most 1024 streams on a connection', async () => {
    const it = await sim(['--symbols', '2']);
    const c = await connect(it, '/ws');
    const names = (from, n) => Array.from({ length: n }, (_, i) => `s${from + i}@ticker`);
    for (let i = 0; i < 4; i++) assert.equal((await c.ask({ method: 'SUBSCRIBE', params: names(i * 256, 256), id: i })).result, null);
    assert.equal((await c.ask({ method: 'SUBSCRIBE', params: ['one@ticker'], id: 9 })).code, 2);
  });

  test('the sixth message within a second closes with 1008', async () => {
    const it = await sim(['--symbols', '2']);
    const c = await connect(it, '/ws');
    for (let i = 0; i < 6; i++) c.socket.send(JSON.stringify({ method: 'LIST_SUBSCRIPTIONS', id: i }));
    await c.until(() => c.closed, 'the close');
    assert.deepEqual(c.closed, { code: 1008, reason: 'Too many requests' });
    assert.equal(c.messages.length, 5);
    const d = await connect(it, '/ws');
    for (let i = 0; i < 6; i++) d.socket.pong('x');
    await d.until(() => d.closed, 'the close for pongs, which count too');
    assert.equal(d.closed.code, 1008);
  });

  test('server pings; who echoes them stays, who answers with other words is closed', async () => {
    const it = await sim(['--symbols', '2', '--ping-every', '200', '--pong-within', '600']);
    const good = await connect(it, '/ws');
    const deaf = await connect(it, '/ws', { autoPong: false });
    deaf.socket.on('ping', () => deaf.socket.pong('something else'));
    await deaf.until(c => c.closed, 'the deaf one to be closed');
    await good.until(c => c.pings.length >= 5, 'five pings');
    assert.equal(good.closed, null);
    assert.equal(new Set(good.pings).size, good.pings.length, 'each ping has its own payload');
  });

  test('paths that are no streams are refused', async () => {
    const it = await sim(['--symbols', '2']);
    await assert.rejects(connect(it, '/other'), /404/);
    await assert.rejects(connect(it, '/ws/btcusdt@kline_9m'), /400/);
    await assert.rejects(connect(it, '/stream?streams=btcusdt@kline_1m&timeUnit=MICROSECOND'), /400/);
  });
});

// ---- the clock ----

describe('the clock', () => {
  test('stands at --from until the first /time, then runs at its speed', async () => {
    // Three minutes of market time are 180 ms, so that asking again and again stays far below the limit of 6000 a minute.
    const speed = 1000;
    const it = await sim(['--symbols', '1', '--from', '2026-01-10T12:00', '--speed', String(speed)]);
    const from = Date.UTC(2026, 0, 10, 12);
    assert.equal(it.listening.from, from);
    const time = async () => {
      const { status, body } = await get(it, '/api/v3/time');
      assert.equal(status, 200, JSON.stringify(body));
      return body.serverTime;
    };
    await get(it, '/api/v3/exchangeInfo');
    assert.equal((await get(it, '/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1')).body[0][0], from - MINUTE);
    const start = performance.now();
    assert.equal(await time(), from);
    let now = from;
    while (now < from + 3 * MINUTE) {
      const next = await time();
      assert.ok(next >= now, 'never backwards');
      now = next;
      // However slow this machine is: more real time has passed here than there.
      assert.ok(now - from <= speed * (performance.now() - start), 'never faster than it was told');
    }
    const newest = (await get(it, '/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1')).body[0][0];
    assert.ok(newest >= from + 2 * MINUTE, 'bars have come with it');
  });

  test('jumps over spans without bars; a higher bar that ends in one closes at its end', async () => {
    const folder = tempDir();
    const second = T0 + 5 * DAY + 2 * HOUR + 30 * MINUTE;
    writeRecording(folder, 'AAAUSDT', [...minutes(T0, 90), ...minutes(second, 150)]);
    const it = await sim(['--data', folder, '--speed', 'max', '--updates', '1']);
    const c = await connect(it, '/ws/aaausdt@kline_1m/aaausdt@kline_1h');
    const { code } = await it.ended;
    assert.equal(code, 0);
    await c.until(() => c.closed, 'the end');
    const closes = c.messages.filter(m => m.k?.x);
    const hours = closes.filter(m => m.k.i === '1h');
    assert.equal(closes.length - hours.length, 240);
    assert.deepEqual(hours.map(m => m.k.t), [T0, T0 + HOUR, second - 30 * MINUTE, second + 30 * MINUTE, second + 90 * MINUTE]);
    const expected = fold(readKlines(join(folder, 'AAAUSDT-1m.csv')).map(exact), HOUR).map(asText);
    assert.deepEqual(hours.map(m => ofFrame(m.k)), expected, 'the half hours on both sides of the hole are bars too');
    assert.ok(hours[1].E >= T0 + 2 * HOUR && hours[1].E < T0 + 2 * HOUR + 20, 'not before its span was over');
    checkOrder(c.messages);
    assert.equal(it.lines.at(-1).event, 'ended');
  });

  test('at top speed the market waits for a listener that does not read, and loses nothing', async () => {
    const it = await sim(['--symbols', '20', '--speed', 'max', '--to', '2026-01-06']);
    const c = await connect(it, '/ws');
    const list = (await get(it, '/api/v3/exchangeInfo')).body.symbols.map(s => `${s.symbol.toLowerCase()}@kline_1m`);
    c.socket.pause();
    c.socket.send(JSON.stringify({ method: 'SUBSCRIBE', params: list, id: 1 }));
    // Its time goes on until the pipe is full, and then stands.
    let now = 0, stood = 0;
    for (let i = 0; i < 2000 && stood < 50; i++) {
      const next = (await get(it, '/api/v3/time')).body.serverTime;
      stood = next === now && now > it.listening.from ? stood + 1 : 0;
      now = next;
    }
    assert.equal(stood, 50, 'the clock stands');
    assert.ok(now < it.listening.from + DAY, 'before the end');
    c.socket.resume();
    assert.equal((await it.ended).code, 0);
    await c.until(() => c.closed, 'the end');
    assert.equal(c.messages.filter(m => m.k?.x).length, 20 * 1440);
    assert.equal(it.lines.at(-1).slow_closed, 0);
  });

  test('at a pace a listener that does not read is closed when too much waits', async () => {
    const it = await sim(['--symbols', '100', '--speed', '20000']);
    const c = await connect(it, '/ws');
    const list = (await get(it, '/api/v3/exchangeInfo')).body.symbols.map(s => `${s.symbol.toLowerCase()}@kline_1m`);
    assert.equal((await c.ask({ method: 'SUBSCRIBE', params: list, id: 1 })).result, null);
    c.socket.pause();
    await it.until(() => it.stderr.includes('queue up'), 'the word about it');
    assert.equal((await get(it, '/api/v3/ping')).status, 200, 'the others are served');
    assert.deepEqual(await it.stop(), { code: 0, signal: null });
    assert.equal(it.lines.at(-1).slow_closed, 1);
  });

  test('the model gives the same frames for the same seed, others for another', async () => {
    const run = async seed => {
      const it = await sim(['--symbols', 'BTCUSDT,SOLUSDT', '--seed', seed, '--speed', 'max', '--to', '2026-01-05T02:00']);
      const c = await connect(it, '/ws/btcusdt@kline_1m/solusdt@kline_15m/btcusdt@miniTicker');
      await it.ended;
      await c.until(() => c.closed, 'the end');
      return c.messages;
    };
    const first = await run('7');
    assert.equal(first.filter(m => m.k?.x).length, 120 + 8);
    assert.deepEqual(await run('7'), first);
    assert.notDeepEqual(await run('8'), first);
  });
});

// ---- the command ----

describe('the command', () => {
  const run = async (...args) => {
    const it = start('exchange-sim', args);
    const { code } = await it.ended;
    return { code, stdout: it.stdout, stderr: it.stderr };
  };

  test('bad options end with 2 and one line that says what was expected', async () => {
    for (const [args, words] of [
      [['--speed', 'fast'], /--speed is "fast"; expected 0\.001\.\.1000000, or max/],
      [['--from', '2026-02-30'], /--from is "2026-02-30"; expected/],
      [['--from', '2026-02-02', '--to', '2026-02-01'], /--to is not after --from/],
      [['--port', '70000'], /--port is "70000"; expected 0\.\.65535/],
      [['--nope', '1'], /found --nope; expected an option of --help/],
      [['--seed'], /--seed stands alone; expected a value after it/],
    ]) {
      const { code, stderr, stdout } = await run(...args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, words);
      assert.equal(stderr.trim().split('\n').length, 1);
      assert.equal(stdout, '');
    }
    assert.match((await run('--help')).stdout, /--speed N\|max/);
  });

  test('missing or bad data end with 1 and the place', async () => {
    const folder = tempDir();
    assert.match((await run('--data', folder)).stderr, /no klines; expected files such as/);
    assert.match((await run('--data', join(folder, 'nothing'))).stderr, /cannot be opened: No such file/);
    writeFileSync(join(folder, 'BADUSDT-1m.csv'), `${HEADER}\n1,2,3\n`);
    const bad = await run('--data', folder);
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /BADUSDT-1m\.csv:2: found 1,2,3; expected 11 columns/);
    assert.match((await run('--data', folder, '--symbols', 'OTHER')).stderr, /no klines of OTHER/);
    assert.match((await run('--symbols', '2', '--from', '2020-01-01')).stderr, /before 2024-01-01/);
    writeFileSync(join(folder, 'BADUSDT-1m.csv'), `${HEADER}\n`);
    assert.match((await run('--data', folder)).stderr, /found no bars/);
  });

  test('a port that is taken ends with 1 and says so', async () => {
    const it = await sim(['--symbols', '1']);
    const { code, stderr } = await run('--symbols', '1', '--port', String(it.port));
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`--port ${it.port}: cannot listen there; expected a free port`));
  });

  test('SIGINT and SIGTERM end it at once with 0', async () => {
    for (const signal of ['SIGINT', 'SIGTERM']) {
      const it = await sim(['--symbols', '3', '--speed', '60']);
      const c = await connect(it, '/ws/btcusdt@kline_1m');
      await c.until(() => c.messages.length > 0, 'a frame');
      assert.deepEqual(await it.stop(signal), { code: 0, signal: null }, it.stderr);
      assert.equal(it.lines.at(-1).event, 'stopped');
    }
  });
});
