// `trademind eval`: values of expressions at every bar, against the reference data and against plain computations.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { dataPath, readKlines, tempDir } from './harness.mjs';
import { randomBars, run, writeKlines } from './verbs.mjs';

const bars = randomBars(2500);
const folder = tempDir();
const file = writeKlines(folder, 'ODDUSDT-1m.csv', bars);

async function values(expression, words = [], path = file) {
  const result = await run(['eval', '--json', '--data', path, ...words, expression]);
  assert.equal(result.code, 0, result.stderr);
  return result.lines;
}

// ---- against independent references ----

const isClose = (a, b) => Math.abs(a - b) <= Math.max(1e-9, 1e-9 * Math.max(Math.abs(a), Math.abs(b)));

// expression -> peer, indicator, parameters, and the output of the peer for each field ('' for a single value)
const REFERENCES = [
  ['ta.sma(m.close, 20)', 'pynecore', 'SMA', '20', { '': 'value' }],
  ['ta.ema(m.close, 20)', 'pynecore', 'EMA', '20', { '': 'value' }],
  ['ta.rsi(m.close, 14)', 'pynecore', 'RSI', '14', { '': 'value' }],
  ['ta.macd(m.close, 12, 26, 9)', 'pynecore', 'MACD', '12,26,9', { macd: 'macd', signal: 'signal', hist: 'hist' }],
  ['ta.bb(m.close, 20, 2)', 'talib', 'BBANDS', '20,2', { basis: 'middle', upper: 'upper', lower: 'lower' }],
  ['ta.atr(14)', 'pynecore', 'ATR', '14', { '': 'value' }],
];

for (const [expression, peer, indicator, parameters, fields] of REFERENCES) {
  for (const series of ['btcusdt-1h', 'walk']) {
    const data = dataPath(`reference/series/${series}.csv.gz`);
    test(`${expression} on ${series}: ${peer}`, { skip: !data && 'no reference data' }, async () => {
      const all = JSON.parse(gunzipSync(readFileSync(dataPath(`reference/${series}.${peer}.json.gz`)))).indicators;
      const outputs = all[indicator]?.[parameters] ?? all[indicator][Object.keys(all[indicator]).find(key => key.startsWith(parameters))];
      const rows = await values(expression, [], data);
      assert.deepEqual(rows.map(row => row.time), readKlines(data).map(row => Number(row.open_time)));
      let compared = 0;
      for (const [field, output] of Object.entries(fields)) {
        rows.forEach((row, i) => {
          const got = field ? row.value[field] : row.value, expected = outputs[output][i];
          if (typeof expected !== 'number') return assert.equal(got, null, `bar ${i}`);
          assert.ok(isClose(got, expected), `bar ${i} ${field}: ${got}, reference ${expected}`);
          compared++;
        });
      }
      assert.ok(compared > 500);
    });
  }
}

// ---- kinds of values ----

test('one line a bar: open time and value, null before the first one', async () => {
  const rows = await values('ta.sma(m.close, 3)');
  assert.deepEqual(rows.map(row => Object.keys(row).join()), bars.map(() => 'time,value'));
  assert.deepEqual(rows.map(row => row.time), bars.map(bar => bar.time));
  assert.deepEqual(rows.slice(0, 2).map(row => row.value), [null, null]);
  for (let i = 2; i < bars.length; i++) {
    const mean = (bars[i].close + bars[i - 1].close + bars[i - 2].close) / 3;
    assert.ok(isClose(rows[i].value, mean), `bar ${i}`);
  }
});

test('numbers keep all their digits', async () => {
  const rows = await values('m.close[0] / 3');
  rows.forEach((row, i) => assert.equal(row.value, bars[i].close / 3));
});

test('a series is its newest value, whatever is done with it', async () => {
  const rows = await values('m.high - m.low');
  rows.forEach((row, i) => assert.equal(row.value, bars[i].high - bars[i].low));
});

