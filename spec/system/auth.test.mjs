// Tokens of Supabase's users at the running daemon: taken in each of the places where one may be shown, refused when they are
// not the user's, awaited when the issuer is slow, and never told to anybody.
// time limit: 180
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createRequire } from 'node:module';
import { endAll, eventually, startTrademind, tempDir } from './daemon.mjs';
import { makeKey, makeToken, startIssuer } from './issuer.mjs';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const WebSocket = createRequire(import.meta.url)('ws');
const SECRET = 'a-secret-of-at-least-thirty-two-characters';

let issuer, daemon;
const shown = []; // every token of this file

async function startDaemon(env = {}) {
  const folder = tempDir();
  const it = startTrademind({ folder, env: { SYMBOLS: 'BTCUSDT', ...issuer.env, ...env } });
  await it.until(() => it.port(), 'the daemon to listen');
  it.token = readFileSync(join(folder, 'token'), 'utf8').trim();
  it.url = `http://127.0.0.1:${it.port()}`;
  return it;
}

before(async () => {
  issuer = await startIssuer();
  daemon = await startDaemon();
});

after(async () => {
  await endAll();
  await issuer.close();
});

function ask(token, { path = '/api/v1/status', to = daemon, ...rest } = {}) {
  shown.push(token);
  return fetch(to.url + path, { headers: { authorization: `Bearer ${token}` }, ...rest });
}

/** How the channel takes it: 'in', or the close code, or the HTTP status of a refused upgrade. */
function knock({ path = '/ws', protocols = [], headers = {}, first, early, to = daemon } = {}) {
  return new Promise((done, failed) => {
    const socket = new WebSocket(`${to.url.replace('http', 'ws')}${path}`, protocols, { headers });
    const end = value => { socket.terminate(); done(value); };
    socket.on('open', () => { for (const text of [first, early]) if (text) socket.send(text); });
    socket.on('message', data => {
      const { type } = JSON.parse(data);
      if (!early || type === 'pong') end(early ? 'pong' : 'in');
    });
    socket.on('close', code => done(code));
    socket.on('unexpected-response', (request, response) => end(response.statusCode));
    socket.on('error', error => { if (!/terminated|closed before/i.test(error.message)) failed(error); });
  });
}

const inFirst = token => ({ first: JSON.stringify({ type: 'auth', data: { token } }) });
const inList = token => ({ protocols: ['trademind', token] });
const inHeader = token => ({ headers: { authorization: `Bearer ${token}` } });

test('a user is let in by ES256 and RS256, in every place where a token may be shown', async () => {
  for (const key of [issuer.ec, issuer.rsa]) {
    const token = issuer.token({ key });
    assert.ok(token.length > 900, 'it is as long as such tokens are');
    assert.equal((await ask(token)).status, 200);
    for (const place of [inHeader, inList, inFirst]) assert.equal(await knock(place(token)), 'in', `${key.alg} ${place.name}`);
  }
  assert.equal(issuer.asked('/auth/v1/.well-known/jwks.json'), 1, 'the keys are fetched once');
});

test('the machine\'s own token goes on being taken', async () => {
  assert.equal((await ask(daemon.token)).status, 200);
  for (const place of [inHeader, inList, inFirst]) assert.equal(await knock(place(daemon.token)), 'in', place.name);
});

test('a token in the URL is none', async () => {
  const token = issuer.token();
  shown.push(token);
  assert.equal((await fetch(`${daemon.url}/api/v1/status?token=${token}`)).status, 401);
  assert.equal((await fetch(`${daemon.url}/api/v1/status?access_token=${daemon.token}`)).status, 401);
  assert.equal(await knock({ path: `/ws?token=${daemon.token}`, first: '{"type":"ping"}' }), 4401);
});

