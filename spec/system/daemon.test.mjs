// What goes wrong around the daemon is said in one line that helps, and costs no signal.
// time limit: 900
import { test, describe, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import {
  allTraders, BINARY, builtInTraders, byId, difference, drained, endAll, frame, PING, recordedMarket, replay, seed, startDaemon, startExchange, startModel, startProxy, startTrademind, stop, stored, tempDir, TEXT,
} from './daemon.mjs';

console.log(`# daemon: seed ${seed}`);
afterEach(endAll);

const model = { symbols: ['BTCUSDT', 'ETHUSDT'] };
const GOOD = 'return trader {name = "good", interval = "1m", filter = function(m) return m.close[0] > m.open[0] end}\n';

function assertSame(found, expected) {
  assert.ok(expected.size > 0);
  assert.equal(difference(found, expected), '');
}

/** Starts a daemon that is to fail: its exit code and what it said last. */
async function failedStart(options) {
  const it = startTrademind({ env: { SYMBOLS: model.symbols.join(',') }, ...options });
  const { code, signal } = await it.ended;
  assert.equal(signal, null, it.stderr);
  assert.notEqual(code, 0, it.stderr);
  const errors = it.logged(/"level":"error"/).map(line => JSON.parse(line).message);
  return { code, errors, all: it.stderr };
}

function says(failure, ...patterns) {
  for (const pattern of patterns) assert.ok(failure.errors.some(line => pattern.test(line)), `${pattern} is not in\n${failure.errors.join('\n')}\n${failure.all}`);
}

describe('a start that cannot succeed says why and exits with a code other than 0:', () => {
  test('a data folder that is a file', async () => {
    const file = join(tempDir(), 'file');
    writeFileSync(file, '');
    says(await failedStart({ folder: file }), /file/);
    says(await failedStart({ folder: join(file, 'below') }), /below/);
  });

  test('a data folder that cannot be written', async () => {
    says(await failedStart({ folder: '/proc/trademind' }), /\/proc\/trademind/);
  });

  test('a data folder that another daemon uses', async () => {
    const folder = tempDir();
    const sim = await startModel(['--symbols', model.symbols.join(',')]);
    const first = await startDaemon({ port: sim.port, market: model, folder });
    says(await failedStart({ port: sim.port, folder }), new RegExp(folder));
    assert.equal((await stop(first)).code, 0);
    await sim.stop();
  });

  test('a port that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address();
    says(await failedStart({ folder: tempDir(), env: { PORT: String(port) } }), new RegExp(`\\b${port}\\b`));
    taken.close();
  });

  test('a traders folder that is missing', async () => {
    says(await failedStart({ folder: tempDir(), traders: join(tempDir(), 'missing') }), /missing/);
  });

  test('only broken traders: each is named with its line', async () => {
    const traders = tempDir();
    writeFileSync(join(traders, 'syntax.lua'), 'local x = 1\nreturn trader {name = "x" filter = 1}\n');
    writeFileSync(join(traders, 'nonsense.lua'), '\n\nreturn trader {name = "y", interval = "1m", filter = function(m) return 7 end}\n');
    writeFileSync(join(traders, 'nothing.lua'), 'local x = 1\n');
    says(await failedStart({ folder: tempDir(), traders }), /syntax\.lua:2/, /nonsense\.lua:3/, /nothing\.lua/, /no trader/);
  });

  test('a symbol that does not exist: the nearest is offered', async () => {
    const sim = await startModel(['--symbols', 'BTCUSDT,ETHUSDT,SOLUSDT']);
    says(await failedStart({ port: sim.port, folder: tempDir(), env: { SYMBOLS: 'BTCUSDT,ETHUSTD' } }), /ETHUSTD.*ETHUSDT/);
    await sim.stop();
  });

  test('a setting with a bad value', async () => {
    const it = startTrademind({ folder: tempDir(), env: { KLINE_HISTORY: 'many' } });
    assert.equal((await it.ended).code, 4);
    assert.match(it.stderr, /KLINE_HISTORY.*many.*expected/);
  });
});

