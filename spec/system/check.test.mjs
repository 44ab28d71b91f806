// `trademind check`: every finding has a trader in spec/lua/check that produces it, and good traders have none.
// time limit: 300
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataPath, root, tempDir } from './harness.mjs';
import { randomBars, run, writeKlines } from './verbs.mjs';

const lua = folder => readdirSync(join(root, folder)).filter(name => name.endsWith('.lua') && !name.endsWith('_spec.lua')).sort().map(name => `${folder}/${name}`);
const place = finding => `${finding.code} ${finding.line}:${finding.column}`;
const serious = findings => findings.filter(finding => finding.severity !== 'note');

function write(name, code, folder = tempDir()) {
  const path = join(folder, name);
  writeFileSync(path, code);
  return path;
}

const GOOD = 'return trader {name = "x", interval = "5m", filter = function(m) return m.close[0] > m.open[0] end}\n';

// ---- one bad trader for each finding ----

for (const file of lua('spec/lua/check')) {
  const expected = /^-- expect: (.*)$/m.exec(readFileSync(join(root, file), 'utf8'))[1].match(/\S+ \S+/g);
  test(`${file.replace('spec/lua/check/', '')}: ${expected.join(', ')}`, async () => {
    const { code, lines } = await run(['check', '--json', file], { cwd: root });
    assert.deepEqual(serious(lines).map(place), expected);
    assert.equal(code, 1);
    for (const finding of lines) {
      assert.deepEqual(Object.keys(finding), ['file', 'line', 'column', 'end_column', 'severity', 'code', 'message', 'hint', 'source']);
      assert.equal(finding.file, file);
      assert.ok(finding.end_column >= finding.column);
      assert.equal(finding.source, readFileSync(join(root, file), 'utf8').split('\n')[finding.line - 1]);
    }
  });
}

test('there is a bad trader for every code but those of other tools', () => {
  const codes = new Set(lua('spec/lua/check').flatMap(file => readFileSync(join(root, file), 'utf8').split('\n')[0].match(/[a-z]+(-[a-z]+)+|syntax|slow/g)));
  for (const code of ['syntax', 'unknown-name', 'unknown-field', 'unknown-option', 'wrong-return', 'series-as-number', 'mixed-timeframes',
    'unused-input', 'unused-timeframe', 'undeclared-timeframe', 'never-holds', 'matches-nan', 'look-ahead', 'depends-on-history',
    'kept-between-calls', 'slow', 'hidden-name', 'over-limit']) assert.ok(codes.has(code), code);
});

// ---- good ones ----

// A trader that waits for an indicator says nothing about check.
for (const file of ['lua/traders', 'bench/traders', 'spec/lua/traders', 'docs/examples'].flatMap(lua)) {
  test(`no finding: ${file}`, async t => {
    const { code, lines } = await run(['check', '--json', file], { cwd: root });
    const missing = lines.find(finding => /there is no ta\.|is not in this version/.test(finding.message));
    if (missing) return t.skip(missing.message);
    assert.deepEqual(serious(lines).map(finding => `${place(finding)} ${finding.message}`), []);
    assert.equal(code, 0);
    const { message } = lines.find(finding => finding.code === 'matches');
    assert.match(message, /^matches at \d+ of \d+ generated bars; [\d.]+ us of CPU time an evaluation$/);
  });
}

test('notes say the warm-up, and are no findings', async () => {
  const file = write('x.lua', `return trader {name = "x", interval = "5m", timeframes = {"1h"}, filter = function(m)
    return ta.rsi(m.close, 14)[0] < 30 and m["1h"].close[0] > ta.ema(m["1h"].close, 20)[0]
  end}`);
  const { code, lines, stderr } = await run(['check', '--json', file]);
  assert.equal(code, 0);
  assert.equal(lines.find(finding => finding.code === 'warm-up').message, 'warm-up: 350 bars of 5m, 250 bars of 1h');
  assert.equal(stderr, 'trademind: 1 file checked: no finding\n');
});

test('a local name like a parameter of prompt is only noted', async () => {
  const file = write('x.lua', `return trader {name = "x", interval = "5m", filter = function(m)
    local signal = ta.macd(m.close).signal
    return m.close[0] > signal[0]
  end, prompt = function(m, signal) return m.symbol .. signal.price end}`);
  const { code, lines } = await run(['check', '--json', file]);
  assert.equal(code, 0);
  assert.deepEqual(lines.filter(finding => finding.code === 'hidden-name').map(finding => `${finding.severity} ${finding.line}`), ['note 2']);
});

// ---- how it is told ----

