// The scenes of exchange-sim: each fault is seen on the wire, by a bare WebSocket and plain requests, and some by clients
// that others wrote.
// time limit: 300
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root, start, tempDir, until as waitUntil } from './harness.mjs';
import { connect, get, sim } from './wire.mjs';

const require = createRequire(import.meta.url);
const { MainClient, WebsocketClient } = require('binance');
const { Spot } = require('@binance/spot');

const MINUTE = 60000;
const FROM = Date.UTC(2026, 0, 5);
const FOLDER = join(root, 'spec/scenes');
const at = minutes => FROM + minutes * MINUTE;

const sceneFile = name => join(FOLDER, `${name}.scene`);
function written(text) {
  const path = join(tempDir(), 'own.scene');
  writeFileSync(path, text);
  return path;
}

const top = (...args) => sim(['--symbols', 'BTCUSDT,ETHUSDT,SOLUSDT', '--speed', 'max', '--stay', 'stopped', ...args]);
const until = minutes => ['--to', String(at(minutes))];

/** The market has ended, and all that was sent before has come. */
async function ended(it, c) {
  await it.until(() => it.lines.some(l => l.event === 'market_ended'), 'the end of the market');
  await c.ask({ method: 'LIST_SUBSCRIPTIONS', id: 1 });
}

/** Plays a scene to a client that listens from the start; what came, and the exchange itself. */
async function play(name, streams, minutes, ...args) {
  const it = await top('--scene', sceneFile(name), ...until(minutes), ...args);
  const c = await connect(it, `/ws/${streams.join('/')}`);
  await ended(it, c);
  return { it, c, frames: c.messages.filter(m => m.e === 'kline') };
}

const closes = (frames, symbol = 'BTCUSDT', interval = '1m') => frames.filter(f => f.s === symbol && f.k.i === interval && f.k.x);
const opens = frames => frames.map(f => (f.k.t - FROM) / MINUTE);
const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);
const rows = async (it, symbol = 'BTCUSDT', interval = '1m') =>
  (await get(it, `/api/v3/klines?symbol=${symbol}&interval=${interval}&startTime=${FROM}&limit=1000`)).body;
const values = k => [k.t, k.o, k.h, k.l, k.c, k.v, k.n];
const rowValues = r => [r[0], r[1], r[2], r[3], r[4], r[5], r[8]];
const ofKind = (it, word, event = 'fault') => it.lines.filter(l => l.event === event && l.kind === word);

/** The exchange takes commands. */
async function control(...args) {
  const it = await sim(['--symbols', 'BTCUSDT,ETHUSDT,SOLUSDT', '--control', 'on', '--start', 'now', '--speed', '600', ...args]);
  it.say = async line => {
    const before = it.lines.length;
    it.process.stdin.write(`${line}\n`);
    return it.until(() => it.lines.slice(before).find(l => ['fault', 'refused'].includes(l.event)), `the word about ${line}`);
  };
  return it;
}

