// `trademind new`: what it writes works as it stands.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from './harness.mjs';
import { run } from './verbs.mjs';

const busted = existsSync('/usr/share/lua/5.1/busted/runner.lua');

test('a trader and its spec, in the current folder; what was written and what to do next', async () => {
  const cwd = tempDir();
  const { code, stdout, stderr } = await run(['new', 'rsi_rebound'], { cwd });
  assert.equal(code, 0);
  assert.equal(stderr, '');
  assert.match(stdout, /^wrote rsi_rebound\.lua\nwrote rsi_rebound_spec\.lua\n\nnext: /);
  assert.match(stdout, /trademind check rsi_rebound\.lua --specs/);
  assert.deepEqual(readdirSync(cwd).sort(), ['rsi_rebound.lua', 'rsi_rebound_spec.lua']);
  for (const name of readdirSync(cwd)) {
    const text = readFileSync(join(cwd, name), 'utf8');
    assert.ok(text.includes('"rsi_rebound"'));
    assert.ok(!text.includes('TRADER_NAME'));
  }
});

test('the trader has no finding, and its spec passes', { skip: !busted && 'busted is not installed' }, async () => {
  const cwd = tempDir();
  await run(['new', 'my-trader'], { cwd });
  const { code, lines, stderr } = await run(['check', '--json', '--specs', 'my-trader.lua'], { cwd });
  assert.equal(code, 0, stderr);
  assert.deepEqual(lines.map(finding => finding.severity), ['note', 'note']);
  assert.match(stderr, /my-trader_spec\.lua: 3 passed, 0 failed, 0 pending\n/);
});

test('the spec notices when the trader is changed', { skip: !busted && 'busted is not installed' }, async () => {
  const cwd = tempDir();
  await run(['new', 'x'], { cwd });
  const path = join(cwd, 'x.lua'), text = readFileSync(path, 'utf8');
  for (const [from, to] of [['ta.crossover', 'ta.crossunder'], ['m.close[0] > m.open[0]', 'm.close[0] < m.open[0]']]) {
    writeFileSync(path, text.replace(from, to));
    const { code, lines } = await run(['check', '--json', '--specs', 'x.lua'], { cwd });
    assert.equal(code, 1, to);
    assert.ok(lines.some(finding => finding.code === 'spec-failed'), to);
  }
});

test('--dir and --json', async () => {
  const folder = join(tempDir(), 'mine');
  mkdirSync(folder);
  const { code, lines } = await run(['new', 'x', '--dir', folder, '--json']);
  assert.equal(code, 0);
  assert.deepEqual(lines, [{ file: `${folder}/x.lua`, kind: 'trader' }, { file: `${folder}/x_spec.lua`, kind: 'spec' }]);
});

test('a file that is there stays as it is, and nothing is written beside it', async () => {
  for (const there of ['x.lua', 'x_spec.lua']) {
    const cwd = tempDir();
    writeFileSync(join(cwd, there), 'mine');
    const { code, stdout, stderr } = await run(['new', 'x'], { cwd });
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.equal(stderr, `trademind: ${there} is there already; choose another name, or remove it\n`);
    assert.deepEqual(readdirSync(cwd), [there]);
    assert.equal(readFileSync(join(cwd, there), 'utf8'), 'mine');
  }
});

test('a folder that is not there', async () => {
  const { code, stderr } = await run(['new', 'x', '--dir', '/nonexistent']);
  assert.equal(code, 1);
  assert.equal(stderr, 'trademind: /nonexistent/x.lua: No such file or directory\n');
});

for (const [words, sentence] of [
  [[], 'no name is given; expected one such as rsi_rebound'],
  [['a', 'b'], 'unexpected word "b"; expected one name'],
  [['a b'], 'the name is "a b"; expected letters, digits, _ and - (at most 63), such as rsi_rebound'],
  [['../x'], 'the name is "../x"; expected letters'],
  [['x_spec'], 'the name is "x_spec"; expected letters'],
  [['x'.repeat(64)], 'the name is "xxx'],
]) {
  test(`usage: new ${words.join(' ').slice(0, 20)}`, async () => {
    const cwd = tempDir();
    const { code, stdout, stderr } = await run(['new', ...words], { cwd });
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.ok(stderr.startsWith(`trademind: ${sentence}`), stderr);
    assert.deepEqual(readdirSync(cwd), []);
  });
}
