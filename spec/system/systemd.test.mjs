// The daemon as a service of systemd: what it says on NOTIFY_SOCKET from its start to its end, in the order in which systemd acts upon it;
// and the unit file in docs/operations. systemd itself is not needed.
// time limit: 120
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { endAll, eventually, generatedMarket, startDaemon, startExchange, startTrademind, stop } from './daemon.mjs';
import { root, tempDir } from './harness.mjs';

const market = generatedMarket();
market.to = market.from + 2 * 3600000;
const listeners = [];
after(async () => {
  await endAll();
  for (const it of listeners) it.kill('SIGKILL');
});

/** A socket as systemd's; said: all datagrams so far. */
async function manager(name) {
  const child = spawn('luajit', ['spec/system/datagrams.lua', name], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] }), said = [];
  let rest = '';
  listeners.push(child);
  child.stdout.setEncoding('utf8').on('data', text => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    said.push(...lines.map(line => JSON.parse(line).text));
  });
  await eventually(() => said[0] === 'listening', 'the socket');
  said.shift();
  return { said, name, child };
}

test('ready once it listens, signs of life, its status, and that it stops', async () => {
  for (const name of [join(tempDir(), 'notify'), `@trademind-spec-${process.pid}`]) {
    const systemd = await manager(name), exchange = await startExchange(market, 2000);
    const daemon = await startDaemon({ port: exchange.port, market, folder: tempDir(), env: { NOTIFY_SOCKET: name, WATCHDOG_USEC: '200000' } });
    await eventually(() => systemd.said.includes('READY=1'), 'READY=1');
    assert.equal((await daemon.get('/health')).code, 200, 'it answers when it says so');
    await eventually(() => systemd.said.includes('STATUS=running'), 'STATUS=running', 60000);
    const n = systemd.said.filter(s => s === 'WATCHDOG=1').length;
    await eventually(() => systemd.said.filter(s => s === 'WATCHDOG=1').length >= n + 3, 'more signs of life');
    assert.equal((await stop(daemon)).code, 0, daemon.stderr.slice(-2000));
    await eventually(() => systemd.said.includes('STOPPING=1'), 'STOPPING=1');
    const order = ['READY=1', 'STATUS=running', 'STATUS=stopping', 'STOPPING=1'].map(s => systemd.said.indexOf(s));
    assert.ok(order.every((at, i) => at >= 0 && (i === 0 || at > order[i - 1])), systemd.said.join(' | '));
    assert.equal(systemd.said.filter(s => s === 'READY=1').length, 1);
    await stop(exchange);
  }
});

test('a loop that hangs gives no sign of life', async () => {
  const systemd = await manager(join(tempDir(), 'notify'));
  const daemon = await startDaemon({ port: 1, market, folder: tempDir(), env: { NOTIFY_SOCKET: systemd.name, WATCHDOG_USEC: '100000' } });
  await eventually(() => systemd.said.filter(s => s === 'WATCHDOG=1').length >= 2, 'signs of life');
  process.kill(daemon.process.pid, 'SIGSTOP');
  let n = -1;
  await eventually(() => { const was = n; n = systemd.said.length; return n === was; }, 'what was under way');
  const end = performance.now() + 500;
  await eventually(() => performance.now() > end, 'five periods');
  assert.equal(systemd.said.length, n);
  process.kill(daemon.process.pid, 'SIGCONT');
  await eventually(() => systemd.said.length > n, 'signs of life again');
  assert.equal((await stop(daemon)).code, 0);
});

test('the watchdog of another process, and a start that fails', async () => {
  const systemd = await manager(join(tempDir(), 'notify'));
  const daemon = await startDaemon({ port: 1, market, folder: tempDir(), env: { NOTIFY_SOCKET: systemd.name, WATCHDOG_USEC: '10000', WATCHDOG_PID: '1' } });
  await eventually(() => systemd.said.includes('READY=1'), 'READY=1');
  assert.equal((await stop(daemon)).code, 0);
  assert.ok(!systemd.said.includes('WATCHDOG=1'));
  systemd.said.length = 0;
  const fails = startTrademind({ folder: tempDir(), traders: join(tempDir(), 'missing'), env: { NOTIFY_SOCKET: systemd.name } });
  assert.notEqual((await fails.ended).code, 0);
  assert.ok(!systemd.said.includes('READY=1'), systemd.said.join(' | '));
});

test('a socket that nobody listens on, or that is no address, disturbs nothing', async () => {
  for (const name of [join(tempDir(), 'nobody'), 'relative', '@', '/'.padEnd(200, 'x')]) {
    const daemon = await startDaemon({ port: 1, market, folder: tempDir(), env: { NOTIFY_SOCKET: name, WATCHDOG_USEC: 'often' } });
    assert.equal((await daemon.get('/health')).code, 200);
    assert.equal((await stop(daemon)).code, 0);
  }
});

test('the unit file says what the daemon does', t => {
  const unit = readFileSync(join(root, 'docs/operations/trademind.service'), 'utf8');
  for (const line of ['Type=notify', 'WatchdogSec=60', 'Restart=on-failure', 'StateDirectory=trademind']) assert.ok(unit.split('\n').includes(line), line);
  assert.ok(!/^MemoryDenyWriteExecute/m.test(unit), 'LuaJIT makes machine code');
  const checked = spawnSync('systemd-analyze', ['verify', '--man=no', join(root, 'docs/operations/trademind.service')], { encoding: 'utf8' });
  if (checked.error) return t.diagnostic('systemd-analyze is not installed');
  const complaints = checked.stderr.split('\n').filter(line => /trademind\.service/.test(line) && !/is not executable|No such file/.test(line));
  assert.deepEqual(complaints, []);
});
