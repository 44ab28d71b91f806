// History into the local store, from the simulated exchange's REST and public dumps: whatever goes wrong on the way, in the
// end the store has bit for bit what REST serves, and nothing is fetched twice.
// time limit: 300
import test, { after } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { start, startSim, tempDir } from './harness.mjs';
import { program, randomBars, run, writeKlines } from './verbs.mjs';

const MINUTE = 60000;
const sims = [];
after(() => Promise.all(sims.map(it => it.stop('SIGKILL'))));

/** An exchange whose market stands at `from`; what it is asked is in its log. */
async function exchange(from, args = []) {
  const it = await startSim(['--from', from, '--stay', 'stopped', '--log', 'debug', ...args]);
  sims.push(it);
  it.env = { BINANCE_REST_URL: it.url, BINANCE_DUMPS_URL: it.url };
  return it;
}

/** Requests so far, as [path, status]; only those that match. */
const asked = (it, pattern) => [...it.stderr.matchAll(/127\.0\.0\.1 (\/\S+) -> (\d+)/g)]
  .map(found => [found[1], Number(found[2])]).filter(([path]) => pattern.test(path));

const say = async (it, line) => {
  const n = it.lines.filter(l => l.event === 'fault').length;
  it.process.stdin.write(`${line}\n`);
  await it.until(x => x.lines.filter(l => l.event === 'fault').length > n, `"${line}" to be taken`);
};

const fetchInto = (it, folder, words) => run(['fetch', '--data-dir', folder, '--json', ...words], { env: it.env });
const data = (folder, words) => run(['data', ...words, '--data-dir', folder]);

/** What the store has, as rows of text. */
async function stored(folder, symbol, interval, words = []) {
  const { code, stdout, stderr } = await data(folder, ['export', '--symbols', symbol, '--intervals', interval, ...words]);
  assert.equal(code, 0, stderr);
  return stdout.trim().split('\n').slice(1);
}

/** The same of REST, page by page, by JavaScript's own reading of the decimals. */
async function served(it, symbol, interval, from, to, path = '/api/v3/klines') {
  const rows = [];
  for (let at = from; at < to;) {
    const reply = await fetch(`${it.url}${path}?symbol=${symbol}&interval=${interval}&startTime=${at}&endTime=${to - 1}&limit=1000`);
    assert.equal(reply.status, 200);
    const page = await reply.json();
    if (page.length === 0) break;
    rows.push(...page);
    at = page.at(-1)[0] + 1;
  }
  return rows.map(r => r.slice(0, 11).map(Number));
}

function assertSame(rows, wanted) {
  assert.equal(rows.length, wanted.length);
  for (let i = 0; i < rows.length; i++) {
    const numbers = rows[i].split(',').map(Number);
    if (numbers.some((n, k) => !Object.is(n, wanted[i][k]))) assert.deepEqual(numbers, wanted[i], `row ${i}`);
  }
}

const parts = (folder, market = 'spot') => {
  const root = join(folder, 'history', market);
  return existsSync(root) ? readdirSync(root, { recursive: true }).filter(name => name.endsWith('.csv.zst')).sort() : [];
};

test('months, days and the tail: dumps where they save requests, REST for the rest', async () => {
  const it = await exchange('2025-03-12T09:30:00Z', ['--symbols', 'BTCUSDT,ETHUSDT']);
  const folder = tempDir(), from = Date.UTC(2025, 0, 20), to = Date.UTC(2025, 2, 12, 9, 30);
  const { code, lines, stderr } = await fetchInto(it, folder, ['--symbols', 'BTCUSDT,ETHUSDT', '--intervals', '1m,1h', '--from', '2025-01-20']);
  assert.equal(code, 0, stderr);
  assert.deepEqual(lines.map(l => `${l.symbol} ${l.interval} ${l.bars} ${l.missing} ${l.holes.length} ${l.error}`),
    ['BTCUSDT 1m 74010 0 0 null', 'BTCUSDT 1h 1233 0 0 null', 'ETHUSDT 1m 74010 0 0 null', 'ETHUSDT 1h 1233 0 0 null']);
  assert.ok(lines[0].fromDumps >= 70 * 1000 && lines[1].fromDumps === 0);
  assert.equal(asked(it, /monthly.*BTCUSDT-1m.*\.zip$/).length, 2);
  assert.equal(asked(it, /daily.*BTCUSDT-1m.*\.zip$/).length, 11);
  assertSame(await stored(folder, 'BTCUSDT', '1m', ['--from', '2025-01-20']), await served(it, 'BTCUSDT', '1m', from, to));
  assertSame(await stored(folder, 'ETHUSDT', '1h'), await served(it, 'ETHUSDT', '1h', from, Date.UTC(2025, 2, 12, 9)));
  assert.deepEqual(parts(folder).filter(name => name.startsWith('BTCUSDT-1m')),
    ['01', '02', '03'].map(month => `BTCUSDT-1m/BTCUSDT-1m-2025-${month}.csv.zst`));

  const before = asked(it, /klines/).length;
  const again = await fetchInto(it, folder, ['--symbols', 'BTCUSDT,ETHUSDT', '--intervals', '1m,1h', '--from', '2025-01-20', '--to', '2025-03-12T09:00']);
  assert.equal(again.code, 0);
  assert.ok(again.lines.every(l => l.new === 0 && l.missing === 0));
  assert.equal(asked(it, /klines/).length, before, 'what is there is not asked for again');
  assert.equal((await data(folder, ['verify'])).code, 0);
});

