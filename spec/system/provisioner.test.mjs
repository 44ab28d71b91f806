// `trademind provisioner --listen`: the same over HTTP, for the users themselves: its own routes and the original's, each with the
// caller's token, each for the caller's machine alone.
// time limit: 300
import { test, before, after, beforeEach } from 'node:test';
import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { SECRET_KEY, sign } from './supabase.mjs';
import { eventually } from './daemon.mjs';
import { start, until } from './harness.mjs';
import { makeKey, startIssuer } from './issuer.mjs';
import { startPlace } from './provisioning.mjs';

const ORIGIN = 'https://app.example.com';
const SECRET = 'a-secret-of-at-least-thirty-two-characters';
let place, server, url, other;

before(async () => {
  place = await startPlace();
  other = await place.supabase.addUser();
  server = start('trademind', ['provisioner', '--listen'], {
    ...place.env, HOST: '127.0.0.1', PORT: '0', AUTH_JWT_SECRET: SECRET, AUTH_ISSUER: '', AUTH_ORIGINS: ORIGIN,
  });
  const listening = await server.until(it => it.lines.find(line => line.event === 'listening'), 'the provisioner to listen');
  url = `http://127.0.0.1:${listening.port}`;
});
after(async () => {
  await server.stop('SIGKILL');
  await place.stop();
});
beforeEach(async () => {
  place.fly.apps.clear();
  place.fly.log.length = 0;
  place.isWell = () => true;
  await place.sql`delete from cloud_machines`;
});

