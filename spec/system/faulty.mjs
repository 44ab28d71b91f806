// A server between a client and Supabase that fails when it is told to, and keeps a list of what was asked.
//
//   const faulty = await startFaulty('http://127.0.0.1:1234')   ask faulty.url instead
//   const rule = faulty.on({ method: 'POST', table: 'signals', times: 2 }, unavailable(1))
//   await faulty.until(() => rule.hits === 2, 'two refusals')
//   faulty.clear()                        no rules, and what they held goes on
//   faulty.refuse(), faulty.accept()      connections refused, and again accepted on the same port
//   faulty.requests                       {n, method, path, table, query, headers, bytes, rows, fault, isDone, status}
//
// A rule speaks of requests with that `method`, `table` (the last part of /rest/v1/...), `path` (RegExp) and for which
// `when(request)` holds; of these it leaves out the first `after` and takes the next `times`. Of several the first decides.
import { once } from 'node:events';
import { Agent, createServer, request as ask } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { until } from './harness.mjs';

// ---- faults: each gets the exchange {entry, body, reply, forward, destroy, held} ----

const named = (name, act) => Object.assign(act, { fault: name });

/** An answer in place of Supabase's. */
export const answer = (status, body, headers = {}) => named(`answer ${status}`, async exchange => exchange.reply(status, body, headers));

const error = (name, status, code, message, headers) => named(name, answer(status, { code, message, details: null, hint: null }, headers));

export const unavailable = (retryAfter = null) => error('unavailable', 503, 'PGRST002', 'Could not query the database for the schema cache. Retrying.',
  retryAfter === null ? {} : { 'Retry-After': String(retryAfter) });
export const statementTimeout = () => error('statement timeout', 500, '57014', 'canceling statement due to statement timeout');
export const jwtExpired = () => error('jwt expired', 401, 'PGRST303', 'JWT expired', { 'WWW-Authenticate': 'Bearer error="invalid_token", error_description="JWT expired"' });
export const forbidden = (table = 'signals') => error('forbidden', 403, '42501', `permission denied for table ${table}`);
export const conflict = (key = 'signals_pkey') => error('conflict', 409, '23505', `duplicate key value violates unique constraint "${key}"`);
export const tooMany = retryAfter => named('too many', answer(429, { message: 'Too many requests' }, { 'Retry-After': String(retryAfter) }));
export const wrongKey = () => named('wrong key', answer(401, { message: 'Invalid API key', hint: 'Double check your Supabase `anon` or `service_role` API key.' }));

/** 413, as a gateway says it, for bodies of more than `bytes`; smaller ones pass. */
export const tooBig = bytes => named('too big', async exchange =>
  (exchange.body.length > bytes ? exchange.reply(413, '<html><body><h1>413 Request Entity Too Large</h1></body></html>', { 'Content-Type': 'text/html' }) : exchange.forward()));

/** Passed on, but never for more than `rows` rows: a server with a limit of its own. */
export const capped = rows => named('capped', async exchange => {
  const { entry } = exchange, limit = Math.min(Number(entry.query.limit ?? rows), rows);
  exchange.pass(await exchange.fetch(`${entry.path}?${new URLSearchParams({ ...entry.query, limit })}`));
});

/** Passed on after `ms`. */
export const slow = ms => named('slow', async exchange => { await exchange.held(ms); await exchange.forward(); });
/** Passed on when the rules are cleared. */
export const hold = () => named('hold', async exchange => { await exchange.held(); await exchange.forward(); });
/** Done, but the answer comes when the rules are cleared. */
export const holdAnswer = () => named('hold answer', async exchange => { const answered = await exchange.fetch(); await exchange.held(); exchange.pass(answered); });
/** Never passed on; the connection stays until the client leaves it or the rules are cleared. */
export const hang = () => named('hang', async exchange => { await exchange.held(); exchange.destroy(); });
/** The connection ends before anything is done. */
export const reset = () => named('reset', async exchange => exchange.destroy());
/** Done, and the connection ends before a byte of the answer. */
export const lose = () => named('lose', async exchange => { await exchange.fetch(); exchange.destroy(); });
/** Done, and the connection ends in the middle of the answer's body; of an empty one, in the middle of its head. */
export const cut = () => named('cut', async exchange => exchange.passHalf(await exchange.fetch()));

// ---- the server ----