test('REST alone and dumps alone give the same bars', async () => {
  const it = await exchange('2025-01-06T12:00:00Z', ['--symbols', 'BTCUSDT']);
  const rest = tempDir(), dumps = tempDir();
  const words = ['--symbols', 'BTCUSDT', '--intervals', '1m,4h,1d', '--from', '2024-11-01', '--to', '2025-01-06'];
  const months = ['--symbols', 'BTCUSDT', '--intervals', '1M', '--from', '2024-02-01', '--to', '2025-01-01'];
  for (const some of [words, months]) {
    const { code, stderr } = await fetchInto(it, rest, [...some, '--source', 'rest']);
    assert.equal(code, 0, stderr);
  }
  assert.equal(asked(it, /\/data\//).length, 0);
  const calls = asked(it, /api/).length;
  for (const some of [words, months]) {
    const { code, stderr } = await fetchInto(it, dumps, [...some, '--source', 'dumps']);
    assert.equal(code, 0, stderr);
  }
  assert.equal(asked(it, /api/).length, calls, 'no REST at all');
  assert.ok(asked(it, /monthly\/klines\/BTCUSDT\/1mo\/BTCUSDT-1mo-2024-12\.zip$/).length === 1, 'months are called 1mo');
  for (const interval of ['1m', '4h', '1d', '1M'])
    assert.deepEqual(await stored(dumps, 'BTCUSDT', interval), await stored(rest, 'BTCUSDT', interval));
  assertSame(await stored(dumps, 'BTCUSDT', '1m', ['--from', '2024-12-31']), // ms, and from the 1st on microseconds
    await served(it, 'BTCUSDT', '1m', Date.UTC(2024, 11, 31), Date.UTC(2025, 0, 6)));
});

test('USD-M futures, with a line of names in their dumps', async () => {
  const it = await exchange('2025-02-06T01:00:00Z', ['--symbols', 'BTCUSDT', '--market', 'usdm']);
  const folder = tempDir();
  const { code, lines, stderr } = await fetchInto(it, folder, ['--market', 'usdm', '--symbols', 'BTCUSDT', '--intervals', '1m', '--from', '2025-01-01']);
  assert.equal(code, 0, stderr);
  assert.equal(lines[0].market, 'usdm');
  assert.equal(asked(it, /\/data\/futures\/um\/monthly.*\.zip$/).length, 1);
  assertSame(await stored(folder, 'BTCUSDT', '1m'),
    await served(it, 'BTCUSDT', '1m', Date.UTC(2025, 0, 1), Date.UTC(2025, 1, 6, 1), '/fapi/v1/klines'));
  assert.equal(parts(folder, 'usdm').length, 2);
});

test('killed in the middle, and again: the next run goes on, and nothing that was written is fetched twice', async () => {
  const it = await exchange('2025-04-10T00:00:00Z', ['--symbols', 'BTCUSDT', '--control', 'on']);
  const folder = tempDir(), words = ['--symbols', 'BTCUSDT', '--intervals', '1m,5m', '--from', '2024-12-05', '--to', '2025-04-10'];
  await say(it, 'rest slow 200ms to dumps');
  for (const n of [3, 8]) {
    const daemon = start('trademind', ['fetch', '--data-dir', folder, ...words], it.env);
    await it.until(() => asked(it, /\.zip$/).length >= n, `${n} archives to be asked for`);
    await daemon.stop('SIGKILL');
    for (const name of parts(folder)) // never half a file
      assert.equal((await run(['eval', '--data', join(folder, 'history/spot', name), 'm.close'])).code, 0);
  }
  const there = new Set(parts(folder)), before = asked(it, /\.zip$/).length;
  assert.ok(there.size > 0, 'something was written before');
  const { code, stderr } = await fetchInto(it, folder, words);
  assert.equal(code, 0, stderr);
  for (const [path] of asked(it, /monthly.*\.zip$/).slice(before)) {
    const name = path.split('/').at(-1).replace('.zip', '.csv.zst');
    assert.ok(!there.has(`${name.slice(0, -'-2025-01.csv.zst'.length)}/${name}`), `${path} was there`);
  }
  assertSame(await stored(folder, 'BTCUSDT', '1m', ['--from', '2024-12-05']),
    await served(it, 'BTCUSDT', '1m', Date.UTC(2024, 11, 5), Date.UTC(2025, 3, 10)));
  assert.equal((await data(folder, ['verify'])).code, 0);
});

test('Ctrl-C writes what has come; the same command goes on from there', async () => {
  const it = await exchange('2025-04-10T00:00:00Z', ['--symbols', 'BTCUSDT', '--control', 'on']);
  const folder = tempDir(), words = ['--symbols', 'BTCUSDT', '--intervals', '1m', '--source', 'rest', '--from', '2025-03-01', '--to', '2025-03-31'];
  await say(it, 'rest slow 40ms to klines');
  const first = start('trademind', ['fetch', '--data-dir', folder, ...words], it.env);
  await it.until(() => asked(it, /klines/).length >= 9, 'nine pages to be asked for');
  const second = await fetchInto(it, folder, words);
  assert.deepEqual([second.code, /another trademind \(process \d+\) uses the data folder/.test(second.stderr)], [1, true], second.stderr);
  assert.deepEqual(await first.stop('SIGINT'), { code: 1, signal: null });
  assert.match(first.stderr, /the same command goes on from here/);
  const n = (await stored(folder, 'BTCUSDT', '1m')).length, pages = asked(it, /klines/).length;
  assert.ok(n >= 7000 && n % 1000 === 0, `${n} bars of whole pages were written`);
  const { code, lines } = await fetchInto(it, folder, words);
  assert.equal(code, 0);
  assert.equal(lines[0].new, 30 * 1440 - n);
  assert.equal(asked(it, /klines/).length - pages, Math.ceil((30 * 1440 - n) / 1000));
  assertSame(await stored(folder, 'BTCUSDT', '1m'), await served(it, 'BTCUSDT', '1m', Date.UTC(2025, 2, 1), Date.UTC(2025, 2, 31)));
});

test('429 with Retry-After, 5xx, cut bodies: waited for and asked again', async () => {
  const it = await exchange('2025-02-10T00:00:00Z', ['--symbols', 'BTCUSDT', '--control', 'on']);
  const folder = tempDir();
  await say(it, 'rest 429 to klines for 2 requests retry-after 1s');
  await say(it, 'rest 503 to klines for 4 requests');
  await say(it, 'rest cut to dumps for 2 requests');
  await say(it, 'rest 429 to dumps for 3 requests retry-after 1s');
  const { code, stderr } = await fetchInto(it, folder, ['--symbols', 'BTCUSDT', '--intervals', '1m,5m', '--from', '2025-01-20', '--to', '2025-02-10']);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /HTTP 429/);
  assert.match(stderr, /HTTP 503/);
  assertSame(await stored(folder, 'BTCUSDT', '5m'), await served(it, 'BTCUSDT', '5m', Date.UTC(2025, 0, 1), Date.UTC(2025, 1, 10)));
  assertSame(await stored(folder, 'BTCUSDT', '1m', ['--from', '2025-02-01']),
    await served(it, 'BTCUSDT', '1m', Date.UTC(2025, 1, 1), Date.UTC(2025, 1, 10)));
});

test('dumps that are not there: REST is asked', async () => {
  const it = await exchange('2025-02-05T00:00:00Z', ['--symbols', 'BTCUSDT', '--control', 'on']);
  const folder = tempDir();
  await say(it, 'rest 404 to dumps');
  const { code, lines, stderr } = await fetchInto(it, folder, ['--symbols', 'BTCUSDT', '--intervals', '1m', '--from', '2025-01-28', '--to', '2025-02-05']);
  assert.equal(code, 0, stderr);
  assert.equal(lines[0].fromDumps, 0);
  assert.ok(asked(it, /\/data\//).every(([, status]) => status === 404) && asked(it, /\/data\//).length > 0);
  assertSame(await stored(folder, 'BTCUSDT', '1m'), await served(it, 'BTCUSDT', '1m', Date.UTC(2025, 0, 28), Date.UTC(2025, 1, 5)));
});

test('an archive that is not what its checksum says is fetched once more; twice is an error, and the rest is done', async () => {
  const it = await exchange('2025-03-05T00:00:00Z', ['--symbols', 'BTCUSDT', '--control', 'on']);
  const once = tempDir(), twice = tempDir();
  const words = ['--symbols', 'BTCUSDT', '--intervals', '1m', '--from', '2025-02-01', '--to', '2025-03-01'];
  await say(it, 'rest corrupt to archives for 1 request');
  const good = await fetchInto(it, once, words);
  assert.equal(good.code, 0, good.stderr);
  assert.match(good.stderr, /BTCUSDT-1m-2025-02\.zip: found SHA-256 [0-9a-f]{64}; expected [0-9a-f]{64}; fetching it once more/);
  assert.equal(asked(it, /2025-02\.zip$/).length, 2);
  await say(it, 'rest corrupt to archives for 2 requests');
  const bad = await fetchInto(it, twice, ['--symbols', 'BTCUSDT', '--intervals', '1m', '--from', '2025-02-01', '--to', '2025-03-04T10:00']);
  assert.equal(bad.code, 1);
  assert.equal(bad.stderr.match(/"level":"error"/g).length, 1, bad.stderr);
  assert.match(bad.lines[0].error, /BTCUSDT-1m-2025-0[23](-\d\d)?\.zip: found SHA-256 [0-9a-f]{64}; expected [0-9a-f]{64}$/);
  assert.ok(bad.lines[0].missing > 0 && bad.lines[0].new > 0);
  const mended = await fetchInto(it, twice, ['--symbols', 'BTCUSDT', '--intervals', '1m', '--from', '2025-02-01', '--to', '2025-03-04T10:00']);
  assert.equal(mended.code, 0, mended.stderr);
  assert.equal(mended.lines[0].new, bad.lines[0].missing);
});

test('a hole that REST has too is said and kept; months before the first bar are not asked for', async () => {
  const recorded = tempDir(), folder = tempDir();
  const bars = randomBars(4 * 1440 + 120, { from: Date.UTC(2025, 2, 10, 6) });
  bars.splice(2000, 223);
  writeKlines(recorded, 'GAPUSDT-1m.csv', bars);
  const it = await exchange('2025-03-14T06:00:00Z', ['--data', recorded]);
  const words = ['--symbols', 'GAPUSDT', '--intervals', '1m', '--from', '2023-01-01', '--to', '2025-03-14'];
  const { code, lines, stderr } = await fetchInto(it, folder, words);
  assert.equal(code, 0, stderr);
  const hole = [bars[2000].time - 223 * MINUTE, bars[2000].time];
  assert.deepEqual(lines[0].holes, [hole]);
  assert.equal(lines[0].first, bars[0].time);
  assert.match(stderr, /GAPUSDT 1m: the exchange has no bars from 2025-03-11T15:20:00Z to 2025-03-11T19:03:00Z \(223\)/);
  assert.equal(asked(it, /202[34]-|2025-0[12]/).length, 0);
  assert.deepEqual((await data(folder, ['verify', '--json'])).lines.map(l => [l.findings, l.holes, l.missing]), [[0, 223, 0]]);
  const before = asked(it, /klines/).length;
  assert.equal((await fetchInto(it, folder, [...words.slice(0, 4), '--from', '2025-03-10T06:00', '--to', '2025-03-14'])).code, 0);
  assert.equal(asked(it, /klines/).length, before, 'the hole is known');
  assertSame(await stored(folder, 'GAPUSDT', '1m'), await served(it, 'GAPUSDT', '1m', bars[0].time, Date.UTC(2025, 2, 14)));
});

test('an unknown symbol is an error of its own', async () => {
  const it = await exchange('2025-03-05T00:00:00Z', ['--symbols', 'BTCUSDT']);
  const folder = tempDir();
  const { code, lines, stderr } = await fetchInto(it, folder, ['--symbols', 'NOUSDT,BTCUSDT', '--intervals', '1h', '--from', '2025-02-01', '--to', '2025-03-01']);
  assert.equal(code, 1);
  assert.match(lines.find(l => l.symbol === 'NOUSDT').error, /NOUSDT: REST does not know this symbol, and there are no dumps of it/);
  assert.equal(lines.find(l => l.symbol === 'BTCUSDT').missing, 0, stderr);
});

test('a full disk is one clear error, and nothing half-written is left', async () => {
  const it = await exchange('2025-03-05T00:00:00Z', ['--symbols', 'BTCUSDT']);
  const folder = tempDir(), script = `trap '' XFSZ; ulimit -f 512; exec "$0" "$@"`; // no file above 512 KB
  const shell = spawn('bash', ['-c', script, program, 'fetch', '--data-dir', folder, '--symbols', 'BTCUSDT', '--intervals', '1m',
    '--from', '2025-01-01', '--to', '2025-03-01'], { env: { PATH: process.env.PATH, HOME: '/nonexistent', ...it.env } });
  let stderr = '';
  shell.stderr.on('data', text => { stderr += text; });
  const code = await new Promise(done => shell.on('close', done));
  assert.equal(code, 1, stderr);
  assert.equal(stderr.match(/"level":"error"/g).length, 1, stderr);
  assert.match(stderr, /cannot write \S+BTCUSDT-1m-2025-0[12]\.csv\.zst: File too large; the file is as it was/);
  assert.deepEqual(readdirSync(join(folder, 'history/spot/BTCUSDT-1m')), []);
});

test('verify finds flipped bits, missing months and rows of another hand, and says where', async () => {
  const it = await exchange('2025-04-05T00:00:00Z', ['--symbols', 'BTCUSDT']);
  const folder = tempDir();
  const words = ['--symbols', 'BTCUSDT', '--intervals', '5m', '--from', '2025-01-01', '--to', '2025-04-01'];
  assert.equal((await fetchInto(it, folder, words)).code, 0);
  const series = join(folder, 'history/spot/BTCUSDT-5m'), file = join(series, 'BTCUSDT-5m-2025-02.csv.zst');
  const bytes = readFileSync(file);
  for (const at of [3, 40, 200, bytes.length >> 1, bytes.length - 2]) {
    const flipped = Buffer.from(bytes);
    flipped[at] ^= 4;
    writeFileSync(file, flipped);
    const { code, lines } = await data(folder, ['verify', '--json']);
    assert.equal(code, 1, `byte ${at}`);
    assert.equal(lines[0].file, file);
    assert.ok(lines[0].found && lines[0].expected, JSON.stringify(lines[0]));
    assert.equal(lines.at(-1).damaged, 1);
  }
  const half = Buffer.from(bytes);
  half[bytes.length >> 1] ^= 4;
  writeFileSync(file, half);
  const { row } = (await data(folder, ['verify', '--json'])).lines[0];
  assert.ok(row > 1000 && row < 28 * 288, `row ${row}`);
  const replayed = await run(['replay', '--data', join(folder, 'history/spot')]);
  assert.equal(replayed.code, 1);
  assert.match(replayed.stderr, /BTCUSDT-5m-2025-02\.csv\.zst:\d+: found damaged bytes/);

  rmSync(file);
  const gap = await data(folder, ['verify']);
  assert.equal(gap.code, 1);
  assert.match(gap.stdout, /2025-03\.csv\.zst:2: found 2025-03-01T00:00:00Z next; expected 2025-02-01T00:00:00Z \(8064 bars are missing/);

  writeFileSync(file, half);
  const mended = await fetchInto(it, folder, words);
  assert.equal(mended.code, 0, mended.stderr);
  assert.match(mended.stderr, /it is \S+BTCUSDT-5m-2025-02\.csv\.zst\.damaged now, and fetched anew/);
  assert.equal(mended.lines[0].new, 28 * 288);
  assert.deepEqual(readFileSync(file), bytes, 'the same file again');
  assert.equal((await data(folder, ['verify'])).code, 0);

  renameSync(join(series, 'BTCUSDT-5m-2025-01.csv.zst'), file);
  assert.match((await data(folder, ['verify'])).stdout, /2025-02\.csv\.zst: found BTCUSDT-5m-2025-01\.csv\.zst of spot; expected what its name says/);
});

test('export gives files that replay reads to the same signals, and JSON lines', async () => {
  const it = await exchange('2025-03-05T00:00:00Z', ['--symbols', 'BTCUSDT,ETHUSDT']);
  const folder = tempDir(), out = join(tempDir(), 'out');
  await fetchInto(it, folder, ['--symbols', 'BTCUSDT,ETHUSDT', '--intervals', '1m', '--from', '2025-03-01', '--to', '2025-03-04']);
  assert.equal((await data(folder, ['export', '--out', out])).code, 0);
  assert.deepEqual(readdirSync(out).sort(), ['BTCUSDT-1m.csv', 'ETHUSDT-1m.csv']);
  const ids = async words => (await run(['replay', '--json', '--from', '2025-03-03', ...words])).lines.map(l => l.id);
  const wanted = await ids(['--data', out]);
  assert.ok(wanted.length > 0);
  assert.deepEqual(await ids(['--data', join(folder, 'history/spot')]), wanted);
  assert.deepEqual(await ids(['--set', `DATA_DIR=${folder}`]), wanted);
  const jsonl = await data(folder, ['export', '--format', 'jsonl', '--from', '2025-03-02', '--to', '2025-03-02T00:02']);
  assert.deepEqual(jsonl.lines.map(l => [l.symbol, l.open_time]), ['BTCUSDT', 'ETHUSDT'].flatMap(s =>
    [0, MINUTE].map(ms => [s, Date.UTC(2025, 2, 2) + ms])));
  assert.equal(jsonl.lines[0].close_time - jsonl.lines[0].open_time, MINUTE - 1);
  const list = await data(folder, ['list', '--json']);
  assert.deepEqual(list.lines.map(l => [l.market, l.symbol, l.interval, l.files, l.bars, l.first, l.last, l.missing]),
    ['BTCUSDT', 'ETHUSDT'].map(s => ['spot', s, '1m', 1, 4320, Date.UTC(2025, 2, 1), Date.UTC(2025, 2, 4) - MINUTE, 0]));
  const part = join(folder, 'history/spot/BTCUSDT-1m/BTCUSDT-1m-2025-03.csv.zst');
  const values = async path => (await run(['eval', '--json', '--data', path, '--from', '2025-03-03', '{match = true, name = m.symbol, close = m.close[0]}'])).lines;
  const wantedValues = await values(join(out, 'BTCUSDT-1m.csv'));
  assert.deepEqual([wantedValues.length, wantedValues[0].value.name], [1440, 'BTCUSDT']);
  assert.deepEqual(await values(part), wantedValues);
  assert.deepEqual(await values(join(folder, 'history/spot/BTCUSDT-1m/')), wantedValues);
  const two = await data(folder, ['export']);
  assert.equal(two.code, 2);
  assert.match(two.stderr, /2 series are meant; expected one/);
});

test('what cannot be is said', async () => {
  for (const [words, code, pattern] of [
    [['fetch', '--symbols', 'A'], 2, /--from T is missing/],
    [['fetch', '--from', '2025-01-01'], 2, /--symbols is missing/],
    [['fetch', '--symbols', 'A', '--from', '2025-01-01', '--to', '2024-01-01'], 2, /--to is not after --from/],
    [['fetch', '--symbols', 'A', '--from', '2025-01-01', '--source', 'ftp'], 2, /"ftp"; expected auto, rest or dumps/],
    [['fetch', '--symbols', 'A', '--from', '2025-01-01', '--intervals', '1m,7m'], 2, /found "7m"; expected an interval/],
    [['fetch', '--symbols', '../../x', '--from', '2025-01-01'], 4, /SYMBOLS/],
    [['fetch', '--symbols', 'A', '--from', '2025-01-01', '--market', 'moon'], 4, /MARKET/],
    [['data', 'lsit'], 2, /"lsit" is nothing to do; expected list, verify or export/],
    [['data', 'verify', '--data-dir', '/nonexistent'], 1, /has nothing of that; `trademind fetch` brings it/],
    [['data', 'export', '--format', 'xml'], 2, /expected csv or jsonl/],
  ]) {
    const it = await run(words);
    assert.deepEqual([it.code, pattern.test(it.stderr)], [code, true], `${words.join(' ')}: ${it.code} ${it.stderr}`);
  }
});