const tokenOf = (user, claims = {}) => sign({ sub: user.id, role: 'authenticated', aud: 'authenticated', iss: `${place.env.SUPABASE_URL}/auth/v1`, ...claims }, SECRET);
async function ask(method, path, { user = place.user, token = user && tokenOf(user), body, headers = {} } = {}) {
  const response = await fetch(url + path, {
    method, headers: { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...headers }, body: body === undefined ? (method === 'POST' ? '' : undefined) : typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { code: response.status, body: text ? JSON.parse(text) : null, headers: response.headers };
}

test('/v1: made, found, listed, stopped, started, destroyed', async () => {
  const made = await ask('POST', '/v1/machines', { body: { userId: place.user.id, region: 'fra', cpus: 2 } });
  assert.equal(made.code, 201, JSON.stringify(made.body));
  const app = `trademind-screener-${place.user.id}`, [machine] = place.machines();
  assert.deepEqual([made.body.flyMachineId, made.body.websocketUrl, made.body.status, made.body.wasReused], [machine.id, `wss://${app}.fly.dev`, 'running', false]);
  const found = await ask('POST', '/v1/machines', { body: {} });
  assert.deepEqual([found.code, found.body.wasReused, found.body.flyMachineId], [200, true, machine.id]);
  const list = await ask('GET', '/v1/machines');
  assert.deepEqual(list.body.machines.map(m => [m.flyMachineId, m.status, m.region]), [[machine.id, 'running', 'fra']]);
  assert.deepEqual([(await ask('POST', `/v1/machines/${machine.id}/stop`)).body.status, machine.state], ['stopped', 'stopped']);
  assert.deepEqual([(await ask('POST', `/v1/machines/${app}/start`)).body.status, machine.state], ['running', 'started']);
  assert.equal((await ask('POST', '/v1/machines/another/stop')).code, 404);
  assert.equal(machine.state, 'started');
  const gone = await ask('DELETE', `/v1/machines/${machine.id}`);
  assert.deepEqual([gone.code, gone.body.status, place.machines().length], [200, 'destroyed', 0]);
  assert.deepEqual((await ask('GET', '/v1/machines')).body, { machines: [] });
});

test('the original\'s routes, bodies and errors', async () => {
  const none = await ask('POST', '/get-machine-status', { body: { userId: place.user.id } });
  assert.deepEqual([none.code, none.body], [200, { hasMachine: false, machines: [], activeMachine: null, totalMachines: 0 }]);
  assert.equal((await ask('POST', '/stop-machine', { body: { userId: place.user.id } })).code, 404);
  const made = await ask('POST', '/provision-machine', { body: { userId: place.user.id, region: 'sin', cpuPriority: 'normal' } });
  assert.equal(made.code, 200, JSON.stringify(made.body));
  for (const key of ['machineId', 'websocketUrl', 'status', 'flyMachineId', 'wasReused', 'message']) assert.ok(key in made.body, key);
  const status = await ask('GET', `/get-machine-status?userId=${place.user.id}`);
  assert.deepEqual([status.body.hasMachine, status.body.totalMachines, status.body.activeMachine.flyMachineId], [true, 1, place.machines()[0].id]);
  const stopped = await ask('POST', '/stop-machine', { body: { userId: place.user.id } });
  assert.deepEqual([stopped.code, Object.keys(stopped.body).sort(), stopped.body.status, place.machines()[0].state], [200, ['machineId', 'message', 'status'], 'stopped', 'stopped']);
  const pro = await place.supabase.addUser({ tier: 'pro' }), nobody = await place.supabase.addUser({ tier: null });
  await place.sql`delete from user_subscriptions where user_id = ${nobody.id}`;
  const refused = await ask('POST', '/provision-machine', { user: pro, body: { userId: pro.id } });
  assert.deepEqual([refused.code, refused.body.error], [403, 'Forbidden']);
  assert.equal((await ask('POST', '/provision-machine', { user: nobody, body: { userId: nobody.id } })).code, 404);
});

test('whose token it is: nobody acts on another\'s machine', async () => {
  await ask('POST', '/v1/machines', { body: {} });
  const [machine] = place.machines(), before = place.fly.log.length;
  for (const [method, path, body] of [['POST', '/v1/machines', { userId: place.user.id }], ['POST', '/stop-machine', { userId: place.user.id }], ['GET', `/get-machine-status?userId=${place.user.id}`], ['POST', '/provision-machine', { userId: place.user.id }]]) {
    assert.equal((await ask(method, path, { user: other, body })).code, 403, path);
  }
  for (const [method, path] of [['POST', `/v1/machines/${machine.id}/stop`], ['POST', `/v1/machines/${machine.id}/start`], ['DELETE', `/v1/machines/${machine.id}`]]) {
    assert.equal((await ask(method, path, { user: other })).code, 404, path);
  }
  assert.deepEqual((await ask('GET', '/v1/machines', { user: other })).body, { machines: [] });
  assert.deepEqual([machine.state, place.fly.log.length], ['started', before]);
});

test('tokens that are none', async () => {
  const now = Math.floor(Date.now() / 1000), claims = { sub: place.user.id, aud: 'authenticated', role: 'authenticated', iss: `${place.env.SUPABASE_URL}/auth/v1` };
  const bad = {
    none: '', word: 'x', service: SECRET_KEY, 'another secret': sign(claims, 'another secret of at least thirty-two chars'), expired: sign({ ...claims, exp: now - 3600 }, SECRET),
    'another issuer': sign({ ...claims, iss: 'https://evil.example.com/auth/v1' }, SECRET), 'another audience': sign({ ...claims, aud: 'anon' }, SECRET), 'no user': sign({ ...claims, sub: undefined }, SECRET),
    'no algorithm': `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ ...claims, exp: now + 60 })).toString('base64url')}.`,
  };
  for (const [name, token] of Object.entries(bad)) {
    const it = await ask('POST', '/v1/machines', { token, body: {} });
    assert.deepEqual([it.code, it.headers.get('www-authenticate')], [401, 'Bearer'], name);
    if (token) assert.ok(!server.stderr.includes(token), name);
  }
  assert.equal(place.fly.log.length, 0);
});

test('one change of a user at a time, and looking meanwhile; others are not kept waiting', async () => {
  place.isWell = () => false; // so the first one is at work until we say so
  const first = ask('POST', '/v1/machines', { body: {} });
  await eventually(async () => (await place.row())?.fly_machine_id, 'the machine');
  const again = await Promise.all([ask('POST', '/v1/machines', { body: {} }), ask('POST', '/provision-machine', { body: { userId: place.user.id } }), ask('DELETE', `/v1/machines/${place.machines()[0].id}`)]);
  assert.deepEqual(again.map(it => it.code), [409, 409, 409], JSON.stringify(again.map(it => it.body)));
  assert.match(again[0].body.detail, /another request of yours is under way/);
  assert.equal((await ask('GET', '/v1/machines')).body.machines.length, 1);
  assert.equal((await ask('POST', '/stop-machine', { user: other, body: {} })).code, 404, 'another user has none, and is told so');
  place.isWell = () => true;
  const made = await first;
  assert.deepEqual([made.code, made.body.wasReused], [201, false], JSON.stringify(made.body));
  const after = await ask('POST', '/provision-machine', { body: { userId: place.user.id } });
  assert.deepEqual([after.code, after.body.wasReused, place.machines().length], [200, true, 1]);
});

test('a user that asks again and again does not keep the pool from others', async () => {
  place.isWell = () => false;
  const many = Array.from({ length: 8 }, () => ask('POST', '/v1/machines', { body: {} }));
  await eventually(() => place.machines().length, 'the machine');
  const theirs = await ask('GET', '/v1/machines', { user: other });
  place.isWell = () => true;
  assert.deepEqual(theirs.body, { machines: [] });
  const codes = (await Promise.all(many)).map(it => it.code).sort();
  assert.deepEqual(codes, [201, ...Array(7).fill(409)]);
});

test('a failure is told, and taken back', async () => {
  place.fly.capacity = () => false;
  const it = await ask('POST', '/v1/machines', { body: {} });
  place.fly.capacity = () => true;
  assert.deepEqual([it.code, it.headers.get('content-type'), it.body.status, place.fly.apps.size], [503, 'application/problem+json', 503, 0]);
  assert.match(it.body.detail, /no room for it in sin/);
});

test('browsers: the origins that are listed, and no others', async () => {
  const allowed = await ask('OPTIONS', '/v1/machines', { token: '', headers: { Origin: ORIGIN } });
  assert.deepEqual([allowed.code, allowed.headers.get('access-control-allow-origin')], [204, ORIGIN]);
  const refused = await ask('OPTIONS', '/v1/machines', { token: '', headers: { Origin: 'https://evil.example.com' } });
  assert.deepEqual([refused.code, refused.headers.get('access-control-allow-origin')], [403, null]);
});

test('what is no request, slow or half, harms nobody', async () => {
  const send = text => new Promise(done => {
    const socket = createConnection(new URL(url).port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', bytes => { answer += bytes; }).on('close', () => done(answer)).on('error', () => done(answer));
  });
  assert.match(await send('NONSENSE\r\n\r\n'), /^HTTP\/1.1 400 /);
  assert.match(await send(`GET /${'a'.repeat(9000)} HTTP/1.1\r\n\r\n`), /^HTTP\/1.1 431 /);
  assert.match(await send('POST /v1/machines HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n'), /^HTTP\/1.1 501 /);
  const half = Array.from({ length: 20 }, () => createConnection(new URL(url).port, '127.0.0.1').on('error', () => {}));
  for (const socket of half) socket.write('POST /v1/mach');
  assert.equal((await ask('GET', '/health', { token: '' })).code, 200);
  for (const socket of half) socket.destroy();
  assert.equal((await ask('GET', '/health', { token: '' })).code, 200);
});

test('tokens of the project\'s signing keys: asked for once, waited for, and no other key', async () => {
  const issuer = await startIssuer();
  let release;
  issuer.hold = new Promise(done => { release = done; });
  const it = start('trademind', ['provisioner', '--listen'], { ...place.env, SUPABASE_URL: issuer.server.url, HOST: '127.0.0.1', PORT: '0' });
  const { port } = await it.until(one => one.lines.find(line => line.event === 'listening'), 'it to listen');
  const codeOf = async token => (await fetch(`http://127.0.0.1:${port}/v1/machines`, { headers: { Authorization: `Bearer ${token}` } })).status;
  const KNOWN = 502; // whose token it is is known; there is no database here
  const waiting = [codeOf(issuer.token()), codeOf(issuer.token({ key: issuer.rsa, sub: other.id })), codeOf(issuer.token({ key: makeKey('ec', 'ec-1') }))];
  await until(() => issuer.asked('/auth/v1/.well-known/jwks.json') === 1, 'the keys to be asked for', again => { const timer = setInterval(again, 20); return () => clearInterval(timer); });
  release();
  assert.deepEqual(await Promise.all(waiting), [KNOWN, KNOWN, 401], it.stderr.slice(-1500));
  assert.deepEqual([await codeOf(issuer.token({ sub: other.id })), await codeOf(issuer.token({ secret: 'x' })), await codeOf(issuer.token({ iss: 'https://evil.example.com' }))], [KNOWN, 401, 401]);
  assert.equal(issuer.asked('/auth/v1/.well-known/jwks.json'), 1);
  assert.equal((await it.stop('SIGTERM')).code, 0);
  await issuer.close();
});

test('stopped: in order, at once', async () => {
  const how = await server.stop('SIGTERM');
  assert.deepEqual([how.code, how.signal], [0, null], server.stderr.slice(-2000));
  for (const secret of [SECRET_KEY, place.fly.token]) assert.ok(!server.stderr.includes(secret));
});
