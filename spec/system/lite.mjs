// A PostgREST over one database: npm's @supabase/lite, as a process of its own, started by supabase.mjs.
//
//   node lite.mjs '{"postgres": {host, port, username, database}, "publishable", "secrets": [...], "jwt_secret"}'
//
// prints {"port"} when it listens and ends when its stdin closes. What it does unlike Supabase is put right here: errors
// lose their SQLSTATE, times are not ISO 8601, legacy keys (a JWT as `apikey`) are unknown, and a user's JWT needs its own auth service.
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { serve } from '@hono/node-server';
import { App } from '@supabase/lite';
import { createPostgresConnection } from '@supabase/lite/postgres';
import postgres from 'postgres';

const options = JSON.parse(process.argv[2]);

// ---- keys ----

const refusal = body => ({ refused: body });
const badJwt = (code, message) => refusal({ code, message, details: null, hint: null });

/** The claims of a JWT that our secret signed, or null. */
function claimsOf(token) {
  const parts = token.split('.');
  if (parts.length !== 3) return null;
  const expected = createHmac('sha256', options.jwt_secret).update(`${parts[0]}.${parts[1]}`).digest();
  const found = Buffer.from(parts[2], 'base64url');
  if (found.length !== expected.length || !timingSafeEqual(found, expected)) return null;
  return JSON.parse(Buffer.from(parts[1], 'base64url')); // ours, so it is JSON
}

/** As whom a request comes: its {claims}, or the body with which it is {refused}. */
function identify(headers) {
  const key = headers.get('apikey'), bearer = headers.get('authorization')?.match(/^Bearer\s+(.+)$/)?.[1];
  if (!key) return refusal({ message: 'No API key found in request', hint: 'No `apikey` request header or url param was found.' });
  const legacy = claimsOf(key);
  const isSecret = options.secrets.includes(key) || legacy?.role === 'service_role';
  if (!isSecret && key !== options.publishable && legacy?.role !== 'anon') {
    return refusal({ message: 'Invalid API key', hint: 'Double check your Supabase `anon` or `service_role` API key.' });
  }
  if (isSecret && /mozilla/i.test(headers.get('user-agent') ?? '')) return refusal({ message: 'Forbidden use of secret API key in browser' });
  const isJwt = legacy || (bearer && bearer !== key);
  if (!isJwt) return { claims: { role: isSecret ? 'service_role' : 'anon' } };
  const claims = bearer ? claimsOf(bearer) : legacy;
  if (!claims) return badJwt('PGRST301', 'JWSError JWSInvalidSignature');
  return claims.exp * 1000 > Date.now() ? { claims } : badJwt('PGRST303', 'JWT expired');
}

// Of lite's own keys one is left, by which it takes whatever claims came out above.
const INNER_KEY = randomUUID();
const claimsOfRequest = new AsyncLocalStorage();
const resolveKey = async key => (key === INNER_KEY ? { type: 'publishable', claims: claimsOfRequest.getStore() } : null);

// ---- errors ----

// What lite has no case for it answers as 500 with the error's text; so the text becomes all that PostgreSQL said.
postgres.PostgresError.prototype.toString = function () {
  return JSON.stringify({ code: this.code, message: this.message, details: this.detail ?? null, hint: this.hint ?? null });
};

/** PostgREST's status for a SQLSTATE, of those that lite answers with 500. */
function statusOf(code) {
  if (code.startsWith('08') || (code.startsWith('53') && code !== '53400')) return 503;
  return /^(40|53|55|57|58|XX)/.test(code) ? 500 : 400;
}

async function answer(request) {
  const { claims, refused } = identify(request.headers);
  if (refused) return Response.json(refused, { status: 401 });
  const headers = new Headers(request.headers);
  headers.set('apikey', INNER_KEY);
  headers.delete('authorization');
  const response = await claimsOfRequest.run(claims, () => app.fetch(new Request(request, { headers })));
  if (response.status !== 500) return response;
  const text = await response.text();
  try {
    const told = JSON.parse(text);
    const error = told.code === 'SUP' ? JSON.parse(told.message) : told;
    return Response.json(error, { status: statusOf(error.code), headers: { 'proxy-status': `PostgREST; error=${error.code}` } });
  } catch {
    return new Response(text, response); // lite's own trouble
  }
}

// It logs what PostgreSQL refuses, which specs provoke all the time.
const complain = console.error;
console.error = (...words) => { if (!(words[0] instanceof postgres.PostgresError)) complain(...words); };

// ---- the server ----

// PostgREST's rows are made by PostgreSQL's own to_json, which writes a time in ISO 8601.
const timestamptz = { to: 1184, from: [1184], serialize: String, parse: text => text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00') };

const connection = createPostgresConnection({
  url: '', postgresOptions: { ...options.postgres, max: 8, onnotice: () => {}, types: { timestamptz } },
});
// It would make the roles and grant them everything, for ever; they are there, with the privileges that migrations gave.
connection.ensureRlsContext = async () => true;

const app = new App({
  connection,
  auth: { enabled: false },
  options: { server: { disableStudio: true, apiKeys: { resolver: resolveKey } } },
});

serve({ fetch: answer, port: 0, hostname: '127.0.0.1' }, ({ port }) => console.log(JSON.stringify({ port })));
process.stdin.on('end', () => process.exit(0)).resume();
