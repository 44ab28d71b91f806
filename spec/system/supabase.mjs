// A Supabase of a spec's own: PostgreSQL, a PostgREST over it, and a server between them and the client that fails when
// it is told to.
//
//   const supabase = await startSupabase()            an empty project with our migrations
//   const supabase = await startSupabase({ start: 'original' })   on the original's tables; `start: 'bare'` has none
//   supabase.env                                      what the daemon is given: USER_ID, SUPABASE_URL, SUPABASE_SERVICE_KEY
//   supabase.sql`select ...`                          as superuser
//   supabase.faulty                                   see faulty.mjs
//   supabase.client(token)                            @supabase/supabase-js as the browser app has it; no token: anonymous
//   supabase.addUser({ tier: 'elite' })               {id, token}
//
// As a program (`node spec/system/supabase.mjs`) it prints one JSON object with what env holds, and runs until its stdin
// closes: for benchmarks and for trying something by hand.
import { spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@supabase/supabase-js';
import { startFaulty } from './faulty.mjs';
import { root, until } from './harness.mjs';
import { startPostgres } from './postgres.mjs';

export const JWT_SECRET = 'a secret of at least thirty-two characters';
export const PUBLISHABLE_KEY = 'sb_publishable_0123456789abcdefghijkl_01234567';
export const SECRET_KEY = 'sb_secret_0123456789abcdefghijkl_01234567';
export const SPARE_SECRET_KEY = 'sb_secret_abcdefghijkl0123456789_76543210';
export const DOCUMENTED_KEY = 'test_key'; // that of the original's documents

const STARTS = { bare: [], empty: [], original: ['original.sql'] };

/** A JWT as Supabase's auth signs it with a legacy secret; claims may be overridden. */
export function sign(claims, secret = JWT_SECRET) {
  const part = value => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const head = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iss: 'supabase', iat: now, exp: now + 3600, ...claims })}`;
  return `${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`;
}

export const userToken = (id, claims = {}) => sign({ sub: id, role: 'authenticated', aud: 'authenticated', ...claims });
export const legacyServiceKey = () => sign({ role: 'service_role', ref: 'spec' });

/** Our migrations, in order. */
export function migrations() {
  const folder = join(root, 'supabase/migrations');
  return readdirSync(folder).filter(name => name.endsWith('.sql')).sort().map(name => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
}

export async function migrate(sql) {
  for (const { name, text } of migrations()) {
    try {
      await sql.unsafe(text);
    } catch (error) {
      throw new Error(`${name}: ${error.message} ${error.where ?? ''}`, { cause: error });
    }
  }
}

/** A database with what Supabase has by itself, and the tables of `start`; without our migrations. */
export async function createProject(postgres, name, start) {
  const sql = await postgres.createDatabase(name);
  for (const file of ['stand_ins.sql', ...STARTS[start]]) await sql.file(join(root, 'spec/supabase', file));
  return sql;
}

export async function startSupabase({ start = 'empty', settings = {} } = {}) {
  const postgres = await startPostgres(settings);
  const sql = await createProject(postgres, 'project', start);
  if (start !== 'bare') await migrate(sql);
  const lite = await startLite(postgres, 'project');
  const faulty = await startFaulty(lite.url);
  const it = { postgres, sql, lite, faulty, url: faulty.url };

  it.addUser = async ({ tier = 'elite', id = randomUUID(), email = `${id}@example.com` } = {}) => {
    await sql`insert into auth.users (id, email) values (${id}, ${email})`;
    if (tier) {
      await sql`insert into user_subscriptions (user_id, tier) values (${id}, ${tier})
        on conflict (user_id) do update set tier = excluded.tier`;
    }
    return { id, token: userToken(id) };
  };
  it.client = (token, key = PUBLISHABLE_KEY) => createClient(it.url, key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    ...(token ? { accessToken: async () => token } : {}),
  });
  it.envFor = user => ({ USER_ID: user.id, SUPABASE_URL: it.url, SUPABASE_SERVICE_KEY: SECRET_KEY });
  it.stop = async () => {
    await faulty.stop();
    await lite.stop();
    await postgres.stop();
  };
  if (start !== 'bare') {
    it.user = await it.addUser();
    it.env = it.envFor(it.user);
  }
  return it;
}

/** @supabase/lite over one database, ready when it listens. */
export async function startLite(postgres, database) {
  const options = {
    postgres: { ...postgres.socket, database }, publishable: PUBLISHABLE_KEY, jwt_secret: JWT_SECRET,
    secrets: [SECRET_KEY, SPARE_SECRET_KEY, DOCUMENTED_KEY],
  };
  const child = spawn(process.execPath, [join(root, 'spec/system/lite.mjs'), JSON.stringify(options)],
    { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, LITE_TELEMETRY: '0', DO_NOT_TRACK: '1' } });
  const onExit = () => child.kill('SIGKILL');
  process.on('exit', onExit);
  let text = '', hasEnded = false;
  const listeners = new Set();
  const notify = () => { for (const listener of [...listeners]) listener(); };
  child.stdout.setEncoding('utf8').on('data', chunk => { text += chunk; notify(); });
  const ended = new Promise(done => child.on('close', () => { hasEnded = true; notify(); done(); }));
  const { port } = await until(() => {
    if (hasEnded) throw new Error(`lite ended before it listened: ${text}`);
    return text.includes('\n') && JSON.parse(text.slice(0, text.indexOf('\n')));
  }, 'lite to listen', listener => { listeners.add(listener); return () => listeners.delete(listener); }, 60000);
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => { process.removeListener('exit', onExit); child.kill('SIGKILL'); await ended; },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const supabase = await startSupabase({ start: process.argv[2] ?? 'empty' });
  console.log(JSON.stringify({ ...supabase.env, publishable_key: PUBLISHABLE_KEY, socket: supabase.postgres.folder, database: 'project', token: supabase.user?.token }));
  process.stdin.on('end', async () => { await supabase.stop(); process.exit(0); }).resume();
}