test('true and false, texts, nothing, lists and tables', async () => {
  assert.deepEqual((await values('m.close[0] > m.open[0]')).map(row => row.value), bars.map(bar => bar.close > bar.open));
  assert.deepEqual((await values('m.symbol .. "\\"ä\\n"'))[0].value, 'ODDUSDT"ä\n');
  assert.equal((await values('nil'))[0].value, null);
  assert.equal((await values('0/0'))[0].value, null);
  assert.deepEqual((await values('{1, m.close, {m.open[0] > 0, "x"}}'))[1].value, [1, bars[1].close, [true, 'x']]);
  assert.deepEqual((await values('{a = m.volume, b = {}, c = ta.macd(m.close)}'))[0].value, { a: bars[0].volume, b: [], c: { macd: null, signal: null, hist: null } });
  assert.deepEqual(Object.keys((await values('ta.bb(m.close, 20, 2)'))[30].value), ['basis', 'upper', 'lower']);
});

test('what a bar knows of itself', async () => {
  const rows = await values('{m.time, m.close_time, m.hour, m.weekday, m.count, m.symbol, m.base, m.quote, m.interval}');
  rows.forEach((row, i) => assert.deepEqual(row.value, [bars[i].time, bars[i].time + 60000, new Date(bars[i].time).getUTCHours(),
    new Date(bars[i].time).getUTCDay() || 7, i + 1, 'ODDUSDT', 'ODD', 'USDT', '1m']));
});

// ---- intervals ----

test('references lie beside the file, and are seen as of the same close', async () => {
  const other = randomBars(2500, { seed: 77 });
  writeKlines(folder, 'BTCUSDT-1m.csv', other.filter((_, i) => i % 10 !== 4));
  const words = ['--references', 'BTCUSDT,ODDUSDT', '--timeframes', '5m'];
  const rows = await values('{m.ref.BTCUSDT.close, m:align(m.ref.BTCUSDT.close), m.ref.ODDUSDT.close[3], m.ref.BTCUSDT["5m"].open}', words);
  const closeAt = new Map(other.map((bar, i) => [bar.time, i % 10 === 4 ? other[i - 1].close : bar.close]));
  let n = 0;
  for (const [i, bar] of bars.entries()) {
    if (i < 20 || !closeAt.has(bar.time)) continue;
    const [close, aligned, own] = rows[i].value;
    assert.deepEqual([close, aligned, own], [closeAt.get(bar.time), closeAt.get(bar.time), bars[i - 3].close]);
    n++;
  }
  assert.ok(n > 1000, `${n} bars`);
  const missing = await run(['eval', '--data', file, '--references', 'NOUSDT', 'm.close']);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /has no file of NOUSDT, which is referred to; expected NOUSDT-INTERVAL\.csv or \.csv\.gz/);
});

test('timeframes are made of the file, each seen as of its last close', async () => {
  const rows = await values('{m["5m"].close, m["5m"].open[1], m:align(m["15m"].high)}', ['--timeframes', '5m,15m']);
  rows.forEach((row, i) => {
    const five = Math.floor((i + 1) / 5), fifteen = Math.floor((i + 1) / 15);
    assert.equal(row.value[0], five ? bars[five * 5 - 1].close : null, `bar ${i}`);
    assert.equal(row.value[1], five > 1 ? bars[(five - 2) * 5].open : null, `bar ${i}`);
    assert.equal(row.value[2], fifteen ? Math.max(...bars.slice(fifteen * 15 - 15, fifteen * 15).map(bar => bar.high)) : null, `bar ${i}`);
  });
});

