// What specs of provisioning share: a Supabase with an elite user, our own Fly, and the proxy before its machines, which says
// whether they are well.
//
//   const it = await startPlace()
//   it.provision(['create', '--user', it.user.id], env)   {code, result, stderr}
//   it.machines()                                         all machines at Fly
//   it.isWell = image => ...                              what /health says of a started machine
import { fake } from './fake.mjs';
import { startFly } from './fly.mjs';
import { start } from './harness.mjs';
import { startSupabase } from './supabase.mjs';

export async function startPlace() {
  const supabase = await startSupabase(), fly = await startFly({});
  const it = { supabase, fly, user: supabase.user, sql: supabase.sql, isWell: () => true };
  const proxy = await fake(async ({ path }) => {
    const app = fly.apps.get(path.split('/')[1]);
    const machine = app && [...app.machines.values()].find(m => m.state === 'started');
    return machine && app.addresses.length && it.isWell(machine.config.image) ? { body: { status: 'healthy' } } : { status: 503, body: { status: 'unhealthy' } };
  });
  it.env = {
    ...supabase.env, FLY_API_URL: fly.url, FLY_API_TOKEN: fly.token, PROVISION_PROXY_URL: proxy.url, PROVISION_IMAGE: 'registry.fly.io/trademind:1', PROVISION_HEALTH_S: '20',
    GEMINI_API_KEY: 'gemini-secret',
  };
  delete it.env.USER_ID;
  it.begin = (words, env = {}) => start('trademind', ['provision', ...words], { ...it.env, ...env });
  it.provision = async (words, env = {}) => {
    const process = it.begin(words, env), { code } = await process.ended;
    return { code, result: process.lines[0], stderr: process.stderr, stdout: process.stdout };
  };
  it.machines = () => [...fly.apps.values()].flatMap(app => [...app.machines.values()]);
  it.row = async (user = it.user) => (await it.sql`select * from cloud_machines where user_id = ${user.id}`)[0];
  it.stop = async () => {
    await fly.close();
    await proxy.close();
    await supabase.stop();
  };
  return it;
}
