// A Machines API of our own, with what a client has to live with: leases, versions, limits, restarts, and faults.
//
//   const fly = await startFly({ launch })            launch(machine, signal): the machine is (re)started with its new config,
//                                                     after the process before it was stopped; a promise
//   const machine = fly.addMachine({ app: 'demo', cpus: 1, memory_mb: 256, env: {} })
//   fly.url, fly.token                                what the daemon is given; startFly({ socket: path }) listens there, and
//                                                     wants no token from it
//   fly.fault = request => ...                        undefined: none; {status, body}: instead of doing it; {delayMs}; {lost: true}:
//                                                     done, and the reply is lost; {lost: 'before'}: not even done; or a
//                                                     promise of one of these
//   fly.log                                           {action, machine, status, nonce} of every request, in order
//   fly.mostLeases                                    of one machine at once, ever
//
// Written from Fly's description: an update takes the whole config, makes a new version and restarts a machine that runs;
// 409 for another's lease or a stale version, 412 for metadata of another version, 408 for a wait in vain, 422 for a config
// that is none, 429 for more than a request a second of one action on one machine (three at once).
import { randomBytes } from 'node:crypto';
import { fake } from './fake.mjs';

const MAX_WAIT_S = 60, BURST = 3, READ_BURST = 10, READS_A_SECOND = 5;
const SHARED_MB = { least: 256, most: 2048, step: 256 };
const PERFORMANCE_MB = { least: 2048, most: 8192, step: 2048 };

const refuse = (status, error, more = {}) => ({ status, body: { error, ...more } });
const newId = bytes => randomBytes(bytes).toString('hex');

/** '' or why this config cannot be. */
function badConfig(config) {
  if (!config || typeof config !== 'object' || !config.image) return 'config.image: an image is required';
  const { cpu_kind: kind = 'shared', cpus = 1, memory_mb: memory = 256 } = config.guest ?? {};
  const sizes = kind === 'shared' ? [1, 2, 4, 6, 8] : kind === 'performance' ? [1, 2, 4, 6, 8, 10, 12, 14, 16] : [];
  const { least, most, step } = kind === 'shared' ? SHARED_MB : PERFORMANCE_MB;
  if (!sizes.includes(cpus)) return `invalid guest: ${kind} ${cpus}`;
  if (memory < least * cpus || memory > most * cpus || memory % step) return `invalid memory size: ${memory} MB for ${cpus} CPUs`;
  return '';
}

