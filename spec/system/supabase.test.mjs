// The stand-in for Supabase itself: what it answers where, and that each fault does what it says.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import {
  conflict, cut, forbidden, hang, hold, holdAnswer, jwtExpired, lose, reset, slow, statementTimeout, tooBig, tooMany, unavailable, wrongKey,
} from './faulty.mjs';
import { DOCUMENTED_KEY, legacyServiceKey, PUBLISHABLE_KEY, SECRET_KEY, sign, startSupabase, userToken } from './supabase.mjs';

const MARK = '00000000-0000-4000-8000-000000000001';
let supabase, faulty;

before(async () => {
  supabase = await startSupabase({ start: 'bare' });
  faulty = supabase.faulty;
  await supabase.sql.unsafe(`
    create table marks (id uuid primary key, n int not null check (n > 0), at timestamptz not null default now());
    alter table marks enable row level security;
    create policy own on marks for select to authenticated using (id = auth.uid());
    create function complain() returns trigger language plpgsql as $$
    begin
        raise exception 'as asked' using errcode = new.n::text;
    end $$;
    create trigger complain before insert on marks for each row when (new.n > 9999) execute function complain();`);
});
after(() => supabase.stop());
beforeEach(async () => {
  faulty.clear();
  await supabase.sql`truncate marks`;
});

async function call(method, path, { key = SECRET_KEY, bearer, body, prefer = 'return=minimal', signal } = {}) {
  const headers = { ...(key ? { apikey: key } : {}), 'Content-Type': 'application/json', Prefer: prefer, ...(bearer ? { Authorization: `Bearer ${bearer}` } : {}) };
  const response = await fetch(faulty.url + path, { method, headers, body: body && JSON.stringify(body), signal });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text && JSON.parse(text) };
}
const put = (options = {}) => call('POST', '/rest/v1/marks', { body: [{ id: MARK, n: 1 }], ...options });
const read = options => call('GET', '/rest/v1/marks', options);
const count = async () => Number((await supabase.sql`select count(*) from marks`)[0].count);

test('keys: secret, documented and legacy ones write; none, a wrong and an expired one do not', async () => {
  for (const key of [SECRET_KEY, DOCUMENTED_KEY, legacyServiceKey()]) {
    await supabase.sql`truncate marks`;
    assert.equal((await put({ key })).status, 201);
    assert.equal((await read({ key, bearer: key })).body.length, 1);
  }
  assert.equal((await put({ key: null })).status, 401);
  assert.equal((await put({ key: 'sb_secret_of_somebody_else' })).body.message, 'Invalid API key');
  assert.equal((await put({ key: sign({ role: 'service_role' }, 'another secret') })).body.message, 'Invalid API key');
  assert.deepEqual([(await put({ key: sign({ role: 'service_role', exp: 1 }) })).status, (await put({ key: sign({ role: 'service_role', exp: 1 }) })).body.code], [401, 'PGRST303']);
});

test('a user is who the bearer says, and nobody without one', async () => {
  await put();
  assert.equal((await read({ key: PUBLISHABLE_KEY, bearer: userToken(MARK) })).body.length, 1);
  assert.equal((await read({ key: PUBLISHABLE_KEY, bearer: userToken('00000000-0000-4000-8000-000000000002') })).body.length, 0);
  assert.equal((await read({ key: PUBLISHABLE_KEY })).body.length, 0);
  assert.equal((await put({ key: PUBLISHABLE_KEY, bearer: userToken(MARK) })).status, 403);
  assert.equal((await read({ key: userToken(MARK) })).status, 401, 'a token is no key');
  assert.equal((await read({ key: PUBLISHABLE_KEY, bearer: sign({ sub: MARK, role: 'service_role' }, 'another secret') })).status, 401);
});

test('errors have PostgREST\'s status and SQLSTATE, times are ISO 8601', async () => {
  const told = async (body, status, code) => {
    const answer = await put({ body });
    assert.deepEqual([answer.status, answer.body.code], [status, code]);
  };
  await told([{ id: MARK, n: 0 }], 400, '23514');
  await told([{ id: MARK, n: null }], 400, '23502');
  await told([{ id: 'x', n: 1 }], 400, '22P02');
  await told([{ id: MARK, m: 1 }], 400, 'PGRST204');
  await told([{ id: MARK, n: 1 }, { id: MARK }], 400, 'PGRST102');
  await put();
  await told([{ id: MARK, n: 1 }], 409, '23505');
  assert.match((await read()).body[0].at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00$/);
  await told([{ id: MARK, n: 57014 }], 500, '57014');
  await told([{ id: MARK, n: 53100 }], 503, '53100');
  await told([{ id: MARK, n: 40001 }], 500, '40001');
});

const ENDED = /fetch failed|terminated/;

