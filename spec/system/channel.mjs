// A browser of the live channel, for specs: an independent client (npm's ws) that keeps what it hears.
//
//   const c = await connect(daemon)                       hello has come: c.hello
//   c.messages, c.of('signal_created')                    all so far; the data of those of one type
//   await c.ask('force_sync')                             data of the ack; an error is thrown, with its code
//   await c.until(() => c.of('metrics_update').length)    looks again with each message
//   c.cut(), c.leave()                                    without a word, or politely
import { createRequire } from 'node:module';
import { DEADLINE_MS, until } from './harness.mjs';

const WebSocket = createRequire(import.meta.url)('ws');

export async function connect(daemon, { port = daemon.port(), path = '/ws', token = daemon.token, waitsForHello = true } = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, ['trademind', token]);
  const c = { socket, messages: [], texts: [], hello: null, closed: null, n: 0 };
  const listeners = new Set();
  const notify = () => { for (const listener of [...listeners]) listener(); };
  socket.on('message', data => {
    const text = data.toString();
    if (text.startsWith('{')) c.messages.push(JSON.parse(text));
    else c.texts.push(text);
    if (!c.hello && c.messages.at(-1)?.type === 'hello') c.hello = c.messages.at(-1).data;
    notify();
  });
  socket.on('close', (code, reason) => { c.closed = { code, reason: reason.toString() }; notify(); });
  socket.on('error', error => { c.error = error; notify(); });
  c.of = type => c.messages.filter(m => m.type === type).map(m => m.data);
  c.until = (condition, what, deadlineMs = DEADLINE_MS) => until(() => {
    const value = condition();
    if (!value && c.closed) throw new Error(`closed with ${c.closed.code} before ${what}`);
    return value;
  }, what, listener => { listeners.add(listener); return () => listeners.delete(listener); }, deadlineMs);
  c.say = message => socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  c.ask = async (type, data, deadlineMs) => {
    const id = `r${++c.n}`;
    c.say({ type, id, data });
    const answer = await c.until(() => c.messages.find(m => m.id === id), `the answer to ${type}`, deadlineMs);
    if (answer.type === 'error') throw Object.assign(new Error(answer.data.message), { code: answer.data.code });
    return answer.data;
  };
  c.cut = () => socket.terminate();
  c.leave = () => socket.close();
  if (waitsForHello) await c.until(() => c.hello, 'hello');
  return c;
}
