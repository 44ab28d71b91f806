// What the pages say is true: every command of README, guide and operations is run or listed with the reason why not,
// every Lua block loads, every message of the guide's tables is what the program says, every link leads somewhere.
// time limit: 300
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { build, root, start, startSim, tempDir } from './harness.mjs';

const PAGES = ['README.md', 'docs/trader-guide.md', 'docs/history.md', 'docs/supabase.md', 'docs/notifications.md', 'docs/operations.md', 'docs/channel.md', 'docs/architecture.md',
  ...readdirSync(join(root, 'docs/decisions')).map(name => `docs/decisions/${name}`)];
const pages = Object.fromEntries(PAGES.map(name => [name, readFileSync(join(root, name), 'utf8')]));

/** Fenced blocks of a page in one language. */
function blocks(text, language) {
  return [...text.matchAll(new RegExp('^```' + language + '\\n([^]*?)^```$', 'gm'))].map(found => found[1]);
}

/** Command lines: comments and empty lines left out, continued lines joined. */
function commands(text) {
  return blocks(text, 'sh').flatMap(block => block.replace(/\\\n\s*/g, ' ').split('\n'))
    .map(line => line.replace(/\s+#.*$/, '').trim()).filter(line => line && !line.startsWith('#'));
}

// ---- recorded klines, out of the simulator's model ----

const BUSTED = [relative(build, '/usr/bin/luajit'), '/usr/bin/busted'];
const N_PAGES = 6;
let klines; // a folder

before(async () => {
  klines = tempDir();
  const sim = await startSim(['--symbols', 'BTCUSDT,ETHUSDT', '--from', '2026-02-03']);
  for (const symbol of ['BTCUSDT', 'ETHUSDT']) {
    let rows = [];
    let end = sim.listening.from - 1;
    for (let page = 0; page < N_PAGES; page++) {
      const answer = await fetch(`${sim.url}/api/v3/klines?symbol=${symbol}&interval=1m&limit=1000&endTime=${end}`);
      rows = [...await answer.json(), ...rows];
      end = rows[0][0] - 1;
    }
    const header = 'open_time,open,high,low,close,volume,close_time,quote_volume,trades,taker_base,taker_quote';
    writeFileSync(join(klines, `${symbol}-1m.csv`), [header, ...rows.map(row => row.slice(0, 11).join(','))].join('\n') + '\n');
  }
  await sim.stop();
});

/** Runs one trader over them: {code, signals, log}. */
async function replay(script, words = []) {
  const folder = tempDir();
  writeFileSync(join(folder, 't.lua'), script);
  const it = start('trademind', ['replay', '--data', klines, '--traders', folder, '--json', ...words], { LOG_FORMAT: 'json' });
  const { code } = await it.ended;
  const log = it.stderr.trim().split('\n').map(line => JSON.parse(line));
  return { code, signals: it.lines, log, problems: log.filter(line => line.level !== 'info').map(line => line.message) };
}

async function checked(script) {
  const path = join(tempDir(), 't.lua');
  writeFileSync(path, script);
  const it = start('trademind', ['check', path]);
  const { code } = await it.ended;
  return { code, stdout: it.stdout, stderr: it.stderr };
}

// ---- Lua blocks ----

/** A block that is not a whole trader is the inside of a filter. */
function wholeTrader(block) {
  if (block.includes('return trader')) return block;
  return `return trader {interval = "5m", timeframes = {"1h"}, filter = function(m)\ndo\n${block}\nend\nreturn false end}`;
}

/** A block that requires trademind.spec is a spec beside the guide's first trader. */
const isSpec = block => block.includes('trademind.spec');
const guideTrader = blocks(pages['docs/trader-guide.md'], 'lua')[0];

async function runSpec(block) {
  const folder = tempDir();
  writeFileSync(join(folder, 'green_bar.lua'), guideTrader);
  writeFileSync(join(folder, 'green_bar_spec.lua'), block);
  const it = start(BUSTED[0], [...BUSTED.slice(1), '--lpath', join(root, 'lua/?.lua'), '-o', 'TAP', join(folder, 'green_bar_spec.lua')]);
  return { code: (await it.ended).code, output: it.stdout + it.stderr };
}

for (const [name, text] of Object.entries(pages)) {
  for (const [number, block] of blocks(text, 'lua').entries()) {
    test(`${name}: Lua block ${number + 1} loads and runs without an error`, async () => {
      if (isSpec(block)) {
        const { code, output } = await runSpec(block);
        assert.equal(code, 0, output);
        assert.match(output, /^ok 1/m);
        return;
      }
      if (/references = \{|rank = \{|on = "tick"/.test(block)) { // `check` brings references, ranks and ticks along
        const { code, stdout, stderr } = await checked(wholeTrader(block));
        assert.equal(code, 0, stdout + stderr);
        return;
      }
      const { code, problems } = await replay(wholeTrader(block));
      assert.deepEqual(problems, []);
      assert.equal(code, 0);
    });
  }
}

test('README.md: the first trader gives signals', async () => {
  const { signals } = await replay(blocks(pages['README.md'], 'lua')[0]);
  assert.ok(signals.length > 0);
  assert.equal(signals[0].traderName, 'Breakout');
});

test('README.md: the mistake gives the message', async () => {
  const [message] = blocks(pages['README.md'], 'text').map(block => block.trim()).filter(block => block.startsWith('my-traders/'));
  const { problems } = await replay(blocks(pages['README.md'], 'lua')[0].replace('m.close[0]', 'm.clsoe[0]'));
  assert.ok(problems[0].endsWith(message.replace('my-traders/breakout.lua', '')), problems[0]);
});

// ---- the tables of messages ----

/** Rows of the tables headed "you write | it says", as [code, message, number of the table]. */
function messageRows(text) {
  const rows = [];
  let table = 0, inside = false;
  for (const line of text.split('\n')) {
    if (line === '| you write | it says |') { inside = true; table++; continue; }
    inside = inside && line.startsWith('|');
    const found = inside && /^\| `(.+)` \| (.+) \|$/.exec(line);
    if (found) rows.push([found[1], found[2], table]);
  }
  return rows;
}

const inFilter = code => (/^(return|if|while) /.test(code) ? code : `local value = ${code}`);

const rows = messageRows(pages['docs/trader-guide.md']);
test('the guide has two tables of messages', () => assert.deepEqual([...new Set(rows.map(row => row[2]))], [1, 2]));
for (const [code, message, table] of rows) {
  test(`guide: ${code}`, async () => {
    const script = table === 1
      ? `return trader {interval = "5m", filter = function(m)\n${inFilter(code)}\n${code.startsWith('return') ? '' : 'return false'} end}`
      : `return trader {\n${code},\nfilter = function(m) return false end}`;
    const result = await replay(script);
    assert.equal(result.code, 1);
    assert.ok(result.problems[0].endsWith(message), `it says: ${result.problems[0]}`);
  });
}

// ---- what the guide promises of series that are no numbers ----

test('guide: a series in a table of the script is used as a condition, or compared, without an error', async () => {
  const filter = body => `return trader {interval = "5m", fire = "every", filter = function(m) local t = {x = m.close} ${body} end}`;
  const never = await replay(filter('return t.x == 100'));
  const always = await replay(filter('if t.x then return true end return false'));
  assert.deepEqual([never.code, never.problems, never.signals.length], [0, [], 0]);
  assert.deepEqual([always.code, always.problems], [0, []]);
  assert.ok(always.signals.length > 100);
});

test('a filter that needs its values is first run when it has them', async () => {
  const { problems } = await replay(`return trader {interval = "5m", filter = function(m)
    return {match = true, stop = m.close[0] - ta.atr(14)[0]}
  end}`);
  assert.deepEqual(problems, []);
});

// ---- commands ----

const DEV = relative(build, join(root, 'dev'));

/** Starts `./dev run ...`, waits for a signal, stops it in order. */
async function devRun(words) {
  const it = start(DEV, words, { PORT: '0', LOG_FORMAT: 'human', DATA_DIR: '' });
  await it.until(() => /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z0-9]+ +\d+[a-z] /m.test(it.stdout), 'a signal', 240000);
  assert.match(it.stderr, /SIMULATED/);
  const { code } = await it.stop('SIGINT');
  assert.equal(code, 0);
  return it;
}

async function program(name, words, expected = 0) {
  const it = start(name, words);
  assert.equal((await it.ended).code, expected, it.stderr);
  return it;
}

// The history of the pages' examples, out of the simulator: one store for all of them.
const store = tempDir();
let historian;
async function withStore(line) {
  historian ??= await startSim(['--from', '2025-03-03', '--symbols', 'BTCUSDT,ETHUSDT', '--stay', 'stopped']);
  const env = { DATA_DIR: store, BINANCE_REST_URL: historian.url, BINANCE_DUMPS_URL: historian.url };
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].slice(1).map(found => (found[1] ?? found[2])
    .replace(/^my-traders/, myTraders).replace('~/.local/state/trademind', store));
  const it = start('trademind', words, env);
  const { code } = await it.ended;
  assert.equal(code, 0, it.stderr);
  assert.notEqual(it.stdout, '');
}
after(() => historian?.stop());

// What the pages put into my-traders, by hand or with `new`: their commands find it there, in their order.
const myTraders = tempDir();
writeFileSync(join(myTraders, 'green_bar.lua'), guideTrader);
writeFileSync(join(myTraders, 'asked.lua'), blocks(pages['docs/trader-guide.md'], 'lua').find(block => block.startsWith('-- my-traders/asked.lua')));
writeFileSync(join(myTraders, 'breakout.lua'), blocks(pages['README.md'], 'lua')[0]);

// The first that fits. A text is the reason why it is not run here.
const COMMANDS = [
  ['./dev run', () => devRun(['run'])],
  ['./dev run -- --set TRADERS_DIR=my-traders', async () => {
    const folder = tempDir();
    writeFileSync(join(folder, 'breakout.lua'), blocks(pages['README.md'], 'lua')[0]);
    const it = await devRun(['run', '--', '--set', `TRADERS_DIR=${folder}`]);
    assert.match(it.stdout, / Breakout /);
  }],
  [/^build\/release\/trademind replay --data DIR --traders my-traders/, async line => {
    const folder = tempDir();
    writeFileSync(join(folder, 'breakout.lua'), blocks(pages['README.md'], 'lua')[0]);
    const words = line.split(' ').slice(1).map(word => ({ DIR: klines, 'my-traders': folder })[word] ?? word);
    // The model's days stand before the dates of the example.
    for (const [name, time] of [['--from', '2026-02-01'], ['--to', '2026-02-02']]) {
      const at = words.indexOf(name);
      if (at > 0) words[at + 1] = time;
    }
    await program('trademind', words);
  }],
  [/^build\/release\/trademind (check|eval|explain|analyze|new) /, async line => {
    // Words as a shell makes them; the example's places and times become ours.
    const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].slice(1).map(found => (found[1] ?? found[2])
      .replace(/^my-traders/, myTraders).replace(/^DIR(.*?)(\.gz)?$/, `${klines}$1`).replace(/^2026-02-0\dT/, '2026-02-02T'));
    const it = await program('trademind', words);
    assert.notEqual(it.stdout + it.stderr, '');
  }],
  [/^(build\/release\/)?trademind (fetch|data|replay --(?!data)|(eval|check) --data ~)/, withStore],
  [/^trademind (config|config --json|help config|--version)$/, line => program('trademind', line.split(' ').slice(1))],
  ['./dev help', async () => assert.equal((await start(DEV, ['help']).ended).code, 0)],
  [/^\.\/dev run --live/, 'needs Binance'],
  [/^\.\/dev run --data DIR/, 'the same simulator as ./dev run, on files: spec/system/exchange-sim.test.mjs'],
  ['./dev test', 'it is what runs this'],
  [/^\.\/dev (build|bench|fuzz|soak|cleanroom|image|spec|lint)/, 'builds or runs what has a step of its own in ./dev test'],
  [/^(flyctl|fly) /, 'needs an account at Fly'],
  [/^docker /, 'needs an engine of docker; what it would make: ./dev image'],
  [/^(systemctl|journalctl|install|useradd|sudo) /, 'changes the machine'],
  [/^curl /, 'needs a running daemon: spec/system/operations.test.mjs'],
  [/^(sqlite3|mkdir|tar|cp|rm) /, 'works on the data folder of a daemon: spec/system/operations.test.mjs'],
  [/psql /, 'needs a database: spec/system/migrations.test.mjs'],
  [/^trademind (import|export)/, 'needs a Supabase project: spec/system/transfer.test.mjs'],
  [/^trademind provision/, 'needs Fly and a Supabase project: spec/system/provision.test.mjs'],
  [/^trademind (run|status)/, 'needs a running market: spec/system/operations.test.mjs'],
  [/^(export )?[A-Z_]+=/, 'sets a variable of the reader\'s shell'],
];

const seen = new Set();
for (const [name, text] of Object.entries(pages)) {
  for (const line of commands(text)) {
    if (seen.has(line)) continue;
    seen.add(line);
    const found = COMMANDS.find(([form]) => (typeof form === 'string' ? form === line : form.test(line)));
    test(`${name}: ${line}`, { skip: typeof found?.[1] === 'string' ? found[1] : false }, async () => {
      assert.ok(found, 'neither run here nor listed with a reason');
      await found[1](line);
    });
  }
}

// ---- links, settings, words ----

const anchor = heading => heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').trim().replace(/\s/g, '-');

for (const [name, text] of Object.entries(pages)) {
  test(`${name}: every link leads somewhere`, () => {
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [file, place] = target.split('#');
      const path = file ? resolve(root, dirname(name), file) : join(root, name);
      assert.ok(existsSync(path), target);
      if (!place) continue;
      const headings = [...readFileSync(path, 'utf8').matchAll(/^#+ (.+)$/gm)].map(found => anchor(found[1]));
      assert.ok(headings.includes(place), target);
    }
  });

  test(`${name}: every file that it names is there`, () => {
    for (const [, path] of text.matchAll(/`((?:src|lua|spec|docs|bench|cmake|third_party)\/[\w./-]+\.(?:c|h|lua|md|mjs|cmake))`/g)) {
      assert.ok(existsSync(join(root, path)), path);
    }
  });
}

test('the pages name only settings that exist', async () => {
  const it = await program('trademind', ['config', '--docs']);
  const known = new Set([...it.stdout.matchAll(/^\| `([A-Z_*]+)` \|/gm)].map(found => found[1]));
  const OTHERS = new Set(['NO_COLOR', 'XDG_STATE_HOME', 'FLY_MACHINE_ID', 'FLY_REGION', 'TRADEMIND_FAULT', 'TRADEMIND_SEED', 'TRADEMIND_DATA',
    'TRADEMIND_BUILD', 'TRADEMIND_SOAK', 'SOURCE_DATE_EPOCH', 'SYMBOL_INTERVAL']);
  for (const [name, text] of Object.entries(pages)) {
    for (const [, word] of text.matchAll(/`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`/g)) {
      const isCode = /^(EVENT|STEP|KLINE|NOTE|CONTROL|ERR|STORAGE|INDICATOR)_/.test(word) && !known.has(word);
      assert.ok(known.has(word) || OTHERS.has(word) || isCode, `${name}: ${word}`);
    }
  }
});
