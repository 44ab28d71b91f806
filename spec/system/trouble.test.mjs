// The troubleshooting table of docs/operations.md: every row is produced, the daemon says what the row says, and the command of
// the row runs and shows what it is there to show.
// time limit: 900
import { test, before, after, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import WebSocket from 'ws';
import { builtInTraders, endAll, eventually, settled, startDaemon, startModel, startTrademind, stop, tempDir } from './daemon.mjs';
import { startProject } from './cloud.mjs';
import { unavailable, wrongKey } from './faulty.mjs';
import { build, root } from './harness.mjs';

const rows = [...readFileSync(join(root, 'docs/operations.md'), 'utf8').matchAll(/^\| ([^|]+) \| `([^|]+)` \| `([^|`]+)` \| ([^|]+) \|$/gm)]
  .map(([, seen, says, command, advice]) => ({ seen, says, command, advice }));

/** What a row says, as a pattern: N is a number, X a name, ... anything; the program may say more behind it. */
function pattern(says) {
  const parts = says.split(/(\.\.\.|\bN\b|\bX\b)/).map(part => ({ N: '\\d+(?:\\.\\d+)?', X: '\\S.*?', '...': '.*' })[part] ?? part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(parts.join(''));
}

const model = { symbols: ['BTCUSDT', 'ETHUSDT'] }, SYMBOLS = { SYMBOLS: model.symbols.join(',') };
const exchange = (...words) => startModel(['--symbols', model.symbols.join(','), '--log', 'warn', ...words]);
const scene = lines => { const file = join(tempDir(), 'own.scene'); writeFileSync(file, lines); return ['--scene', file]; };
const script = (code, copies = 1) => {
  const folder = tempDir();
  for (let i = 0; i < copies; i++) writeFileSync(join(folder, `own${i || ''}.lua`), code);
  return folder;
};
const MODEL_FROM_MS = Date.parse('2026-01-05T00:02:00Z'); // two bars after the market's start: the script loads well
const EVERY = 'return trader {interval = "1m", fire = "every", filter = function(m) return m.close[0] > 0 end}\n';

const LOUD = 'return trader {interval = "1m", fire = "every", conditions = {string.rep("x", 2000)}, filter = function() return true end}\n';

let supabase;
before(async () => { supabase = await startProject(builtInTraders); }, { timeout: 120000 });
after(() => supabase?.stop());
const mounts = [];
afterEach(async () => {
  await endAll();
  supabase.faulty.clear();
  await supabase.sql`delete from cloud_machines`; // and the leases of those that were killed
  for (const folder of mounts.splice(0)) execFileSync('umount', ['-l', folder]);
});

/** A daemon of which nobody knows whether it will start. */
const attempt = (folder, options = {}) => ({ daemon: startTrademind({ folder, ...options, env: { ...SYMBOLS, ...options.env } }), folder, env: options.env, traders: options.traders });

/** A daemon on the simulator. */
async function running({ words = ['--speed', '60'], env = {}, traders = builtInTraders, folder = tempDir() } = {}) {
  const sim = await exchange(...words);
  const daemon = await startDaemon({ port: sim.port, market: model, folder, traders, env });
  return { daemon, folder, env, traders };
}

async function inCloud(options = {}) {
  const it = await running({ ...options, env: { ...supabase.env, MACHINE_REGION: 'sin', HOST: '127.0.0.1', SYNC_INTERVAL_MS: '100', ...options.env } });
  return it;
}

/** It holds the lease, and its rows arrive. */
const connected = ({ daemon }) => eventually(async () => (await daemon.status()).cloud.state === 'ok', 'the cloud to be known');

const metric = (output, name) => Number(new RegExp(`^${name}\\{.*\\} (\\S+)$`, 'm').exec(output)?.[1]);
const status = output => JSON.parse(output);
const answers = expected => ({ code, output }) => { assert.equal(code, 0, output); assert.match(output, expected); };

/** What a row says -> how it comes about: {daemon, folder, env, traders, shows: what the command has to show}. */
const CASES = {
  'KLINE_HISTORY is': async () => ({ ...attempt(tempDir(), { env: { KLINE_HISTORY: '250' } }), shows: ({ code, output }) => { assert.equal(code, 4); assert.match(output, /KLINE_HISTORY/); } }),
  'X is set, but': async () => ({ ...attempt(tempDir(), { env: { USER_ID: 'user_test', SUPABASE_SERVICE_KEY: 'test_key' } }), shows: ({ code, output }) => { assert.equal(code, 4); assert.match(output, /SUPABASE_URL/); } }),
  'cannot listen on': async () => {
    const taken = createServer(socket => socket.destroy()).listen(0, '127.0.0.1');
    await once(taken, 'listening');
    after(() => taken.close());
    const env = { PORT: String(taken.address().port) };
    return { ...attempt(tempDir(), { env }), shows: ({ code }) => assert.notEqual(code, 0, 'whoever has the port is no trademind') };
  },
  'another trademind': async () => {
    const first = await running();
    return { ...attempt(first.folder), port: first.daemon.port(), shows: answers(/./) };
  },
  'cannot make the data folder': async () => ({ ...attempt('/proc/trademind'), shows: answers(/DATA_DIR.*\/proc\/trademind/) }),
  'no trader could be loaded': async () => {
    const traders = script('return trader {interval = "1m" filter = 1}\n');
    return { ...attempt(tempDir(), { traders }), shows: ({ code, output }) => { assert.equal(code, 1); assert.match(output, /own\.lua:1/); } };
  },
  'traders folder X': async () => ({ ...attempt(tempDir(), { traders: join(tempDir(), 'gone') }), shows: answers(/TRADERS_DIR.*gone/) }),
  'another process acts for': async () => {
    const first = await inCloud();
    await connected(first);
    const env = { ...first.env, MACHINE_ID: 'another' };
    return { ...attempt(tempDir(), { env }), shows: answers(/USER_ID/) };
  },
  'X is no volume': async () => {
    const folder = `/dev/shm/trademind-spec-${process.pid}`;
    mkdirSync(folder);
    after(() => rmSync(folder, { recursive: true, force: true }));
    return { ...await running({ folder }), shows: answers(/tmpfs/) };
  },
  'time: HTTP 451': async () => ({ ...await running({ words: scene('at 0 rest 451\n') }), shows: answers(/"ready":false,"reason":/) }),
  '...HTTP 500': async () => ({ ...await running({ words: scene('at 0 rest 500 to klines\n') }), shows: answers(/"ready":false,"reason":/) }),
  'HTTP 429': async () => ({ ...await running({ words: scene('at 0 rest 429 to klines for 1 requests retry-after 2s\n') }), shows: answers(/./) }),
  'stream lost': async () => ({
    ...await running({ words: ['--speed', '60', ...scene('every 1m drop all\n')] }), shows: ({ output }) => assert.ok(status(output).stream.losses > 0, output),
  }),
  'closed a client': async () => {
    const it = await running({ words: ['--speed', '7200'], traders: script(LOUD, 5) });
    const socket = new WebSocket(`ws://127.0.0.1:${it.daemon.port()}/ws`, { headers: { Authorization: `Bearer ${it.daemon.token}` } });
    socket.on('error', () => {});
    await once(socket, 'open');
    socket._socket.pause();
    return { ...it, shows: answers(/./) };
  },
  'trademind_worker_market_memory_bytes': async () => {
    // Measured every few seconds.
    const uses = async (it, bytes) => {
      await it.daemon.until(d => d.logged(/running: /).length, 'the daemon to run');
      await settled(it.daemon);
      return eventually(async () => { const { marketMemory } = (await it.daemon.status()).workers[0]; return marketMemory > bytes && marketMemory; }, 'its memory');
    };
    const little = await uses(await running(), 0), it = await running({ env: { KLINE_HISTORY: '5000' } });
    await uses(it, 1.5 * little);
    return { ...it, shows: ({ output }) => assert.ok(metric(output, 'trademind_worker_market_memory_bytes') > 1.5 * little, output) };
  },
  'trademind_worker_lag_seconds': async () => {
    const slow = 'return trader {interval = "1m", filter = function(m) local x = 0 for i = 1, 1e7 do x = x + math.sin(i) end return x > 1e9 end}\n';
    const it = await running({ words: ['--speed', '600'], traders: script(slow), env: { SCRIPT_LOAD_CPU_MS: '20000' } }); // it loads slowly, too
    const isLate = async () => (await it.daemon.status()).workers.some(worker => worker.lagMs > 1000);
    await eventually(isLate, 'the worker to fall behind', 60000);
    return { ...it, shows: ({ output }) => assert.ok(metric(output, 'trademind_worker_lag_seconds') > 1, output) };
  },
  'trader X is quarantined': async () => ({
    ...await running({ traders: script(`return trader {interval = "1m", filter = function(m) if m.time >= ${MODEL_FROM_MS} then error("no") end return false end}\n`) }),
    shows: answers(/own/),
  }),
  'N passes are kept': async () => {
    const disk = tempDir(), folder = join(disk, 'data');
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk], { stdio: 'ignore' });
    mounts.push(disk);
    mkdirSync(folder);
    const it = await running({ folder, traders: script(EVERY), env: { OUTBOX_RESERVE_MB: '1', SNAPSHOT_INTERVAL_MS: '0' } });
    await it.daemon.until(d => d.signals().length > 5, '5 signals');
    const free = () => { const { bavail, bsize } = statfsSync(disk); return bavail * bsize; };
    for (let n = 0; free() > 4096; n++) {
      try {
        writeFileSync(join(disk, `ballast.${n}`), Buffer.alloc(Math.min(free(), 1 << 20)));
      } catch { /* full */ }
    }
    await eventually(async () => (await it.daemon.get('/health')).code === 503, 'health to say so', 60000);
    return { ...it, shows: answers(/100%/), end: () => readdirSync(disk).filter(name => name.startsWith('ballast')).forEach(name => rmSync(join(disk, name))) };
  },
  'the cloud cannot be written to': async () => {
    const it = await inCloud();
    await connected(it);
    supabase.faulty.on({ when: r => r.method !== 'GET' }, unavailable());
    return { ...it, shows: ({ output }) => assert.match(status(output).cloud.state, /retrying|outage/) };
  },
  'the service key is refused': async () => {
    const it = await inCloud();
    await connected(it);
    supabase.faulty.on({}, wrongKey());
    return { ...it, shows: ({ output }) => assert.equal(status(output).cloud.state, 'key') };
  },
  'a row of X is refused': async () => {
    await supabase.sql`alter table cloud_events add constraint spec_refused check (event_type <> 'config_synced') not valid`;
    after(() => supabase.sql`alter table cloud_events drop constraint spec_refused`.catch(() => {}));
    return { ...await inCloud(), shows: answers(/spec_refused/) };
  },
};

