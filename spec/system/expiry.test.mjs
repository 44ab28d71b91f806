// The end of a user's token on an open channel: it is told in time, another one may be shown, and without one the channel ends.
// Tokens are taken until 30 s after their `exp`; those of this file were issued so that this is in a few seconds.
// time limit: 120
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Channel } from '../../web/client/index.js';
import { connect } from './channel.mjs';
import { endAll, eventually, startTrademind, tempDir } from './daemon.mjs';
import { startIssuer } from './issuer.mjs';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const LEEWAY_S = 30;
let issuer, daemon;

before(async () => {
  issuer = await startIssuer();
  const folder = tempDir();
  daemon = startTrademind({ folder, env: { SYMBOLS: 'BTCUSDT', ...issuer.env } });
  await daemon.until(() => daemon.port(), 'the daemon to listen');
  daemon.token = readFileSync(join(folder, 'token'), 'utf8').trim();
});

const channels = [];
after(async () => {
  for (const channel of channels) channel.stop();
  await endAll();
  await issuer.close();
});

const nowS = () => Math.floor(Date.now() / 1000);
/** One that is taken for so many seconds more, less the part of one that has gone. */
const tokenFor = (seconds, fields = {}) => issuer.token({ exp: nowS() - LEEWAY_S + seconds, ...fields });
const expOf = token => JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).exp;
const closed = c => eventually(() => c.closed, 'the channel to be closed');
const told = c => c.until(() => c.of('token_expiring')[0], 'word that the token ends');

async function counters() {
  const response = await fetch(`http://127.0.0.1:${daemon.port()}/api/v1/status`, { headers: { authorization: `Bearer ${daemon.token}` } });
  return (await response.json()).server;
}

test('a token that ends is told of, and without another one the channel ends with it; the machine\'s has no end', async () => {
  const before = await counters(), machine = await connect(daemon), token = tokenFor(4);
  const user = await connect(daemon, { token });
  assert.deepEqual(await told(user), { expires: expOf(token) * 1000, closes: (expOf(token) + LEEWAY_S) * 1000 });
  assert.equal(user.messages.find(m => m.type === 'token_expiring').seq, undefined);
  await closed(user);
  assert.deepEqual(user.closed, { code: 4401, reason: 'the token has expired' });
  assert.ok(Date.now() >= (expOf(token) + LEEWAY_S) * 1000, 'not before it');
  assert.equal(user.of('token_expiring').length, 1, 'it is told once');
  assert.equal((await counters()).expiredClients, before.expiredClients + 1);
  await machine.ask('ping');
  assert.deepEqual(machine.of('token_expiring'), []);
  machine.leave();
});

test('a later token of the same user keeps the channel open, under the same hello', async () => {
  const before = await counters(), token = tokenFor(4), later = issuer.token({ exp: nowS() + 3600 });
  const [stays, goes] = await Promise.all([connect(daemon, { token }), connect(daemon, { token })]);
  await told(stays);
  assert.deepEqual(await stays.ask('auth', { token: later }), { expires: expOf(later) * 1000 });
  await closed(goes);
  await stays.ask('ping');
  assert.equal(stays.of('hello').length, 1);
  assert.deepEqual(await stays.ask('auth', { token }).catch(error => error.code), 'wrong_token', 'the first is over');
  assert.deepEqual(await stays.ask('auth', { token: daemon.token }), { expires: null }, 'the machine\'s has no end');
  const end = await counters();
  assert.deepEqual([end.renewedTokens - before.renewedTokens, end.expiredClients - before.expiredClients], [2, 1]);
  stays.leave();
});

test('a token that ends soon, too, is told of again', async () => {
  const c = await connect(daemon, { token: tokenFor(4) }), later = tokenFor(7);
  await told(c);
  assert.deepEqual(await c.ask('auth', { token: later }), { expires: expOf(later) * 1000 });
  await c.until(() => c.of('token_expiring').length === 2, 'word of the second');
  assert.equal(c.of('token_expiring')[1].expires, expOf(later) * 1000);
  await closed(c);
  assert.equal(c.closed.code, 4401);
});

