// The streams of a running daemon: several connections, each replaced in time and with overlap, hosts that refuse, and
// whatever happens to them: no signal is lost and none comes twice.
// time limit: 600
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { allTraders, difference, endAll, eventually, recordedMarket, replay, seed, settled, startDaemon, startModel, startProxy, stop, stored, tempDir } from './daemon.mjs';

console.log(`# streams: seed ${seed}`);
afterEach(endAll);

const market = recordedMarket(), traders = allTraders();
const expected = replay(market, { traders });
const span = ['--data', market.data, '--from', String(market.from), '--to', String(market.to), '--symbols', market.symbols.join(',')];

function scene(text) {
  const path = join(tempDir(), 'own.scene');
  writeFileSync(path, text);
  return ['--scene', path];
}

/** A day of the market at this speed, with a scene; the daemon sees it through a proxy that keeps the history of its connections. */
async function runDay(speed, words, env) {
  const folder = tempDir();
  const exchange = await startModel([...span, '--speed', String(speed), '--log', 'warn', ...words]);
  const proxy = await startProxy(exchange.port);
  const daemon = await startDaemon({ port: proxy.port, market, folder, traders, env });
  let last = {};
  const atWork = async () => {
    while (!exchange.hasEnded) {
      const { stream } = await daemon.status();
      if (stream.connected && !exchange.hasEnded) last = stream;
      await new Promise(done => setTimeout(done, 100));
    }
  };
  await Promise.all([exchange.ended, atWork()]);
  await eventually(async () => !(await daemon.status()).stream.connected, 'the end of the streams');
  const status = await settled(daemon);
  assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  const faults = exchange.lines.filter(l => l.event === 'fault');
  proxy.close();
  const found = stored(folder);
  assert.ok(found.size > 0);
  assert.equal(difference(found, await expected), '', daemon.stderr);
  return { daemon, status, stream: last, history: proxy.history, faults };
}

/** Every connection that the daemon left was left only after the one behind it had delivered; how many it left. */
function assertOverlap(history) {
  const at = (id, what) => history.findIndex(e => e.id === id && e.what === what);
  const ids = history.filter(e => e.what === 'open').map(e => e.id);
  const left = ids.filter((id, i) => at(id, 'left') >= 0 && i + 1 < ids.length);
  for (const id of left) {
    const follows = at(ids[ids.indexOf(id) + 1], 'data');
    assert.ok(follows >= 0 && follows < at(id, 'left'), `${id}: ${JSON.stringify(history)}`);
  }
  return left.length;
}