export async function startFly({ launch = async () => {}, socket, token = `FlyV1 ${newId(8)}`, limits = true, capacity = () => true } = {}) {
  const apps = new Map(), buckets = new Map();
  const it = { apps, token, log: [], mostLeases: 0, fault: () => undefined, restarts: 0, launch, names: new Set(), capacity };

  const view = ({ lease, waiters, metadata, restarting, ...machine }) => ({ ...machine, config: { ...machine.config, metadata } });
  const settle = machine => { for (const waiter of machine.waiters.splice(0)) waiter(); };
  const setState = (machine, state) => {
    machine.state = state;
    machine.updated_at = new Date().toISOString();
    machine.events.unshift({ id: newId(8), type: state, status: state, source: 'flyd', timestamp: Date.now() });
    settle(machine);
  };
  const holder = machine => (machine.lease && machine.lease.until > Date.now() ? machine.lease : null);

  /** Too many of this action on this machine: true. */
  function isLimited(action, key, isRead) {
    if (!limits) return false;
    const [rate, burst] = isRead ? [READS_A_SECOND, READ_BURST] : [1, BURST];
    const now = Date.now(), bucket = buckets.get(`${action} ${key}`) ?? { left: burst, at: now };
    bucket.left = Math.min(burst, bucket.left + (now - bucket.at) / 1000 * rate);
    bucket.at = now;
    buckets.set(`${action} ${key}`, bucket);
    if (bucket.left < 1) return true;
    bucket.left--;
    return false;
  }

  it.addApp = (name, org = 'personal') => {
    const app = { name, org, id: newId(8), addresses: [], secrets: {}, volumes: [], machines: new Map() };
    apps.set(name, app);
    return app;
  };
  it.addMachine = ({ app = 'demo', name, region = 'sin', cpus = 1, memory_mb = 256, env = {}, image = 'registry/trademind:1', state = 'started', config = {} } = {}) => {
    const owner = apps.get(app) ?? it.addApp(app), id = newId(7);
    const machine = {
      id, name: name ?? `m-${id}`, state, region, instance_id: newId(13), private_ip: 'fdaa::1', created_at: new Date().toISOString(), checks: [], events: [],
      config: { image, env, guest: { cpu_kind: 'shared', cpus, memory_mb }, restart: { policy: 'always' }, stop_config: { signal: 'SIGINT', timeout: '10s' }, ...config },
      metadata: config.metadata ?? {}, waiters: [], app,
    };
    owner.machines.set(id, machine);
    return machine;
  };

  /** Stop, new version, start again: as Fly does it, after its reply. */
  async function replace(machine) {
    it.restarts++;
    setState(machine, 'replacing');
    machine.restarting = (machine.restarting ?? Promise.resolve()).then(() => it.launch(machine, 'replace')).then(() => setState(machine, 'started'));
    await machine.restarting;
  }

  // ---- what is done with a machine ----

  const actions = {
    get: (app, machine) => ({ body: view(machine) }),
    update(app, machine, { body }) {
      if (body.current_version && body.current_version !== machine.instance_id) return refuse(409, `machine version mismatch: ${body.current_version}`);
      const wrong = badConfig(body.config);
      if (wrong) return refuse(422, wrong);
      if (!it.capacity(machine.region, body.config.guest)) return refuse(503, 'could not reserve resource for machine: insufficient CPUs available', { status: 'insufficient_capacity' });
      const wasRunning = machine.state === 'started';
      machine.metadata = body.config.metadata ?? machine.metadata;
      machine.config = body.config;
      machine.instance_id = newId(13);
      if (wasRunning) setImmediate(() => replace(machine).catch(error => { it.error = error; setState(machine, 'failed'); }));
      return { body: view(machine) };
    },
    start(app, machine) {
      const before = machine.state;
      if (!['stopped', 'created', 'suspended', 'failed'].includes(before)) return before === 'started' ? { body: { previous_state: before } } : refuse(412, `machine is ${before}`);
      if (!it.capacity(machine.region, machine.config.guest)) return refuse(503, 'insufficient resources available', { status: 'insufficient_capacity' });
      setState(machine, 'starting');
      setImmediate(() => it.launch(machine, 'start').then(() => setState(machine, 'started'), error => { it.error = error; setState(machine, 'failed'); }));
      return { body: { previous_state: before, migrated: false } };
    },
    stop(app, machine) {
      if (machine.state === 'stopped') return { body: { ok: true } };
      setState(machine, 'stopping');
      setImmediate(() => it.launch(machine, 'stop').then(() => setState(machine, 'stopped'), error => { it.error = error; }));
      return { body: { ok: true } };
    },
    destroy(app, machine, { query }) {
      if (machine.state === 'started' && query.get('force') !== 'true') return refuse(412, 'machine is running; use force to destroy it');
      return Promise.resolve(it.launch(machine, 'stop')).then(() => {
        setState(machine, 'destroyed');
        app.machines.delete(machine.id);
        return { body: { ok: true } };
      });
    },
    async wait(app, machine, { query }) {
      const states = (query.get('state') ?? 'started').split(','), version = query.get('version') ?? query.get('instance_id');
      const end = Date.now() + Math.min(Number(query.get('timeout') ?? MAX_WAIT_S), MAX_WAIT_S) * 1000;
      const isThere = () => states.includes(machine.state) && (!version || version === machine.instance_id);
      while (!isThere() && Date.now() < end) {
        await new Promise(done => { machine.waiters.push(done); setTimeout(done, end - Date.now()); });
      }
      return isThere() ? { body: { ok: true, state: machine.state, version: machine.instance_id } } : refuse(408, 'deadline_exceeded');
    },
    lease(app, machine, { body, nonce }) {
      const now = holder(machine);
      if (now && now.nonce !== nonce) return refuse(409, `failed to get lease: lease currently held by ${now.owner}`);
      machine.lease = { nonce: now?.nonce ?? newId(6), until: Date.now() + (body.ttl ?? 13) * 1000, owner: 'spec', description: body.description ?? '', version: machine.instance_id };
      it.mostLeases = Math.max(it.mostLeases, [machine.lease].filter(l => l.until > Date.now()).length);
      return { status: 201, body: { status: 'success', data: { nonce: machine.lease.nonce, expires_at: Math.floor(machine.lease.until / 1000), owner: 'spec', description: machine.lease.description, version: machine.instance_id } } };
    },
    lease_get: (app, machine) => (holder(machine) ? { body: { status: 'success', data: { owner: 'spec', expires_at: Math.floor(machine.lease.until / 1000) } } } : refuse(404, 'lease not found')),
    unlease(app, machine, { nonce }) {
      const now = holder(machine);
      if (!now) return refuse(404, 'lease not found');
      if (now.nonce !== nonce) return refuse(409, 'lease currently held by another');
      machine.lease = null;
      return { status: 200, body: { status: 'success' } };
    },
    metadata: (app, machine) => ({ body: machine.metadata }),
    metadata_set(app, machine, { body }) {
      if (body.machine_version && body.machine_version !== machine.instance_id) return refuse(412, 'machine version mismatch');
      const { machine_version: version, ...keys } = body;
      Object.assign(machine.metadata, body.metadata ?? keys);
      return { status: 204, body: '' };
    },
  };
  const changes = new Set(['update', 'start', 'stop', 'destroy', 'metadata_set']); // another's lease forbids them

  const machineAction = (method, tail) => ({
    'GET ': 'get', 'POST ': 'update', 'DELETE ': 'destroy', 'POST start': 'start', 'POST stop': 'stop', 'GET wait': 'wait', 'POST lease': 'lease',
    'GET lease': 'lease_get', 'DELETE lease': 'unlease', 'GET metadata': 'metadata', 'PATCH metadata': 'metadata_set',
  })[`${method} ${tail ?? ''}`];

  function onMachine(app, id, tail, request) {
    const machine = app.machines.get(id), action = machineAction(request.method, tail);
    request.action = action;
    if (!machine) return () => refuse(404, 'machine not found');
    if (!action) return () => refuse(404, 'no such action');
    if (isLimited(action, id, action === 'get')) return () => refuse(429, 'rate limit exceeded');
    const lease = holder(machine);
    if (changes.has(action) && lease && lease.nonce !== request.nonce) return () => refuse(409, 'machine lease currently held by another');
    return () => actions[action](app, machine, request);
  }

  // ---- apps ----

  const found = [['GET', 'app_get'], ['DELETE', 'app_delete']];
  const appActions = {
    app_get: app => ({ body: { name: app.name, organization: { slug: app.org }, status: 'deployed' } }),
    app_delete(app) {
      for (const machine of app.machines.values()) setState(machine, 'destroyed');
      apps.delete(app.name);
      return Promise.all([...app.machines.values()].map(machine => it.launch(machine, 'stop'))).then(() => ({ status: 202, body: '' }));
    },
    'GET ip_assignments': app => ({ body: { ips: app.addresses } }),
    'POST ip_assignments'(app, { body }) {
      const address = { ip: body.type === 'v6' ? `2a09::${app.addresses.length + 1}` : '66.241.125.1', region: 'global', shared: body.type === 'shared_v4', created_at: new Date().toISOString() };
      app.addresses.push(address);
      return { status: 200, body: address };
    },
    'POST secrets'(app, { body }) {
      if (!body.values) return refuse(422, 'values: required');
      Object.assign(app.secrets, body.values);
      return { status: 200, body: { secrets: Object.keys(app.secrets).map(name => ({ name, digest: newId(8) })), version: Object.keys(app.secrets).length } };
    },
    'GET volumes': app => ({ body: app.volumes }),
    'POST volumes'(app, { body }) {
      const volume = { id: `vol_${newId(7)}`, name: body.name, region: body.region, size_gb: body.size_gb ?? 1, state: 'created', attached_machine_id: null };
      app.volumes.push(volume);
      return { status: 200, body: volume };
    },
    'GET machines': (app, { query }) => ({ body: [...app.machines.values()].filter(m => !query.get('region') || m.region === query.get('region')).map(view) }),
    'POST machines'(app, { body }) {
      const wrong = badConfig(body.config);
      if (wrong) return refuse(422, wrong);
      if ([...app.machines.values()].some(m => m.name === body.name)) return refuse(409, 'unique machine name violation, machine with that name already exists');
      if (!it.capacity(body.region, body.config.guest)) return refuse(503, 'could not reserve resource for machine: insufficient memory available', { status: 'insufficient_capacity' });
      const mount = body.config.mounts?.[0];
      if (mount && !app.volumes.some(v => v.id === mount.volume && v.region === body.region)) return refuse(422, `volume ${mount.volume} does not exist in ${body.region}`);
      const machine = it.addMachine({ app: app.name, name: body.name, region: body.region, state: 'created', config: body.config });
      setState(machine, 'starting');
      setImmediate(() => it.launch(machine, 'start').then(() => setState(machine, 'started'), error => { it.error = error; setState(machine, 'failed'); }));
      return { body: view(machine) };
    },
  };

  function onApp(path, request) {
    const [name, kind, id, tail] = path;
    if (!name) {
      request.action = 'app_create';
      if (request.method !== 'POST') return () => refuse(405, 'method not allowed');
      const wanted = request.body.app_name ?? request.body.name;
      if (apps.has(wanted) || it.names.has(wanted)) return () => refuse(422, 'Validation failed: Name has already been taken', { status: 'name_taken' });
      return () => ({ status: 201, body: { id: it.addApp(wanted, request.body.org_slug).id, created_at: Date.now() } });
    }
    const app = apps.get(name);
    if (kind === 'machines' && id) return app ? onMachine(app, id, tail, request) : () => refuse(404, 'app not found');
    request.action = kind ? `${request.method} ${kind}` : found.find(([method]) => method === request.method)?.[1];
    if (!app) return () => refuse(404, 'app not found');
    if (!appActions[request.action]) return () => refuse(404, 'no such action');
    if (isLimited(request.action, name, request.method === 'GET')) return () => refuse(429, 'rate limit exceeded');
    return () => appActions[request.action](app, request);
  }

  async function respond(request) {
    const url = new URL(request.path, 'http://fly');
    const [version, resource, ...path] = url.pathname.slice(1).split('/');
    request.query = url.searchParams;
    request.nonce = request.headers['fly-machine-lease-nonce'];
    if (typeof request.body !== 'object') request.body = {};
    const isAllowed = socket || request.headers.authorization === (token.includes(' ') ? token : `Bearer ${token}`);
    const act = !isAllowed ? () => refuse(401, 'unauthorized') : version === 'v1' && resource === 'apps' ? onApp(path, request) : () => refuse(404, 'not found');
    const fault = await it.fault(request) ?? {};
    const answer = fault.status ? fault : fault.lost === 'before' ? {} : await act();
    it.log.push({ action: request.action, machine: path[2], status: answer.status ?? 200, nonce: request.nonce, body: request.body });
    return { ...answer, delayMs: fault.delayMs, lost: Boolean(fault.lost) };
  }

  const server = await fake(respond, socket ? { port: socket } : {});
  it.url = server.url;
  it.close = server.close;
  it.server = server;
  it.count = action => it.log.filter(line => line.action === action).length;
  return it;
}