test('faults that answer leave the database alone', async () => {
  const cases = [
    [unavailable(7), 503, 'PGRST002'], [statementTimeout(), 500, '57014'], [jwtExpired(), 401, 'PGRST303'], [forbidden(), 403, '42501'],
    [conflict(), 409, '23505'], [wrongKey(), 401, undefined], [tooMany(3), 429, undefined],
  ];
  for (const [fault, status, code] of cases) {
    faulty.clear();
    const rule = faulty.on({ method: 'POST', table: 'marks' }, fault);
    const answer = await put();
    assert.deepEqual([answer.status, answer.body.code, rule.hits], [status, code, 1]);
    assert.equal((await read()).status, 200, 'a rule of another method');
    if (status === 503) assert.equal(answer.headers.get('retry-after'), '7');
  }
  assert.equal(await count(), 0);
});

test('a rule leaves out the first, takes the next, and only of what it speaks', async () => {
  const rule = faulty.on({ method: 'POST', after: 1, times: 2, when: r => r.rows[0].n < 10 }, unavailable());
  const statuses = [];
  for (const n of [1, 2, 20, 3, 4]) statuses.push((await put({ body: [{ id: `${MARK.slice(0, -2)}${10 + n}`, n }] })).status);
  assert.deepEqual(statuses, [201, 503, 201, 503, 201]);
  assert.equal(rule.hits, 2);
  assert.deepEqual(faulty.asked('marks', 'POST').slice(-2).map(r => [r.fault, r.status, r.isDone, r.rows[0].n]),
    [['unavailable', 503, false, 3], [null, 201, true, 4]]);
});

test('too big: by the bytes of the body', async () => {
  faulty.on({ table: 'marks' }, tooBig(100));
  const rows = [1, 2, 3].map(n => ({ id: `${MARK.slice(0, -1)}${n}`, n }));
  const answer = await fetch(`${faulty.url}/rest/v1/marks`, { method: 'POST', body: JSON.stringify(rows), headers: { apikey: SECRET_KEY, 'Content-Type': 'application/json' } });
  assert.equal(answer.status, 413);
  assert.equal((await put({ body: rows.slice(0, 1) })).status, 201);
  assert.equal(await count(), 1);
});

test('lost and cut answers: done in the database, unknown to the client', async () => {
  for (const [fault, prefer] of [[lose(), 'return=minimal'], [cut(), 'return=representation'], [cut(), 'return=minimal']]) {
    faulty.clear();
    await supabase.sql`truncate marks`;
    faulty.on({ method: 'POST' }, fault);
    await assert.rejects(put({ prefer }), ENDED);
    assert.equal(await count(), 1);
  }
});

test('a reset and a refused connection: nothing done', async () => {
  faulty.on({ method: 'POST' }, reset());
  await assert.rejects(put(), ENDED);
  faulty.clear();
  await faulty.refuse();
  await assert.rejects(put(), ENDED);
  await faulty.accept();
  assert.equal((await put()).status, 201);
  assert.equal(await count(), 1);
});

test('what is held goes on when the rules are cleared', async () => {
  for (const [fault, n_before] of [[hold(), 0], [holdAnswer(), 1]]) {
    faulty.clear();
    await supabase.sql`truncate marks`;
    const rule = faulty.on({ method: 'POST' }, fault);
    let answer = null;
    const asked = put().then(it => { answer = it; });
    await faulty.until(() => rule.hits === 1 && faulty.requests.at(-1).isDone === (n_before === 1), 'the request to be held');
    assert.deepEqual([await count(), answer], [n_before, null]);
    faulty.clear();
    await asked;
    assert.deepEqual([await count(), answer.status], [1, 201]);
  }
});

test('slow and hanging: the client may leave', async () => {
  faulty.on({ method: 'POST', times: 1 }, slow(5));
  assert.equal((await put()).status, 201);
  const rule = faulty.on({ method: 'POST' }, hang());
  const leaving = new AbortController();
  const asked = put({ signal: leaving.signal });
  await faulty.until(() => rule.hits === 1, 'the request to hang');
  leaving.abort();
  await assert.rejects(asked, /abort/);
  assert.equal(await count(), 1);
});

test('a broadcast is kept', async () => {
  const answer = await call('POST', '/realtime/v1/api/broadcast', { body: { messages: [{ topic: 'a', event: 'b', payload: {} }] } });
  assert.equal(answer.status, 202);
  assert.equal(faulty.broadcasts.at(-1).body.messages[0].topic, 'a');
});

test('supabase-js goes through it', async () => {
  await put();
  const { data, error } = await supabase.client(userToken(MARK)).from('marks').select('id,n').order('at', { ascending: false }).limit(5);
  assert.deepEqual([error, data], [null, [{ id: MARK, n: 1 }]]);
});
