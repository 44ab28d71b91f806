// `trademind explain`: it says of each bar what a replay does there, and why.
// time limit: 240
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, tempDir } from './harness.mjs';
import { randomBars, run, uniform, writeKlines } from './verbs.mjs';

const folder = tempDir(), data = join(folder, 'data'), traders = join(folder, 'traders');
mkdirSync(data);
mkdirSync(traders);
const bars = randomBars(2600, { seed: 5 });
writeKlines(data, 'ODDUSDT-1m.csv', bars);

const CODE = {
  edge: 'return trader {interval = "1m", filter = function(m) return m.close[0] > ta.sma(m.close, 20)[0] end}',
  every: 'return trader {interval = "1m", fire = "every", filter = function(m) return m.close[0] > ta.sma(m.close, 20)[0] end}',
  seventh: 'return trader {interval = "1m", fire = {every = 7}, filter = function(m) return m.close[0] > ta.sma(m.close, 20)[0] end}',
  cool: 'return trader {interval = "1m", cooldown = 30, filter = function(m) return m.close[0] > m.open[0] end}',
  hourly: `return trader {interval = "5m", timeframes = {"1h"}, conditions = {
    {"above the hour's close", function(m) return m.close[0] > m["1h"].close[0] end},
    {"RSI above 50", function(m) return ta.rsi(m.close, 14)[0] > 50 end}}}`,
  fails: 'return trader {interval = "1m", filter = function(m) if m.time / 60000 % 3 == 0 then error("a bad day") end return m.close[0] > m.open[0] end}',
  elsewhere: 'return trader {interval = "1m", symbols = {include = {"BTCUSDT"}}, filter = function(m) return m.close[0] > m.open[0] end}',
  off: 'return trader {interval = "1m", enabled = false, filter = function(m) return m.close[0] > m.open[0] end}',
};
for (const [name, code] of Object.entries(CODE)) writeFileSync(join(traders, `${name}.lua`), code);

async function explain(trader, at, words = []) {
  const result = await run(['explain', '--json', '--trader', join(traders, `${trader}.lua`), '--symbol', 'ODDUSDT', '--data', data, '--at', String(at), ...words]);
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.lines.length, 1);
  return result.lines[0];
}

// ---- the same as a replay ----

let replayed;
function signals() {
  replayed ??= run(['replay', '--json', '--data', data, '--traders', traders]).then(result => result.lines);
  return replayed;
}

for (const trader of Object.keys(CODE)) {
  test(`it fires where a replay does: ${trader}`, async () => {
    const times = (await signals()).filter(signal => signal.trader === trader).map(signal => signal.time);
    const random = uniform(trader.length), step = trader === 'hourly' ? 300000 : 60000;
    const some = Array.from({ length: 10 }, () => bars[0].time + Math.floor(random() * bars.length * 60000 / step) * step);
    const near = times.filter((_, i) => i % Math.ceil(times.length / 4) === 0).flatMap(time => [time, time + step]);
    for (const time of [...some, ...near].filter(time => time <= bars.at(-1).time - step + 60000)) {
      const answer = await explain(trader, time);
      assert.equal(answer.fires, times.includes(time), `${new Date(time).toISOString()}: ${answer.reason}`);
      assert.match(answer.reason, answer.fires ? /^It fired: / : /^It (did not fire|was not evaluated): /);
    }
    if (!['elsewhere', 'off'].includes(trader)) assert.ok(times.length > 3, 'the replay has signals to compare with');
  });
}

// ---- reasons ----

const average = i => bars.slice(i - 19, i + 1).reduce((sum, bar) => sum + bar.close, 0) / 20;
const above = i => i >= 19 && bars[i].close > average(i);
const find = condition => bars.findIndex((bar, i) => i > 400 && condition(i));

