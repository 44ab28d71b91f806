// Bare clients of exchange-sim, for specs that look at the wire itself.
//
//   const it = await sim(['--symbols', '3'])             started, and gone when the spec ends
//   const { status, headers, body } = await get(it, '/api/v3/time')
//   const c = await connect(it, '/ws/btcusdt@kline_1m')   c.messages, c.pings, c.closed, c.until(condition, what)
import { after } from 'node:test';
import { createRequire } from 'node:module';
import { DEADLINE_MS, startSim, until } from './harness.mjs';

const WebSocket = createRequire(import.meta.url)('ws');

const sims = [];
export async function sim(args) {
  const it = await startSim(args);
  sims.push(it);
  return it;
}
after(() => Promise.all(sims.map(it => it.stop('SIGKILL'))));

export async function get(it, path, port = it.port) {
  const reply = await fetch(`http://127.0.0.1:${port}${path}`);
  const body = await reply.text();
  return { status: reply.status, headers: reply.headers, body: body.startsWith('<') ? body : JSON.parse(body) };
}

/** A WebSocket that keeps what came; frames that are no JSON are kept as buffers in `others`, with isBinary. */
export async function connect(it, path, options = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${options.port ?? it.port}${path}`, options);
  const c = { socket, messages: [], others: [], pings: [], closed: null };
  const listeners = new Set();
  const notify = () => { for (const listener of [...listeners]) listener(); };
  socket.on('message', (data, isBinary) => {
    let message;
    try { message = JSON.parse(data); } catch { c.others.push(Object.assign(data, { isBinary })); }
    if (message !== undefined) c.messages.push(message);
    notify();
  });
  socket.on('ping', data => { c.pings.push(data.toString()); notify(); });
  socket.on('close', (code, reason) => { c.closed = { code, reason: reason.toString() }; notify(); });
  socket.on('error', error => { c.error = error; notify(); });
  socket.on('open', notify);
  c.until = (condition, what, deadlineMs = DEADLINE_MS) => until(() => condition(c), what,
    listener => { listeners.add(listener); return () => listeners.delete(listener); }, deadlineMs);
  c.ask = async message => {
    const before = c.messages.length;
    socket.send(typeof message === 'string' ? message : JSON.stringify(message));
    return c.until(() => c.messages.slice(before).find(m => 'result' in m || 'code' in m), 'the reply');
  };
  await c.until(() => socket.readyState === WebSocket.OPEN || c.error, 'the connection');
  if (c.error) throw c.error;
  return c;
}