test('another user\'s token, and one that ends no later, do not lengthen it', async () => {
  const token = tokenFor(4), c = await connect(daemon, { token });
  await assert.rejects(c.ask('auth', { token: issuer.token({ sub: '00000000-0000-4000-8000-000000000000' }) }), { code: 'wrong_token' });
  await assert.rejects(c.ask('auth', {}), { code: 'wrong_token' });
  assert.deepEqual(await c.ask('auth', { token: tokenFor(2) }), { expires: expOf(token) * 1000 });
  await closed(c);
  assert.equal(c.closed.code, 4401);
  assert.ok(Date.now() >= (expOf(token) + LEEWAY_S) * 1000, 'nor shorten it');
});

test('while the issuer is asked about the later token nothing that is sent gets lost; and what it cannot tell is no reason to go on', async () => {
  const [later, never] = [1, 2].map(n => issuer.token({ secret: `only the issuer has it ${n}` }));
  issuer.known.add(later);
  const asks = await connect(daemon, { token: tokenFor(5) });
  let release;
  issuer.hold = new Promise(done => { release = done; });
  const n = issuer.asked('/auth/v1/user');
  asks.say({ type: 'auth', id: 'a', data: { token: later } });
  asks.say({ type: 'ping', id: 'b' });
  await eventually(() => issuer.asked('/auth/v1/user') > n, 'the question');
  assert.deepEqual(asks.messages.filter(m => m.id), []);
  release();
  issuer.hold = null;
  await asks.until(() => asks.messages.find(m => m.id === 'b'), 'the pong');
  assert.deepEqual(asks.messages.filter(m => m.id).map(m => [m.type, m.id]), [['ack', 'a'], ['pong', 'b']]);
  asks.leave();

  const waits = await connect(daemon, { token: tokenFor(3) });
  issuer.hold = new Promise(done => { release = done; });
  waits.say({ type: 'auth', id: 'a', data: { token: never } });
  await closed(waits);
  release();
  issuer.hold = null;
  assert.deepEqual(waits.closed, { code: 1013, reason: 'the token cannot be checked now' });
});

/** A channel of the client, with what it was told. */
function open(token) {
  const channel = new Channel({ url: `ws://127.0.0.1:${daemon.port()}/ws`, token });
  const it = { channel, states: [], told: [], problems: [] };
  channel.on('state', state => it.states.push(state));
  channel.on('token_expiring', data => it.told.push(data));
  channel.on('problem', error => it.problems.push(error.code));
  channels.push(channel);
  channel.start();
  return it;
}

test('the client shows the token that its provider has by then', async () => {
  const tokens = [tokenFor(5), issuer.token({ exp: nowS() + 3600 })], before = await counters();
  let n_told = 0;
  const it = open(async () => tokens[Math.min(n_told, 1)]);
  it.channel.on('token_expiring', () => { n_told++; });
  const other = await connect(daemon, { token: tokens[0] });
  await eventually(async () => (await counters()).renewedTokens === before.renewedTokens + 1, 'the token to be shown');
  await closed(other);
  await it.channel.request('ping');
  assert.deepEqual([it.states, it.problems, it.told.length], [['connecting', 'open'], [], 1]);
});

test('the client of a provider that has none in time comes back when it has one, and gives up when it is the same', async () => {
  let token = tokenFor(2);
  let isLost = false;
  const late = open(() => (isLost ? issuer.token() : token));
  late.channel.on('state', state => { isLost ||= state === 'connecting'; });
  await eventually(() => late.states.length === 4, 'it to come back');
  assert.deepEqual(late.states, ['connecting', 'open', 'connecting', 'open']);

  token = tokenFor(2);
  const without = open(() => token), text = open(token);
  await eventually(() => [without, text].every(it => it.channel.state === 'refused'), 'the refusals');
  assert.deepEqual([without.states, text.states], [['connecting', 'open', 'connecting', 'refused'], ['connecting', 'open', 'refused']]);
});

test('a provider that fails is asked again', async () => {
  let n = 0;
  const it = open(async () => {
    if (n++ === 0) throw new Error('no session');
    return daemon.token;
  });
  await eventually(() => it.channel.state === 'open', 'it to open');
  assert.deepEqual([n, it.states, it.problems.length], [2, ['connecting', 'open'], 1]);
});