test('one broken trader among good ones is named; the good ones run', async () => {
  const market = recordedMarket(), traders = tempDir();
  cpSync(builtInTraders, traders, { recursive: true });
  writeFileSync(join(traders, 'broken.lua'), '\nreturn trader {name = "x", filtre = function(m) return true end}\n');
  writeFileSync(join(traders, 'dies_later.lua'), 'return trader {name = "d", interval = "1m", filter = function(m)\n'
    + `  if m.time >= ${market.to - 3 * 3600000} then error("it is " .. m.hour) end\n  return false\nend}\n`);
  mkdirSync(join(traders, 'folder.lua'));
  const folder = tempDir();
  const exchange = await startExchange(market);
  const daemon = await startDaemon({ port: exchange.port, market, folder, traders });
  assert.equal((await exchange.ended).code, 0);
  const status = await drained(daemon);
  const { body: health } = await daemon.get('/health');
  const { body: { traders: fares } } = await daemon.get('/api/v1/traders');
  assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  assert.equal(daemon.logged(/broken\.lua:2.*filtre.*did you mean.*filter/).length, 1, daemon.stderr);
  assert.ok(daemon.logged(/folder\.lua/).length >= 1, daemon.stderr);
  const dead = status.traders.find(t => t.trader === 'dies_later');
  assert.equal(dead.state, 'quarantined');
  assert.match(dead.lastError.message, /dies_later\.lua:2: it is \d+/);
  const { state, errors, lastError } = fares.find(t => t.trader === 'dies_later');
  assert.deepEqual([state, errors, lastError.line], ['quarantined', dead.errors, 2]);
  assert.match(lastError.message, /it is \d+/);
  const good = fares.filter(t => !/dies_later|broken|folder/.test(t.trader));
  for (const t of good) { // the recording begins a day before: too late for some
    assert.equal(t.lastError, null, t.trader);
    assert.ok(t.state === 'running' || (t.state === 'warming' && t.warming.have < t.warming.need), `${t.trader}: ${t.state}`);
  }
  assert.ok(good.filter(t => t.state === 'running').length > good.length / 2, 'most of them are warm');
  assert.equal(fares.find(t => t.trader === 'broken').state, 'failed');
  assert.equal(daemon.logged(/dies_later is quarantined/).length, 5); // for 1, 5, 30 and 120 minutes, and beyond the end
  assert.equal(health.status, 'degraded');
  assertSame(stored(folder), await replay(market));
});

describe('an exchange that cannot be reached', () => {
  test('at the start: it is tried again, the daemon is alive meanwhile, and stops at once', async () => {
    const daemon = await startDaemon({ port: 1, market: model, folder: tempDir() });
    await daemon.until(it => it.logged(/"component":"binance".*next try/).length >= 3, 'three tries');
    const { code, body } = await daemon.get('/health');
    assert.deepEqual([code, body.status], [200, 'degraded']);
    assert.equal((await daemon.get('/ready')).code, 503);
    const how = await stop(daemon);
    assert.deepEqual([how.code, how.ms < 5000], [0, true], `${how.ms} ms\n${daemon.stderr}`);
  });

  test('at the start, and comes up later: it goes on by itself', async () => {
    const market = recordedMarket(), folder = tempDir();
    const exchange = await startExchange(market);
    const gate = await startProxy(exchange.port);
    gate.isShut = true;
    const daemon = await startDaemon({ port: gate.port, market, folder });
    await daemon.until(it => it.logged(/"component":"binance".*next try/).length >= 2, 'two tries');
    gate.isShut = false;
    assert.equal((await exchange.ended).code, 0);
    await drained(daemon);
    assert.equal((await stop(daemon)).code, 0);
    gate.close();
    assertSame(stored(folder), await replay(market));
  });

  test('because it never answers: the daemon still stops within 5 s', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const daemon = await startDaemon({ port: silent.address().port, market: model, folder: tempDir() });
    const [socket] = await once(silent, 'connection');
    const how = await stop(daemon, 'SIGINT');
    assert.deepEqual([how.code, how.ms < 5000], [0, true], `${how.ms} ms\n${daemon.stderr}`);
    socket.destroy();
    silent.close();
  });
});