test('a finding for people: place, severity, code, sentence, hint, the line and what is meant', async () => {
  const { stdout, stderr, code } = await run(['check', 'spec/lua/check/unknown_field.lua'], { cwd: root });
  assert.equal(stdout, [
    'spec/lua/check/unknown_field.lua:6:14: error[unknown-field]: the market has no field "clsoe"; did you mean "close"?',
    '    return m.clsoe[0] > 100',
    '             ^^^^^', ''].join('\n'));
  assert.equal(stderr, 'trademind: 1 file checked: 1 error, 0 warnings\n');
  assert.equal(code, 1);
});

test('columns count characters, and a tab is one', async () => {
  const file = write('x.lua', 'return trader {name = "x", interval = "5m", filter = function(m)\n\treturn "ä→" ~= "" and m.close[0] > clsoe\nend}\n');
  const { stdout } = await run(['check', file]);
  const [head, source, mark] = stdout.split('\n');
  assert.match(head, /:2:37: error\[unknown-name\]/);
  assert.equal([...source].slice([...mark].indexOf('^'), [...mark].indexOf('^') + 5).join(''), 'clsoe');
  assert.equal(mark.trim(), '^^^^^');
});

test('several files: each is checked, whatever is wrong with the others', async () => {
  const folder = tempDir();
  const good = write('good.lua', GOOD, folder), bad = write('bad.lua', GOOD.replace('m.open', 'm.opne'), folder);
  const { code, lines, stderr } = await run(['check', '--json', join(folder, 'none.lua'), bad, good, join(folder, 'good_spec.lua')]);
  assert.equal(code, 1);
  assert.deepEqual(serious(lines).map(finding => [finding.file, finding.code]), [[bad, 'unknown-field']]);
  assert.ok(lines.some(finding => finding.file === good));
  assert.match(stderr, /none\.lua: No such file or directory\n/);
  assert.match(stderr, /good_spec\.lua is a spec, not a trader; skipped\n/);
  assert.match(stderr, /2 files checked, 1 could not be: 1 error, 0 warnings\n$/);
});

test('inputs of the JSON beside it, and a trader that uses the script of another', async () => {
  const folder = tempDir();
  write('x.lua', 'local length = input.int("length", 3, {min = 2})\n' + GOOD.replace('m.open[0]', 'ta.sma(m.close, length)[0]'), folder);
  const one = await run(['check', '--json', join(folder, 'x.lua')]);
  write('x.json', '{"length": 77}', folder);
  write('slow.json', '{"use": "x", "inputs": {"length": 155}}', folder);
  const other = await run(['check', '--json', join(folder, 'x.lua'), join(folder, 'slow.json')]);
  const depths = result => result.lines.filter(finding => finding.code === 'warm-up').map(finding => finding.message);
  assert.deepEqual(depths(one), ['warm-up: 3 bars of 5m']);
  assert.deepEqual(depths(other), ['warm-up: 77 bars of 5m', 'warm-up: 155 bars of 5m']);
});

test('what a script prints is not among the findings', async () => {
  const file = write('x.lua', GOOD.replace('return m', 'print("hello", m.symbol) log.error("x") return m'));
  const { code, stdout, stderr } = await run(['check', file]);
  assert.equal(code, 0);
  assert.doesNotMatch(stdout + stderr, /hello/);
});

// ---- files that are no good text ----

const WITH_INPUT = `local a = input.int("a", 2, {min = 1, max = 10})\n${GOOD.replace('> m', '> a * m')}`;
const UNREADABLE = [
  ['UTF-16', Buffer.from(`\ufeff${GOOD}`, 'utf16le'), null, 'x.lua: found UTF-16; expected a script saved as UTF-8'],
  ['UTF-16, the other one', Buffer.from(`\ufeff${GOOD}`, 'utf16le').swap16(), null, 'x.lua: found UTF-16; expected a script saved as UTF-8'],
  ['UTF-16 without a mark', Buffer.from(GOOD, 'utf16le'), null, 'x.lua:1: found a zero byte; expected a script, a text in UTF-8'],
  ['a zero byte', GOOD.replace('m.open', '\n\0m.open'), null, 'x.lua:2: found a zero byte; expected a script, a text in UTF-8'],
  ['inputs that are a list', WITH_INPUT, '[1]', 'x.json: found no JSON object; expected one such as {"length": 20}'],
  ['inputs that are null', WITH_INPUT, 'null', 'x.json: found no JSON object; expected one such as {"length": 20}'],
  ['no inputs at all', WITH_INPUT, '', 'x.json:1: unexpected token near end of file; expected a JSON object such as {"length": 20}'],
  ['inputs that end early', WITH_INPUT, '{\n"a":', 'x.json:2: unexpected token near end of file; expected a JSON object such as {"length": 20}'],
];
for (const [what, code, inputs, sentence] of UNREADABLE) {
  test(`a file that cannot be read: ${what}`, async () => {
    const folder = tempDir();
    const file = write('x.lua', code, folder);
    if (inputs !== null) write('x.json', inputs, folder);
    const result = await run(['check', file]);
    assert.equal(result.stderr, `trademind: ${folder}/${sentence}\ntrademind: 0 files checked, 1 could not be: no finding\n`);
    assert.equal(result.stdout, '');
    assert.equal(result.code, 1);
  });
}

