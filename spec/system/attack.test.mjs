// A hostile peer on the daemon's port: frames with wrong bits, halves and drips, crowds. After each of them the daemon lives, others
// are served, and what was refused is counted.
// time limit: 240
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { endAll, eventually, startTrademind, tempDir } from './daemon.mjs';
import { close, dial, frame, open, upgrade } from './raw.mjs';

const ATTEMPTS = 10000;
const PING = '{"type":"ping"}';

let daemon, port, witness;

const counters = async () => (await daemon.status()).server;
const count = async name => (await counters())[name];

before(async () => {
  const folder = tempDir();
  daemon = startTrademind({ folder, env: { SYMBOLS: 'BTCUSDT', REQUESTS_PER_MINUTE: '0' } }); // all of these are one address
  await daemon.until(() => daemon.port(), 'the daemon to listen');
  daemon.token = readFileSync(join(folder, 'token'), 'utf8').trim();
  port = daemon.port();
  witness = await open(port, daemon.token);
});

after(endAll);

// A client that was there before: it must not notice anything.
afterEach(async () => {
  const before = witness.frames.length;
  await witness.send(frame({ payload: PING }));
  await witness.until(it => it.frames.slice(before).some(f => f.text.includes('"pong"')), 'the answer of one that was there before');
  assert.equal((await fetch(`http://127.0.0.1:${port}/health`)).ok, true);
  assert.equal(daemon.hasEnded, false);
});

/** Sends it to a fresh client of the channel; the close code, or 'cut'. */
async function ends(...bytes) {
  const c = await open(port, daemon.token);
  for (const part of bytes) await c.send(part);
  const code = await c.closeCode();
  c.close();
  return code;
}

/** Sends it to a fresh client, which must go on. */
async function passes(...bytes) {
  const c = await open(port, daemon.token);
  for (const part of bytes) await c.send(part);
  await c.hears('pong');
  c.close();
}

test('messages in pieces are put together: by frame, by byte, with control frames between', async () => {
  await passes(frame({ payload: '{"ty', fin: false }), frame({ opcode: 0, payload: 'pe":"pi', fin: false }), frame({ opcode: 9, payload: 'x' }), frame({ opcode: 0, payload: 'ng"}' }));
  await passes(...[...frame({ payload: PING })].map(byte => Buffer.from([byte])));
  const many = [...PING].map((c, i) => frame({ opcode: i ? 0 : 1, payload: c, fin: i === PING.length - 1 }));
  await passes(Buffer.concat(many));
  await passes(frame({ payload: '', fin: false }), frame({ opcode: 0, payload: PING }));
  await passes(Buffer.concat([frame({ payload: PING }), frame({ payload: PING })]));
});

test('frames against RFC 6455 end the connection', async () => {
  const wrong = {
    'a continuation of nothing': frame({ opcode: 0, payload: PING }),
    'a message inside another': Buffer.concat([frame({ payload: '{', fin: false }), frame({ payload: PING })]),
    'reserved bit 1': frame({ payload: PING, rsv: 4 }),
    'reserved bit 2': frame({ payload: PING, rsv: 2 }),
    'reserved bit 3': frame({ payload: PING, rsv: 1 }),
    'a ping in pieces': frame({ opcode: 9, payload: 'x', fin: false }),
    'a ping of 126 bytes': frame({ opcode: 9, payload: 'x'.repeat(126) }),
    'a ping of 70,000 bytes': frame({ opcode: 9, payload: 'x'.repeat(70000) }),
    'a length with its highest bit': frame({ payload: '', length: 2n ** 63n, wide: 8 }),
    'no UTF-8': frame({ payload: Buffer.from([0xc0, 0xaf, 0xff]) }),
    'no UTF-8 after a piece that is': Buffer.concat([frame({ payload: '{"', fin: false }), frame({ opcode: 0, payload: Buffer.from([0xed, 0xa0, 0x80]) })]),
    'UTF-8 that ends early': frame({ payload: Buffer.from([0x7b, 0xe2, 0x82]) }),
    binary: frame({ opcode: 2, payload: PING }),
  };
  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) wrong[`opcode ${opcode}`] = frame({ opcode, payload: PING });
  for (const [what, bytes] of Object.entries(wrong)) {
    const code = await ends(bytes, frame({ payload: PING })).catch(error => error.message);
    assert.ok([1002, 1003, 1007, 1009, 'cut'].includes(code), `${what}: ${code}`);
  }
});

