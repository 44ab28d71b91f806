// What specs of the daemon in the cloud share: a project that knows the trader files, and what it holds afterwards.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { startTrademind, stop, tempDir } from './daemon.mjs';
import { start } from './harness.mjs';
import { startSupabase } from './supabase.mjs';

const NAMESPACE = Buffer.from('6d8f2f0c3f0e5b7a9c557a1c1f0e9b42', 'hex');

/** The id of a name within our namespace, as RFC 9562 makes it (version 5). */
export function nameId(name) {
  const bytes = createHash('sha1').update(NAMESPACE).update(name).digest().subarray(0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x50;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A project in which each trader file of `folder` is a row of the user's traders, under the id that the file has. */
export async function startProject(folder, options = {}) {
  const supabase = await startSupabase(options);
  for (const name of readdirSync(folder).filter(file => /^(?!.*_spec).*\.lua$/.test(file))) {
    const code = readFileSync(join(folder, name), 'utf8'), key = /^\s*id\s*=\s*"([^"]+)"/m.exec(code)?.[1] ?? basename(name, '.lua');
    await supabase.sql`insert into traders (id, user_id, name, description, filter, strategy, language, cloud_config)
      values (${nameId(`file:${key}`)}, ${supabase.user.id}, ${key}, '', ${supabase.sql.json({ code })}, '{}', 'lua',
        '{"enabledInCloud": true}')`;
  }
  return supabase;
}

/** Signals that are no historical ones: id -> {id, trader, symbol, time, late}, to be compared with those of a replay. */
export async function cloudSignals({ sql }) {
  const rows = await sql`select id, metadata->>'trader' as trader, symbol, extract(epoch from "timestamp") * 1000 as time, (metadata->>'late')::boolean as late
    from signals where metadata->>'state' <> 'historical'`;
  return new Map(rows.map(row => [row.id, { ...row, time: Number(row.time) }]));
}

/** '' when each of these signals has its event, and none besides is there. */
export async function eventDifference({ sql }, signals) {
  const rows = await sql`select details->>'signalId' as id from cloud_events where event_type = 'signal_created'`;
  const found = new Set(rows.map(row => row.id));
  const missing = [...signals.keys()].filter(id => !found.has(id)), besides = [...found].filter(id => !signals.has(id));
  if (found.size === rows.length && missing.length + besides.length === 0) return '';
  return `${rows.length} events of ${found.size} signals; ${missing.length} missing, ${besides.length} besides`;
}

/** The settings of the daemon in that project. */
export const cloudEnv = (supabase, market) => ({
  ...supabase.env, SYMBOLS: market.symbols.join(','), SYNC_INTERVAL_MS: '200', HOST: '127.0.0.1', MACHINE_REGION: 'sin',
});

/** A verb of the command line: {code, lines (of JSON), stderr}. */
export async function verb(words, env = {}) {
  const it = start('trademind', words, env);
  const { code } = await it.ended;
  return { code, lines: it.lines, stderr: it.stderr };
}

/** How many rows wait in the outbox of that folder. */
export const waitingIn = folder =>
  Number(execFileSync('sqlite3', ['-readonly', join(folder, 'trademind.db'), 'select count(*) from outbox'], { encoding: 'utf8' }));

export const BACKLOG_BAR_MS = Date.parse('2026-02-03T00:00:00Z');
export const backlogKlines = Array.from({ length: 100 }, (_, i) =>
  ({ x: BACKLOG_BAR_MS - (99 - i) * 60000, o: 100 + i / 10, h: 101 + i / 10, l: 99 + i / 10, c: 100.5 + i / 10, v: 1234.5 + i }));

/** Candles as the column `packed` of the table `candles` may have them: all numbers as doubles (src/sync/candle_pack.h). */
function packCandles(candles) {
  const varint = value => {
    let left = value >= 0n ? value * 2n : -value * 2n - 1n;
    const bytes = [];
    for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
    return Buffer.from([...bytes, Number(left)]);
  };
  const doubles = names => Buffer.concat([Buffer.from([255]), Buffer.from(Float64Array.from(candles.flatMap(c => names.map(name => c[name]))).buffer)]);
  let before = 0n, step = 0n;
  const times = candles.map(({ x }, i) => {
    const change = i ? BigInt(x) - before : BigInt(x), coded = varint(i ? change - step : change);
    if (i) step = change;
    before = BigInt(x);
    return coded;
  });
  return Buffer.concat([Buffer.from([candles.length]), ...times, doubles(['o', 'h', 'l', 'c']), doubles(['v'])]);
}

/** A data folder in which `rows` signals of one bar wait for the cloud. {folder, ids}. */
export async function fillBacklog(supabase, trader, rows, name) {
  const folder = tempDir(), file = join(folder, 'fill.sql');
  const daemon = startTrademind({ folder }); // makes the tables
  await daemon.until(() => daemon.port(), 'the daemon to listen');
  await stop(daemon);
  const packed = packCandles(backlogKlines).toString('hex');
  const ids = Array.from({ length: rows }, (_, i) => nameId(`${name} ${i}`));
  writeFileSync(file, `begin; insert into candles values ('BTCUSDT', '1m', ${BACKLOG_BAR_MS}, x'${packed}');
    ${ids.map(id => `insert into signals (id, user_id, trader_id, symbol, interval, timestamp, price, price_at_signal, volume_at_signal, metadata, created_at)
      values ('${id}', '${supabase.user.id}', '${trader}', 'BTCUSDT', '1m', ${BACKLOG_BAR_MS}, 100, 100, 5, '{"trader":"bench","state":"confirmed"}', ${BACKLOG_BAR_MS});
      insert into outbox (destination, key, op) values ('signals', '${id}', 0);`).join('\n')} commit;`);
  execFileSync('sqlite3', [join(folder, 'trademind.db'), `.read ${file}`]);
  rmSync(file);
  return { folder, ids };
}
