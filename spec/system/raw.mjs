// A raw client of the daemon: bytes over TCP, and WebSocket frames with any of their bits wrong.
//
//   const c = await dial(port)             c.send(bytes), c.text, c.ended (promise), c.until(condition, what), c.close()
//   const c = await open(port, token)      an upgraded one; c.frames: {opcode, text, code} as they come
//   frame({ opcode: 1, payload: 'x', mask: true, fin: true, rsv: 0, length: 4e9 })
import { createConnection } from 'node:net';
import { randomBytes } from 'node:crypto';
import { until } from './harness.mjs';

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

export function frame({ opcode = 1, payload = '', mask = true, fin = true, rsv = 0, length, wide } = {}) {
  const body = Buffer.from(payload), n = length ?? body.length;
  const head = [(fin ? 0x80 : 0) | rsv << 4 | opcode];
  const short = wide ?? (n < 126 ? 0 : n < 65536 ? 2 : 8); // bytes of the length beyond the first
  head.push((mask ? 0x80 : 0) | (short === 0 ? n : short === 2 ? 126 : 127));
  for (let i = short - 1; i >= 0; i--) head.push(Number(BigInt(n) >> BigInt(8 * i) & 255n));
  if (!mask) return Buffer.concat([Buffer.from(head), body]);
  const key = randomBytes(4);
  return Buffer.concat([Buffer.from(head), key, body.map((byte, i) => byte ^ key[i % 4])]);
}

export const close = (code, reason = '') => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(code);
  return Buffer.concat([bytes, Buffer.from(reason)]);
};

// The frames of a server, which are never masked; [frames, rest].
function parse(bytes) {
  const frames = [];
  for (;;) {
    if (bytes.length < 2) return [frames, bytes];
    const short = bytes[1] & 127, head = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (bytes.length < head) return [frames, bytes];
    const n = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
    if (bytes.length < head + n) return [frames, bytes];
    const payload = bytes.subarray(head, head + n), opcode = bytes[0] & 15;
    frames.push({ opcode, text: payload.toString(), code: opcode === 8 && n >= 2 ? payload.readUInt16BE(0) : undefined });
    bytes = bytes.subarray(head + n);
  }
}

export function dial(port, { address } = {}) {
  return new Promise((done, failed) => {
    const socket = createConnection({ port, host: '127.0.0.1', localAddress: address });
    const listeners = new Set();
    const it = { socket, text: '', hasEnded: false, frames: [], isOpen: false };
    const notify = () => { for (const listener of [...listeners]) listener(); };
    let rest = Buffer.alloc(0);
    socket.on('data', bytes => {
      if (!it.isOpen) it.text += bytes.toString('latin1');
      const end = it.text.indexOf('\r\n\r\n');
      if (!it.isOpen && it.text.startsWith('HTTP/1.1 101') && end >= 0) {
        it.isOpen = true;
        bytes = Buffer.from(it.text.slice(end + 4), 'latin1');
      }
      if (it.isOpen) {
        const [frames, left] = parse(Buffer.concat([rest, bytes]));
        rest = left;
        it.frames.push(...frames);
        for (const f of frames) if (f.opcode === 9) socket.write(frame({ opcode: 10, payload: f.text }));
      }
      notify();
    });
    it.ended = new Promise(over => socket.on('close', () => { it.hasEnded = true; notify(); over(it); }));
    socket.on('error', error => { it.error = error; if (socket.connecting) failed(error); });
    it.send = bytes => new Promise(sent => { if (socket.destroyed) sent(); else socket.write(bytes, () => sent()); });
    it.until = (condition, what, deadlineMs) => until(() => condition(it), what, listener => { listeners.add(listener); return () => listeners.delete(listener); }, deadlineMs);
    it.close = () => socket.destroy();
    it.status = () => Number(/^HTTP\/1\.1 (\d+)/.exec(it.text)?.[1] ?? 0);
    it.messages = () => it.frames.filter(f => f.opcode === 1).map(f => JSON.parse(f.text));
    it.hears = type => it.until(() => it.messages().some(m => m.type === type), type);
    it.closeCode = async () => { await it.until(() => it.hasEnded || it.frames.some(f => f.opcode === 8), 'a close'); return it.frames.find(f => f.opcode === 8)?.code ?? 'cut'; };
    socket.on('connect', () => done(it));
    socket.on('close', () => failed(new Error('closed'))); // without effect once connected
  });
}

export const upgrade = (headers = '', path = '/ws') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`
  + `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n${headers}\r\n`;

/** A client of the channel that has shown its token. */
export async function open(port, token) {
  const it = await dial(port);
  await it.send(upgrade(`Authorization: Bearer ${token}\r\n`));
  await it.hears('status_update');
  return it;
}
