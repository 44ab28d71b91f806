// A stop in order, wherever it finds the daemon: under full load, with Supabase, the model or a client that does not answer.
// It takes less than 5 s, which is what Fly grants by default; what was told is durable, what is durable was told, and the
// next life goes on where it stopped, until all is as if nobody had ever stopped it.
// time limit: 3600
import { test, before, after, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import WebSocket from 'ws';
import { allTraders, byId, dice, difference, endAll, eventually, isSoak, recordedMarket, seed, settled, startDaemon, startExchange, stopTimed, stored, tempDir } from './daemon.mjs';
import { cloudEnv, cloudSignals, eventDifference, startProject, waitingIn } from './cloud.mjs';
import { hang, holdAnswer, slow, unavailable } from './faulty.mjs';
import { KEY, gemini } from './gemini.mjs';

console.log(`# exit: seed ${seed}`);

const MOST_MS = 5000, STOPS = isSoak ? 100 : 8, PER_MARKET = 8, SIGNALS_PER_LIFE = isSoak ? 100 : 25;
const random = dice(seed);
const market = isSoak ? recordedMarket(7, 2) : recordedMarket(4, 1);
const writes = { when: request => request.method !== 'GET' };
let supabase, model, expected;

const env = () => ({
  ...cloudEnv(supabase, market), SYNC_INTERVAL_MS: '100', SNAPSHOT_INTERVAL_MS: '200', GEMINI_BASE_URL: model.url, GEMINI_API_KEY: KEY, AI_SIGNALS: 'all',
  AI_CONCURRENCY: '4', AI_REQUESTS_PER_MINUTE: '0', AI_DAILY_BUDGET_USD: '0', AI_REANALYSE_MAX: '0', MAX_SIGNALS_PER_TRADER_HOUR: '1000000',
});
const begin = (exchange, folder) => startDaemon({ port: exchange.port, market, folder, env: env(), workers: random(1, 4) });

/** What is the matter when the signal comes. */
const TROUBLES = [
  ['nothing', async () => {}],
  ['Supabase hangs', async () => supabase.faulty.on(writes, hang())],
  ['Supabase has written but does not say so', async () => supabase.faulty.on(writes, holdAnswer())],
  ['Supabase is slow', async () => supabase.faulty.on(writes, slow(700))],
  ['Supabase refuses', async () => supabase.faulty.on(writes, unavailable(30))],
  ['Supabase is gone', async () => supabase.faulty.refuse()],
  ['the model does not answer', async () => { model.isMute = true; }],
  ['a client does not read', async daemon => { (await channelOf(daemon))._socket.pause(); }],
];

/** Sockets of clients: one that does not read never hears that the other side has gone, and would keep this file from ending. */
const sockets = [];

async function end() {
  while (sockets.length) sockets.pop().terminate();
  model.isMute = false;
  supabase.faulty.clear();
  await supabase.faulty.accept();
}

async function channelOf(daemon) {
  const socket = new WebSocket(`ws://127.0.0.1:${daemon.port()}/ws`, { headers: { Authorization: `Bearer ${daemon.token}` } });
  socket.on('error', () => {});
  sockets.push(socket);
  await once(socket, 'open');
  return socket;
}

/** The market is over, seen, and sent. */
async function finish(exchange, folder) {
  const daemon = await begin(exchange, folder);
  await exchange.until(it => it.isOver(), 'the end of the market', 600000);
  await eventually(async () => (await daemon.status()).status === 'running' && settled(daemon, 90000), 'the daemon to catch up', 90000);
  // Between two questions for bars that are still missing it may look as if it was through.
  await eventually(() => stored(folder).size >= (expected?.size ?? 0), 'all signals', 90000).catch(() => {});
  await settled(daemon, 90000);
  await eventually(() => waitingIn(folder) === 0, 'everything to be sent', 120000);
  assert.equal((await exchange.stop()).code, 0);
  return stopped(daemon, folder, 'the end');
}

/** Stops it and gives the signals that this life has told. */
async function stopped(daemon, folder, where, signal = 'SIGTERM') {
  const how = await stopTimed(daemon, signal), { code, signal: by, ms } = how;
  assert.deepEqual([code, by], [0, null], `${where}\n${daemon.stderr.slice(-4000)}`);
  assert.ok(ms < MOST_MS, `${where}: ${ms} of ${how.ms + how.waitedMs} ms\n${daemon.stderr.slice(-4000)}`);
  const said = /stopped: (\d+) signals since the start/.exec(daemon.stderr);
  assert.equal(Number(said?.[1]), daemon.signals().length, where);
  assert.equal(execFileSync('sqlite3', [join(folder, 'trademind.db'), 'pragma integrity_check'], { encoding: 'utf8' }), 'ok\n', where);
  return { told: daemon.signals(), ms };
}

async function clearProject() {
  await supabase.sql`delete from signals`;
  await supabase.sql`delete from cloud_machines`;
}

before(async () => {
  supabase = await startProject(allTraders());
  model = await gemini({ interrupt: () => (model.isMute ? { never: true } : null) });
  const exchange = await startExchange(market, 'max', { stays: true }), folder = tempDir();
  await finish(exchange, folder);
  expected = stored(folder);
  assert.ok(expected.size > PER_MARKET * SIGNALS_PER_LIFE, `${expected.size} signals`);
  await clearProject();
}, { timeout: 600000 });
after(async () => { await model?.close(); await supabase?.stop(); });
afterEach(endAll);

/** One life and its stop: {told, ms, counts}; it counts when the market was not over before. */
async function live(exchange, folder, k) {
  const [name, begins] = TROUBLES[k % TROUBLES.length], signal = random(0, 3) ? 'SIGTERM' : 'SIGINT';
  const daemon = await begin(exchange, folder), wanted = random(1, SIGNALS_PER_LIFE), where = `stop ${k} by ${signal}, ${name}`;
  await channelOf(daemon);
  const told = n => eventually(() => exchange.isOver() || daemon.hasEnded || daemon.signals().length >= n, `${n} signals (${where})`, 60000);
  await told(wanted);
  await begins(daemon);
  await told(2 * wanted);
  const isInTheMiddle = !exchange.isOver(), life = await stopped(daemon, folder, where, signal);
  await end();
  return { ...life, counts: isInTheMiddle };
}

/** Lives on one market, at most `most`, then its end; the ms of each stop that found the daemon at work. */
async function runMarket(first, most) {
  const exchange = await startExchange(market, 'max', { stays: true }), folder = tempDir(), told = [], times = [];
  while (times.length < most) {
    const life = await live(exchange, folder, first + times.length);
    told.push(...life.told);
    assert.equal(difference(byId(told), stored(folder)), '', `after stop ${first + times.length}`);
    if (!life.counts) break;
    times.push(life.ms);
  }
  told.push(...(await finish(exchange, folder)).told);
  assert.equal(difference(byId(told), expected), '');
  assert.equal(difference(stored(folder), expected), '');
  assert.equal(difference(await cloudSignals(supabase), expected), '');
  assert.equal(await eventDifference(supabase, expected), '');
  return times;
}

test(`${STOPS} stops under full load`, async () => {
  const times = [];
  while (times.length < STOPS) {
    const more = await runMarket(times.length, Math.min(STOPS - times.length, PER_MARKET));
    assert.ok(more.length > 0, 'the market is over before the first stop');
    times.push(...more);
    await clearProject();
  }
  times.sort((a, b) => a - b);
  console.log(`# ${STOPS} stops: median ${Math.round(times[times.length >> 1])} ms, longest ${Math.round(times.at(-1))} ms; ${expected.size} signals a market`);
});
