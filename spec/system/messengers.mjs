// Fakes of what notifications go to, as strict about requests as the real ones are documented to be: a webhook that checks its
// signature as standardwebhooks.com says, Telegram's sendMessage, and a webhook of Discord.
//
//   const it = await webhook() / telegram() / discord(); it.url, it.taken (what was accepted, in its order), it.refusals
//   it.interrupt = request => an answer of fake.mjs, or null
import { createHmac, timingSafeEqual } from 'node:crypto';
import { fake } from './fake.mjs';

export const SECRET = `whsec_${Buffer.from('a key of thirty-two bytes, no less').toString('base64')}`;
export const TOKEN = '123456789:AAF-a_token_that_no_log_may_have', CHAT = '-1001234567890';
export const HOOK = '/api/webhooks/1122334455/a-token-that-no-log-may-have';

/** What is wrong with the signature; '' when it is right. */
export function signatureFault({ headers, text }, secret = SECRET, nowMs = Date.now()) {
  const id = headers['webhook-id'], at = headers['webhook-timestamp'], signature = headers['webhook-signature'];
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id ?? '')) return `webhook-id ${id}`;
  if (!/^\d+$/.test(at ?? '') || Math.abs(nowMs / 1000 - Number(at)) > 300) return `webhook-timestamp ${at}`;
  const made = createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64')).update(`${id}.${at}.${text}`).digest();
  const given = Buffer.from(/^v1,(.*)$/.exec(signature ?? '')?.[1] ?? '', 'base64');
  return given.length === made.length && timingSafeEqual(given, made) ? '' : `webhook-signature ${signature}`;
}

async function messenger(respond) {
  const it = await fake(async request => (await it.interrupt(request)) ?? respond(request, it));
  return Object.assign(it, { taken: [], refusals: [], interrupt: () => null });
}

function refuse(it, answer, why) {
  it.refusals.push(why);
  return answer;
}

export async function webhook({ isSigned = true } = {}) {
  return messenger((request, it) => {
    const fault = request.method !== 'POST' ? request.method : isSigned ? signatureFault(request) : '';
    if (fault) return refuse(it, { status: 401, body: { error: fault } }, fault);
    it.taken.push({ id: request.headers['webhook-id'], type: request.headers['content-type'], body: request.body });
    return { status: 204 };
  });
}

const telegramError = (error_code, description, parameters) => ({ status: error_code, body: { ok: false, error_code, description, parameters } });

export const tooManyRequests = seconds => telegramError(429, `Too Many Requests: retry after ${seconds}`, { retry_after: seconds });
export const migrated = chat => telegramError(400, 'Bad Request: group chat was upgraded to a supergroup chat', { migrate_to_chat_id: chat });

export async function telegram() {
  const it = await messenger((request, self) => {
    const refused = (code, why) => refuse(self, telegramError(code, why), why);
    const body = request.body;
    if (!request.path.startsWith(`/bot${TOKEN}/`)) return refused(404, 'Not Found');
    if (request.path !== `/bot${TOKEN}/sendMessage` || request.method !== 'POST') return refused(404, 'Not Found: method not found');
    if (request.headers['content-type'] !== 'application/json') return refused(400, 'Bad Request: chat_id is empty');
    if (String(body.chat_id) !== self.chat) return refused(400, 'Bad Request: chat not found');
    if (typeof body.text !== 'string' || !body.text.trim()) return refused(400, 'Bad Request: message text is empty');
    if (body.text.length > 4096) return refused(400, 'Bad Request: message is too long');
    self.taken.push(body.text);
    return { body: { ok: true, result: { message_id: self.taken.length, date: 1, chat: { id: Number(self.chat), type: 'supergroup' }, text: body.text } } };
  });
  return Object.assign(it, { chat: CHAT });
}

export function limitedByDiscord(seconds) {
  return { status: 429, headers: { 'retry-after': String(Math.ceil(seconds)) }, body: { message: 'You are being rate limited.', retry_after: seconds, global: false } };
}

export async function discord() {
  return messenger((request, it) => {
    const refused = (status, body) => refuse(it, { status, body }, JSON.stringify(body));
    const [path, query] = request.path.split('?'), { body } = request;
    if (path !== HOOK || request.method !== 'POST') return refused(404, { message: 'Unknown Webhook', code: 10015 });
    if (typeof body.content !== 'string' || !body.content.trim()) return refused(400, { message: 'Cannot send an empty message', code: 50006 });
    if (body.content.length > 2000) return refused(400, { content: ['Must be 2000 or fewer in length.'] });
    if (body.allowed_mentions?.parse?.length !== 0) return refused(400, { message: 'it may mention everyone' });
    it.taken.push(body.content);
    return query === 'wait=true' ? { body: { id: String(it.taken.length), content: body.content } } : { status: 204 };
  });
}
