// The recorded genuine messages: each one is read by the program's parser and by JSON.parse, and the fields are compared.
// A message is only refused for a reason that stands in REFUSED.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';

const root = path.dirname(path.dirname(path.dirname(new URL(import.meta.url).pathname)));
const build = process.env.TRADEMIND_BUILD ?? path.join(root, 'build/release');
const folder = path.join(process.env.TRADEMIND_DATA ?? path.join(root, '../shared/data'), 'messages');

const INTERVALS = ['1s', '1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d', '3d', '1w', '1M'];
const PERIODS = { SECOND: 1000, MINUTE: 60_000, HOUR: 3_600_000, DAY: 86_400_000 };

function lines(file) {
  const bytes = fs.readFileSync(path.join(folder, file));
  return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().split('\n').filter(line => line.trim());
}

function parsed(what, texts) {
  const out = execFileSync(path.join(build, 'messages_dump'), [what],
    { input: texts.map(line => line + '\n').join(''), maxBuffer: 1 << 28 });
  const found = out.toString().trimEnd().split('\n').map(line => JSON.parse(line));
  assert.equal(found.length, texts.length, 'one answer for each line');
  return found;
}

const number = value => value === undefined ? null : Number(value);

// An interval of other lengths than ours, and what a rule of the parser forbids.
function refusal(k) {
  if (!INTERVALS.includes(k.i)) return 'interval';
  return null;
}

function klineOf(message) {
  const d = message.data ?? message, k = d.k;
  return {
    kind: 'kline', items: [], ...(message.stream && { stream: message.stream }), event_ms: d.E, symbol: k.s,
    interval: INTERVALS.indexOf(k.i), closed: k.x, open_ms: k.t, open: Number(k.o), high: Number(k.h),
    low: Number(k.l), close: Number(k.c), volume: Number(k.v), quote_volume: Number(k.q), trades: k.n,
    taker_base: Number(k.V), taker_quote: Number(k.Q),
  };
}

function tickerFields(d) {
  return {
    symbol: d.s, event_ms: d.E, last: number(d.c), open: number(d.o), high: number(d.h), low: number(d.l),
    volume: number(d.v), quote_volume: number(d.q), change: number(d.p), change_percent: number(d.P),
    weighted_average: number(d.w), bid: number(d.b), ask: number(d.a), trades: number(d.n),
  };
}

function frameOf(message) {
  const d = message.data ?? message, stream = message.stream && { stream: message.stream };
  if (Array.isArray(d))
    return d.every(item => item.e === '24hrTicker' || item.e === '24hrMiniTicker')
      ? { kind: 'tickers', ...stream, items: d.map(tickerFields) } : { kind: 'other', ...stream, items: [] };
  if (d.e === 'kline') return refusal(d.k) ? { kind: 'malformed' } : klineOf(message);
  if (d.e === '24hrTicker') return { kind: 'ticker', ...stream, items: [], ...tickerFields(d) };
  if (d.e === '24hrMiniTicker') return { kind: 'miniTicker', ...stream, items: [], ...tickerFields(d) };
  const id = Number.isInteger(d.id) && { id: d.id };
  if ('result' in d) return { kind: 'reply', items: [], ...id, code: 0 };
  if (d.error) return { kind: 'error', items: [], ...id, code: d.error.code, text: d.error.msg };
  return { kind: 'other', ...stream, items: [] };
}

function symbolOf(s) {
  const filter = type => s.filters.find(f => f.filterType === type) ?? {};
  const permissions = [...(s.permissions ?? []), ...(s.permissionSets ?? [])].flat();
  const isDenied = s.isSpotTradingAllowed === false || (permissions.length > 0 && !permissions.includes('SPOT'));
  return {
    name: s.symbol, base: s.baseAsset, quote: s.quoteAsset, tick: Number(filter('PRICE_FILTER').tickSize ?? 0),
    step: Number(filter('LOT_SIZE').stepSize ?? 0), trading: s.status === 'TRADING' && !isDenied,
    byNameOnly: s.contractType !== undefined && s.contractType !== 'PERPETUAL',
  };
}

function exchangeOf(info) {
  return {
    symbols: info.symbols.map(symbolOf), server_ms: info.serverTime, refused: 0,
    limits: info.rateLimits.map(l =>
      ({ kind: l.rateLimitType, period_ms: PERIODS[l.interval] * l.intervalNum, limit: l.limit })),
  };
}

function pageOf(rows) {
  return {
    refused: 0,
    bars: rows.map(r => ({
      open_ms: r[0], open: Number(r[1]), high: Number(r[2]), low: Number(r[3]), close: Number(r[4]),
      volume: Number(r[5]), quote_volume: Number(r[7]), trades: r[8], taker_base: Number(r[9]),
      taker_quote: Number(r[10]),
    })),
  };
}

const READERS = [
  { of: /^ws_/, what: 'frame', expected: frameOf },
  { of: /^rest_klines/, what: 'klines', expected: pageOf },
  { of: /^rest_exchangeInfo/, what: 'exchangeInfo', expected: exchangeOf },
  { of: /^rest_error/, what: 'error', expected: e => ({ code: e.code, message: e.msg }) },
];
// Answers to what is never asked for: there is no parser of them.
const NEVER_ASKED = /^rest_(bookTicker|depth|trades|tickerPrice)\./;

const files = fs.existsSync(folder) ? fs.readdirSync(folder).filter(name => /\.jsonl(\.gz)?$/.test(name)).sort() : [];

test('recorded messages', { skip: files.length ? false : `no ${folder}` }, async t => {
  for (const file of files) {
    if (NEVER_ASKED.test(file)) continue;
    await t.test(file, () => {
      const reader = READERS.find(r => r.of.test(file));
      assert.ok(reader, `no reader for ${file}`);
      const texts = lines(file), found = parsed(reader.what, texts);
      assert.ok(texts.length > 0);
      texts.forEach((line, i) => {
        const expected = reader.expected(JSON.parse(line));
        if (expected.kind === 'malformed') {
          assert.equal(found[i].kind, 'malformed', `line ${i + 1}`);
          assert.ok(found[i].what, 'and why');
        } else {
          assert.deepEqual(found[i], expected, `line ${i + 1}: ${line.slice(0, 200)}`);
        }
      });
    });
  }
});