test('a hole: nothing is invented, and slower bars that it has swallowed do not exist', async () => {
  const holed = bars.filter((_, i) => i < 100 || i >= 217); // 01:40 to 03:37
  const path = writeKlines(folder, 'HOLEUSDT-1m.csv', holed);
  const rows = await values('{m:align(m["30m"].close), m["30m"].close[1], m.close[1], m.count}', ['--timeframes', '30m'], path);
  assert.deepEqual(rows.map(row => row.time), holed.map(bar => bar.time));
  const halves = [0, 1, 2, 3, 7, 8].map(half => holed.filter(bar => Math.floor((bar.time - bars[0].time) / 1800000) === half).at(-1).close);
  const seen = i => [0, 1, 2, 3, 7, 8].filter(half => (half + 1) * 1800000 <= holed[i].time + 60000 - bars[0].time).length;
  for (let i = 0; i < 160; i++) {
    const n = seen(i);
    assert.deepEqual(rows[i].value, [halves[n - 1] ?? null, halves[n - 2] ?? null, i ? holed[i - 1].close : null, i + 1], `bar ${i}`);
  }
});

test('--interval: the expression on larger bars of the same file', async () => {
  const rows = await values('m.high', ['--interval', '5m']);
  assert.equal(rows.length, bars.length / 5);
  rows.forEach((row, i) => {
    assert.equal(row.time, bars[i * 5].time);
    assert.equal(row.value, Math.max(...bars.slice(i * 5, i * 5 + 5).map(bar => bar.high)));
  });
});

test('a name without an interval: the first bar says it', async () => {
  const path = writeKlines(folder, 'walk.csv', randomBars(40, { stepMs: 900000 }), 900000);
  const rows = await values('{m.interval, m.symbol}', [], path);
  assert.deepEqual(rows[0].value, ['15m', 'walk']);
  const one = writeKlines(folder, 'one.csv', randomBars(1, { stepMs: 3600000 }), 3600000);
  assert.equal((await values('m.interval', [], one))[0].value, '1h');
});

test('--from and --to choose what is shown; the bars before are history', async () => {
  const all = await values('ta.ema(m.close, 50)');
  const some = await values('ta.ema(m.close, 50)', ['--from', new Date(bars[700].time).toISOString(), '--to', String(bars[900].time)]);
  assert.deepEqual(some, all.slice(700, 900));
});

// ---- for people ----

test('a table: time and value, a column for each output', async () => {
  const { stdout } = await run(['eval', '--data', file, 'ta.macd(m.close)']);
  const rows = stdout.split('\n');
  assert.match(rows[0], /^time +macd +signal +hist$/);
  assert.match(rows[1], /^2026-01-05T00:00:00Z +- +- +-$/);
  assert.match(rows[100], /^2026-01-05T01:39:00Z( +-?[\d.e-]+){3}$/);
  const flat = (await run(['eval', '--data', file, 'm.close[0] > m.open[0]'])).stdout.split('\n');
  assert.match(flat[0], /^time +value$/);
  assert.match(flat[5], /^2026-01-05T00:04:00Z +(true|false)$/);
});

// ---- what is wrong ----

