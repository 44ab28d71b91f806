// sync.rows: how fast the daemon writes what waits in its outbox to PostgreSQL through a PostgREST (npm's @supabase/lite, which
// is the slower part). sync.rows.single: the same rows to the same server, one insert after the other.
import { builtInTraders, endAll, eventually, startTrademind, stop } from '../spec/system/daemon.mjs';
import { BACKLOG_BAR_MS as BAR_MS, backlogKlines as klines, fillBacklog, nameId, startProject, waitingIn } from '../spec/system/cloud.mjs';
import { SECRET_KEY } from '../spec/system/supabase.mjs';

const RUNS = Number(process.env.BENCH_RUNS ?? 5), ROWS = 4000, SINGLE_ROWS = 300;
const supabase = await startProject(builtInTraders);
const trader = nameId('file:rsi_oversold_bounce');

async function drain({ folder, ids }) {
  const daemon = startTrademind({ folder, env: { ...supabase.env, SUPABASE_URL: supabase.lite.url, SYNC_INTERVAL_MS: '100', HOST: '127.0.0.1' } });
  const done = await eventually(() => { const left = waitingIn(folder); return left < ROWS && { left, at: performance.now() }; }, 'the first rows', 60000);
  const end = await eventually(() => waitingIn(folder) <= 5 && performance.now(), 'all rows', 120000);
  await stop(daemon);
  const [{ count }] = await supabase.sql`select count(*)::int as count from signals where id = any(${ids})`;
  if (count !== ROWS) throw new Error(`${count} of ${ROWS} rows arrived`);
  return done.left / ((end - done.at) / 1000);
}

async function insertSingly(run) {
  const row = id => JSON.stringify([{
    id, user_id: supabase.user.id, trader_id: trader, symbol: 'BTCUSDT', interval: '1m', timestamp: new Date(BAR_MS).toISOString(), price: 100,
    price_at_signal: 100, volume_at_signal: 5, matched_conditions: [], status: 'new', source: 'cloud', indicator_data: { klines }, metadata: { trader: 'bench' },
    created_at: new Date(BAR_MS).toISOString(),
  }]);
  const headers = { apikey: SECRET_KEY, 'Content-Type': 'application/json', Prefer: 'return=minimal,resolution=ignore-duplicates' };
  const began = performance.now();
  for (let i = 0; i < SINGLE_ROWS; i++) {
    const response = await fetch(`${supabase.lite.url}/rest/v1/signals?on_conflict=id`, { method: 'POST', headers, body: row(nameId(`single ${run} ${i}`)) });
    if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
    await response.arrayBuffer();
  }
  return SINGLE_ROWS / ((performance.now() - began) / 1000);
}

function print(name, workload, samples) {
  const sorted = [...samples].sort((a, b) => b - a), at = share => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]);
  console.log(JSON.stringify({ name, workload, unit: 'rows/s', median: at(0.5), p99: at(0.99), runs: sorted.length }));
}

const rows = [], single = [];
for (let run = 0; run < RUNS; run++) {
  rows.push(await drain(await fillBacklog(supabase, trader, ROWS, `bench ${run}`)));
  single.push(await insertSingly(run));
}
print('sync.rows', `${ROWS} signals with 100 candles each, waiting in the outbox, to PostgreSQL through @supabase/lite`, rows);
print('sync.rows.single', 'signals of the same size to the same server, one insert after the other', single);
await endAll();
await supabase.stop();
process.exit();