export async function startFaulty(target) {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const listeners = new Set(), sockets = new Set(), releases = new Set();
  let rules = [], port = 0, server = null;
  const it = { requests: [], broadcasts: [] };
  const notify = () => { for (const listener of [...listeners]) listener(); };

  it.until = (condition, what, deadlineMs) => until(() => condition(it), what, listener => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, deadlineMs);

  it.on = ({ method, table, path, when, after = 0, times = Infinity }, fault) => {
    const rule = { hits: 0, seen: 0, fault };
    rule.speaksOf = entry => (!method || entry.method === method) && (!table || entry.table === table)
      && (!path || path.test(entry.path)) && (!when || when(entry));
    rule.takes = entry => {
      if (!rule.speaksOf(entry)) return false;
      rule.seen++;
      if (rule.seen <= after || rule.hits >= times) return false;
      rule.hits++;
      return true;
    };
    rule.remove = () => { rules = rules.filter(other => other !== rule); };
    rules.push(rule);
    return rule;
  };
  it.clear = () => {
    rules = [];
    for (const release of [...releases]) release();
  };
  /** What was asked of a table, in order. */
  it.asked = (table, method) => it.requests.filter(r => r.table === table && (!method || r.method === method));

  it.refuse = async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
    server = null;
  };
  it.accept = async () => {
    if (server) return; // it listens
    server = createServer(take);
    server.on('connection', socket => { sockets.add(socket); socket.on('close', () => sockets.delete(socket)); });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = server.address().port;
    it.url = `http://127.0.0.1:${port}`;
  };
  it.stop = async () => {
    it.clear();
    if (server) await it.refuse();
    agent.destroy();
  };

  async function take(request, response) {
    const chunks = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return; // the client left in the middle of its request: it has asked nothing
    }
    const exchange = exchangeOf(request, response, Buffer.concat(chunks));
    it.requests.push(exchange.entry);
    const rule = rules.find(r => r.takes(exchange.entry));
    exchange.entry.fault = rule?.fault.fault ?? null;
    notify();
    try {
      if (rule) await rule.fault(exchange);
      else if (exchange.entry.path.startsWith('/realtime/v1/api/broadcast')) broadcast(exchange);
      else await exchange.forward();
    } catch (failure) { // Supabase is gone: so says its gateway
      exchange.entry.failure = failure.message;
      if (!response.destroyed) exchange.reply(502, { message: failure.message });
    }
    notify();
  }

  /** There is no Realtime behind it, so this is it: what was sent is kept in `broadcasts`. */
  function broadcast(exchange) {
    it.broadcasts.push({ path: exchange.entry.path, body: exchange.entry.rows });
    exchange.reply(202, '');
  }

  function exchangeOf(request, response, body) {
    const url = new URL(request.url, 'http://faulty');
    const entry = {
      n: it.requests.length, method: request.method, path: url.pathname, headers: request.headers, bytes: body.length,
      table: /^\/rest\/v1\/(?:rpc\/)?([^/]+)$/.exec(url.pathname)?.[1] ?? null, query: Object.fromEntries(url.searchParams),
      rows: parsed(request, body), fault: null, isDone: false, status: null,
    };
    const exchange = { entry, body };
    exchange.reply = (status, content, headers = {}) => {
      const isText = typeof content === 'string';
      entry.status = status;
      response.writeHead(status, { 'Content-Type': isText ? 'text/plain' : 'application/json; charset=utf-8', ...headers });
      response.end(isText ? content : JSON.stringify(content));
    };
    exchange.fetch = async (path = request.url) => {
      const answered = await fetchFrom(new URL(path, target), request, body, agent);
      entry.isDone = true;
      notify();
      return answered;
    };
    exchange.pass = answered => {
      entry.status = answered.status;
      response.writeHead(answered.status, answered.headers);
      response.end(answered.body);
    };
    exchange.forward = async () => exchange.pass(await exchange.fetch());
    exchange.passHalf = answered => {
      entry.status = answered.status;
      if (answered.body.length < 2) return request.socket.end(`HTTP/1.1 ${answered.status} Cre`);
      response.writeHead(answered.status, { ...answered.headers, 'content-length': answered.body.length });
      response.write(answered.body.subarray(0, answered.body.length >> 1), () => request.socket.end());
    };
    exchange.destroy = () => request.socket.destroy();
    exchange.held = ms => new Promise(done => {
      const timer = ms === undefined ? null : setTimeout(release, ms);
      function release() {
        clearTimeout(timer);
        releases.delete(release);
        response.removeListener('close', release);
        done();
      }
      releases.add(release);
      response.on('close', release);
    });
    return exchange;
  }

  await it.accept();
  return it;
}

function parsed(request, body) {
  if (!body.length) return null;
  const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
  if (!/json/.test(request.headers['content-type'] ?? '')) return bytes.toString();
  try {
    return JSON.parse(bytes);
  } catch {
    return bytes.toString(); // whoever looks at the rows sees what came
  }
}

// Hop-by-hop headers are each connection's own (RFC 9110, 7.6.1).
const HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect', 'content-length']);
const ends = headers => Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP.has(name)));

function fetchFrom(url, { method, headers }, body, agent) {
  return new Promise((done, failed) => {
    const upstream = ask(url, { method, agent, headers: { ...ends(headers), ...(body.length ? { 'content-length': body.length } : {}) } }, response => {
      const chunks = [];
      response.on('data', chunk => chunks.push(chunk));
      response.on('error', failed);
      response.on('end', () => {
        const content = Buffer.concat(chunks);
        const kept = ends(response.headers);
        done({ status: response.statusCode, headers: response.statusCode === 204 ? kept : { ...kept, 'content-length': content.length }, body: content });
      });
    });
    upstream.on('error', failed);
    upstream.end(body);
  });
}
