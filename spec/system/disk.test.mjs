// A disk that is short of room, full, read-only or has eaten its database: signals come before everything else, health says
// so, and nothing that was told is lost. Needs to mount small file systems, so it runs as root only.
// time limit: 300
import { test, before, after, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { byId, difference, endAll, eventually, recordedMarket, replay, seeAll, startDaemon, startExchange, startTrademind, stop, stored, tempDir } from './daemon.mjs';

const market = recordedMarket(3);
const mounts = [];
let expected;

/** A file system of its own of so many MB, or null where that is not allowed. */
function mountSmall(mb) {
  const folder = tempDir();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mb}m`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return null;
  }
  mounts.push(folder);
  return folder;
}

const probe = mountSmall(1);
const skip = probe ? false : 'a file system cannot be mounted here';
const free = folder => { const { bavail, bsize } = statfsSync(folder); return bavail * bsize; };

before(async () => { expected = await replay(market); });
afterEach(endAll);
after(() => mounts.forEach(folder => execFileSync('umount', ['-l', folder])));

test('a full disk: the daemon keeps what it cannot write, health says so, and it goes on when there is room', { skip }, async () => {
  const disk = mountSmall(24), folder = join(disk, 'data');
  mkdirSync(folder);
  const exchange = await startExchange(market, 36000, { stays: true });
  const daemon = await startDaemon({ port: exchange.port, market, folder, env: { OUTBOX_RESERVE_MB: '1', SNAPSHOT_INTERVAL_MS: '0' } });
  await daemon.until(it => it.signals().length > 10, '10 signals');
  for (let n = 0; free(disk) > 4096; n++) {
    try {
      writeFileSync(join(disk, `ballast.${n}`), Buffer.alloc(Math.min(free(disk), 1 << 20)));
    } catch { /* full */ }
  }
  const told = await eventually(async () => {
    const { code, body } = await daemon.get('/health');
    return body.components.storage === 'failed' && { code, n: daemon.signals().length };
  }, 'health to say so', 60000);
  assert.equal(told.code, 503);
  for (const name of readdirSync(disk).filter(file => file.startsWith('ballast'))) rmSync(join(disk, name));
  await eventually(async () => (await daemon.get('/health')).body.components.storage !== 'failed', 'the disk to be written again', 60000);
  await seeAll(exchange, daemon, { folder, wanted: expected.size });
  assert.equal((await stop(daemon)).code, 0, daemon.stderr);
  assert.equal(difference(stored(folder), expected), '');
  assert.equal(difference(byId(daemon.signals()), expected), '');
});

test('a disk short of room: metrics and notes are dropped, signals are not', { skip }, async () => {
  const folder = mountSmall(24);
  const exchange = await startExchange(market, 'max', { stays: true });
  const daemon = await startDaemon({ port: exchange.port, market, folder, env: { OUTBOX_RESERVE_MB: '64', SNAPSHOT_INTERVAL_MS: '0' } });
  await daemon.until(it => it.logged(/OUTBOX_RESERVE_MB/).length, 'the log to say so');
  const { code, body } = await daemon.get('/health');
  assert.deepEqual([code, body.components.storage], [200, 'degraded']);
  await seeAll(exchange, daemon, { folder, wanted: expected.size });
  const { cloud } = await daemon.status();
  assert.ok(cloud.shortOfDisk && cloud.dropped > 0, JSON.stringify(cloud));
  await stop(daemon);
  assert.equal(difference(stored(folder), expected), '');
});

test('a disk that becomes read-only and writable again', { skip }, async () => {
  const folder = mountSmall(64);
  const exchange = await startExchange(market, 3600, { stays: true });
  const daemon = await startDaemon({ port: exchange.port, market, folder, env: { SNAPSHOT_INTERVAL_MS: '0' } });
  await daemon.until(it => it.signals().length > 10, '10 signals');
  await stop(daemon); // while files are open for writing the system refuses
  execFileSync('mount', ['-o', 'remount,ro', folder]);
  const refused = startTrademind({ port: exchange.port, folder, env: { SYMBOLS: market.symbols.join(',') } });
  assert.equal((await refused.ended).code, 1);
  assert.match(refused.stderr, /read-only|Read-only/i);
  execFileSync('mount', ['-o', 'remount,rw', folder]);
  const again = await startDaemon({ port: exchange.port, market, folder });
  await seeAll(exchange, again, { folder, wanted: expected.size });
  await stop(again);
  assert.equal(difference(stored(folder), expected), '');
});

test('a damaged database is set aside, said, and begun anew', async () => {
  const folder = tempDir(), noise = Buffer.alloc(8192, 'x');
  writeFileSync(join(folder, 'trademind.db'), noise);
  const exchange = await startExchange(market, 'max', { stays: true });
  const daemon = await startDaemon({ port: exchange.port, market, folder });
  assert.equal(daemon.logged(/is damaged or no database/).length, 1);
  const aside = readdirSync(folder).filter(name => name.startsWith('trademind.db.damaged-'));
  assert.equal(aside.length, 1);
  assert.ok(readFileSync(join(folder, aside[0])).equals(noise));
  await seeAll(exchange, daemon, { folder, wanted: expected.size });
  assert.equal((await stop(daemon)).code, 0);
  assert.equal(difference(stored(folder), expected), '');
});
