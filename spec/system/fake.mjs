// A small HTTP server of our own for the faults of others: answers what it is told to, whole, slowly, in part or not at all.
//
//   const it = await fake(async request => ({ status: 200, body: {...} }));
//   it.url, it.requests, it.inFlight, it.most          (most: requests at once, ever)
//   an answer {status (200), headers, body (object: as JSON; text; Buffer), delayMs, drip: {bytes, ms}, cutAfter: bytes, never: true, lost: true (no reply)}
//   request {method, path, headers, body (parsed JSON or text), text (as it came), n (from 0)}
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const JSON_TYPE = { 'content-type': 'application/json; charset=UTF-8' };

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function write(response, answer) {
  const { status = 200, headers = {}, body = '', delayMs = 0, drip, cutAfter, never, lost } = answer;
  if (delayMs) await sleep(delayMs);
  if (never) return;
  if (lost) return void response.destroy();
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  response.writeHead(status, { ...JSON_TYPE, 'content-length': bytes.length, ...headers });
  if (cutAfter !== undefined) {
    response.write(bytes.subarray(0, cutAfter), () => response.destroy());
    return;
  }
  for (let at = 0; drip && at < bytes.length && !response.destroyed; at += drip.bytes) {
    response.write(bytes.subarray(at, at + drip.bytes));
    await sleep(drip.ms);
  }
  response.end(drip ? undefined : bytes);
}

export async function fake(respond, { port = 0 } = {}) {
  const it = { requests: [], inFlight: 0, most: 0, respond };
  const server = createServer((incoming, response) => {
    let text = '';
    it.most = Math.max(it.most, ++it.inFlight);
    response.on('close', () => { it.inFlight--; });
    incoming.setEncoding('utf8').on('data', part => { text += part; }).on('end', async () => {
      const request = { method: incoming.method, path: incoming.url, headers: incoming.headers, body: parsed(text), text, n: it.requests.length, at: Date.now() };
      it.requests.push(request);
      try {
        await write(response, await it.respond(request));
      } catch (error) {
        response.writeHead(599).end(String(error.stack));
      }
    });
  });
  await new Promise(resolve => (typeof port === 'string' ? server.listen(port, resolve) : server.listen(port, '127.0.0.1', resolve))); // text: a Unix socket
  it.port = server.address().port;
  it.url = `http://127.0.0.1:${it.port}`;
  it.close = () => new Promise(resolve => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return it;
}