describe('a stream with trouble', () => {
  const market = recordedMarket(), traders = allTraders();
  const expected = replay(market, { traders });

  async function runThrough(proxy, exchange) {
    const folder = tempDir();
    const daemon = await startDaemon({ port: proxy.port, market, folder, traders });
    const how = await Promise.race([exchange.ended, daemon.ended.then(() => null)]);
    assert.equal(how?.code, 0, `${exchange.stderr}\n${daemon.stderr}`);
    const status = await drained(daemon);
    assert.equal((await stop(daemon)).code, 0, daemon.stderr);
    proxy.close();
    return { daemon, status, folder };
  }

  test('frames that mean nothing are counted, told once, and cost nothing', async () => {
    const exchange = await startExchange(market);
    const injected = { malformed: 0, oversized: 0 };
    const kline = bytes => bytes.subarray(bytes[1] < 126 ? 2 : bytes[1] === 126 ? 4 : 10);
    const kinds = [
      genuine => [frame(genuine.subarray(0, genuine.length / 2))],
      () => [frame('{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":"soon","s":[],"k":7}}')],
      () => [frame('')],
      () => [frame('][')],
      () => [frame(randomBytes(300), BINARY)],
      () => [frame(Buffer.alloc(70000, '{'))],
      () => [frame(`${'['.repeat(5000)}`)],
      genuine => [frame(genuine.toString().replace(/"c":"[^"]*"/, '"c":"NaN"'))],
      genuine => [frame(genuine.toString().replace(/"t":\d+/, '"t":-1'))],
      genuine => [frame(genuine.subarray(0, 20), TEXT, false), frame(Buffer.alloc(0), 0, true)],
    ];
    const proxy = await startProxy(exchange.port, (count, bytes) => {
      const text = kline(bytes);
      if (count < 20 || count % 40 !== 0 || !text.includes('"kline"')) return [bytes];
      if (count % 4000 === 0) {
        injected.oversized++;
        return [frame(Buffer.alloc(3 << 20, ' ')), bytes];
      }
      // A server may ping as it likes, but each costs a message of the client, of which it counts five a second.
      const pings = injected.malformed++ < 3 ? [frame('still there?', PING)] : [];
      return [...pings, ...kinds[(count / 40) % kinds.length](text), bytes];
    });
    const { daemon, status, folder } = await runThrough(proxy, exchange);
    assert.ok(injected.malformed > 100 && injected.oversized > 0, JSON.stringify(injected));
    assert.equal(status.stream.malformed, injected.malformed);
    assert.equal(status.stream.oversized, injected.oversized);
    assert.equal(status.stream.losses, 1, 'only the end of the exchange'); // it is gone
    const lines = daemon.logged(/malformed message left out/).length;
    assert.ok(lines >= 1 && lines <= 4, `${lines} lines for ${injected.malformed} frames`);
    assertSame(stored(folder), await expected);
  });

  test('frames that break the protocol cost the connection, and nothing else', async () => {
    const exchange = await startExchange(market);
    let next = 3000, n = 0;
    const broken = [Buffer.from([0xf1, 1, 0]), Buffer.from([0x83, 0]), Buffer.from([0x81, 0x81, 1, 2, 3, 4, 5]), frame('x'.repeat(200), PING), Buffer.from([0x80, 0])];
    const proxy = await startProxy(exchange.port, (count, bytes) => {
      if (count < next || n === broken.length) return [bytes];
      next = count + 3000;
      return [bytes, broken[n++]];
    });
    const { folder } = await runThrough(proxy, exchange);
    assertSame(stored(folder), await expected);
    assert.equal(n, broken.length);
  });

  test('connections that are cut, in the middle of a frame too, leave no gap', async () => {
    const exchange = await startExchange(market);
    const cuts = [40, 2000, 2001, 9000, 15000, 22000];
    let n = 0;
    const proxy = await startProxy(exchange.port, (count, bytes, cut) => {
      if (n === cuts.length || count < cuts[n]) return [bytes];
      if (n++ % 2) setImmediate(cut);
      else cut();
      return [bytes.subarray(0, bytes.length / 2)];
    });
    const { status, folder } = await runThrough(proxy, exchange);
    assertSame(stored(folder), await expected);
    assert.equal(n, cuts.length);
    assert.ok(status.stream.losses >= cuts.length, `${status.stream.losses} losses`);
  });

  test('cut again and again while the market goes on', async () => {
    const exchange = await startExchange(market, 7200);
    let next = 500, n = 0;
    const proxy = await startProxy(exchange.port, (count, bytes, cut) => {
      if (n < 3 && count >= next) {
        next = count + 1500;
        n++;
        cut();
      }
      return [bytes];
    });
    const { status, folder } = await runThrough(proxy, exchange);
    assertSame(stored(folder), await expected);
    assert.equal(n, 3);
    assert.ok(status.stream.losses > n && status.workers[0].gaps > 0, JSON.stringify(status.stream));
  });
});

describe('the end', () => {
  const market = recordedMarket(7), traders = allTraders();

  for (const signal of ['SIGTERM', 'SIGINT']) {
    test(`${signal} under load: within 5 s, code 0, all that was told is kept`, async () => {
      const folder = tempDir();
      const exchange = await startExchange(market);
      const daemon = await startDaemon({ port: exchange.port, market, folder, traders, workers: 4 });
      await daemon.until(it => it.signals().length >= 400, '400 signals', 60000);
      assert.ok(!exchange.hasEnded);
      const how = await stop(daemon, signal);
      assert.deepEqual([how.code, how.ms < 5000], [0, true], `${how.ms} ms\n${daemon.stderr}`);
      const kept = stored(folder), told = byId(daemon.signals());
      assert.equal(difference(told, kept), '');
      const all = await replay(market, { traders });
      for (const [id, s] of kept) assert.ok(all.has(id), `${s.trader} ${s.symbol} ${s.time} is not in a replay`);
      await exchange.stop();
    });
  }

  test('while history is being loaded, and twice in a row', async () => {
    for (const pattern of [/watching \d+ symbols/, /stream connected/]) {
      const exchange = await startExchange(market);
      const daemon = await startDaemon({ port: exchange.port, market, folder: tempDir(), traders });
      await daemon.until(it => it.logged(pattern).length, `${pattern}`);
      daemon.process.kill('SIGTERM');
      const how = await stop(daemon, 'SIGINT');
      assert.deepEqual([how.code, how.ms < 5000], [0, true], `${how.ms} ms\n${daemon.stderr}`);
      await exchange.stop();
    }
  });

  for (const signal of ['SIGSEGV', 'SIGABRT', 'SIGFPE', 'SIGQUIT']) {
    test(`a crash (${signal}) never looks like a good end`, async () => {
      const daemon = await startDaemon({ port: 1, market: model, folder: tempDir() });
      const how = await stop(daemon, signal);
      assert.notEqual(how.code, 0);
    });
  }

  test('a reader of stdout that leaves costs no signal, and is told of at the end', async () => {
    const folder = tempDir();
    const small = recordedMarket();
    const exchange = await startExchange(small);
    const daemon = await startDaemon({ port: exchange.port, market: small, folder });
    daemon.process.stdout.destroy();
    assert.equal((await exchange.ended).code, 0);
    await drained(daemon);
    daemon.process.kill('SIGTERM');
    const [code] = await once(daemon.process, 'exit');
    assert.equal(code, 1);
    assert.match(daemon.stderr, /stdout: could not be written/);
    assertSame(stored(folder), await replay(small));
  });
});
