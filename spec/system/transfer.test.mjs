// trademind import and export: traders carried between files, SQLite and Supabase.
// time limit: 240
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { lose, unavailable, wrongKey } from './faulty.mjs';
import { start, tempDir } from './harness.mjs';
import { startSupabase } from './supabase.mjs';

const RISING = 'return trader { name = "RSI, rising!", description = "goes up", interval = "5m", filter = function(m) return m.close[0] > m.close[1] end }\n';
const WITH_INPUT = 'local bars = input.int("bars", 3, {min = 1, max = 50})\nreturn trader { name = "Input", interval = "5m", filter = function(m) return m.close[0] > m.close[bars] end }\n';
const BROKEN = 'return trader {\n';

let supabase, user, folder;

before(async () => { supabase = await startSupabase(); });
after(() => supabase.stop());
beforeEach(async () => {
  supabase.faulty.clear();
  await supabase.sql`delete from traders`;
  user = await supabase.addUser();
  folder = tempDir();
});

/** The verb as a program: {code, lines, stderr}; by name: {key: action}. */
async function call(words, env = supabase.envFor(user)) {
  const it = start('trademind', [...words, '--json'], { DATA_DIR: tempDir(), TRADERS_DIR: folder, ...env });
  const { code } = await it.ended;
  return { code, lines: it.lines, stderr: it.stderr, actions: Object.fromEntries(it.lines.map(line => [line.trader, line.action])) };
}
const write = files => { for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text); };
const rows = () => supabase.sql`select * from traders where user_id = ${user.id} order by name`;
const read = (dir, name) => readFileSync(join(dir, name), 'utf8');

test('files become rows, and the same rows whenever they are imported', async () => {
  write({ 'rising.lua': RISING, 'input.lua': WITH_INPUT, 'input.json': '{"bars": 7}', 'broken.lua': BROKEN, 'slow.json': '{"use": "input", "name": "Slow", "inputs": {"bars": 40}}' });
  const first = await call(['import']);
  assert.deepEqual(first.actions, { rising: 'added', input: 'added', slow: 'added', broken: 'refused' }, first.stderr);
  assert.equal(first.code, 1);
  assert.match(first.lines.find(line => line.trader === 'broken').error, /broken\.lua:/);
  const before = await rows();
  assert.deepEqual(before.map(r => [r.name, r.description, r.filter.code, r.filter.key, r.inputs, r.language, r.enabled, r.cloud_config.enabledInCloud]), [
    ['Input', '', WITH_INPUT, 'input', { bars: 7 }, 'lua', true, true], ['RSI, rising!', 'goes up', RISING, 'rising', null, 'lua', true, true],
    ['Slow', '', WITH_INPUT, 'slow', { bars: 40 }, 'lua', true, true],
  ]);
  const second = await call(['import']);
  assert.deepEqual(second.actions, { rising: 'unchanged', input: 'unchanged', slow: 'unchanged', broken: 'refused' });
  assert.deepEqual(await rows(), before);
});

test('an edited file updates its row, and what its owner has said of it stays', async () => {
  write({ 'rising.lua': RISING });
  await call(['import']);
  await supabase.sql`update traders set enabled = false, cloud_config = '{"enabledInCloud": false, "notifyOnSignal": true}'`;
  write({ 'rising.lua': RISING.replace('goes up', 'goes up still'), 'rising.json': '{}' });
  const { code, actions } = await call(['import']);
  assert.deepEqual([code, actions], [0, { rising: 'updated' }]);
  const [row] = await rows();
  assert.deepEqual([row.description, row.enabled, row.cloud_config], ['goes up still', false, { enabledInCloud: false, notifyOnSignal: true }]);
});