function badTokens() {
  const now = Math.floor(Date.now() / 1000), stranger = makeKey('ec', 'stranger'), double = makeKey('ec', 'ec-1');
  const publicPem = issuer.rsa.publicKey.export({ type: 'spki', format: 'pem' });
  const publicDer = issuer.rsa.publicKey.export({ type: 'spki', format: 'der' });
  const good = issuer.token(), [header, claims, signature] = good.split('.');
  return {
    'another user\'s': issuer.token({ sub: '00000000-0000-4000-8000-000000000000' }),
    'an expired one': issuer.token({ exp: now - 31 }),
    'one without an expiry': issuer.token({ exp: undefined }),
    'one of the future': issuer.token({ nbf: now + 300 }),
    'one of another project': issuer.token({ iss: 'https://other.supabase.co/auth/v1' }),
    'one for another audience': issuer.token({ aud: 'anon' }),
    'alg none': makeToken({ alg: 'none' }, issuer.claims(), {}),
    'alg none with a kid': makeToken({ alg: 'none', kid: 'ec-1' }, issuer.claims(), {}),
    'alg NONE, signed': makeToken({ alg: 'NONE', kid: 'ec-1' }, issuer.claims(), { key: issuer.ec }),
    'a key that is not in the set': issuer.token({ key: stranger }),
    'another key under a kid of the set': issuer.token({ key: double }),
    'RS256 said of the EC key': issuer.token({ header: { alg: 'RS256' } }),
    'HS256 signed with the public key (PEM)': makeToken({ alg: 'HS256', kid: 'rsa-1' }, issuer.claims(), { secret: publicPem }),
    'HS256 signed with the public key (DER)': makeToken({ alg: 'HS256', kid: 'rsa-1' }, issuer.claims(), { secret: publicDer }),
    'HS256 signed with the JWK': makeToken({ alg: 'HS256', kid: 'ec-1' }, issuer.claims(), { secret: JSON.stringify(issuer.ec.jwk) }),
    'the claims of another': `${header}.${Buffer.from(JSON.stringify(issuer.claims({ role: 'service_role' }))).toString('base64url')}.${signature}`,
    'without its signature': `${header}.${claims}.`,
    'cut short': good.slice(0, -4),
    'the service key': issuer.env.SUPABASE_SERVICE_KEY,
  };
}

test('no other token is taken, wherever it is shown', async () => {
  for (const [what, token] of Object.entries(badTokens())) {
    const response = await ask(token);
    assert.equal(response.status, 401, what);
    assert.equal(response.headers.get('www-authenticate'), 'Bearer realm="trademind"');
    assert.equal((await response.json()).status, 401);
    assert.equal(await knock(inHeader(token)), 401, `${what}: header`);
    assert.equal(await knock(inList(token)), 4401, `${what}: subprotocol`);
    assert.equal(await knock(inFirst(token)), 4401, `${what}: first message`);
  }
  const { server } = await (await ask(daemon.token)).json();
  for (const name of ['wrongTokens', 'refusedClaims', 'unsignedTokens', 'unknownKeys']) assert.ok(server[name] > 0, `${name} are counted`);
  assert.equal(server.refusedTokens, server.wrongTokens + server.refusedClaims + server.unsignedTokens + server.unknownKeys + server.uncheckedTokens);
});

test('HS256 without a secret: the issuer is asked, once for a token, and never for one that cannot be the user\'s', async () => {
  const before = issuer.asked('/auth/v1/user');
  const token = issuer.token({ secret: 'only the issuer has it' });
  issuer.known.add(token);
  assert.equal((await ask(token)).status, 200);
  for (const place of [inHeader, inList, inFirst]) assert.equal(await knock(place(token)), 'in', place.name);
  assert.equal(issuer.asked('/auth/v1/user'), before + 1);
  const question = issuer.server.requests.findLast(request => request.path === '/auth/v1/user');
  assert.equal(question.headers.apikey, issuer.env.SUPABASE_SERVICE_KEY);
  assert.equal((await ask(issuer.token({ secret: 'x', sub: 'another' }))).status, 401);
  assert.equal(issuer.asked('/auth/v1/user'), before + 1);
});

test('HS256 with AUTH_JWT_SECRET: checked here, and nobody is asked', async () => {
  const other = await startDaemon({ AUTH_JWT_SECRET: SECRET });
  const before = issuer.asked('/auth/v1/user');
  assert.equal((await ask(issuer.token({ secret: SECRET }), { to: other })).status, 200);
  assert.equal((await ask(issuer.token({ secret: `${SECRET}x` }), { to: other })).status, 401);
  assert.equal((await ask(issuer.token(), { to: other })).status, 200, 'ES256 as ever');
  assert.equal(issuer.asked('/auth/v1/user'), before);
  await other.stop();
  assert.ok(!other.stderr.includes(SECRET) && !other.stdout.includes(SECRET), 'the secret is in no line of the log');
});

test('AUTH_ISSUER: tokens may name another address than the one where the daemon finds Supabase', async () => {
  const other = await startDaemon({ AUTH_ISSUER: 'https://auth.example.com/auth/v1' });
  assert.equal((await ask(issuer.token({ iss: 'https://auth.example.com/auth/v1' }), { to: other })).status, 200);
  assert.equal((await ask(issuer.token(), { to: other })).status, 401);
  await other.stop();
});

