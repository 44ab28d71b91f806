// A Supabase as far as tokens of users go: an issuer with keys of its own, made with Node's crypto.
//
//   const issuer = await startIssuer()
//   issuer.token({ sub: issuer.user })                    ES256; { key: issuer.rsa } RS256; { secret: 'x' } HS256
//   issuer.hold = new Promise(...)                        answers wait for it
//   issuer.env                                            what the daemon is given
//   issuer.asked('/auth/v1/user')                         how often
import { createHmac, createSign, generateKeyPairSync, randomUUID } from 'node:crypto';
import { fake } from './fake.mjs';

const AUDIENCE = 'authenticated';

export function makeKey(type, kid) {
  const pair = type === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const alg = type === 'ec' ? 'ES256' : 'RS256';
  return { ...pair, kid, alg, jwk: { ...pair.publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig', key_ops: ['verify'] } };
}

const part = value => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

function signature(text, { key, secret }) {
  if (secret !== undefined) return createHmac('sha256', secret).update(text).digest('base64url');
  if (!key) return '';
  return createSign('sha256').update(text).sign({ key: key.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
}

/** A token with any header and claims, signed with `key` or `secret`, or not at all. */
export function makeToken(header, claims, by) {
  const text = `${part({ typ: 'JWT', ...header })}.${part(claims)}`;
  return `${text}.${signature(text, by)}`;
}

export async function startIssuer() {
  const it = { user: randomUUID(), ec: makeKey('ec', 'ec-1'), rsa: makeKey('rsa', 'rsa-1'), hold: null, fails: false };
  it.keys = [it.ec, it.rsa];
  it.known = new Set(); // HS256 tokens that /auth/v1/user knows
  it.server = await fake(async ({ path, headers }) => {
    if (it.hold && path.startsWith('/auth/')) await it.hold;
    if (it.fails) return { status: 500, body: {} };
    if (path === '/auth/v1/.well-known/jwks.json') return { body: { keys: it.keys.map(key => key.jwk) } };
    if (path === '/auth/v1/user') {
      const token = headers.authorization?.replace('Bearer ', '');
      return it.known.has(token) ? { body: { id: it.user, aud: AUDIENCE } } : { status: 403, body: { error_code: 'bad_jwt' } };
    }
    return { status: 503, headers: { 'retry-after': '1' }, body: { code: 'PGRST000', message: 'no database here' } };
  });
  it.issuer = `${it.server.url}/auth/v1`;
  it.env = { USER_ID: it.user, SUPABASE_URL: it.server.url, SUPABASE_SERVICE_KEY: 'sb_secret_0123456789abcdefghijkl_01234567' };
  it.claims = claims => {
    const now = Math.floor(Date.now() / 1000);
    return { iss: it.issuer, aud: AUDIENCE, sub: it.user, role: AUDIENCE, iat: now, exp: now + 3600, email: 'somebody@example.com',
      app_metadata: { provider: 'email', providers: ['email'] }, user_metadata: { name: 'Somebody', about: 'x'.repeat(300) },
      session_id: randomUUID(), ...claims };
  };
  it.token = ({ key = it.ec, secret, header, ...claims } = {}) =>
    makeToken({ ...(secret === undefined ? { alg: key.alg, kid: key.kid } : { alg: 'HS256' }), ...header }, it.claims(claims), secret === undefined ? { key } : { secret });
  it.asked = path => it.server.requests.filter(request => request.path === path).length;
  it.close = () => it.server.close();
  return it;
}