for (const [expression, sentence] of [
  ['m.clsoe', 'expression:1: the market has no field "clsoe"; did you mean "close"?'],
  ['ta.rsi(m.close, 14', "expression:1: ')' expected near '<eof>'"],
  ['1, 2', 'expression:1: found 2 values; expected one expression'],
  ['', 'expression:1: found nothing; expected one expression'],
  ['1) or (2', "expression:1: '<eof>' expected near ')'"],
  ['m.close > 1', 'expression:1: attempt to compare number with userdata; a series is read as s[0], its newest bar'],
  ['ta.sma(m.close, 0)', 'expression:1: ta.sma: length is 0; expected a whole number from 1 to 5000'],
  ['os.time()', 'expression:1: there is no "os" here'],
  ['m.ref.BTCUSDT.close', 'expression:1: m.ref.BTCUSDT is not among the references; name it: --references BTCUSDT'],
  ['m["1h"].close', 'expression:1: m["1h"] is not among the timeframes; name it: --timeframes 1h'],
  ['m', 'expression:1: the value is market 1m; expected a number, a series, true, false, a text or a table of these'],
  ['function() end', 'expression:1: the value is a function; expected a number'],
  ['math.random()', 'expression:1: math.random is not here'],
  ['m.count > 1 and nil + 1', 'expression:1: attempt to perform arithmetic on a nil value (at the bar of 2026-01-05T00:01:00Z)'],
  ['(function() while true do end end)()', 'expression: stopped, over its limit SCRIPT_CPU_MS of 20 ms of CPU time'],
  ['("x"):rep(1e9)', 'expression: stopped, over its limit SCRIPT_MEMORY_MB of 64 MB'],
]) {
  test(`error: ${expression}`, async () => {
    const { code, stdout, stderr } = await run(['eval', '--json', '--data', file, expression]);
    assert.equal(code, 1);
    assert.ok(stderr.startsWith(`trademind: ${sentence}`), stderr);
    assert.equal(stderr.trim().split('\n').length, 1);
    if (!expression.includes('count')) assert.equal(stdout, '');
  });
}

for (const [words, sentence] of [
  [['m.close'], '--data FILE is missing'],
  [['--data', file], 'the expression is missing'],
  [['--data', file, 'm.close', 'm.open'], 'found a second expression, "m.open"; expected one: quote it'],
  [['--data', file, '--interval', '7m', 'm.close'], '--interval: found "7m"; expected an interval such as'],
  [['--data', file, '--references', 'BTC"USDT', 'm.close'], '--references is "BTC"USDT"; expected symbols such as BTCUSDT,ETHUSDT'],
  [['--data', file, '--references', 'A,B,C,D,E,F,G,H,I', 'm.close'], '--references has more than 8 symbols'],
  [['--data', file, '--timeframes', '5m,x', 'm.close'], '--timeframes: found "x"; expected an interval such as'],
  [['--data', file, '--from', '2026-01-06', '--to', '2026-01-05', 'm.close'], '--to is not after --from'],
]) {
  test(`usage: eval ${words.join(' ').replace(folder, '')}`, async () => {
    const { code, stdout, stderr } = await run(['eval', ...words]);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.ok(stderr.startsWith(`trademind: ${sentence}`), stderr);
  });
}

test('files that cannot be read', async () => {
  const missing = await run(['eval', '--data', join(folder, 'NONE-1m.csv'), 'm.close']);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /NONE-1m\.csv: cannot be opened: No such file or directory\n$/);
  const broken = join(folder, 'BADUSDT-1m.csv');
  writeFileSync(broken, readFileSync(file, 'utf8').split('\n').slice(0, 4).join('\n') + '\n1,2,3\n');
  const bad = await run(['eval', '--data', broken, 'm.close']);
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /BADUSDT-1m\.csv:5: found 1,2,3; expected 11 columns\n$/);
  const coarse = await run(['eval', '--data', file, '--timeframes', '1s', 'm.close']);
  assert.equal(coarse.code, 1);
  assert.match(coarse.stderr, /has 1m bars, of which no 1s bars can be made; expected a larger interval\n$/);
  const none = join(folder, 'nothing.csv');
  writeFileSync(none, readFileSync(file, 'utf8').split('\n')[0] + '\n');
  assert.match((await run(['eval', '--data', none, 'm.close'])).stderr, /nothing\.csv: found no bar; expected a line of column names and bars\n$/);
});

// ---- how long it takes ----

test('10,000 bars take well below a second', async () => {
  const many = writeKlines(folder, 'MANYUSDT-1m.csv', randomBars(10000));
  let best = Infinity;
  for (let i = 0; i < 3; i++) {
    const began = performance.now();
    assert.equal((await values('ta.rsi(m.close, 14)', [], many)).length, 10000);
    best = Math.min(best, performance.now() - began);
  }
  assert.ok(best < 1000, `${best} ms`);
});
