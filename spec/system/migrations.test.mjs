// supabase/migrations on an empty project and on the earlier machine's tables: what comes out, who may do what in it, how
// the browser app reads it, and what is thrown away when it is old.
// time limit: 240
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { createProject, migrate, PUBLISHABLE_KEY, SECRET_KEY, startLite, startSupabase, userToken } from './supabase.mjs';
import { startPostgres } from './postgres.mjs';
import { createClient } from '@supabase/supabase-js';

const STARTS = ['empty', 'original'];
const OLD = { user: '00000000-0000-4000-8000-0000000000aa', trader: '00000000-0000-4000-8000-0000000000b1', signal: '00000000-0000-4000-8000-0000000000c1' };
const MACHINE_TABLES = ['signal_analyses', 'trader_errors', 'cloud_machines', 'cloud_metrics', 'cloud_events', 'cloud_costs'];

let postgres;
before(async () => { postgres = await startPostgres(); });
after(() => postgres.stop());

/** The schema as pg_dump writes it. */
const dump = database => execFileSync('pg_dump', ['-h', postgres.folder, '-U', 'postgres', '--schema-only', database], { encoding: 'utf8', maxBuffer: 1 << 26 })
  .replace(/^\\(un)?restrict .*$/gm, '');

for (const start of STARTS) {
  test(`${start}: a second run changes nothing`, async () => {
    const sql = await createProject(postgres, `twice_${start}`, start);
    const names = async () => (await sql`select table_name || '.' || column_name as name from information_schema.columns where table_schema = 'public'`).map(row => row.name);
    const before = await names();
    await migrate(sql);
    const once = dump(`twice_${start}`), after = new Set(await names());
    await migrate(sql);
    assert.equal(dump(`twice_${start}`), once);
    assert.deepEqual(before.filter(name => !after.has(name)), [], 'columns that are gone');
    assert.ok(after.has('traders.error') && after.has('cloud_machines.lease_until') && after.has('signals.machine_id'));
  });
}

test('run by an owner who is no superuser, as on a hosted project', async () => {
  const sql = await createProject(postgres, 'owned', 'empty');
  await sql.unsafe(`
    create role project_owner login;
    alter database owned owner to project_owner;
    alter schema public owner to project_owner;
    grant usage on schema auth to project_owner;
    grant references, select on auth.users to project_owner;`);
  const owner = postgres.connect('owned', { username: 'project_owner' });
  await migrate(owner);
  await migrate(owner);
  const ours = dump => dump.split('\n').filter(line => /^CREATE (TABLE|POLICY|INDEX|TRIGGER|FUNCTION|UNIQUE)/.test(line)).sort();
  assert.deepEqual(ours(dump('owned')), ours(dump('twice_empty')));
});

test('both starts have the same columns of the same types, besides what only the earlier tables have', async () => {
  const types = async database => {
    const sql = postgres.connect(database);
    const rows = await sql`select table_name || '.' || column_name as name, data_type as type from information_schema.columns where table_schema = 'public'`;
    return new Map(rows.map(row => [row.name, row.type]));
  };
  const [empty, original] = [await types('twice_empty'), await types('twice_original')];
  assert.deepEqual([...empty].filter(([name, type]) => original.get(name) !== type).map(([name, type]) => `${name} ${type}, ${original.get(name)}`), []);
});