describe('the same signals as a replay', () => {
  test('over several connections', async () => {
    const { daemon, stream } = await runDay(7200, [], { STREAMS_PER_CONNECTION: '4' });
    assert.ok(stream.wantedTopics > 8 && stream.confirmedTopics === stream.wantedTopics, JSON.stringify(stream));
    assert.equal(stream.connections, Math.ceil(stream.wantedTopics / 4));
    assert.equal(stream.liveConnections, stream.connections);
    assert.equal(stream.losses, 0);
    assert.equal(daemon.logged(/stream connected \(connection/).length, stream.connections);
  });

  test('while connections are replaced before the exchange closes them, which takes eight hours here', async () => {
    const { stream, history, daemon } = await runDay(3600, scene('at 0 lifetime 8h\n'), { STREAM_LIFE_S: '1' });
    assert.equal(stream.losses, 0, daemon.stderr);
    assert.ok(stream.replacements >= 4, JSON.stringify(stream));
    assert.ok(stream.outdatedMessages > 0, 'both have delivered');
    assert.ok(assertOverlap(history) >= stream.replacements);
    assert.ok(daemon.logged(/connection 0 replaced: it had stood for long/).length >= stream.replacements);
  });

  test('after serverShutdown, four hours ahead', async () => {
    const { stream, history, daemon, faults } = await runDay(3600, scene('at 3h shutdown all after 4h\nat 12h shutdown all after 4h\n'));
    assert.equal(faults.filter(l => l.kind === 'shutdown').length, 2);
    assert.equal(stream.losses, 0, daemon.stderr);
    assert.equal(stream.replacements, 2, daemon.stderr);
    assert.equal(assertOverlap(history), 2);
    assert.equal(daemon.logged(/replaced: the server shuts down/).length, 2);
  });

  // Twelve quiet hours at the end: a connection that was lost again and again comes back before the market is over.
  test('while everything happens to them', async () => {
    const { stream, daemon, faults } = await runDay(3600, scene(`
at 1h drop random
at 3h silence random for 30m
at 5h half-open random for 40m
at 7h shutdown all after 10m
at 9h drop all for 10m
every 1h from 30m until 12h malformed garbage random
every 2h from 90m until 12h duplicate random for 20m
`), { STREAMS_PER_CONNECTION: '3', STREAM_LIFE_S: '3' });
    for (const kind of ['drop', 'silence', 'half-open', 'malformed', 'shutdown'])
      assert.ok(faults.some(l => l.kind === kind && l.met > 0), `${kind} has met somebody: ${JSON.stringify(faults)}`);
    assert.ok(stream.losses > 0 && stream.replacements > 0 && stream.malformed > 0 && stream.outdatedMessages > 0, JSON.stringify(stream));
    assert.equal(daemon.logged(/"level":"error"/).length, 0, daemon.stderr);
  });
});

describe('an exchange that counts', () => {
  test('1,200 streams: two connections, no command too many', async () => {
    const own = tempDir(), folder = tempDir();
    writeFileSync(join(own, 'four.lua'), `return trader {
      name = "four", interval = "1m", timeframes = {"3m", "5m", "15m"},
      filter = function(m) return m.close[0] < 0 and m["3m"].close[0] < 0 and m["5m"].close[0] < 0 and m["15m"].close[0] < 0 end,
    }`);
    const exchange = await startModel(['--symbols', '300', '--log', 'warn']);
    const daemon = await startDaemon({ port: exchange.port, market: { symbols: [] }, folder, traders: own, env: { SYMBOLS: '', SYMBOL_COUNT: '300', KLINE_HISTORY: '300' } });
    await eventually(async () => (await daemon.status()).stream.confirmedTopics === 1200, 'all streams', 120000);
    await daemon.until(it => it.logged(/running: 300 symbols/).length, 'the daemon to run', 120000);
    const { stream } = await daemon.status();
    assert.deepEqual([stream.connections, stream.liveConnections, stream.wantedTopics, stream.losses], [2, 2, 1200, 0]);
    assert.equal(daemon.logged(/refused|not answered|Too many/).length, 0, daemon.stderr);
    assert.equal((await stop(daemon)).code, 0);
  });
});

describe('hosts', () => {
  test('451: the streams come from another one, which is said once', async () => {
    const exchange = await startModel([...span, '--hosts', '3', '--speed', '1', '--log', 'warn', '--scene', 'spec/scenes/restricted.scene']);
    const [first, second] = exchange.lines.find(l => l.event === 'listening').ports;
    const daemon = await startDaemon({
      port: first, market, folder: tempDir(), traders,
      env: { STREAMS_PER_CONNECTION: '4', BINANCE_REST_URL: `http://127.0.0.1:${first},http://localhost:${second}`, BINANCE_WS_URL: `ws://127.0.0.1:${first}, ws://localhost:${second}` },
    });
    await daemon.until(it => it.logged(/running: /).length, 'the daemon to run');
    const { stream } = await daemon.status();
    assert.equal(stream.host, 'localhost');
    assert.equal(stream.confirmedTopics, stream.wantedTopics);
    assert.equal(daemon.logged(/127\.0\.0\.1 refuses with HTTP 451: streams come from localhost instead/).length, 1, daemon.stderr);
    assert.equal((await stop(daemon)).code, 0);
  });

  test('the first is not there: the second serves', async () => {
    const exchange = await startModel([...span, '--speed', '1', '--log', 'warn']);
    const daemon = await startDaemon({ port: exchange.port, market, folder: tempDir(), traders, env: { BINANCE_WS_URL: `ws://127.0.0.1:1,ws://127.0.0.1:${exchange.port}` } });
    await daemon.until(it => it.logged(/running: /).length, 'the daemon to run');
    assert.equal((await daemon.status()).stream.losses, 0);
    assert.equal((await stop(daemon)).code, 0);
  });
});