/** The command of a row, by a shell whose `trademind` is this build's, on the daemon at hand. */
function runCommand(command, { daemon, folder, env = {}, traders = builtInTraders, port }) {
  const settings = { ...process.env, ...SYMBOLS, ...env, PATH: `${build}:${process.env.PATH}`, DATA_DIR: folder, TRADERS_DIR: traders };
  const at = port ?? daemon.port();
  if (at) settings.PORT = String(at);
  const here = command.replaceAll('127.0.0.1:8080', `127.0.0.1:${at}`).replaceAll('127.0.0.1:9091', /http:\/\/(\S+)\/metrics/.exec(daemon.stderr)?.[1]);
  return new Promise(done => {
    execFile('bash', ['-c', here], { cwd: root, env: settings, maxBuffer: 1 << 24 },
      (error, stdout, stderr) => done({ code: error ? error.code : 0, output: stdout || stderr }));
  });
}

test('every row has its case, and every case its row', () => {
  assert.ok(rows.length >= 20, `${rows.length} rows`);
  for (const key of Object.keys(CASES)) assert.equal(rows.filter(row => row.says.startsWith(key)).length, 1, key);
  for (const row of rows) assert.ok(Object.keys(CASES).some(key => row.says.startsWith(key)), row.says);
});

const isRoot = process.getuid() === 0;
for (const { seen, says, command } of rows) {
  const skip = says.startsWith('N passes') && !isRoot ? 'a file system cannot be mounted here' : false;
  test(`${seen}: ${says}`, { skip, timeout: 150000 }, async () => {
    const it = await Object.entries(CASES).find(([key]) => says.startsWith(key))[1]();
    const expected = pattern(says);
    const messages = () => it.daemon.stderr.split('\n').map(line => { try { return JSON.parse(line).message ?? line; } catch { return line; } });
    if (says.startsWith('trademind_')) {
      const { output } = await runCommand(command, it);
      assert.match(output, expected);
    } else {
      // What fails to start has said it when it ends, whatever its code.
      await Promise.race([it.daemon.ended, it.daemon.until(() => messages().some(line => expected.test(line)), says, 90000).catch(() => {})]);
      assert.ok(messages().some(line => expected.test(line)), `${expected} is not in\n${messages().slice(-30).join('\n')}`);
    }
    it.shows(await runCommand(command, it));
    it.end?.();
    if (it.daemon.hasEnded || /does not start/.test(seen)) assert.notEqual((await it.daemon.ended).code, 0);
    else assert.equal((await stop(it.daemon)).code, 0, it.daemon.stderr);
  });
}