test('every scene can be read, and the exchange runs with it', async () => {
  for (const name of readdirSync(FOLDER)) {
    assert.match(readFileSync(join(FOLDER, name), 'utf8'), /^# [A-Z]/, `${name} says what it is`);
    const it = await top('--scene', join(FOLDER, name));
    assert.deepEqual(await it.stop(), { code: 0, signal: null }, name);
  }
});

describe('connections', () => {
  test('drop: cut off without a close frame; who comes back has lost nothing at top speed', async () => {
    const it = await top('--scene', sceneFile('drop'), ...until(20));
    const first = await connect(it, '/ws/btcusdt@kline_1m');
    await first.until(c => c.closed, 'the cut');
    assert.equal(first.closed.code, 1006, 'no close frame came');
    assert.deepEqual(ofKind(it, 'drop').map(l => [l.at, l.met]), [[at(10), 1]]);
    const second = await connect(it, '/ws/btcusdt@kline_1m');
    await ended(it, second);
    // The frames of the last instants may have waited for the first one when it was cut.
    assert.deepEqual(opens(closes(second.messages)), range(9, 20));
  });

  test('drop at top speed: the market waits for one of two connections as well', async () => {
    const it = await top('--scene', written('at 10m drop BTCUSDT\n'), ...until(60));
    const first = await connect(it, '/ws/btcusdt@kline_1m/ethusdt@kline_1m'), second = await connect(it, '/ws/ethusdt@kline_1m');
    await first.until(c => c.closed, 'the cut');
    const again = await connect(it, '/ws/btcusdt@kline_1m');
    await ended(it, again);
    assert.deepEqual(opens(closes(again.messages)), range(9, 60));
    await second.ask({ method: 'LIST_SUBSCRIPTIONS', id: 2 });
    assert.equal(second.closed, null);
    assert.equal(opens(closes(second.messages, 'ETHUSDT')).at(-1), 59);
  });

  test('drop for a while: nobody may connect, and the market goes on', async () => {
    const it = await control();
    const c = await connect(it, '/ws/btcusdt@kline_1m');
    assert.equal((await it.say('drop all for 100d')).met, 1);
    await c.until(() => c.closed, 'the cut');
    await assert.rejects(connect(it, '/ws/btcusdt@kline_1m'), /ECONNRESET|hang up/);
    assert.equal((await get(it, '/api/v3/ping')).status, 200, 'REST is served');
    await it.say('clear');
    const again = await connect(it, '/ws/btcusdt@kline_1m');
    await again.until(d => d.messages.length > 0, 'a frame');
  });

  test('an outage at top speed: its bars are not seen by anybody', async () => {
    const it = await top('--scene', sceneFile('outage'), ...until(20));
    const first = await connect(it, '/ws/btcusdt@kline_1m');
    await first.until(c => c.closed, 'the cut');
    await it.until(() => ofKind(it, 'drop', 'fault_over').length > 0, 'its end');
    const second = await connect(it, '/ws/btcusdt@kline_1m');
    await ended(it, second);
    assert.deepEqual(opens(closes(second.messages)), range(12, 20));
    assert.deepEqual((await rows(it)).map(r => (r[0] - FROM) / MINUTE), range(0, 20));
  });

  test('silence: open, no frame, no ping, until it is over', async () => {
    const it = await control('--ping-every', '250');
    const silent = await connect(it, '/ws/btcusdt@kline_1m'), other = await connect(it, '/ws/ethusdt@kline_1m');
    await silent.until(c => c.messages.length > 3 && c.pings.length > 1, 'frames and pings');
    const told = await it.say('silence BTCUSDT'), heardAt = Date.now();
    assert.equal(told.met, 1);
    const from = [other.messages.length, other.pings.length];
    silent.socket.send(JSON.stringify({ method: 'LIST_SUBSCRIPTIONS', id: 1 }));
    await other.until(c => c.messages.length > from[0] + 30 && c.pings.length > from[1] + 5, 'much more on the other');
    assert.ok(silent.messages.every(m => m.E <= told.at), 'no frame of a later time');
    assert.ok(silent.pings.every(sentAt => Number(sentAt) <= heardAt), 'a ping says when it was sent');
    assert.ok(!silent.messages.some(m => 'result' in m), 'no answer either');
    assert.equal(silent.closed, null);
    const over = await it.say('clear');
    const now = silent.messages.length, pings = silent.pings.length;
    await silent.until(c => c.messages.length > now + 3 && c.pings.length > pings + 2, 'frames and pings again');
    assert.ok(silent.messages.every(m => m.E <= told.at || m.E >= over.at), 'what was not sent is lost');
  });

  test('half-open: nothing is read nor sent; afterwards the connection is gone', async () => {
    const it = await control('--ping-every', '250', '--pong-within', '500');
    const dead = await connect(it, '/ws/btcusdt@kline_1m'), other = await connect(it, '/ws/ethusdt@kline_1m');
    await dead.until(c => c.messages.length > 3, 'frames');
    const told = await it.say('half-open BTCUSDT');
    assert.equal(told.met, 1);
    let pongs = 0;
    dead.socket.on('pong', () => pongs++);
    dead.socket.ping('are you there');
    dead.socket.send(JSON.stringify({ method: 'LIST_SUBSCRIPTIONS', id: 1 }));
    const from = [other.messages.length, other.pings.length];
    await other.until(c => c.messages.length > from[0] + 30 && c.pings.length > from[1] + 6, 'much more on the other');
    assert.ok(dead.messages.every(m => m.E <= told.at), 'no frame of a later time');
    assert.equal(pongs, 0);
    assert.equal(dead.closed, null, 'not even for want of pongs');
    await it.say('clear');
    await dead.until(c => c.closed, 'the end');
    assert.equal(dead.closed.code, 1006);
    assert.equal(other.closed, null);
  });

  test('half-open at top speed: the market goes on without it, then waits until it is back', async () => {
    const it = await top('--scene', sceneFile('half-open'), ...until(40));
    const dead = await connect(it, '/ws/btcusdt@kline_1m');
    await dead.until(c => c.closed, 'the end of the dead one');
    const second = await connect(it, '/ws/btcusdt@kline_1m');
    await ended(it, second);
    assert.deepEqual(opens(closes(dead.messages)).at(-1) <= 9, true);
    assert.deepEqual(opens(closes(second.messages)), range(19, 40));
  });

  test('serverShutdown, raw and combined, then the close', async () => {
    const it = await top('--scene', sceneFile('shutdown'), ...until(20));
    const both = await Promise.all([connect(it, '/ws'), connect(it, '/stream')]);
    for (const c of both) c.socket.send(JSON.stringify({ method: 'SUBSCRIBE', params: ['btcusdt@kline_1m'], id: 1 }));
    const [raw, combined] = both;
    await raw.until(c => c.closed, 'the close');
    await combined.until(c => c.closed, 'the close');
    assert.deepEqual(raw.messages.find(m => m.e === 'serverShutdown'), { e: 'serverShutdown', E: at(10) });
    assert.deepEqual(combined.messages.find(m => m.stream === '!serverShutdown'), { stream: '!serverShutdown', data: { e: 'serverShutdown', E: at(10) } });
    const after = raw.messages.slice(raw.messages.findIndex(m => m.e === 'serverShutdown') + 1);
    assert.ok(after.every(m => m.E >= at(10) && m.E <= at(10.5)), 'it goes on until it goes');
  });

  test('lifetime: a connection is closed at its age', async () => {
    const it = await top('--scene', sceneFile('lifetime'), ...until(50));
    const ends = [];
    for (let i = 0; i < 2; i++) {
      const c = await connect(it, '/ws/btcusdt@kline_1m');
      await c.until(() => c.closed, 'the close');
      ends.push(c.messages.at(-1).E);
    }
    const third = await connect(it, '/ws/btcusdt@kline_1m');
    await ended(it, third);
    assert.ok(ends[0] > at(19) && ends[0] <= at(20.1) && ends[1] > at(38) && ends[1] <= at(40.2), ends.map(e => (e - FROM) / MINUTE).join());
  });

  test('connection attempts: over the limit 429, then the address is banned', async () => {
    const it = await top('--scene', sceneFile('connect-limit'));
    for (let i = 0; i < 5; i++) await connect(it, '/ws');
    await assert.rejects(connect(it, '/ws'), /429/);
    for (let i = 0; i < 10; i++) await assert.rejects(connect(it, '/ws'), /429/);
    await assert.rejects(connect(it, '/ws'), /418/);
    assert.equal((await get(it, '/api/v3/ping')).status, 418, 'for everything');
  });

  test('without a scene the limit is 300 attempts', async () => {
    const it = await top();
    for (let i = 0; i < 300; i++) (await connect(it, '/ws')).socket.terminate();
    await assert.rejects(connect(it, '/ws'), /429/);
  });
});

describe('frames', () => {
  const three = ['btcusdt@kline_1m', 'btcusdt@kline_5m', 'ethusdt@kline_1m'];

  test('gap: the stream skips whole bars of all intervals, REST has them', async () => {
    const { it, frames } = await play('gap', three, 20);
    assert.deepEqual(opens(closes(frames)), [...range(0, 10), ...range(13, 20)]);
    assert.ok(!frames.some(f => f.s === 'BTCUSDT' && f.k.i === '1m' && f.k.t >= at(10) && f.k.t < at(13)), 'not even forming');
    assert.ok(!frames.some(f => f.s === 'BTCUSDT' && f.E > at(10) + 10 && f.E <= at(13)), 'nor the five minutes meanwhile');
    assert.deepEqual(opens(closes(frames, 'BTCUSDT', '5m')), [0, 5, 10, 15], 'which close');
    assert.deepEqual(opens(closes(frames, 'ETHUSDT')), range(0, 20), 'others have all');
    assert.deepEqual((await rows(it)).map(r => (r[0] - FROM) / MINUTE), range(0, 20));
    const [told] = ofKind(it, 'gap');
    assert.deepEqual([told.at, told.until, told.symbol], [at(10), at(13), 'BTCUSDT']);
  });

  test('gap of an interval: only that stream', async () => {
    const { frames } = await play('gap-of-interval', three, 30);
    assert.deepEqual(opens(closes(frames, 'BTCUSDT', '5m')), [0, 5, 20, 25]);
    assert.deepEqual(opens(closes(frames)), range(0, 30));
  });

  test('hole: REST lacks the bars as well, and larger ones are made of the rest', async () => {
    const { it, frames } = await play('hole', three, 20);
    assert.deepEqual(opens(closes(frames)), [...range(0, 10), ...range(13, 20)]);
    const minutes = await rows(it);
    assert.deepEqual(minutes.map(r => (r[0] - FROM) / MINUTE), [...range(0, 10), ...range(13, 20)]);
    const five = (await rows(it, 'BTCUSDT', '5m'))[2];
    assert.equal(five[8], minutes.filter(r => r[0] >= at(10) && r[0] < at(15)).reduce((n, r) => n + r[8], 0));
    assert.deepEqual(values(closes(frames, 'BTCUSDT', '5m')[2].k), rowValues(five));
    assert.deepEqual(opens(closes(frames, 'ETHUSDT')), range(0, 20));
  });

  test('no-close: forming updates come, the final frame never', async () => {
    const { it, frames } = await play('no-close', three, 20);
    assert.deepEqual(opens(closes(frames)), [...range(0, 10), ...range(12, 20)]);
    assert.equal(frames.filter(f => f.s === 'BTCUSDT' && f.k.i === '1m' && f.k.t === at(10)).length, 3);
    assert.equal((await rows(it)).length, 20);
  });

  test('correct: the final frame differs from REST, for the named bars alone', async () => {
    const { it, frames } = await play('correct', three, 20);
    const rest = (await rows(it)).map(rowValues);
    closes(frames).forEach((f, i) => {
      const isWrong = i === 10 || i === 11;
      (isWrong ? assert.notDeepEqual : assert.deepEqual)(values(f.k), rest[i], `bar ${i}`);
      if (isWrong) assert.ok(Number(f.k.h) >= Number(f.k.c) && Number(f.k.l) <= Number(f.k.c), 'a bar all the same');
    });
  });

  test('correct after a while: REST says what the stream said, and is corrected later', async () => {
    const it = await control();
    const c = await connect(it, '/ws/btcusdt@kline_1m');
    const from = (await it.say('correct BTCUSDT 2 bars after 100d')).from;
    const bar = await c.until(() => closes(c.messages).find(f => f.k.t === from), 'the bar');
    const shown = async () => rowValues((await get(it, `/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=${from}&limit=1`)).body[0]);
    assert.deepEqual(await shown(), values(bar.k));
    await it.say('clear');
    const right = await shown();
    assert.notDeepEqual(right, values(bar.k));
    const undisturbed = await sim(['--symbols', 'BTCUSDT', '--from', String(from + MINUTE)]);
    assert.deepEqual(right, rowValues((await rows(undisturbed)).at(-1)));
    const { it: late, frames } = await play('correct-late', ['btcusdt@kline_1m'], 20);
    const rest = (await rows(late)).map(rowValues);
    closes(frames).forEach((f, i) => (i === 10 || i === 11 ? assert.notDeepEqual : assert.deepEqual)(values(f.k), rest[i]));
  });

  test('duplicate: each frame twice', async () => {
    const { frames } = await play('duplicate', three, 20);
    const inside = frames.filter(f => f.E >= at(10) && f.E < at(15)), outside = frames.filter(f => f.E < at(10) || f.E > at(15) + 10);
    const copies = list => { const n = new Map(); for (const f of list) { const s = JSON.stringify(f); n.set(s, (n.get(s) ?? 0) + 1); } return new Set(n.values()); };
    assert.deepEqual([...copies(inside)], [2]);
    assert.deepEqual([...copies(outside)], [1]);
  });

  test('reorder: the frames of a stream change places, none is lost', async () => {
    const { frames } = await play('reorder', three, 20);
    const plain = await play('drop', ['ethusdt@kline_1m'], 9);
    assert.ok(plain.frames.length > 0);
    const btc = frames.filter(f => f.s === 'BTCUSDT' && f.k.i === '1m');
    const sorted = [...btc].sort((a, b) => a.E - b.E);
    assert.equal(btc.length, 20 * 4);
    assert.notDeepEqual(btc.map(f => f.E), sorted.map(f => f.E));
    assert.ok(btc.some((f, i) => f.k.x && btc.slice(0, i).some(g => g.k.t > f.k.t)), 'a close after the next bar has begun');
    const eth = frames.filter(f => f.s === 'ETHUSDT').map(f => f.E);
    assert.deepEqual(eth, [...eth].sort((a, b) => a - b));
    assert.deepEqual(sorted.map(f => f.E), [...new Set(sorted.map(f => f.E))], 'none twice');
    btc.forEach((f, i) => assert.ok(Math.abs(i - sorted.indexOf(f)) <= 1, 'each with its neighbour'));
  });

  test('reorder: what is held back when it is over comes then', async () => {
    const it = await top('--scene', written('at 10m reorder BTCUSDT\n'), ...until(12));
    const c = await connect(it, '/ws/btcusdt@kline_1m');
    await ended(it, c);
    assert.equal(c.messages.filter(m => m.k).length, 12 * 4);
    assert.deepEqual(opens(closes(c.messages)).sort((a, b) => a - b), range(0, 12));
  });

  test('malformed: every kind comes, besides the genuine frames', async () => {
    const it = await top('--scene', sceneFile('malformed'), ...until(20));
    const c = await connect(it, '/ws/btcusdt@kline_1m');
    await c.until(() => c.closed, 'the close for bytes that are no UTF-8');
    assert.match(String(c.error), /UTF-8/);
    const texts = c.others.map(String);
    assert.ok(texts.some(t => t.startsWith('{"e":"kline"') && !t.endsWith('}')), 'cut');
    assert.ok(texts.some(t => t.startsWith('<html>')), 'garbage');
    assert.ok(texts.includes(''), 'empty');
    assert.ok(c.others.some(data => data.isBinary), 'binary');
    assert.ok(c.messages.some(m => m.padding?.length > 1000000), 'oversized');
    const strange = c.messages.filter(m => m.e !== 'kline' || !m.k || typeof m.k.o !== 'string' || !(Number(m.k.c) > 0));
    assert.ok(strange.some(m => m.k && typeof m.k.o === 'number'), 'wrong-types');
    assert.ok(strange.some(m => m.k && !('o' in m.k)), 'no-fields');
    assert.ok(strange.some(m => m.k?.o === 'NaN'), 'nan');
    assert.ok(strange.some(m => Number(m.k?.o) < 0), 'negative');
    assert.ok(strange.some(m => Array.isArray(m)), 'deep');
    assert.ok(strange.some(m => m.e === 'marketMood'), 'other-event');
    assert.deepEqual(opens(closes(c.messages.filter(m => !strange.includes(m)))).slice(0, 11), range(0, 11), 'and the bars');
    assert.equal(ofKind(it, 'malformed').length, 12);
  });

  test('skew: event times and the server time jump, bars do not', async () => {
    const { frames, it } = await play('skew', ['btcusdt@kline_1m'], 20);
    for (const f of closes(frames)) {
      const late = f.E - f.k.T;
      const isInside = f.k.T + 1 >= at(10) && f.k.T + 1 < at(15);
      assert.ok(isInside ? late >= 90000 && late < 90020 : late >= 1 && late < 20, `${(f.k.t - FROM) / MINUTE}: ${late}`);
    }
    assert.deepEqual(closes(frames).map(f => values(f.k)), (await rows(it)).map(rowValues));
    const held = await sim(['--symbols', '1', '--scene', written('at 0 skew -5s\n')]);
    assert.equal((await get(held, '/api/v3/time')).body.serverTime, FROM - 5000);
  });
});

describe('symbols', () => {
  const info = async it => Object.fromEntries((await get(it, '/api/v3/exchangeInfo')).body.symbols.map(s => [s.symbol, s.status]));

  test('delist: status BREAK, the stream ends, klines end', async () => {
    const { it, frames } = await play('delist', ['btcusdt@kline_1m', 'ethusdt@kline_1m'], 20);
    assert.deepEqual(opens(closes(frames)), range(0, 10));
    assert.equal(frames.filter(f => f.s === 'BTCUSDT').at(-1).k.t, at(9));
    assert.deepEqual((await rows(it)).map(r => (r[0] - FROM) / MINUTE), range(0, 10));
    assert.deepEqual(await info(it), { BTCUSDT: 'BREAK', ETHUSDT: 'TRADING', SOLUSDT: 'TRADING' });
    assert.equal((await rows(it, 'ETHUSDT')).length, 20);
  });

  test('list: unknown before, with its history afterwards', async () => {
    const before = await sim(['--symbols', 'BTCUSDT,ETHUSDT', '--scene', sceneFile('list')]);
    assert.deepEqual(await info(before), { BTCUSDT: 'TRADING' });
    assert.equal((await get(before, '/api/v3/klines?symbol=ETHUSDT&interval=1m')).body.code, -1121);
    assert.deepEqual((await get(before, '/api/v3/ticker/24hr')).body.map(t => t.symbol), ['BTCUSDT']);
    const { it, c, frames } = await play('list', ['btcusdt@kline_1m', 'ethusdt@kline_1m', '!miniTicker@arr'], 20);
    assert.deepEqual(opens(closes(frames, 'ETHUSDT')), range(9, 20), 'the bar that ends with the listing is the first');
    assert.equal((await info(it)).ETHUSDT, 'TRADING');
    assert.ok((await get(it, `/api/v3/klines?symbol=ETHUSDT&interval=1m&endTime=${at(9) - 1}&limit=5`)).body.length === 5, 'its history');
    const tickers = c.messages.filter(Array.isArray);
    assert.ok(tickers.some(list => list.every(t => t.s !== 'ETHUSDT')) && tickers.some(list => list.some(t => t.s === 'ETHUSDT')));
  });

  test('halt: trading stops and goes on', async () => {
    const { it, frames } = await play('halt', ['btcusdt@kline_1m'], 30);
    assert.deepEqual(opens(closes(frames)), [...range(0, 10), ...range(20, 30)]);
    assert.equal((await info(it)).BTCUSDT, 'TRADING');
  });

  test('a market whose only symbol is halted waits for it', async () => {
    const it = await sim(['--symbols', 'BTCUSDT', '--speed', 'max', '--stay', 'stopped', '--scene', sceneFile('halt'), ...until(25)]);
    const c = await connect(it, '/ws/btcusdt@kline_1m');
    await ended(it, c);
    assert.deepEqual(opens(closes(c.messages)), [...range(0, 10), ...range(20, 25)]);
  });

  test('names of a universe: base and quote of leveraged tokens, stablecoins and the like', async () => {
    const it = await sim(['--symbols', 'BTCUPUSDT,BTCDOWNUSDT,JUPUSDT,SUPERUSDT,USDCUSDT,FDUSDUSDT,EURUSDT,ETHBTC,BTCUSDC']);
    const { symbols } = (await get(it, '/api/v3/exchangeInfo')).body;
    assert.deepEqual(symbols.map(s => `${s.baseAsset}/${s.quoteAsset}`), ['BTCUP/USDT', 'BTCDOWN/USDT', 'JUP/USDT', 'SUPER/USDT',
      'USDC/USDT', 'FDUSD/USDT', 'EUR/USDT', 'ETH/BTC', 'BTC/USDC']);
    for (const s of symbols) assert.deepEqual([s.status, s.permissionSets, s.isSpotTradingAllowed], ['TRADING', [['SPOT']], true]);
  });
});

describe('REST', () => {
  test('429 and 418 with Retry-After, for so many requests of an endpoint', async () => {
    const it = await sim(['--symbols', '2', '--scene', sceneFile('rest-limits')]);
    const klines = () => get(it, '/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1');
    assert.equal((await get(it, '/api/v3/ping')).status, 200, 'another endpoint');
    for (let i = 0; i < 2; i++) {
      const reply = await klines();
      assert.deepEqual([reply.status, reply.body.code, reply.headers.get('retry-after')], [429, -1003, '1']);
      assert.ok(Number(reply.headers.get('x-mbx-used-weight-1m')) > 0);
    }
    assert.equal((await klines()).status, 200);
    const banned = await get(it, '/api/v3/exchangeInfo');
    assert.deepEqual([banned.status, banned.headers.get('retry-after')], [418, '3']);
    assert.equal((await get(it, '/api/v3/exchangeInfo')).status, 200);
  });

  test('403 with HTML, 5xx, a body that is cut, a slow one', async () => {
    const it = await sim(['--symbols', '2', '--scene', sceneFile('rest-errors'), '--log', 'debug']);
    const forbidden = await get(it, '/api/v3/time');
    assert.equal(forbidden.status, 403);
    assert.match(forbidden.headers.get('content-type'), /text\/html/);
    assert.match(forbidden.body, /^<html>/);
    assert.equal((await get(it, '/api/v3/klines?symbol=BTCUSDT&interval=1m')).status, 502);
    await assert.rejects(get(it, '/api/v3/exchangeInfo'), 'the body ends early');
    const order = [];
    const slow = get(it, '/api/v3/ticker/24hr').then(reply => { order.push('slow'); return reply; });
    await it.until(() => it.stderr.includes('ticker/24hr'), 'the slow request');
    await get(it, '/api/v3/ping').then(() => order.push('quick'));
    assert.equal((await slow).status, 200);
    assert.deepEqual(order, ['quick', 'slow']);
    assert.deepEqual(await Promise.all(['time', 'exchangeInfo', 'ticker/24hr'].map(async p => (await get(it, `/api/v3/${p}`)).status)), [200, 200, 200]);
  });

  test('a fault for so many requests is over after them, and says so', async () => {
    const it = await control();
    await it.say('rest 503 to ping for 2 requests');
    assert.deepEqual(await Promise.all([1, 2].map(async () => (await get(it, '/api/v3/ping')).status)), [503, 503]);
    const over = await it.until(() => ofKind(it, 'rest', 'fault_over')[0], 'its end');
    assert.ok(over.at >= ofKind(it, 'rest')[0].at);
    assert.equal((await get(it, '/api/v3/ping')).status, 200);
  });

  test('hosts: one refuses with 451, requests and WebSockets alike; the others serve', async () => {
    const it = await sim(['--symbols', '2', '--hosts', '3', '--scene', sceneFile('restricted')]);
    const { ports } = it.listening;
    assert.equal(new Set(ports).size, 3);
    assert.equal(ports[0], it.port);
    const statuses = await Promise.all(ports.map(async port => (await get(it, '/api/v3/time', port)).status));
    assert.deepEqual(statuses, [451, 200, 200]);
    assert.equal((await get(it, '/api/v3/time')).body.code, 0);
    await assert.rejects(connect(it, '/ws/btcusdt@kline_1m'), /451/);
    const c = await connect(it, '/ws/btcusdt@kline_1m', { port: ports[2] });
    await c.until(() => c.messages.length > 0, 'a frame');
  });
});

describe('clients that others wrote', () => {
  test('npm binance takes a drop for one, and comes back', async () => {
    const it = await top('--scene', sceneFile('drop'), ...until(20));
    const client = new WebsocketClient({ wsUrl: `ws://127.0.0.1:${it.port}`, beautify: false });
    const seen = new Set(), events = [];
    client.on('message', m => { const data = m.data ?? m; if (data.k?.x) seen.add((data.k.t - FROM) / MINUTE); });
    for (const event of ['reconnecting', 'reconnected', 'exception']) client.on(event, () => events.push(event));
    await client.subscribe(['btcusdt@kline_1m'], 'main');
    await waitUntil(() => seen.has(19), 'the last bar', listener => { client.on('message', listener); return () => client.off('message', listener); });
    client.closeAll(true);
    assert.ok(events.includes('reconnecting') && events.includes('reconnected'), events.join());
    assert.deepEqual([...seen].sort((a, b) => a - b), range(0, 20));
  });

  test('npm binance and @binance/spot name what they were refused for', async () => {
    const it = await sim(['--symbols', '2', '--hosts', '2', '--scene', written(`at 0 rest 451 host 2
at 0 rest 429 to klines for 2 requests
at 0 rest 418 to exchangeInfo for 1 request
at 0 rest 403 to ticker for 1 request
`)]);
    const mine = new MainClient({ baseUrl: it.url, disableTimeSync: true });
    await assert.rejects(mine.getKlines({ symbol: 'BTCUSDT', interval: '1m' }), e => e.code === -1003);
    const far = new MainClient({ baseUrl: `http://127.0.0.1:${it.listening.ports[1]}`, disableTimeSync: true });
    await assert.rejects(far.getKlines({ symbol: 'BTCUSDT', interval: '1m' }), e => /restricted location/.test(e.message));
    const spot = new Spot({ configurationRestAPI: { apiKey: '', basePath: it.url, retries: 0 } }).restAPI;
    await assert.rejects(spot.klines({ symbol: 'BTCUSDT', interval: '1m' }), e => e.name === 'TooManyRequestsError');
    await assert.rejects(spot.exchangeInfo(), e => e.name === 'RateLimitBanError');
    await assert.rejects(spot.ticker24hr({ symbol: 'BTCUSDT' }), e => e.name === 'ForbiddenError');
    assert.equal((await (await spot.ticker24hr({ symbol: 'BTCUSDT' })).data()).symbol, 'BTCUSDT');
  });
});

describe('chance and errors', () => {
  const faultsOf = it => it.lines.filter(l => l.event.startsWith('fault')).map(({ met, ...rest }) => rest);

  test('what a scene leaves to chance comes from the seed', async () => {
    const run = async seed => {
      const it = await top('--scene', sceneFile('bad-day'), ...until(60), '--seed', seed);
      let c = await connect(it, '/ws/btcusdt@kline_1m');
      while (!it.lines.some(l => l.event === 'market_ended')) {
        await Promise.race([c.until(() => c.closed, 'its end'), it.until(() => it.lines.some(l => l.event === 'market_ended'), 'the end')]);
        if (c.closed) c = await connect(it, '/ws/btcusdt@kline_1m').catch(() => ({ ...c, closed: true, until: async () => new Promise(done => setImmediate(done)) }));
      }
      return faultsOf(it);
    };
    const first = await run('3');
    assert.ok(first.length > 20);
    assert.deepEqual(await run('3'), first);
    assert.notDeepEqual((await run('4')).map(f => f.symbol), first.map(f => f.symbol));
  });

  test('--faults: all kinds come, from the seed alone, and none in the last half hour', async () => {
    const run = async seed => {
      const it = await sim(['--symbols', '5', '--speed', 'max', '--start', 'now', '--updates', '0', '--faults', `${seed},3`, '--stay', '0', '--to', '2026-01-07']);
      assert.equal((await it.ended).code, 0, it.stderr);
      return faultsOf(it);
    };
    const first = await run(7), begun = first.filter(f => f.event === 'fault');
    assert.ok(begun.length > 900 && begun.length < 1100, `${begun.length} in two days, one in three minutes`);
    const words = new Set(begun.map(f => f.what.split(' ').slice(0, f.what.startsWith('rest') ? 2 : 1).join(' ')));
    assert.deepEqual([...words].sort(), ['correct', 'drop', 'duplicate', 'gap', 'half-open', 'malformed', 'no-close', 'reorder', 'rest 403',
      'rest 418', 'rest 429', 'rest 500', 'rest 503', 'rest cut', 'rest slow', 'shutdown', 'silence', 'skew']);
    assert.ok(begun.at(-1).at <= Date.UTC(2026, 0, 7) - 30 * MINUTE);
    assert.ok(begun.at(-1).at > Date.UTC(2026, 0, 7) - 60 * MINUTE);
    assert.deepEqual(await run(7), first);
    assert.notDeepEqual(await run(8), first);
  });

  test('--faults leaves the market as it is: REST says the same as without', async () => {
    const it = await top('--start', 'now', '--faults', '5,2', ...until(500));
    await it.until(() => it.lines.some(l => l.event === 'market_ended'), 'the end of the market');
    assert.ok(ofKind(it, 'correct').length > 0 && ofKind(it, 'gap').length > 0 && ofKind(it, 'drop').length > 0);
    const plain = await top('--from', String(at(500)));
    for (const symbol of ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'])
      for (const interval of ['1m', '5m', '1h']) assert.deepEqual(await rows(it, symbol, interval), await rows(plain, symbol, interval), `${symbol} ${interval}`);
  });

  test('a mistake in a scene is named with its place', async () => {
    for (const [text, words] of [
      ['at 10m gap BTCUSDT 3\n', /own\.scene:1: found 3; expected a number of bars such as 3 bars, of, the end of the line/],
      ['# fine\n\nat 10x drop all\n', /own\.scene:3: found 10x; expected a time after the start such as 90s/],
      ['drop all\n', /own\.scene:1: found drop; expected at or every/],
      ['at 1m dorp all\n', /own\.scene:1: found dorp; expected drop/],
      ['at 1m gap 3 bars\n', /own\.scene:1: found the end of the line; expected a symbol, random or all/],
      ['at 1m gap BTCUSDT\n', /own\.scene:1: found the end of the line; expected a number of bars/],
      ['at 1m gap BTCUSDT 3 bars of 7m\n', /own\.scene:1: found 7m; expected an interval such as 5m/],
      ['at 1m rest 405\n', /own\.scene:1: found 405; expected 404, 429, 418, 403, 451, 500\.\.599, slow, cut or corrupt/],
      ['at 1m malformed odd all\n', /own\.scene:1: found odd; expected cut, garbage/],
      ['at 1m drop all for ever\n', /own\.scene:1: found ever; expected a duration/],
      ['at 1m drop all host 99\n', /own\.scene:1: found 99; expected the number of a host, 1\.\.16/],
      ['at 1m drop all all\n', /own\.scene:1: found all; expected/],
      ['at 1m delist all\n', /own\.scene:1: found all; expected a symbol or random/],
      ['every 0 drop all\n', /own\.scene:1: found 0; expected a duration/],
      ['at 1m gap NOPE 3 bars\n', /own\.scene:1: found NOPE; expected a symbol that is simulated here/],
      ['at 2m..1m drop all\n', /own\.scene:1: found 2m\.\.1m; expected/],
    ]) {
      const it = start('exchange-sim', ['--symbols', 'BTCUSDT', '--scene', written(text)]);
      assert.equal((await it.ended).code, 1, text);
      assert.match(it.stderr, words);
      assert.equal(it.stderr.trim().split('\n').length, 1);
    }
    const it = start('exchange-sim', ['--scene', '/nowhere/at-all.scene']);
    assert.equal((await it.ended).code, 1);
    assert.match(it.stderr, /at-all\.scene: No such file or directory; expected a scene/);
  });

  test('the control door says what it did, and what it could not', async () => {
    const it = await control();
    assert.equal((await it.say('gap BTCUSDT 2 bars')).symbol, 'BTCUSDT');
    assert.match((await it.say('gap NOPE 2 bars')).why, /found NOPE; expected a symbol/);
    assert.match((await it.say('at 5m drop all')).why, /found at; expected what happens now/);
    assert.match((await it.say('sing')).why, /found sing; expected/);
    assert.match((await it.say('x'.repeat(2000))).why, /found/);
    it.process.stdin.end();
    assert.equal((await get(it, '/api/v3/ping')).status, 200, 'the exchange goes on');
  });
});