test('a named pipe is not waited for', async () => {
  const file = join(tempDir(), 'x.lua');
  execFileSync('mkfifo', [file]);
  const { code, stderr } = await run(['check', file]);
  assert.equal(code, 1);
  assert.match(stderr, /x\.lua: not a regular file\n/);
});

test('what other editors write is read: a byte order mark, \\r\\n, an inputs file with a mark', async () => {
  const folder = tempDir();
  const file = write('x.lua', `\ufeff${WITH_INPUT.replaceAll('\n', '\r\n')}`, folder);
  write('x.json', '\ufeff{"a": 3}', folder);
  const { code, lines } = await run(['check', '--json', file]);
  assert.deepEqual(serious(lines), []);
  assert.equal(code, 0);
});

test('what is wrong with a script in another encoding is shown', async () => {
  const file = write('x.lua', Buffer.from(`${GOOD.replace('m.close', 'm.clsoe').trim()} -- caf\u00e9\n`, 'latin1'));
  const { code, lines, stderr } = await run(['check', '--json', file]);
  assert.equal(code, 1, stderr);
  assert.deepEqual(serious(lines).map(place), ['unknown-field 1:75']);
  assert.match(lines[0].source, / -- caf\?$/);
});

test('of a long line only what is near is shown', async () => {
  const file = write('x.lua', `local caf\u00e9 = "${'\u00e9'.repeat(3000)}" ${GOOD.replace('m.close', 'm.clsoe')}`.replace('caf\u00e9', 'cafe'));
  const { stdout } = await run(['check', file]);
  const [, source, marks] = stdout.split('\n').slice(stdout.split('\n').findIndex(line => line.includes('unknown-field')));
  assert.ok([...source].length <= 164, source);
  assert.equal([...source].slice(marks.indexOf('^'), marks.length).join(''), 'clsoe');
});

test('an input that is null in the file', async () => {
  const folder = tempDir();
  write('x.json', '{"a": null}', folder);
  const { lines } = await run(['check', '--json', write('x.lua', WITH_INPUT, folder)]);
  assert.equal(serious(lines)[0].message, 'input "a" is null');
  assert.equal(serious(lines)[0].hint, 'expected a whole number 1..10');
});

test('the bound of the cost is an option', async () => {
  const { code, lines } = await run(['check', '--json', '--cost-us', '900000', 'spec/lua/check/slow.lua'], { cwd: root });
  assert.equal(code, 0);
  assert.deepEqual(serious(lines), []);
  assert.ok(lines.some(finding => finding.code === 'cut-short'));
});

for (const [words, sentence] of [
  [[], 'no file is given; expected FILE.lua'],
  [['x.lua', '--cost-us', 'fast'], '--cost-us is "fast"; expected a number from 1'],
  [['x.lua', '--dat', 'x'], 'unknown option --dat; did you mean --data?'],
]) {
  test(`usage: check ${words.join(' ')}`, async () => {
    const { code, stdout, stderr } = await run(['check', ...words]);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.ok(stderr.startsWith(`trademind: ${sentence}`), stderr);
  });
}

test('without luacheck: one warning, and what a run shows is found all the same', async () => {
  const env = { LUA_PATH: '/nonexistent/?.lua' };
  const { lines, stderr } = await run(['check', '--json', 'matches_nan_not.lua', 'kept_number.lua', 'look_ahead.lua', 'unknown_field.lua', 'syntax.lua',
    'depends_on_sum.lua', 'mixed_timeframes.lua'], { cwd: join(root, 'spec/lua/check'), env });
  assert.equal(stderr.match(/luacheck is not installed \(Debian: apt install lua-check\)/g).length, 1);
  assert.deepEqual(serious(lines).map(finding => `${finding.file} ${finding.code}`), ['matches_nan_not.lua matches-nan', 'kept_number.lua kept-between-calls',
    'look_ahead.lua look-ahead', 'unknown_field.lua unknown-field', 'syntax.lua syntax', 'depends_on_sum.lua depends-on-history',
    'mixed_timeframes.lua mixed-timeframes']);
  assert.equal((await run(['check', write('x.lua', GOOD)], { env })).code, 0);
});