// libwebsockets 4.1 takes them, against RFC 6455 (5.1), and does not say which they were; masks protect proxies between, not us.
test('frames that are not masked do no harm', async () => {
  const c = await open(port, daemon.token);
  await c.send(Buffer.concat([frame({ payload: PING, mask: false }), frame({ payload: PING })]));
  await c.until(it => it.hasEnded || it.frames.some(f => f.opcode === 8) || it.messages().some(m => m.type === 'pong'), 'an answer or the end');
  c.close();
});

test('what is too big is not taken in', async () => {
  assert.equal(await ends(frame({ payload: ' '.repeat(65537) })), 1009);
  assert.equal(await ends(frame({ payload: ' '.repeat(5000), length: 4e9, wide: 8 })), 1009);
  const pieces = [frame({ payload: ' '.repeat(30000), fin: false }), frame({ opcode: 0, payload: ' '.repeat(30000), fin: false }), frame({ opcode: 0, payload: ' '.repeat(30000), fin: false })];
  assert.equal(await ends(...pieces), 1009);
  await passes(frame({ payload: `${PING}${' '.repeat(65536 - PING.length)}` }));
});

test('close frames of any kind end the connection, and only that', async () => {
  const kinds = [frame({ opcode: 8 }), frame({ opcode: 8, payload: 'x' }), frame({ opcode: 8, payload: close(1000) }), frame({ opcode: 8, payload: close(999) }),
    frame({ opcode: 8, payload: close(1005) }), frame({ opcode: 8, payload: close(5000) }), frame({ opcode: 8, payload: Buffer.concat([close(1000), Buffer.from([0xff, 0xfe])]) })];
  for (const bytes of kinds) {
    const c = await open(port, daemon.token);
    await c.send(Buffer.concat([bytes, frame({ payload: PING })]));
    await c.until(it => it.hasEnded || it.frames.some(f => f.opcode === 8), 'the end');
    c.close();
  }
});

test('messages that are none are answered and counted', async () => {
  const before = await count('malformedMessages');
  const none = ['', '{', '[]', '7', '"ping"', '{"type":7}', '{"type":"ping","type":"pong"}', '{"data":{}}', `${'['.repeat(5000)}`, '{"type":"\u0000"}', 'null'];
  const c = await open(port, daemon.token);
  for (const text of none) await c.send(frame({ payload: text }));
  await c.send(frame({ payload: PING }));
  await c.hears('pong');
  assert.ok(c.messages().filter(m => m.type === 'error').length >= none.length - 1);
  assert.ok(await count('malformedMessages') >= before + none.length - 1);
  c.close();
});

test('a flood of messages, or of pieces of one, is cut off and counted', async () => {
  const before = await count('fastClients');
  const flood = Buffer.concat(Array.from({ length: 3100 }, () => frame({ payload: '{"type":"pong"}' })));
  assert.equal(await ends(flood), 1008);
  const pieces = [frame({ payload: '', fin: false }), ...Array.from({ length: 3100 }, () => frame({ opcode: 0, payload: '', fin: false }))];
  assert.equal(await ends(Buffer.concat(pieces)), 1008);
  assert.equal(await count('fastClients'), before + 2);
});