test('edge: the first bar of a run, one inside of it, one outside', async () => {
  const first = find(i => above(i) && above(i + 1) && !above(i - 1));
  assert.equal((await explain('edge', bars[first].time)).reason, 'It fired: it matches, and did not at the evaluation before.');
  assert.equal((await explain('edge', bars[first + 1].time)).reason,
    `It did not fire: it matches, but has matched since ${new Date(bars[first].time).toISOString().replace('.000', '')} already, and fires at the first bar of a run.`);
  assert.equal((await explain('edge', bars[first - 1].time)).reason, 'It did not fire: the filter returned false.');
  assert.equal((await explain('every', bars[first + 1].time)).reason, 'It fired: it matches, and fires at every bar that does.');
});

test('a run with a period', async () => {
  const first = find(i => !above(i - 1) && Array.from({ length: 9 }, (_, k) => above(i + k)).every(Boolean));
  assert.equal((await explain('seventh', bars[first + 7].time)).reason, 'It fired: it matches, for 7 bars now, and fires every 7 bars of a run.');
  assert.match((await explain('seventh', bars[first + 3].time)).reason, /^It did not fire: it matches, since .*, and fires every 7 bars of a run\.$/);
});

test('a cooldown names the signal before', async () => {
  const times = (await signals()).filter(signal => signal.trader === 'cool').map(signal => signal.time);
  const signal = bars.findIndex(bar => bar.time === times[5]);
  const green = i => bars[i].close > bars[i].open;
  let next = signal + 1;
  while (!(green(next) && !green(next - 1))) next++;
  assert.equal((await explain('cool', bars[next].time)).reason, `It did not fire: it matches, but a signal came ${next - signal} bars before, at ${
    new Date(times[5]).toISOString().replace('.000', '')}, and the cooldown is 30 bars.`);
});

test('warming up says how far', async () => {
  const answer = await explain('hourly', bars[0].time + 180 * 300000);
  assert.deepEqual([answer.outcome, answer.have, answer.need], ['warming up', 181, 350]);
  assert.equal(answer.reason, 'It did not fire: warming up 181/350.');
  assert.equal(answer.comparisons[0].text, 'm.close[0] > m["1h"].close[0]');
});