for (const start of STARTS) {
  describe(start, () => {
    let sql, lite, alice, bob, service;
    const clientOf = (token, key = PUBLISHABLE_KEY) => createClient(lite.url, key, {
      auth: { persistSession: false, autoRefreshToken: false }, ...(token ? { accessToken: async () => token } : {}),
    });
    const anonymous = () => clientOf(null);

    async function addUser(tier, status = 'active') {
      const user = { id: randomUUID() };
      await sql`insert into auth.users (id, email) values (${user.id}, ${`${user.id}@example.com`})`;
      if (tier) {
        await sql`insert into user_subscriptions (user_id, tier, status) values (${user.id}, ${tier}, ${status})
          on conflict (user_id) do update set tier = excluded.tier, status = excluded.status`;
      }
      user.client = clientOf(userToken(user.id));
      return user;
    }
    const done = async answer => {
      const { data, error } = await answer;
      assert.equal(error, null);
      return data;
    };
    const refused = async (answer, code = '42501') => assert.equal((await answer).error?.code, code);

    /** A user with a machine and a row in every table. */
    async function addRows(user, n_signals = 1) {
      const [trader] = await done(service.from('traders').insert({ name: 'T', description: '', filter: { code: 'return trader {}' }, strategy: {}, user_id: user.id, language: 'lua' }).select());
      const [machine] = await done(service.from('cloud_machines').insert({ user_id: user.id, machine_id: `m-${user.id}`, status: 'running' }).select());
      const signals = await done(service.from('signals').insert(Array.from({ length: n_signals }, (_, i) => signalOf(user, trader, machine, i))).select());
      const own = { user_id: user.id, trader_id: trader.id };
      await done(service.from('signal_analyses').insert({ ...own, signal_id: signals[0].id, decision: 'wait', confidence: 50, reasoning: '-', key_levels: {}, trade_plan: {} }));
      await done(service.from('trader_errors').insert({ ...own, kind: 'error', message: 'x', code_hash: 'h' }));
      await done(service.from('cloud_metrics').insert({ machine_id: machine.id, cpu_usage_vcpus: 0.5 }));
      await done(service.from('cloud_events').insert({ machine_id: machine.id, user_id: user.id, event_type: 'signal_created', message: 'x' }));
      await done(service.from('cloud_costs').insert({ machine_id: machine.id, user_id: user.id, vcpu_hours: 1, total_cost_usd: 0.02, period_start: '2026-01-01', period_end: '2026-01-02' }));
      return { trader, machine, signals };
    }
    const signalOf = (user, trader, machine, i) => ({
      id: randomUUID(), user_id: user.id, trader_id: trader.id, symbol: i % 2 ? 'ETHUSDT' : 'BTCUSDT', interval: '5m', price: 100 + i,
      price_at_signal: 100 + i, timestamp: new Date(Date.UTC(2026, 1, 1) + (i >> 1) * 300000).toISOString(),
      created_at: new Date(Date.UTC(2026, 1, 1) + (i >> 1) * 300000).toISOString(), matched_conditions: [`c${i}`], status: 'new',
      source: 'cloud', machine_id: machine.id, indicator_data: { klines: [{ x: 1, o: 1, h: 1, l: 1, c: 1, v: 1 }] }, metadata: { state: 'confirmed' },
    });

    before(async () => {
      sql = await createProject(postgres, `project_${start}`, start);
      await migrate(sql);
      lite = await startLite(postgres, `project_${start}`);
      service = createClient(lite.url, SECRET_KEY, { auth: { persistSession: false } });
      alice = await addUser('elite');
      bob = await addUser('elite');
      Object.assign(alice, await addRows(alice, 25));
      Object.assign(bob, await addRows(bob, 3));
    });
    after(() => lite.stop());

    test('a user sees own rows of every table, another nothing of them, nobody nothing at all', async () => {
      for (const table of ['traders', 'signals', ...MACHINE_TABLES]) {
        const own = await done(alice.client.from(table).select('*'));
        assert.ok(own.length > 0, table);
        for (const row of own) assert.ok(table === 'cloud_metrics' ? row.machine_id === alice.machine.id : [alice.id, null].includes(row.user_id), table);
        const { data } = await anonymous().from(table).select('*'); // no row, or no privilege
        assert.deepEqual((data ?? []).filter(row => row.user_id || row.machine_id), [], table);
      }
      assert.deepEqual(await done(bob.client.from('signals').select('id').eq('user_id', alice.id)), []);
      assert.equal((await done(alice.client.from('user_subscriptions').select('user_id'))).length, 1);
    });

    test('data of machines is written by the service role alone', async () => {
      const own = { user_id: alice.id, trader_id: alice.trader.id };
      const rows = {
        signal_analyses: { ...own, signal_id: alice.signals[0].id, decision: 'enter_trade', confidence: 99, reasoning: 'mine', key_levels: {}, trade_plan: {} },
        trader_errors: { ...own, kind: 'error', message: 'mine', code_hash: 'h' },
        cloud_machines: { user_id: (await addUser('elite')).id, machine_id: 'mine' },
        cloud_metrics: { machine_id: alice.machine.id, cpu_usage_vcpus: 9 },
        cloud_events: { machine_id: alice.machine.id, user_id: alice.id, event_type: 'error', message: 'mine' },
        cloud_costs: { user_id: alice.id, vcpu_hours: 0, total_cost_usd: 0, period_start: '2026-01-01', period_end: '2026-01-02' },
      };
      assert.deepEqual(Object.keys(rows).sort(), [...MACHINE_TABLES].sort());
      for (const [table, row] of Object.entries(rows)) {
        const before = await sql`select * from ${sql(table)} order by id`;
        for (const client of [alice.client, bob.client, anonymous()]) {
          await refused(client.from(table).insert(row));
          await refused(client.from(table).update({ id: randomUUID() }).not('id', 'is', null));
          await refused(client.from(table).delete().not('id', 'is', null));
        }
        assert.deepEqual(await sql`select * from ${sql(table)} order by id`, before, table);
      }
    });

    test('of a machine\'s signal a user changes the status and nothing else', async () => {
      const [signal] = bob.signals;
      const mine = () => sql`select * from signals where id = ${signal.id}`;
      const [before] = await mine();
      await refused(bob.client.from('signals').update({ price: 1 }).eq('id', signal.id));
      await refused(bob.client.from('signals').update({ source: 'local' }).eq('id', signal.id));
      await refused(bob.client.from('signals').update({ status: 'archived', metadata: {} }).eq('id', signal.id));
      for (const client of [alice.client, anonymous()]) await client.from('signals').update({ status: 'archived' }).eq('id', signal.id);
      for (const client of [bob.client, alice.client, anonymous()]) await client.from('signals').delete().eq('id', signal.id);
      await refused(bob.client.from('signals').insert(signalOf(bob, bob.trader, bob.machine, 1)));
      assert.deepEqual((await mine())[0], before);
      await done(bob.client.from('signals').update({ status: 'archived' }).eq('id', signal.id));
      const [after] = await mine();
      assert.deepEqual([after.status, after.price], ['archived', before.price]);
      assert.ok(after.updated_at > before.updated_at);
      await done(service.from('signal_analyses').insert({ user_id: bob.id, trader_id: bob.trader.id, signal_id: bob.signals[1].id, decision: 'enter_trade', confidence: 70, reasoning: '-', key_levels: {}, trade_plan: {} }));
      assert.equal((await sql`select status from signals where id = ${bob.signals[1].id}`)[0].status, 'ready');
    });

    test('traders: own ones are the user\'s, others\' and built-in ones are not, and the tier has its quota', async () => {
      const row = user => ({ name: 'new', description: '', filter: {}, strategy: {}, user_id: user.id, language: 'lua' });
      const carol = await addUser('pro'), dave = await addUser('free'), late = await addUser('elite', start === 'original' ? 'active' : 'past_due');
      await refused(dave.client.from('traders').insert(row(dave)));
      if (start === 'empty') await refused(late.client.from('traders').insert(row(late)));
      for (let i = 0; i < 10; i++) await done(carol.client.from('traders').insert(row(carol)));
      if (start === 'empty') await refused(carol.client.from('traders').insert(row(carol)));
      await refused(carol.client.from('traders').insert(row(alice)));
      await refused(carol.client.from('traders').insert({ ...row(carol), user_id: null }));
      await refused(anonymous().from('traders').insert(row(alice)));
      assert.deepEqual(await done(carol.client.from('traders').update({ name: 'stolen' }).eq('id', alice.trader.id).select()), []);
      assert.deepEqual(await done(carol.client.from('traders').delete().eq('id', alice.trader.id).select()), []);
      if (start === 'empty') await refused(carol.client.from('traders').update({ user_id: null }).eq('user_id', carol.id));
    });

    test('built-in traders are seen by tier', async () => {
      const ids = {};
      for (const tier of ['anonymous', 'free', 'pro', 'elite']) {
        const [trader] = await done(service.from('traders').insert({ name: tier, description: '', filter: {}, strategy: {}, access_tier: tier, is_built_in: true, ownership_type: 'system', language: 'lua' }).select());
        ids[trader.id] = tier;
      }
      const seen = async client => (await done(client.from('traders').select('id').in('id', Object.keys(ids)))).map(row => ids[row.id]).sort();
      assert.deepEqual(await seen(anonymous()), ['anonymous']);
      assert.deepEqual(await seen((await addUser('free')).client), ['anonymous', 'free']);
      assert.deepEqual(await seen((await addUser('pro')).client), ['anonymous', 'free', 'pro']);
      assert.deepEqual(await seen(alice.client), ['anonymous', 'elite', 'free', 'pro']);
      assert.deepEqual(await seen((await addUser('elite', 'cancelled')).client), ['anonymous']);
      await done(service.from('traders').delete().in('id', Object.keys(ids)));
    });

    test('a trader\'s version and time grow by every change', async () => {
      const look = async () => (await sql`select version, updated_at from traders where id = ${alice.trader.id}`)[0];
      const before = await look();
      await done(alice.client.from('traders').update({ enabled: false }).eq('id', alice.trader.id));
      await done(alice.client.from('traders').update({ enabled: true }).eq('id', alice.trader.id));
      const after = await look();
      assert.equal(after.version, before.version + 2);
      assert.ok(after.updated_at > before.updated_at);
    });

    test('values that are none are refused with the constraint\'s code', async () => {
      const [signal] = alice.signals;
      await refused(service.from('signals').update({ status: 'bogus' }).eq('id', signal.id), '23514');
      await refused(service.from('signals').update({ source: 'moon' }).eq('id', signal.id), '23514');
      await refused(service.from('signals').insert({ ...signalOf(alice, alice.trader, alice.machine, 0), trader_id: randomUUID() }), '23503');
      await refused(service.from('signals').insert({ ...signalOf(alice, alice.trader, alice.machine, 0), symbol: null }), '23502');
      await refused(service.from('cloud_machines').update({ status: 'broken' }).eq('user_id', alice.id), '23514');
      await refused(service.from('cloud_events').insert({ machine_id: alice.machine.id, user_id: alice.id, event_type: 'party', message: '' }), '23514');
      await refused(service.from('cloud_machines').insert({ user_id: alice.id, machine_id: 'second' }), '23505');
      for (const status of ['paused', 'running']) await done(service.from('cloud_machines').update({ status, region: 'nrt' }).eq('user_id', alice.id));
      for (const status of ['archived', 'monitoring', 'new']) await done(service.from('signals').update({ status }).eq('id', signal.id));
    });

    test('the browser app reads signals newest first in pages that neither miss nor repeat', async () => {
      const seen = [];
      let last = null;
      do {
        let query = alice.client.from('signals').select('id,symbol,created_at,price,matched_conditions,indicator_data,metadata').eq('user_id', alice.id)
          .order('created_at', { ascending: false }).order('id', { ascending: false }).limit(7);
        if (last) query = query.or(`created_at.lt.${last.created_at},and(created_at.eq.${last.created_at},id.lt.${last.id})`);
        const page = await done(query);
        seen.push(...page);
        last = page.length === 7 ? page.at(-1) : null;
      } while (last);
      const expected = await sql`select id from signals where user_id = ${alice.id} order by created_at desc, id desc`;
      assert.deepEqual(seen.map(row => row.id), expected.map(row => row.id));
      assert.equal(seen.length, 25);
      assert.deepEqual(seen.at(-1).metadata, { state: 'confirmed' });

      const btc = await done(alice.client.from('signals').select('symbol').eq('symbol', 'BTCUSDT').gte('created_at', '2026-02-01T00:30:00Z'));
      assert.equal(btc.length, 7);
      const { count } = await alice.client.from('signals').select('*', { count: 'exact', head: true }).eq('user_id', alice.id);
      assert.equal(count, 25);
      const analysed = await done(alice.client.from('signals').select('id, signal_analyses(decision)').eq('id', alice.signals[0].id));
      assert.deepEqual(analysed[0].signal_analyses, [{ decision: 'wait' }]);
      const byRange = await done(alice.client.from('signals').select('id').eq('user_id', alice.id).order('created_at', { ascending: false }).order('id', { ascending: false }).range(5, 9));
      assert.deepEqual(byRange.map(row => row.id), seen.slice(5, 10).map(row => row.id));
    });

    test('that is read by an index', async () => {
      await sql`analyze signals`;
      await sql.begin(async transaction => {
        await transaction`set local enable_seqscan = off`;
        await transaction`set local enable_sort = off`;
        const plan = await transaction.unsafe(`explain select id from signals where user_id = '${alice.id}' order by created_at desc, id desc limit 10`);
        assert.match(plan.map(row => row['QUERY PLAN']).join('\n'), /trademind_signals_newest/);
      });
    });

    test('the same signal twice is one row, by either way of resolving', async () => {
      const signal = signalOf(alice, alice.trader, alice.machine, 99);
      for (const ignoreDuplicates of [true, true, false]) await done(service.from('signals').upsert({ ...signal, price: ignoreDuplicates ? 1 : 2 }, { onConflict: 'id', ignoreDuplicates }));
      assert.deepEqual((await sql`select price from signals where id = ${signal.id}`).map(row => Number(row.price)), [2]);
      await sql`delete from signals where id = ${signal.id}`;
    });

    test('metrics of 30 days and events of 90 are kept', async () => {
      const at = days => new Date(Date.now() - days * 86400000).toISOString();
      await sql`delete from cloud_metrics`;
      await sql`delete from cloud_events`;
      for (const days of [0, 29.9, 30.1, 400]) {
        await done(service.from('cloud_metrics').insert({ machine_id: alice.machine.id, recorded_at: at(days) }));
        await done(service.from('cloud_events').insert({ machine_id: alice.machine.id, user_id: alice.id, event_type: 'start', message: '', created_at: at(days * 3) }));
      }
      await refused(alice.client.rpc('trademind_retention'));
      await refused(anonymous().rpc('trademind_retention'));
      assert.deepEqual(await done(service.rpc('trademind_retention')), { metrics: 2, events: 2 });
      assert.deepEqual(await done(service.rpc('trademind_retention')), { metrics: 0, events: 0 });
      assert.deepEqual(await done(service.rpc('trademind_retention', { metrics_days: 29 })), { metrics: 1, events: 0 });
      assert.equal((await sql`select count(*)::int from cloud_metrics`)[0].count, 1);
    });

    test('one process has a user\'s lease until it gives it back or is late', async () => {
      const user = await addUser('elite');
      const claim = async (owner, seconds = 30) => (await done(service.rpc('trademind_lease', { user_id: user.id, machine_id: `lease-${user.id}`, owner, seconds })))[0];
      const first = await claim('a');
      assert.deepEqual([first.lease_owner, first.user_id, first.status], ['a', user.id, 'starting']);
      assert.equal((await claim('b')).lease_owner, 'a');
      assert.ok((await claim('a')).lease_until > first.lease_until, 'renewed');
      assert.equal(await done(service.rpc('trademind_release', { user_id: user.id, owner: 'b' })), false);
      assert.equal((await claim('b')).lease_owner, 'a');
      assert.equal(await done(service.rpc('trademind_release', { user_id: user.id, owner: 'a' })), true);
      assert.equal((await claim('b')).lease_owner, 'b');
      await sql`update cloud_machines set lease_until = now() - interval '1 second' where user_id = ${user.id}`;
      assert.equal((await claim('c')).lease_owner, 'c');
      const owners = await Promise.all(Array.from({ length: 8 }, (_, i) => claim(`racer ${i}`)));
      assert.deepEqual(new Set(owners.map(row => row.lease_owner)), new Set(['c']));
      await refused(alice.client.rpc('trademind_lease', { user_id: user.id, machine_id: 'x', owner: 'x', seconds: 1 }));
    });

    test('what the project is: tier, and whether it has signals analysed itself', async () => {
      const facts = async user => done(service.rpc('trademind_facts', { user_id: user.id }));
      assert.deepEqual([(await facts(alice)).tier, (await facts(alice)).auto_analysis], ['elite', start === 'original']);
      assert.equal((await facts(await addUser('pro', 'cancelled'))).tier, 'anonymous');
      assert.equal((await facts(await addUser(null))).tier, 'free');
      await refused(alice.client.rpc('trademind_facts', { user_id: bob.id }));
    });

    test('browsers are told of new signals', async () => {
      const tables = (await sql`select tablename from pg_publication_tables where pubname = 'supabase_realtime'`).map(row => row.tablename);
      assert.deepEqual(tables.sort(), ['cloud_machines', 'signal_analyses', 'signals', 'traders']);
    });

    if (start === 'original') {
      test('the earlier rows, the browser\'s own signals and the status trigger go on as before', async () => {
        const old = clientOf(userToken(OLD.user));
        assert.deepEqual((await done(old.from('signals').select('id,status').eq('id', OLD.signal)))[0], { id: OLD.signal, status: 'in_position' });
        const id = randomUUID();
        await done(old.from('signals').insert({ id, trader_id: OLD.trader, user_id: OLD.user, symbol: 'BTCUSDT', status: 'new', source: 'local' }));
        await done(old.from('signals').update({ count: 2, status: 'closed' }).eq('id', id));
        assert.equal((await sql`select count from signals where id = ${id}`)[0].count, 2);
        assert.equal((await done(anonymous().from('signals').select('id'))).length, 1);
      });
    }
  });
}