test('heads that are no request are refused and counted', async () => {
  const before = await count('badHeads');
  const heads = {
    'GET / HTTP/1.1\r\n\r\n': 400,
    'GET / HTTP/1.1\r\nHost: \r\n\r\n': 400,
    'GET / HTTP/1.1\r\nHost: [::1\r\n\r\n': 400,
    'GET / HTTP/1.1\r\nHost: a:99999999999999\r\n\r\n': 400,
    'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n': 400,
    'GET / HTTP/1.1\r\nHost: %00\xff\xfe//\\@:::\r\n\r\n': 400,
    'GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n': 400,
    'GET /%zz%00%ff?%=&&== HTTP/1.1\r\nHost: x\r\n\r\n': 400,
    'GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n': 400,
    'GET / HTTP/1.1\nHost: x\n\n': 400,
    'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n': 400,
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n': 400,
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n': 505,
    [`GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`]: 414,
    [`GET / HTTP/1.1\r\nHost: x\r\n${'X: y\r\n'.repeat(1300)}\r\n`]: 431,
    [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20000)}\r\n\r\n`]: 431,
  };
  for (const [head, status] of Object.entries(heads)) {
    const c = await dial(port);
    await c.send(Buffer.from(head, 'latin1'));
    await c.ended;
    assert.equal(c.status(), status, JSON.stringify(head.slice(0, 60)));
    assert.match(c.text, /content-security-policy: default-src 'none'/);
  }
  assert.equal(await count('badHeads'), before + Object.keys(heads).length);
});

test('requests for what is not there, with what nobody expects', async () => {
  const requests = {
    'GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n': [404],
    'GET //etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n': [404],
    'GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n': [404],
    'BREW /health HTTP/1.1\r\nHost: x\r\n\r\n': [501],
    'TRACE / HTTP/1.1\r\nHost: x\r\n\r\n': [501],
    'CONNECT /x HTTP/1.1\r\nHost: x\r\n\r\n': [501],
    'GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello': [400],
    'GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n': [400],
    [upgrade('').replace('websocket', 'h2c')]: [400],
    [upgrade('', '/other')]: [404],
    [upgrade('Origin: http://evil.example\r\n')]: [403],
    [upgrade('').replace('Sec-WebSocket-Version: 13', 'Sec-WebSocket-Version: 7')]: [426],
    [upgrade('').replace(/Sec-WebSocket-Key.*\r\n/, '')]: [400],
  };
  for (const [request, statuses] of Object.entries(requests)) {
    const c = await dial(port);
    await c.send(request);
    await c.until(it => it.hasEnded || it.text.includes('\r\n\r\n'), `an answer to ${JSON.stringify(request.slice(0, 40))}`);
    assert.ok(statuses.includes(c.status()), `${JSON.stringify(request.slice(0, 60))}: ${c.status()}`);
    c.close();
  }
});

test('drips: a head, a second head on the same connection, a handshake and a body that never end are cut off', async () => {
  const late = await count('lateHeads');
  const post = `POST /api/v1/screener/workers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${daemon.token}\r\nContent-Length: 60000\r\n\r\n{`;
  const starts = {
    silence: '',
    'a head': 'GET /health HTTP/1.1\r\nHost: x\r\nX: ',
    'a second head': 'GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\nX: ',
    'a handshake': upgrade('X: ').slice(0, -4),
    'a body': post,
    'a handshake without a token': upgrade(''),
  };
  const drips = [];
  await Promise.all(Object.entries(starts).map(async ([what, text]) => {
    const c = await dial(port);
    await c.send(text);
    const timer = setInterval(() => { if (what !== 'silence' && what !== 'a handshake without a token' && what !== 'a body') c.send('x'); }, 500);
    drips.push(timer);
    await c.until(it => it.hasEnded || it.frames.some(f => f.opcode === 8), `the end of ${what}`, 60000);
    clearInterval(timer);
    c.close();
  })).finally(() => drips.forEach(clearInterval));
  assert.ok(await count('lateHeads') >= late + 3, 'what was late is counted');
});

test('a crowd of silent and half connections: whoever asks is served', async () => {
  const before = await counters();
  const crowd = await Promise.all(Array.from({ length: 900 }, async (_, i) => {
    const c = await dial(port);
    if (i % 2) c.send('GET /health HTTP/1.1\r\nHost: x\r\n');
    return c;
  }));
  for (let i = 0; i < 20; i++) assert.equal((await fetch(`http://127.0.0.1:${port}/health`, { headers: { connection: 'close' } })).status, 200);
  const now = await counters();
  assert.ok(now.putOut + now.refusedFull - before.putOut - before.refusedFull > 300, 'those that made room are counted');
  assert.ok(now.connections <= 512 + 96 + 1);
  crowd.forEach(c => c.close());
});

test(`${ATTEMPTS} attempts to connect, of all kinds, while others are served`, async () => {
  const before = await counters();
  const kinds = [
    c => c.send('GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    c => c.send(upgrade('Authorization: Bearer tm_wrong\r\n')),
    c => c.send(upgrade('Sec-WebSocket-Protocol: trademind, tm_wrong\r\n')),
    c => c.send(upgrade('Origin: http://evil.example\r\n')),
    c => c.send('GET /api/v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a.b.c\r\nConnection: close\r\n\r\n'),
    c => c.send('\x16\x03\x01\x02\x00\x01'),
    c => c.send('GET / HT'),
    () => {},
  ];
  let n = 0, n_refused = 0;
  async function attempt() {
    while (n < ATTEMPTS) {
      const kind = kinds[n++ % kinds.length];
      try {
        const c = await dial(port);
        await kind(c);
        c.socket.end();
        if (n % 50 === 0) await c.ended;
        else c.close();
      } catch { n_refused++; } // the kernel's queue is full
    }
  }
  let isOver = false;
  const others = (async () => {
    let served = 0;
    while (!isOver) {
      const response = await fetch(`http://127.0.0.1:${port}/api/v1/status`, { headers: { authorization: `Bearer ${daemon.token}`, connection: 'close' } });
      assert.equal(response.status, 200);
      await response.arrayBuffer();
      served++;
    }
    return served;
  })();
  await Promise.all(Array.from({ length: 64 }, attempt));
  isOver = true;
  assert.ok(await others > 10, 'others were served meanwhile');
  const now = await eventually(async () => { const s = await counters(); return s.connections < 20 && s; }, 'all of them to have gone');
  assert.ok(now.accepted - before.accepted >= ATTEMPTS - n_refused, `${now.accepted - before.accepted} are counted`);
  for (const name of ['refusedTokens', 'badHeads', 'goneBeforeRequest', 'requests']) assert.ok(now[name] > before[name], `${name} are counted`);
});

test('who asks too fast hears when to come again, and is served then', async () => {
  const folder = tempDir(), it = startTrademind({ folder, env: { SYMBOLS: 'BTCUSDT', REQUESTS_PER_MINUTE: '60' } });
  await it.until(() => it.port(), 'the daemon to listen');
  const token = readFileSync(join(folder, 'token'), 'utf8').trim();
  const ask = (path = '/api/v1/status') => fetch(`http://127.0.0.1:${it.port()}${path}`, { headers: { authorization: `Bearer ${token}` } });
  let response, n = 0;
  do { response = await ask(); n++; } while (response.ok && n < 1000);
  assert.ok(n > 60, `${n}`);
  const problem = await response.json();
  assert.deepEqual([response.status, response.headers.get('retry-after'), response.headers.get('content-type'), problem.status, problem.title],
    [429, '1', 'application/problem+json', 429, 'Too Many Requests']);
  assert.equal((await ask('/health')).status, 200);
  const openChannel = () => new Promise((done, failed) => {
    const channel = new WebSocket(`ws://127.0.0.1:${it.port()}/ws`, { headers: { authorization: `Bearer ${token}` } });
    channel.on('unexpected-response', (_, answer) => done([answer.statusCode, answer.headers['retry-after']]));
    channel.on('open', () => { channel.terminate(); done(null); });
    channel.on('error', failed);
  });
  let refused; // the next turn may come between two of them
  for (n = 0; !refused && n < 1000; n++) refused = await openChannel();
  assert.deepEqual(refused, [429, '1'], 'a channel is asked for as everything else');
  await eventually(async () => { response = await ask(); return response.ok; }, 'its turn');
  assert.ok((await response.json()).server.refusedRate > 0, 'what was refused is counted');
});

test('the daemon ends as ever', async () => {
  await witness.send(frame({ opcode: 8, payload: close(1000) }));
  const how = await daemon.stop();
  assert.deepEqual(how, { code: 0, signal: null });
  const told = daemon.stderr.split('\n').filter(line => line.includes(daemon.token));
  const greeting = /"message":"(token: |dashboard: |try: )/;
  assert.deepEqual(told.filter(line => !greeting.test(line)), [], 'the token is told at the start, by a local daemon, and never again');
  daemon = await restarted();
  port = daemon.port();
  witness = await open(port, daemon.token);
});

// For the last look of afterEach.
async function restarted() {
  const folder = tempDir();
  const it = startTrademind({ folder, env: { SYMBOLS: 'BTCUSDT' } });
  await it.until(() => it.port(), 'the daemon to listen');
  it.token = readFileSync(join(folder, 'token'), 'utf8').trim();
  return it;
}
