// The fenced commands of docs/operations.md, run as they stand there, in their order, on a daemon on the simulator; those that need an
// account at Fly or an engine of docker say so in their first line. What a backup has is there again after a restore.
// time limit: 300
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { endAll, eventually, settled, startModel, startTrademind, stop, stored, tempDir } from './daemon.mjs';
import { build, root } from './harness.mjs';

const page = readFileSync(join(root, 'docs/operations.md'), 'utf8');
const blocks = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, text]) => text.trim());
const NEEDS = { '# needs Fly': /^(flyctl|trademind provision) /, '# needs docker': /^docker / };
const STOPPED = '# while it is stopped';

const lines = block => block.split('\n').map(line => line.replace(/\s+#.*$/, '')).filter(line => line && !line.startsWith('#'));

const folder = tempDir(), backup = tempDir(), traders = tempDir();
writeFileSync(join(traders, 'own.lua'), `local length = input.int("length", 3, {min = 2, max = 50, help = "bars"})
return trader {interval = "1m", fire = "every", filter = function(m) return m.close[0] > ta.lowest(m.low, length)[0] end}\n`);
let sim, daemon = null, port = 0;

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const found = server.address().port;
  server.close();
  await once(server, 'close');
  return found;
}

const settings = () => ({
  DATA_DIR: folder, TRADERS_DIR: traders, PORT: String(port), SYMBOLS: 'BTCUSDT,ETHUSDT', BINANCE_REST_URL: sim.url, BINANCE_WS_URL: sim.url.replace('http', 'ws'),
});

/** Starts `trademind run` and the words behind it; waits until it runs. */
async function run(words = []) {
  if (daemon) assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  daemon = startTrademind({ port: sim.port, folder, traders, env: settings(), words });
  await daemon.until(it => it.logged(/running: /).length > 0, 'the daemon to run', 60000);
  daemon.token = readFileSync(join(folder, 'token'), 'utf8').trim();
}

/** A shell's answer to a command line of the page. */
function shell(line) {
  const here = line.replaceAll(':8080', `:${port}`).replaceAll('/backup', backup).replaceAll('/traders/NAME', '/traders/own');
  // An answer that is an error is one for the page, too.
  const script = `set -euo pipefail; curl() { command curl -sS --fail-with-body "$@"; }; ${here}`;
  return new Promise(done => {
    execFile('bash', ['-c', script], { cwd: root, env: { ...process.env, ...settings(), PATH: `${build}:${process.env.PATH}` }, maxBuffer: 1 << 26 },
      (error, stdout, stderr) => done({ code: error ? error.code : 0, stdout, output: `${here}\n${stdout.slice(0, 2000)}${stderr.slice(0, 2000)}` }));
  });
}

before(async () => {
  sim = await startModel(['--symbols', 'BTCUSDT,ETHUSDT', '--speed', '60', '--log', 'warn']);
  port = await freePort();
});
after(endAll);

test('what cannot run here says so, and nothing else does', () => {
  for (const block of blocks) {
    const mark = block.split('\n')[0], form = NEEDS[mark];
    for (const line of lines(block)) {
      if (form) assert.match(line, form, `${mark}: ${line}`);
      else assert.ok(!Object.values(NEEDS).some(other => other.test(line)), `${line} stands in a block without its mark`);
    }
  }
  for (const mark of Object.keys(NEEDS)) assert.ok(blocks.some(block => block.startsWith(mark)), mark);
});

const REASONS = [[/^\.\/dev build$/, 'this runs on a build']];

const ownTrader = async () => (await daemon.get('/api/v1/traders')).body.traders.find(trader => trader.trader === 'own');
const isChanged = own => own.state === 'paused' && own.inputs.length === 7;

let saved = null;
for (const block of blocks.filter(text => !NEEDS[text.split('\n')[0]])) {
  const reason = REASONS.find(([form]) => lines(block).every(line => form.test(line)))?.[1];
  test(lines(block)[0], { skip: reason ?? false, timeout: 120000 }, async () => {
    if (block.startsWith(STOPPED)) {
      saved = stored(join(backup)).size;
      assert.equal((await stop(daemon)).code, 0, daemon.stderr);
      daemon = null;
      for (const name of readdirSync(folder)) if (!/-(wal|shm)$/.test(name)) rmSync(join(folder, name), { recursive: true, force: true });
    } else if (!daemon) {
      await run();
      await daemon.until(it => it.signals().length > 0, 'a signal');
    }
    for (const line of lines(block)) {
      const words = /^trademind run ?(.*)$/.exec(line)?.[1];
      if (words === undefined) {
        const { code, output } = await shell(line);
        assert.equal(code, 0, output);
      } else {
        const moved = /PORT=\d+/.test(words);
        if (moved) port = await freePort();
        await run(words.replace(/PORT=\d+/, `PORT=${port}`).split(' ').filter(Boolean));
      }
    }
    // 202 says that it has begun.
    if (block.includes('/traders/NAME')) await eventually(async () => isChanged(await ownTrader()), 'the changes to be done');
  });
}

test('what was changed over HTTP before the backup is in force after the restore', async () => {
  await run();
  assert.ok(isChanged(await ownTrader()), JSON.stringify(await ownTrader()));
});

test('a restored database goes on: the signals of the backup, and no other of that time', async () => {
  assert.ok(saved > 0);
  const now = await settled(daemon).then(() => stored(folder));
  const kept = stored(backup);
  assert.ok([...kept.keys()].every(id => now.has(id)), `${kept.size} signals were saved, ${now.size} are there`);
  assert.equal(readFileSync(join(folder, 'token'), 'utf8'), readFileSync(join(backup, 'token'), 'utf8'));
  const { body } = await daemon.get('/health');
  assert.notEqual(body.status, 'unhealthy');
  assert.equal((await stop(daemon)).code, 0, daemon.stderr);
});
