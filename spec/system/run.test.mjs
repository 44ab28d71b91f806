// The runner of the specs must see every way in which a test file can fail, or a green suite proves nothing.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const { failures, judge, told } = createRequire(import.meta.url)('../run');

function judged(output, { code = 0, signal = null, late = false } = {}) {
  const { passed, failed, skipped, complaints } = judge({ test: { limit: 120 }, output, code, signal, late });
  return { passed, failed, skipped, complaints };
}

test('counts what TAP says', () => {
  const output = 'ok 1 - a\nnot ok 2 - b\n# why\nok 3 - # SKIP c\nok 4 - d # SKIP no data\n1..4\n';
  assert.deepEqual(judged(output, { code: 1 }), { passed: 1, failed: 1, skipped: 2, complaints: [] });
});

test("takes node's totals, nested tests and cancelled ones included", () => {
  const output = 'TAP version 13\n# Subtest: s\n    ok 1 - a\n    not ok 2 - b\n    1..2\nnot ok 1 - s\n1..1\n'
    + '# tests 5\n# suites 1\n# pass 2\n# fail 1\n# cancelled 1\n# skipped 1\n# todo 0\n';
  assert.deepEqual(judged(output, { code: 1 }), { passed: 2, failed: 2, skipped: 1, complaints: [] });
});

for (const [name, output, end, complaint] of [
  ['a crash after good tests', 'ok 1 - a\n1..1\n', { code: null, signal: 'SIGSEGV' }, 'ended by SIGSEGV'],
  ['a sanitizer that speaks at exit', 'ok 1 - a\n1..1\n', { code: 66 }, 'exit code 66'],
  ['the time limit', 'ok 1 - a\n', { code: null, signal: 'SIGKILL', late: true }, 'ended by its time limit of 120 s'],
  ['no plan', 'ok 1 - a\n', {}, 'no plan'],
  ['fewer tests than planned', 'ok 1 - a\n1..2\n', {}, '1 tests reported, 2 planned'],
  ['no test', '1..0\n', {}, 'no test'],
  ['no output', '', {}, 'no test'],
  ['a failure behind exit code 0', 'not ok 1 - a\n1..1\n', { code: 0 }, 'exit code 0 in spite of failures'],
]) {
  test(`${name} is a failure`, () => {
    const result = judged(output, end);
    assert.ok(result.failed >= 1);
    assert.ok(result.complaints.includes(complaint), result.complaints.join('; '));
  });
}

const NODE = [
  'TAP version 13',
  '# Subtest: fine', 'ok 1 - fine', '  ---', '  duration_ms: 1.2', "  type: 'test'", '  ...',
  'said by the test',
  '# Subtest: bad', 'not ok 2 - bad', '  ---', '  duration_ms: 1.3', "  error: 'one is not two'", '  ...',
  '# Subtest: worse', 'not ok 3 - worse', '  ---', '  error: |-', '    Expected values to be equal:', '    1 !== 2', '  ...',
  '1..3', '',
].join('\n');

test('of a file that fails, what has passed is not told', () => {
  const text = told(NODE).join('\n');
  for (const kept of ['said by the test', 'not ok 2 - bad', 'one is not two', '1 !== 2', '1..3']) assert.ok(text.includes(kept), kept);
  for (const left of ['fine', 'duration_ms: 1.2', 'Subtest']) assert.ok(!text.includes(left), left);
});

test('failures in a line each, with their error', () => {
  const list = (output, complaints = []) => failures({ test: { file: 'f' }, output, complaints });
  assert.deepEqual(list(NODE), ["f: bad: 'one is not two'", 'f: worse: Expected values to be equal:']);
  assert.deepEqual(list('ok 1 - a\nnot ok 2 - it is 3 (4)\n# more\n1..2\n', ['no plan']), ['f: it is 3 (4)', 'f: no plan']);
});
