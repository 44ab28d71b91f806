// A PostgreSQL of a spec's own: a cluster in a temporary folder, reached by its socket only, gone when the spec ends.
//
//   const postgres = await startPostgres()
//   const sql = await postgres.createDatabase('empty')   npm's `postgres`: sql`select ...`, sql.unsafe(text), sql.file(path)
//   await postgres.stop()
//
// The server refuses to run as root, so root starts it as the system user that Debian's package makes.
import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import connect from 'postgres';
import { tempDir, until } from './harness.mjs';

const PORT = 5432; // only a part of the socket's name
const SYSTEM_USER = 'postgres';

/** The folder of the server's programs, newest version first. */
function programs() {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const found = versions.map(version => join(root, version, 'bin')).find(folder => existsSync(join(folder, 'initdb')));
  if (!found) throw new Error(`no initdb under ${root}: install Debian's package postgresql`);
  return found;
}

const isRoot = process.getuid() === 0;
const asUser = words => (isRoot ? ['setpriv', '--reuid', SYSTEM_USER, '--regid', SYSTEM_USER, '--init-groups', ...words] : words);
const idOf = flag => Number(execFileSync('id', [flag, SYSTEM_USER], { encoding: 'utf8' }));

/** `settings`: of postgresql.conf, besides those below. */
export async function startPostgres(settings = {}) {
  const bin = programs(), folder = tempDir(), cluster = join(folder, 'cluster');
  mkdirSync(cluster, { mode: 0o700 });
  if (isRoot) for (const path of [folder, cluster]) chownSync(path, idOf('-u'), idOf('-g'));
  run(bin, 'initdb', ['--pgdata', cluster, '--username', 'postgres', '--auth', 'trust', '--encoding', 'UTF8', '--locale', 'C', '--no-sync']);

  const all = {
    listen_addresses: '', port: PORT, unix_socket_directories: folder, fsync: 'off', synchronous_commit: 'off',
    full_page_writes: 'off', max_connections: 60, shared_buffers: '32MB', dynamic_shared_memory_type: 'mmap',
    timezone: 'UTC', autovacuum: 'off', ...settings,
  };
  const words = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = serve(asUser([join(bin, 'postgres'), '-D', cluster, ...words]));
  // What it is told at an exit it does: ends its children, gives the shared memory back.
  const onExit = () => run(bin, 'pg_ctl', ['stop', '--mode', 'immediate', '--pgdata', cluster, '--silent']);
  await server.until(text => text.includes('ready to accept connections'), 'PostgreSQL to listen');
  process.prependListener('exit', onExit);

  const pools = new Set();
  const it = { folder, socket: { host: folder, port: PORT, username: 'postgres' } };

  /** A pool of connections to a database, as superuser. */
  it.connect = (database, options = {}) => {
    const sql = connect({ ...it.socket, database, max: 4, onnotice: () => {}, ...options });
    pools.add(sql);
    return sql;
  };
  it.createDatabase = async name => {
    const admin = it.connect('postgres', { max: 1 });
    await admin`create database ${admin(name)}`;
    await admin.end();
    return it.connect(name);
  };
  it.stop = async () => {
    process.removeListener('exit', onExit);
    for (const sql of pools) await sql.end({ timeout: 0 });
    server.child.kill('SIGINT'); // "fast": it does not wait for its clients
    await server.ended;
  };
  return it;
}

function run(bin, program, words) {
  const [command, ...rest] = asUser([join(bin, program), ...words]);
  execFileSync(command, rest, { stdio: ['ignore', 'ignore', 'inherit'], cwd: '/' });
}

function serve([command, ...words]) {
  const child = spawn(command, words, { stdio: ['ignore', 'ignore', 'pipe'], cwd: '/' });
  const listeners = new Set();
  const it = { child, text: '', hasEnded: false };
  const notify = () => { for (const listener of [...listeners]) listener(); };
  child.stderr.setEncoding('utf8').on('data', text => { it.text = (it.text + text).slice(-65536); notify(); });
  it.ended = new Promise((done, failed) => {
    child.on('error', failed);
    child.on('close', () => { it.hasEnded = true; notify(); done(); });
  });
  it.ended.catch(() => {}); // whoever awaits it sees the error
  it.until = (condition, what) => until(() => {
    if (it.hasEnded) throw new Error(`PostgreSQL ended before ${what}\n${it.text}`);
    return condition(it.text);
  }, what, listener => { listeners.add(listener); return () => listeners.delete(listener); }, 60000);
  return it;
}