// ---- recorded klines ----

test('--data: recorded klines as well, with findings that only they bring', async () => {
  const folder = tempDir(), data = join(folder, 'data');
  mkdirSync(data);
  writeKlines(data, 'ODDUSDT-1m.csv', randomBars(3000));
  const file = write('x.lua', GOOD.replace('return m', 'if m.symbol == "ODDUSDT" then error "how odd" end return m'), folder);
  const without = await run(['check', '--json', file]);
  assert.deepEqual(serious(without.lines), []);
  assert.match(without.lines.find(finding => finding.code === 'matches').message, / of 1200 generated bars/);
  const result = await run(['check', '--json', file, '--data', data]);
  assert.equal(result.code, 1);
  assert.deepEqual(serious(result.lines).map(finding => `${finding.code}: ${finding.message}`), ['run-time-error: how odd']);
  assert.match(result.lines.find(finding => finding.code === 'matches').message, / of 1800 generated and recorded bars/);
  const nothing = await run(['check', file, '--data', tempDir()]);
  assert.equal(nothing.code, 1);
  assert.match(nothing.stderr, /no file has bars of which 5m bars can be made/);
});

test('--data: the built-in traders on real klines', { skip: !dataPath('klines') && 'no recorded data' }, async () => {
  const files = ['lua/traders/golden_cross.lua', 'lua/traders/rsi_oversold_bounce.lua', 'lua/traders/volume_spike.lua'];
  const { code, lines, stderr } = await run(['check', '--json', ...files, '--data', dataPath('klines')], { cwd: root });
  assert.deepEqual(serious(lines), [], stderr);
  assert.equal(code, 0);
});

// ---- specs of traders ----

const busted = existsSync('/usr/share/lua/5.1/busted/runner.lua');

test('--specs: a spec beside the file is run from any folder', { skip: !busted && 'busted is not installed' }, async () => {
  const folder = tempDir(), elsewhere = tempDir();
  const file = write('x.lua', GOOD, folder);
  write('x_spec.lua', 'local spec = require "trademind.spec"\ndescribe("x", function() it("runs", function() print "loud" assert.is_table(spec) end) end)\n', folder);
  const good = await run(['check', '--json', '--specs', file], { cwd: elsewhere });
  assert.equal(good.code, 0, good.stderr);
  assert.match(good.stderr, /x_spec\.lua: 1 passed, 0 failed, 0 pending\n/);
  assert.match(good.stderr, /loud/);
  write('x_spec.lua', 'describe("x", function()\n  it("runs", function()\n    assert.equal(1, 2)\n  end)\n  it("errs", function() error("boo") end)\nend)\n', folder);
  const bad = await run(['check', '--json', '--specs', file], { cwd: elsewhere });
  assert.equal(bad.code, 1);
  assert.deepEqual(serious(bad.lines).map(place), ['spec-failed 3:1', 'spec-failed 5:1']);
  assert.equal(serious(bad.lines)[0].file, join(folder, 'x_spec.lua'));
  assert.match(serious(bad.lines)[0].message, /^x runs: .*Expected objects to be equal/);
});

test('--specs: one that does not compile, one that is missing, one that ends the process', { skip: !busted && 'busted is not installed' }, async () => {
  const folder = tempDir();
  const file = write('x.lua', GOOD, folder);
  const missing = await run(['check', '--specs', file]);
  assert.equal(missing.code, 0);
  assert.match(missing.stderr, /x\.lua has no spec; expected .*x_spec\.lua\n/);
  write('x_spec.lua', 'describe("x", function(\n', folder);
  const broken = await run(['check', '--json', '--specs', file]);
  assert.equal(broken.code, 1);
  assert.equal(serious(broken.lines)[0].code, 'spec-failed');
  write('x_spec.lua', 'os.exit(3)\n', folder);
  const ended = await run(['check', '--specs', file]);
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, /x_spec\.lua: busted ended without a result/);
});

test('--specs without busted', async () => {
  const folder = tempDir();
  const file = write('x.lua', GOOD, folder);
  write('x_spec.lua', 'describe("x", function() end)\n', folder);
  const { code, stderr } = await run(['check', '--specs', file], { env: { LUA_PATH: '/nonexistent/?.lua' } });
  assert.equal(code, 1);
  assert.match(stderr, /busted is not installed \(Debian: apt install lua-busted\); no spec was run/);
});