test('rows become files under their own names, or named after what they are called', async () => {
  await supabase.sql`insert into traders ${supabase.sql([
    { name: 'RSI, rising!', filter: supabase.sql.json({ code: RISING }), inputs: null, language: 'lua', user_id: user.id },
    { name: 'RSI rising', filter: supabase.sql.json(JSON.stringify({ code: RISING })), inputs: null, language: 'lua', user_id: user.id },
    { name: 'With input', filter: supabase.sql.json({ code: WITH_INPUT, key: 'mine' }), inputs: supabase.sql.json({ bars: 9 }), language: 'lua', user_id: user.id },
    { name: 'Old one', filter: supabase.sql.json({ code: 'return true' }), inputs: null, language: 'javascript', user_id: user.id },
    { name: '../../escape', filter: supabase.sql.json({ code: RISING, key: '../escape' }), inputs: null, language: 'lua', user_id: user.id },
    { name: 'Of another', filter: supabase.sql.json({ code: RISING }), inputs: null, language: 'lua', user_id: supabase.user.id },
    { name: 'Built in', filter: supabase.sql.json({ code: RISING }), inputs: null, language: 'lua', user_id: null },
  ])}`;
  const target = join(tempDir(), 'new');
  const { code, actions } = await call(['export', '--to', target]);
  const files = readdirSync(target).sort(), twin = files.find(name => /^rsi_rising-[0-9a-f]{8}\.lua$/.test(name));
  assert.equal(code, 0);
  assert.deepEqual(files, ['escape.lua', 'mine.json', 'mine.lua', 'rsi_rising.lua', twin].sort());
  assert.equal(actions.old_one, 'skipped');
  assert.deepEqual([read(target, 'mine.lua'), JSON.parse(read(target, 'mine.json')), read(target, 'rsi_rising.lua')], [WITH_INPUT, { bars: 9 }, RISING]);

  assert.deepEqual(Object.values((await call(['export', '--to', target])).actions).sort(), ['skipped', 'unchanged', 'unchanged', 'unchanged', 'unchanged']);
  writeFileSync(join(target, 'mine.lua'), RISING);
  const refused = await call(['export', 'mine', '--to', target]);
  assert.deepEqual([refused.code, refused.actions, read(target, 'mine.lua')], [1, { mine: 'refused' }, RISING]);
  const forced = await call(['export', 'mine', '--to', target, '--force']);
  assert.deepEqual([forced.code, forced.actions, read(target, 'mine.lua')], [0, { mine: 'updated' }, WITH_INPUT]);
  const back = await call(['import', '--from', target]);
  assert.deepEqual([back.code, Object.values(back.actions)], [0, ['unchanged', 'unchanged', 'unchanged', 'unchanged']], 'the way back finds the same rows');
});

test('through a SQLite file and back', async () => {
  const file = join(tempDir(), 'carried.db'), target = tempDir();
  write({ 'rising.lua': RISING, 'input.lua': WITH_INPUT, 'input.json': '{"bars": 7}' });
  assert.deepEqual((await call(['import', '--to', file], {})).actions, { rising: 'added', input: 'added' });
  assert.deepEqual((await call(['import', '--to', file], {})).actions, { rising: 'unchanged', input: 'unchanged' });
  const shell = execFileSync('sqlite3', [file, "SELECT name, filter ->> 'key', inputs FROM traders ORDER BY name"], { encoding: 'utf8' });
  assert.equal(shell, 'Input|input|{"bars":7}\nRSI, rising!|rising|\n');
  assert.deepEqual((await call(['import', '--from', file, '--to', 'supabase'])).actions, { rising: 'added', input: 'added' });
  assert.deepEqual((await rows()).map(r => [r.name, r.filter.code]), [['Input', WITH_INPUT], ['RSI, rising!', RISING]]);
  assert.deepEqual((await call(['export', '--from', file, '--to', target], {})).actions, { rising: 'added', input: 'added' });
  assert.deepEqual([read(target, 'rising.lua'), read(target, 'input.json')], [RISING, '{"bars":7}']);
});

test('a dry run writes nothing, names choose, and a name that is none is refused', async () => {
  write({ 'rising.lua': RISING, 'input.lua': WITH_INPUT });
  const dry = await call(['import', '--dry-run']);
  assert.deepEqual([dry.code, dry.actions], [0, { rising: 'added', input: 'added' }]);
  assert.equal((await rows()).length, 0);
  const some = await call(['import', 'RSI, rising!', 'nonsense']);
  assert.deepEqual([some.code, some.actions], [1, { rising: 'added', nonsense: 'refused' }]);
  assert.equal((await rows()).length, 1);
});

test('a lost answer is no second row, a passing failure is tried again, a lasting one is told', async () => {
  write({ 'rising.lua': RISING });
  supabase.faulty.on({ method: 'POST', table: 'traders', times: 1 }, lose());
  supabase.faulty.on({ method: 'GET', table: 'traders', times: 1 }, unavailable(0));
  assert.deepEqual((await call(['import'])).actions, { rising: 'added' });
  assert.equal((await rows()).length, 1);
  supabase.faulty.clear();
  supabase.faulty.on({}, wrongKey());
  const { code, stderr, lines } = await call(['import']);
  assert.deepEqual([code, lines], [1, []]);
  assert.match(stderr, /trademind: supabase: .*API key/);
});

test('places that are none are wrong usage', async () => {
  for (const [words, env] of [[['import'], {}], [['export'], {}], [['import', '--to', 'supabase'], {}], [['export', '--from', folder, '--to', folder], {}]]) {
    assert.equal((await call(words, env)).code, 2, words.join(' '));
  }
  assert.equal((await call(['export', '--from', join(folder, 'missing.db'), '--to', folder], {})).code, 1);
  assert.ok(!existsSync(join(folder, 'missing.db')));
  mkdirSync(join(folder, 'empty'));
  assert.equal((await call(['import', '--from', join(folder, 'no folder'), '--to', join(folder, 'x.db')], {})).code, 1);
});
