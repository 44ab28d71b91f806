// `trademind outbox` on its own: what it lists, retries and drops is in sync.test.mjs.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { startTrademind, stop, tempDir } from './daemon.mjs';
import { start } from './harness.mjs';

async function outbox(folder, ...words) {
  const it = start('trademind', ['outbox', ...words, '--set', `DATA_DIR=${folder}`]);
  const { code } = await it.ended;
  return { code, stdout: it.stdout, stderr: it.stderr };
}

async function database() {
  const folder = tempDir(), daemon = startTrademind({ folder });
  await daemon.until(it => it.port(), 'the daemon to listen');
  await stop(daemon);
  return folder;
}

test('what is wrong with the words is said, with exit code 2', async () => {
  for (const [words, sentence] of [
    [[], /outbox: "" is nothing to do; expected list, retry or drop/],
    [['lst'], /outbox: "lst" is nothing to do/],
    [['retry'], /outbox retry: expected a number \(trademind outbox list\) or --all/],
    [['drop', '7', '--all'], /outbox drop: expected a number/],
    [['drop', '-7'], /unknown option|is no number/],
    [['drop', '7x'], /"7x" is no number/],
    [['drop', '0'], /"0" is no number/],
    [['list', '7'], /7/],
    [['retry', '7', '8'], /8/],
  ]) {
    const { code, stdout, stderr } = await outbox(tempDir(), ...words);
    assert.deepEqual([code, stdout], [2, ''], `${words}: ${stderr}`);
    assert.match(stderr, sentence);
  }
});

test('a folder without a database is said, and none is made', async () => {
  const folder = tempDir();
  const { code, stderr } = await outbox(folder, 'list');
  assert.equal(code, 1);
  assert.match(stderr, /trademind\.db: No such file or directory; nothing was ever kept there/);
  assert.equal(execFileSync('ls', ['-A', folder], { encoding: 'utf8' }), '');
});

test('dead letters for people and for programs', async () => {
  const folder = await database();
  assert.deepEqual(await outbox(folder, 'list'), { code: 0, stdout: '', stderr: '0 refused, 0 waiting\n' });
  execFileSync('sqlite3', [join(folder, 'trademind.db'), `insert into cloud_events values ('e-1', 'u', 'error', 'info', 'hello', '{}', 5);
    insert into dead_letters (destination, key, op, code, reason, died_at) values ('cloud_events', 'e-1', 0, '23514', 'no such event', 7), ('gone', 'x', 0, '', 'unknown', 8)`]);
  const people = await outbox(folder, 'list');
  assert.deepEqual([people.code, people.stdout, people.stderr], [0, '1  cloud_events  e-1  no such event\n2  gone  x  unknown\n', '2 refused, 0 waiting\n']);
  const [first, second] = (await outbox(folder, 'list', '--json')).stdout.trim().split('\n').map(line => JSON.parse(line));
  assert.deepEqual({ ...first, row: first.row.message }, { n: 1, table: 'cloud_events', key: 'e-1', code: '23514', reason: 'no such event', diedAt: 7, row: 'hello' });
  assert.equal(second.row, null);
  assert.match((await outbox(folder, 'drop', '9')).stderr, /there is no 9/);
  assert.deepEqual(await outbox(folder, 'drop', '2', '--json'), { code: 0, stdout: '{"count":1}\n', stderr: '' });
  assert.deepEqual(await outbox(folder, 'retry', '1'), { code: 0, stdout: '', stderr: '1 row\n' });
  assert.match((await outbox(folder, 'list')).stderr, /0 refused, 1 waiting/);
  assert.deepEqual(await outbox(folder, 'retry', '--all'), { code: 0, stdout: '', stderr: '0 rows\n' });
});