test('an error, a symbol that is none of its own, a trader that is off', async () => {
  const bad = await explain('fails', bars.find((bar, i) => i > 400 && bar.time / 60000 % 3 === 0).time);
  assert.equal(bad.outcome, 'error');
  assert.match(bad.reason, /^It did not fire: the trader failed: .*fails\.lua:1: a bad day$/);
  assert.equal(bad.error, bad.reason.replace('It did not fire: the trader failed: ', ''));
  assert.match((await explain('elsewhere', bars[401].time)).reason, /ODDUSDT is none of the trader's symbols/);
  assert.match((await explain('off', bars[401].time)).reason, /the trader is not enabled/);
});

test('the bar that closes with one of the hour that does not exist', async () => {
  const holes = join(folder, 'holes');
  mkdirSync(holes);
  writeKlines(holes, 'ODDUSDT-1m.csv', bars.slice(30)); // the first hour is not whole
  const at = bars[55].time;
  const result = await run(['explain', '--json', '--trader', join(traders, 'hourly.lua'), '--symbol', 'ODDUSDT', '--data', holes, '--at', String(at)]);
  assert.equal(result.lines[0].outcome, 'skipped');
  assert.equal(result.lines[0].reason, 'It was not evaluated: the 1h bar that closes with this one does not exist.');
});

// ---- numbers ----

test('conditions with what they read, comparisons with both sides', async () => {
  const i = 2400; // long after the warm-up: 480 bars of 5m
  const answer = await explain('hourly', bars[i].time + 123456); // within the bar
  const five = bars.slice(i, i + 5), hour = bars[Math.floor((i + 5) / 60) * 60 - 1];
  assert.equal(answer.time, bars[i].time);
  assert.equal(answer.closeTime, bars[i].time + 300000);
  assert.equal(answer.price, five[4].close);
  assert.deepEqual(answer.conditions.map(c => c.text), ["above the hour's close", 'RSI above 50']);
  assert.deepEqual(answer.conditions[0].values, { 'close 1h': hour.close, 'close 5m': five[4].close });
  assert.equal(answer.conditions[0].held, five[4].close > hour.close);
  assert.deepEqual(Object.keys(answer.conditions[1].values), ['rsi(close 5m, 14)']);
  assert.equal(answer.conditions[1].held, answer.conditions[1].values['rsi(close 5m, 14)'] > 50);
  assert.deepEqual({ ...answer.comparisons[0] }, {
    line: 2, column: 51, text: 'm.close[0] > m["1h"].close[0]', kind: 'gt', left: five[4].close, right: hour.close, held: five[4].close > hour.close,
  });
  if (!answer.conditions[0].held) assert.equal(answer.reason, 'It did not fire: the condition "above the hour\'s close" did not hold.');
});

test('a filter: the series that it has read, at the bar and before', async () => {
  const answer = await explain('edge', bars[500].time);
  assert.deepEqual(answer.conditions, []);
  const close = answer.values.find(value => value.name === 'close 1m');
  assert.deepEqual([close.value, close.before], [bars[500].close, bars[499].close]);
  const sma = answer.values.find(value => value.name === 'sma(close 1m, 20)');
  assert.ok(Math.abs(sma.value - average(500)) < 1e-9);
  assert.ok(Math.abs(sma.before - average(499)) < 1e-9);
});

test('conditions that are texts only are neither held nor not', async () => {
  writeFileSync(join(traders, 'texts.lua'), 'return trader {interval = "1m", conditions = {"green"}, filter = function(m) return m.close[0] > m.open[0] end}');
  assert.deepEqual((await explain('texts', bars[500].time)).conditions, [{ text: 'green', held: null, values: {} }]);
});

test('an input from the command line', async () => {
  writeFileSync(join(traders, 'level.lua'), 'local level = input.float("level", 1e9)\nreturn trader {interval = "1m", filter = function(m) return m.close[0] > level end}');
  assert.equal((await explain('level', bars[500].time)).outcome, 'no match');
  const answer = await explain('level', bars[500].time, ['--input', 'level=0.5']);
  assert.equal(answer.outcome, 'match');
  assert.equal(answer.comparisons[0].right, 0.5);
});

// ---- for people, by name ----

test('a page: conditions, comparisons, and the reason at the end', async () => {
  const home = join(folder, 'home');
  mkdirSync(join(home, 'lua/traders'), { recursive: true });
  copyFileSync(join(traders, 'hourly.lua'), join(home, 'lua/traders/hourly.lua'));
  const words = ['explain', '--symbol', 'ODDUSDT', '--data', data, '--at', new Date(bars[2400].time).toISOString()];
  const { code, stdout, stderr } = await run([...words, '--trader', 'hourly'], { cwd: home });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^hourly on ODDUSDT: the 5m bar that opened at 2026-01-06T16:00:00Z and closed at 2026-01-06T16:05:00Z, price /);
  assert.match(stdout, /\nconditions\n  (held|no)  +above the hour's close\n +close 1h +[\d.]+\n/);
  assert.match(stdout, /\n  line 2    m\.close\[0\] > m\["1h"\]\.close\[0\] +(true|false) +[\d.]+ > [\d.]+\n/);
  assert.match(stdout, /\nIt (fired|did not fire): .*\.\n$/);
  const unknown = await run([...words, '--trader', 'horly'], { cwd: home });
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /there is no trader "horly" in .*lua\/traders; expected a file or one of hourly\n$/);
});

test('without luacheck: comparisons are missing, and that is said', async () => {
  const result = await run(['explain', '--json', '--trader', join(traders, 'edge.lua'), '--symbol', 'ODDUSDT', '--data', data, '--at', String(bars[500].time)],
    { env: { LUA_PATH: '/nonexistent/?.lua' } });
  assert.equal(result.code, 0);
  assert.match(result.stderr, /^trademind: warning: luacheck is not installed/);
  assert.deepEqual(result.lines[0].comparisons, []);
  assert.equal(result.lines[0].values.length, 2);
});

// ---- what is wrong ----

