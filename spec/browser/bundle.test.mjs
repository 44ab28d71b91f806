// web/dist, which the daemon carries: it is what web/ builds, small, without a word to anybody else; and how it is handed out.
// time limit: 240
import { afterEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { CLOCKWORK, openPage, startAll, traderFolder } from './browser.mjs';
import { endAll, recordedMarket } from '../system/daemon.mjs';
import { root, tempDir } from '../system/harness.mjs';

const dist = join(root, 'web/dist');
const MOST_BYTES = 300 * 1024;
const market = recordedMarket(1);

afterEach(endAll);

const filesOf = folder => readdirSync(folder, { recursive: true, withFileTypes: true }).filter(it => it.isFile())
  .map(it => join(it.parentPath, it.name).slice(folder.length + 1)).sort();
const sumsOf = folder => Object.fromEntries(filesOf(folder).map(name => [name, createHash('sha256').update(readFileSync(join(folder, name))).digest('hex')]));

/** The answer with its bytes as they came over the wire. */
const get = (daemon, path, headers = {}, method = 'GET') => new Promise((done, failed) => {
  request({ port: daemon.port(), path, method, headers }, response => {
    const parts = [];
    response.on('data', part => parts.push(part)).on('end', () => done({ code: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }));
  }).on('error', failed).end();
});

test('web/dist is what web/ builds, byte for byte', () => {
  const out = tempDir();
  execFileSync(process.execPath, [join(root, 'web/build.mjs'), '--out', out]);
  assert.deepEqual(sumsOf(out), sumsOf(dist), 'run: node web/build.mjs');
});

test('the client module is sound by its types', () => {
  execFileSync(process.execPath, [join(root, 'web/node_modules/typescript/bin/tsc'), '-p', join(root, 'web/client')], { stdio: 'pipe' });
});

test('all of it is under 300 KB compressed', t => {
  const bytes = filesOf(dist).map(name => gzipSync(readFileSync(join(dist, name)), { level: 9 }).length).reduce((a, b) => a + b, 0);
  t.diagnostic(`${(bytes / 1024).toFixed(0)} KB`);
  assert.ok(bytes < MOST_BYTES, `${bytes} bytes`);
});

test('the files are handed out compressed, with a policy that lets nothing in, and can be kept', async () => {
  const { daemon } = await startAll({ market, traders: traderFolder({ clockwork: CLOCKWORK }) });
  for (const name of filesOf(dist)) {
    const path = name === 'index.html' ? '/' : `/${name}`, plain = readFileSync(join(dist, name));
    const small = await get(daemon, path, { 'accept-encoding': 'gzip, br' }), large = await get(daemon, path);
    assert.equal(small.code, 200);
    assert.equal(small.headers['content-encoding'], 'gzip');
    assert.ok(gunzipSync(small.body).equals(plain), name);
    assert.equal(large.headers['content-encoding'], undefined);
    assert.ok(large.body.equals(plain), name);
    assert.match(small.headers['content-security-policy'], /default-src 'none'.*script-src 'self';/);
    assert.doesNotMatch(small.headers['content-security-policy'], /unsafe|https?:|\*/);
    assert.equal(small.headers['x-content-type-options'], 'nosniff');
    assert.match(small.headers['cache-control'], name.startsWith('assets/') ? /immutable/ : /no-cache/);
    const again = await get(daemon, path, { 'if-none-match': small.headers.etag });
    assert.equal(again.code, 304);
    assert.equal(again.body.length, 0);
    const head = await get(daemon, path, {}, 'HEAD');
    assert.equal(Number(head.headers['content-length']), plain.length);
  }
  assert.equal((await get(daemon, '/assets/none.js')).code, 404);
  assert.equal((await get(daemon, '/assets/../assets')).code, 404);
});

test('the token leaves the address bar at once, and a wrong one is asked for again', async t => {
  const { daemon } = await startAll({ market, traders: traderFolder({ clockwork: CLOCKWORK }) });
  const page = await openPage(daemon);
  await page.locator('.list').waitFor();
  assert.equal(new URL(page.url()).hash, '#/');
  assert.ok(!(await page.content()).includes(daemon.token));
  const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
  t.diagnostic(`first contentful paint after ${Math.round(paint)} ms`);
  assert.deepEqual(page.faults, []);

  const stranger = await openPage(daemon, { token: 'tm_wrong', isExpected: it => it.status() === 401 });
  await stranger.getByText('not the machine’s').waitFor();
  await stranger.getByLabel('Token').fill(daemon.token);
  await stranger.keyboard.press('Enter');
  await stranger.locator('.list').waitFor();
  await stranger.locator('.link[data-state="open"]').waitFor();
});