test('while the issuer thinks, requests and clients wait; when it has answered, nothing of theirs is lost', async () => {
  let release;
  issuer.hold = new Promise(done => { release = done; });
  const other = await startDaemon();
  const token = issuer.token();
  const waiting = [
    ask(token, { to: other }).then(r => r.status),
    ask(token, { to: other, path: '/api/v1/traders/rsi_rebound', method: 'POST', body: '{"nonsense":1}' }).then(r => r.status),
    ask(issuer.token({ sub: 'another' }), { to: other }).then(r => r.status),
    ask(issuer.token({ key: makeKey('ec', 'stranger') }), { to: other }).then(r => r.status),
    ...[inHeader, inList, inFirst].map(place => knock({ ...place(token), early: '{"type":"ping"}', to: other })),
    knock({ ...inList(issuer.token({ key: makeKey('ec', 'ec-1') })), to: other }),
  ];
  assert.equal((await ask(other.token, { to: other })).status, 200, 'the machine\'s token does not wait');
  await eventually(async () => {
    const { server } = await (await ask(other.token, { to: other })).json();
    return server.clients === 4 && issuer.asked('/auth/v1/.well-known/jwks.json') > 0;
  }, 'all of them to have come');
  assert.equal(await Promise.race([...waiting.toSpliced(2, 1), 'nobody']), 'nobody', 'nobody is answered yet, but who cannot be the user');
  release();
  issuer.hold = null;
  assert.deepEqual(await Promise.all(waiting), [200, 400, 401, 401, 'pong', 'pong', 'pong', 4401]);
  await other.stop();
});

test('an issuer that does not answer is no reason to wait for ever, nor to let anybody in', async () => {
  let release;
  issuer.hold = new Promise(done => { release = done; });
  const other = await startDaemon();
  const token = issuer.token();
  const results = await Promise.all([
    ask(token, { to: other }).then(async r => [r.status, r.headers.get('retry-after'), (await r.json()).detail]),
    knock({ ...inList(token), to: other }),
    knock({ ...inFirst(token), to: other }),
  ]);
  assert.deepEqual(results, [[503, '5', 'the token cannot be checked now'], 1013, 1013]);
  release();
  issuer.hold = null;
  issuer.fails = true;
  assert.equal((await ask(token, { to: other })).status, 503, 'an answer that is no key set');
  issuer.fails = false;
  await eventually(async () => (await ask(token, { to: other })).status === 200, 'the keys, once it is back');
  await other.stop();
});

test('a daemon stops while tokens wait', async () => {
  let release;
  issuer.hold = new Promise(done => { release = done; });
  const other = await startDaemon();
  const waiting = [ask(issuer.token(), { to: other }).catch(error => error.message), knock({ ...inList(issuer.token()), to: other })];
  await eventually(async () => (await (await ask(other.token, { to: other })).json()).server.clients === 1, 'a client that waits');
  assert.deepEqual(await other.stop(), { code: 0, signal: null });
  await Promise.all(waiting);
  release();
  issuer.hold = null;
});

test('without a token only the states are told', async () => {
  const health = await (await fetch(`${daemon.url}/health`)).json();
  assert.deepEqual(Object.keys(health).sort(), ['components', 'status']);
  for (const state of Object.values(health.components)) assert.match(state, /^(ok|degraded|failed)$/);
  const ready = await (await fetch(`${daemon.url}/ready`)).json();
  assert.deepEqual(Object.keys(ready).filter(key => !['ready', 'reason'].includes(key)), []);
  const closed = ['/api/v1/status', '/api/v1/traders', '/api/v1/signals', '/api/v1/traders/errors', '/api/v1/openapi.json', '/api', '/api/', '/api/v2', '/metrics',
    '/token', '/.env', '/trademind.db', '/..%2ftoken', '/%2e%2e/token', '//api/v1/status', '/api%2fv1/status', '/API/v1/status', '/health/../api/v1/status'];
  for (const path of closed) {
    const response = await new Promise((done, failed) => {
      import('node:http').then(http => http.get({ port: daemon.port(), path }, done).on('error', failed));
    });
    let text = '';
    for await (const chunk of response) text += chunk;
    assert.ok([401, 404].includes(response.statusCode), `${path}: ${response.statusCode}`);
    assert.equal(JSON.parse(text).status, response.statusCode, path);
  }
});

test('no token and no part of a claim is in any line of the log', async () => {
  await daemon.stop();
  const log = daemon.stderr + daemon.stdout;
  assert.ok(shown.length > 30 && log.includes('refused a token'), 'something was refused and said so');
  for (const token of shown) {
    const secret = token.split('.').at(-1) || token.split('.')[1];
    assert.ok(!log.includes(token) && !log.includes(secret), 'a token was logged');
  }
  assert.ok(!log.includes('somebody@example.com'));
});
