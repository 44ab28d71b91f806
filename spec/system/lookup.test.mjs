// Candles of intervals that no trader watches, and older ones than are held: asked of the exchange when somebody wants to see them.
// time limit: 200
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { join } from 'node:path';
import { endAll, eventually, recordedMarket, settled, startDaemon, startExchange, stop } from './daemon.mjs';
import { tempDir } from './harness.mjs';

const HELD = 300;
const market = recordedMarket(3, 3);
let exchange, daemon;

/** REST passes through here, to see what is asked. */
const paths = [];
const passage = createServer((request, response) => {
  paths.push(request.url);
  const onward = get({ host: '127.0.0.1', port: exchange.port, path: request.url, headers: request.headers }, answer => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
});
await new Promise(resolve => passage.listen(0, '127.0.0.1', resolve));
after(() => passage.closeAllConnections() ?? passage.close());

async function api(path, body) {
  const response = await fetch(`http://127.0.0.1:${daemon.port()}/api/v1${path}`, {
    method: body ? 'POST' : 'GET', body: body && JSON.stringify(body), headers: { Authorization: `Bearer ${daemon.token}` },
  });
  return { code: response.status, ...await response.json() };
}

const theirs = async (symbol, interval, limit) =>
  (await (await fetch(`http://127.0.0.1:${exchange.port}/api/v3/klines?symbol=${symbol}&interval=${interval}&limit=${limit}`)).json()).map(row => row.slice(0, 6).map(Number));

const nAsked = interval => paths.filter(path => path.includes(`&interval=${interval}&`)).length;

/** The rows of both that both have; most of them. */
function assertSame(klines, rows, what) {
  const byTime = new Map(rows.map(row => [row[0], row])), common = klines.filter(k => k[6] && byTime.has(k[0]));
  assert.ok(common.length > 0.8 * rows.length, `${what}: ${common.length} of ${rows.length}`);
  for (const k of common) assert.deepEqual(k.slice(0, 6), byTime.get(k[0]), what);
}

const LOOK = interval => `return trader {interval = "${interval}", filter = function(m) return m.close[0] > ta.sma(m.close, 20)[0] end,
  plots = function(m) return {plot.line("average", ta.sma(m.close, 20))} end}`;

describe('any interval of any symbol', { concurrency: false }, () => {
  before(async () => {
    const traders = tempDir();
    writeFileSync(join(traders, 'slow.lua'), LOOK('5m').replace('> ta', '< 0 * ta'));
    exchange = await startExchange(market, 'max', { stays: true });
    daemon = await startDaemon({ port: exchange.port, market, folder: tempDir(), traders, env: { KLINE_HISTORY: String(HELD), BINANCE_REST_URL: `http://127.0.0.1:${passage.address().port}` } });
    await daemon.until(it => it.logged(/running: /).length, 'the daemon to be warm');
    await settled(daemon);
  });
  after(endAll);

  test('smaller ones than any trader watches, asked for once', async () => {
    const [symbol] = market.symbols;
    const { code, klines, ...rest } = await api(`/klines?symbol=${symbol}&interval=1m&limit=300`);
    assert.deepEqual([code, klines.length, rest.trouble], [200, 300, undefined], JSON.stringify(rest));
    assert.ok(klines.every((k, i) => i === 0 || k[0] > klines[i - 1][0]));
    assertSame(klines, await theirs(symbol, '1m', 299), '1m');
    assert.equal(nAsked('1m'), 1);
    const again = await api(`/klines?symbol=${symbol}&interval=1m&limit=100&before=${klines[200][0]}`);
    assert.deepEqual(again.klines, klines.slice(100, 200));
    assert.equal(nAsked('1m'), 1, 'what came is kept');
  });

  test('older ones than are held, seamlessly', async () => {
    const [, symbol] = market.symbols;
    for (const [interval, limit] of [['5m', HELD + 500], ['1h', 80]]) {
      const { klines } = await api(`/klines?symbol=${symbol}&interval=${interval}&limit=${limit}`);
      const rows = await theirs(symbol, interval, limit);
      assert.ok(klines.length >= rows.length - 1 && klines.length > 40, `${interval}: ${klines.length} of ${rows.length}`);
      const step = rows[1][0] - rows[0][0];
      assert.ok(klines.every((k, i) => i === 0 || k[0] === klines[i - 1][0] + step), `${interval}: no gap at the seam`);
      assertSame(klines, rows, interval);
      const older = await api(`/klines?symbol=${symbol}&interval=${interval}&limit=5&before=${klines[10][0]}`);
      assert.deepEqual(older.klines, klines.slice(5, 10));
    }
    const none = await api(`/klines?symbol=${symbol}&interval=1h&limit=5&before=1000000000000`);
    assert.deepEqual([none.code, none.klines], [200, []], 'before the first there is nothing');
  });

  test('plots at another interval, and a script of one that nobody watches', async () => {
    const [, , symbol] = market.symbols;
    const plots = await api(`/plots?trader=slow&symbol=${symbol}&interval=3m&limit=50`);
    assert.deepEqual([plots.code, plots.interval, plots.times?.length], [200, '3m', 50], JSON.stringify(plots).slice(0, 300));
    assert.ok(plots.plots[0].values.every(value => value > 0), 'warm at each bar');
    const look = await api('/traders/look', { source: LOOK('1m'), bars: 100 });
    assert.deepEqual([look.code, look.symbols, look.skipped, look.warming, look.trouble], [200, market.symbols.length, 0, 0, undefined]);
    assert.ok(look.matches.length > 20);
  });

  test('what cannot be had is refused with the reason', async () => {
    const [symbol] = market.symbols;
    assert.equal((await api('/klines?symbol=NOUSDT&interval=1m')).code, 404);
    await stop(exchange, 'SIGKILL');
    const gone = await api(`/klines?symbol=${symbol}&interval=1m&limit=1000`);
    assert.equal(gone.code, 502, JSON.stringify(gone));
    assert.match(gone.detail, new RegExp(`^${symbol}, 1m: no candles: the exchange fails or cannot be reached: \\S`));
    const held = await api(`/klines?symbol=${symbol}&interval=5m&limit=${HELD + 1200}`);
    assert.equal(held.code, 200);
    assert.ok(held.klines.length >= HELD && held.klines.length < HELD + 1200 && held.trouble, JSON.stringify(held).slice(-200));
    assert.equal((await api(`/plots?trader=slow&symbol=${symbol}&interval=3m`)).code, 502);
    const look = await api('/traders/look', { source: LOOK('3m'), symbols: [symbol] });
    assert.equal(look.code, 502, JSON.stringify(look).slice(0, 300));
    const short = await api('/traders/look', { source: LOOK('6h') }); // made of the few that are held
    assert.ok(short.code === 200 && short.trouble && short.symbols === market.symbols.length, JSON.stringify(short).slice(0, 300));
    assert.equal((await stop(daemon)).code, 0, daemon.stderr.slice(-1000));
  });
});