const full = { trader: join(traders, 'edge.lua'), symbol: 'ODDUSDT', at: '2026-01-06', data };
for (const [change, code, sentence] of [
  [{ trader: undefined }, 2, '--trader T is missing'],
  [{ symbol: undefined }, 2, '--symbol S is missing'],
  [{ at: undefined }, 2, '--at TIME is missing'],
  [{ at: 'noon' }, 2, '--at is "noon"; expected a UTC time'],
  [{ data: undefined }, 2, '--data DIR is missing: this version explains bars of recorded klines'],
  [{ symbol: 'NONEUSDT' }, 1, `${data} has no file of NONEUSDT; expected NONEUSDT-INTERVAL.csv or .csv.gz`],
  [{ at: '2027-01-01' }, 1, 'ODDUSDT has no 1m bar at 2027-01-01T00:00:00Z; its bars in'],
  [{ trader: join(traders, 'none.lua') }, 1, `${join(traders, 'none.lua')}: No such file or directory`],
]) {
  test(`wrong: ${JSON.stringify(change).replaceAll(folder, '')}`, async () => {
    const words = Object.entries({ ...full, ...change }).filter(([, value]) => value).flatMap(([name, value]) => [`--${name}`, value]);
    const result = await run(['explain', ...words]);
    assert.equal(result.code, code);
    assert.equal(result.stdout, '');
    assert.ok(result.stderr.startsWith(`trademind: ${sentence}`), result.stderr);
  });
}

test('the built-in traders are explained, too', async () => {
  const name = 'rsi_oversold_bounce';
  const result = await run(['explain', '--json', '--trader', name, '--symbol', 'ODDUSDT', '--data', data, '--at', String(bars[1500].time)],
    { cwd: root });
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.lines[0].trader, name);
  assert.ok(readFileSync(join(root, `lua/traders/${name}.lua`), 'utf8').includes(result.lines[0].conditions[0].text));
});

// ---- other symbols ----

test('references are read from the same folder', async () => {
  const beside = join(folder, 'beside'), path = join(folder, 'refers.lua');
  mkdirSync(beside);
  writeKlines(beside, 'ODDUSDT-1m.csv', bars);
  writeFileSync(path, `return trader {interval = "1m", references = {"BTCUSDT"}, conditions = {
    {"Bitcoin rises", function(m) return m.ref.BTCUSDT.close[0] > m.ref.BTCUSDT.open[0] end}}}`);
  const words = ['explain', '--json', '--trader', path, '--symbol', 'ODDUSDT', '--data', beside, '--at'];
  const lonely = await run([...words, String(bars[50].time)]);
  assert.equal(lonely.code, 1);
  assert.match(lonely.stderr, /has no file of BTCUSDT, which is referred to/);
  const other = bars.map((bar, i) => ({ ...bar, open: 10, high: 12, low: 8, close: i % 3 === 0 ? 11 : 9 })).filter((_, i) => i !== 60);
  writeKlines(beside, 'BTCUSDT-1m.csv', other);
  for (const [i, bar] of bars.slice(40, 80).entries()) {
    const [answer] = (await run([...words, String(bar.time)])).lines;
    if (i + 40 === 60) {
      assert.equal(answer.reason, 'It was not evaluated: the 1m bar of BTCUSDT that closes with this one does not exist.');
    } else {
      assert.equal(answer.outcome, (i + 40) % 3 === 0 ? 'match' : 'no match', answer.reason);
      assert.equal(answer.conditions[0].values['close BTCUSDT 1m'], (i + 40) % 3 === 0 ? 11 : 9);
    }
  }
});

test('a trader that ranks all symbols is refused', async () => {
  const path = join(folder, 'ranks.lua');
  writeFileSync(path, 'return trader {interval = "1m", rank = {by = function(m) return m.close[0] end, top = 3}, filter = function(m) return m.rank == 1 end}');
  const { code, stderr } = await run(['explain', '--trader', path, '--symbol', 'ODDUSDT', '--data', data, '--at', String(bars[50].time)]);
  assert.equal(code, 1);
  assert.match(stderr, /ranks\.lua ranks all symbols, which the bars of one symbol do not say; replay shows what it fires at/);
});
