// The command line as a stranger meets it: help, wrong words, settings and where they come from, exit codes.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdtempSync, mkdirSync, rmSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const program = path.resolve(process.env.TRADEMIND_BUILD ?? 'build/release', 'trademind');
const root = process.cwd();
const VERBS = ['run', 'replay', 'new', 'check', 'eval', 'explain', 'analyze', 'config', 'status'];
let folder;

before(() => { folder = mkdtempSync(path.join(tmpdir(), 'trademind-cli-')); });
after(() => rmSync(folder, { recursive: true }));

// Runs to its end in an empty folder with nothing but `env`; one line per array element.
function trademind(words, { env = {}, cwd = folder } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { cwd, env: { HOME: folder, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '', stderr = '';
    child.stdout.on('data', bytes => { stdout += bytes; });
    child.stderr.on('data', bytes => { stderr += bytes; });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

const lines = text => text.split('\n').slice(0, -1);

async function values(words = [], options) {
  const result = await trademind(['config', '--json', ...words], options);
  assert.equal(result.code, 0, result.stderr);
  return Object.fromEntries(lines(result.stdout).map(line => JSON.parse(line)).map(item => [item.name, item]));
}

// ---- help ----

test('help names every verb, on stdout, with code 0', async () => {
  for (const words of [['--help'], ['-h'], ['help']]) {
    const result = await trademind(words);
    assert.equal(result.code, 0);
    assert.equal(result.stderr, '');
    for (const verb of VERBS) assert.match(result.stdout, new RegExp(`^  ${verb} `, 'm'));
  }
});

test('each verb has help, by --help and by help VERB, in 80 columns', async () => {
  for (const verb of VERBS) {
    const asked = await trademind(['help', verb]);
    const flagged = await trademind([verb, '--help']);
    assert.equal(asked.code, 0);
    assert.equal(asked.stdout, flagged.stdout);
    assert.match(asked.stdout, new RegExp(`^Usage: trademind ${verb} `, 'm'));
    assert.match(asked.stdout, /^  --json/m);
    for (const line of lines(asked.stdout)) assert.ok(line.length <= 80, line);
  }
  for (const line of lines((await trademind(['--help'])).stdout)) assert.ok(line.length <= 80, line);
});

test('--version is one line', async () => {
  const { code, stdout } = await trademind(['--version']);
  assert.equal(code, 0);
  assert.match(stdout, /^trademind \d+\.\d+\.\d+\n$/);
});

// ---- wrong usage: code 2, nothing on stdout, the nearest right word ----

for (const [words, sentence] of [
  [[], 'no verb given'],
  [['rnu'], 'unknown verb "rnu"; did you mean run?'],
  [['help', 'statsu'], 'unknown verb "statsu"; did you mean status?'],
  [['zzzzzz'], 'unknown verb "zzzzzz"\n'],
  [['config', '--jsno'], 'unknown option --jsno; did you mean --json?'],
  [['config', '-j'], 'unknown option -j; options start with two dashes'],
  [['config', 'HOST'], 'unexpected word "HOST"; this verb takes options only'],
  [['config', '--json=yes'], '--json takes no value'],
  [['run', '--set'], '--set has no value; expected --set NAME=value'],
  [['replay'], '--data DIR is missing'],
  [['replay', '--data', '.', '--from', 'yesterday'], '--from is "yesterday"; expected a UTC time such as 2026-02-03'],
  [['replay', '--data', '.', '--from', '2026-02-03', '--to', '2026-02-03'], '--to is not after --from'],
  [['replay', '--data', '.', '--workers', '9'], '--workers is "9"; expected a whole number from 1 to 8'],
  [['status', '--timeout-ms', '0'], '--timeout-ms is "0"; expected a whole number from 1 to 600000'],
]) {
  test(`usage: trademind ${words.join(' ')}`, async () => {
    const { code, stdout, stderr } = await trademind(words);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.ok(stderr.startsWith(`trademind: ${sentence}`), stderr);
    assert.match(stderr, /^See: trademind .*--help$/m);
  });
}

// ---- settings ----

test('docs/configuration.md is what `config --docs` prints', async () => {
  const { code, stdout } = await trademind(['config', '--docs']);
  assert.equal(code, 0);
  assert.equal(stdout, readFileSync(path.join(root, 'docs/configuration.md'), 'utf8'));
});

test('the page depends on no setting', async () => {
  const { stdout } = await trademind(['config', '--docs'], { env: { PORT: '1', FLY_MACHINE_ID: 'm', USER_ID: 'u' } });
  assert.equal(stdout, (await trademind(['config', '--docs'])).stdout);
});

test('config --json: one object a line with stable names', async () => {
  const { PORT, DATA_DIR, SYMBOLS, FLY_API_TOKEN } = await values();
  assert.deepEqual(Object.keys(PORT),
    ['name', 'value', 'source', 'effect', 'default', 'expected', 'secret']);
  assert.deepEqual({ ...PORT, effect: '' }, {
    name: 'PORT', value: '8080', source: 'default', effect: '', default: '8080',
    expected: 'a whole number from 0 to 65535', secret: false,
  });
  assert.equal(DATA_DIR.value, `${folder}/.local/state/trademind`);
  assert.equal(SYMBOLS.value, null);
  assert.deepEqual([FLY_API_TOKEN.secret, FLY_API_TOKEN.value], [true, null]);
});

test('sources: default, .env, environment, command line', async () => {
  const cwd = path.join(folder, 'sources');
  mkdirSync(cwd);
  writeFileSync(path.join(cwd, '.env'), '# mine\r\nexport PORT="1001" # a port\r\nSYMBOL_COUNT=7\r\nLOG_LEVEL=warn\r\n');
  const found = await values(['--set', 'LOG_LEVEL=error'], { cwd, env: { PORT: '2002' } });
  const seen = name => [found[name].value, found[name].source];
  assert.deepEqual(seen('HOST'), ['127.0.0.1', 'default']);
  assert.deepEqual(seen('SYMBOL_COUNT'), ['7', '.env:3']);
  assert.deepEqual(seen('PORT'), ['2002', 'environment']);
  assert.deepEqual(seen('LOG_LEVEL'), ['error', 'command line']);
});

test('a secret is in no output', async () => {
  const env = { GEMINI_API_KEY: 'sk-very-secret' };
  for (const words of [['config'], ['config', '--json'], ['help', 'config'], ['config', '--docs']]) {
    const { code, stdout, stderr } = await trademind(words, { env });
    assert.equal(code, 0);
    assert.ok(!(stdout + stderr).includes('very-secret'));
  }
  assert.equal((await values([], { env })).GEMINI_API_KEY.value, '(hidden)');
});

test('a mistyped setting is warned about', async () => {
  const { code, stderr } = await trademind(['config'], { env: { SCRIPT_CPU_M: '5' } });
  assert.equal(code, 0);
  assert.deepEqual(lines(stderr), [
    'trademind: warning: SCRIPT_CPU_M is not a setting (environment); did you mean SCRIPT_CPU_MS?',
  ]);
});

// ---- a wrong configuration: code 4, one line, for every verb that needs it ----

for (const verb of [['run'], ['config'], ['status'], ['replay', '--data', '.'], ['check', 'x.lua'], ['eval', '--data', 'x.csv', 'm.close'],
  ['explain', '--trader', 'x', '--symbol', 'X', '--at', '2026-01-01', '--data', '.']]) {
  test(`configuration: trademind ${verb[0]}`, async () => {
    const cwd = mkdtempSync(path.join(folder, 'bad-'));
    writeFileSync(path.join(cwd, '.env'), '\n\nPORT=eighty\n');
    let result = await trademind(verb, { cwd });
    assert.equal(result.code, 4);
    assert.equal(result.stdout, '');
    assert.equal(result.stderr, 'trademind: PORT is "eighty"; expected a whole number from 0 to 65535 (from .env:3)\n');

    result = await trademind([...verb, '--set', 'LOG_LEVEL=loud'], { env: {} });
    assert.equal(result.code, 4);
    assert.equal(result.stderr,
      'trademind: LOG_LEVEL is "loud"; expected debug, info, warn, error or off (from the command line)\n');

    result = await trademind(verb, { env: { SUPABASE_URL: 'https://x.supabase.co' } });
    assert.equal(result.code, 4);
    assert.equal(result.stderr,
      'trademind: SUPABASE_URL is set, but SUPABASE_SERVICE_KEY is not; cloud mode needs USER_ID, SUPABASE_URL and '
      + 'SUPABASE_SERVICE_KEY (or SUPABASE_SERVICE_KEY_B64), a local one none of them\n');

    writeFileSync(path.join(cwd, '.env'), 'PORT=1\nGEMINI_API_KEY sk-secret\n');
    result = await trademind(verb, { cwd });
    assert.equal(result.code, 4);
    assert.equal(result.stderr, 'trademind: .env:2: found no "=" on the line; expected NAME=value\n');
  });
}

// ---- status, against a stand-in for the daemon ----

async function withServer(answer, body) {
  const server = createServer(answer);
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  try {
    await body(['--set', `PORT=${server.address().port}`]);
  } finally {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  }
}

const daemonStatus = { status: 'running', uptime: 1234, binance: { state: 'connected', symbols: 7 }, traders: ['a', 'b'] };

function daemon(request, response) {
  const isKnown = request.url === '/api/v1/status' && request.headers.authorization === 'Bearer the-token';
  response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' });
  response.end(JSON.stringify(isKnown ? daemonStatus : { message: 'no' }));
}

function dataDir(token) {
  const made = mkdtempSync(path.join(folder, 'data-'));
  if (token) writeFileSync(path.join(made, 'token'), `${token}\n`, { mode: 0o600 });
  return ['--set', `DATA_DIR=${made}`];
}

test('status prints what the daemon says, and proves itself with the kept token', async () => {
  await withServer(daemon, async port => {
    const json = await trademind(['status', '--json', ...port, ...dataDir('the-token')]);
    assert.equal(json.code, 0, json.stderr);
    assert.equal(lines(json.stdout).length, 1);
    assert.deepEqual(JSON.parse(json.stdout), daemonStatus);
    const human = await trademind(['status', ...port, ...dataDir('the-token')]);
    assert.equal(human.code, 0);
    assert.match(human.stdout, /^status +running$/m);
    assert.match(human.stdout, /^binance\.symbols +7$/m);
    assert.match(human.stdout, /^traders\.1 +b$/m);
  });
});

test('status with the wrong token or none says so: code 1', async () => {
  await withServer(daemon, async port => {
    const wrong = await trademind(['status', ...port, ...dataDir('another')]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /the daemon refuses the token; is DATA_DIR the one that it runs with\?/);
    const none = await trademind(['status', ...port, ...dataDir()]);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /refuses a request without a token/);
  });
});

test('status of something else than a trademind: code 1', async () => {
  await withServer((request, response) => response.end('hello'), async port => {
    const { code, stderr } = await trademind(['status', ...port, ...dataDir()]);
    assert.equal(code, 1);
    assert.match(stderr, /found no JSON object in the answer/);
  });
});

test('status when nothing listens: code 3', async () => {
  let free;
  await withServer(daemon, port => { free = port; });
  const { code, stdout, stderr } = await trademind(['status', ...free, ...dataDir('the-token')]);
  assert.equal(code, 3);
  assert.equal(stdout, '');
  assert.match(stderr, /^trademind: not running: nothing answers at http:\/\/127\.0\.0\.1:\d+\/api\/v1\/status\n$/);
});

test('status when no answer comes: code 5', async () => {
  await withServer(() => {}, async port => {
    const { code, stderr } = await trademind(['status', '--timeout-ms', '200', ...port, ...dataDir('the-token')]);
    assert.equal(code, 5);
    assert.match(stderr, /no answer within 200 ms/);
  });
});

// ---- stdout that cannot be written ----

test('a full disk is a failure', async () => {
  const child = spawn('/bin/sh', ['-c', `"${program}" config --json >/dev/full`], { env: { HOME: folder }, cwd: folder });
  let stderr = '';
  child.stderr.on('data', bytes => { stderr += bytes; });
  const code = await new Promise(resolve => child.on('close', resolve));
  assert.equal(code, 1);
  assert.match(stderr, /^trademind: stdout: /);
});
