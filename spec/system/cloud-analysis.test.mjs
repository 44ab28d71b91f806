// Analyses of a machine of the cloud reach PostgreSQL; where the project has signals analysed itself, nobody is asked twice.
// time limit: 300
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, test } from 'node:test';
import { endAll, eventually, generatedMarket, startDaemon, startExchange, tempDir } from './daemon.mjs';
import * as google from './gemini.mjs';
import { startSupabase } from './supabase.mjs';

const market = generatedMarket();
const ASKED = `return trader {name = "Asked", interval = "5m", prompt = "any",
  filter = function(m) return {match = m.time / 300000 % 8 == 0, side = "long", score = 0.9} end}`;
const gemini = await google.gemini();

after(() => gemini.close());
afterEach(endAll);

async function begin(supabase, user, env) {
  const { sql } = supabase;
  gemini.requests.length = 0;
  await sql`insert into traders (id, name, description, filter, strategy, language, user_id, cloud_config)
    values (${randomUUID()}, 'Asked', '', ${sql.json({ code: ASKED })}, '{}', 'lua', ${user.id}, '{"enabledInCloud": true}')`;
  const exchange = await startExchange(market, 600);
  const settings = { GEMINI_API_KEY: google.KEY, GEMINI_BASE_URL: gemini.url, AI_REQUESTS_PER_MINUTE: '0', AI_REANALYSE_MAX: '0', SYNC_INTERVAL_MS: '300' };
  return startDaemon({ port: exchange.port, market, folder: tempDir(), env: { ...env, ...settings } });
}

test('a verdict is in signal_analyses, and its signal has the status that follows', async () => {
  const supabase = await startSupabase();
  const user = await supabase.addUser({ tier: 'elite' });
  const daemon = await begin(supabase, user, supabase.envFor(user));
  const rows = await eventually(async () => {
    const found = await supabase.sql`select a.*, s.status, s.user_id as owner from signal_analyses a join signals s on s.id = a.signal_id where s.status = 'ready'`;
    return found.length >= 3 && found;
  }, 'three verdicts in PostgreSQL', 60000);
  for (const row of rows) {
    assert.equal(row.owner, user.id);
    assert.equal(row.decision, 'enter_trade');
    assert.equal(Number(row.confidence), 71);
    assert.ok(row.gemini_tokens_used > 500 && row.key_levels.takeProfit.length === 2 && row.trade_plan.setup);
  }
  assert.ok(gemini.requests.length >= rows.length);
  await daemon.stop('SIGKILL');
  await supabase.stop();
});

test('where a trigger of the project has signals analysed nothing is asked, and the log says why', async () => {
  const supabase = await startSupabase({ start: 'original' });
  const daemon = await begin(supabase, supabase.user, supabase.env);
  await eventually(async () => (await supabase.sql`select count(*)::int as n from signals`)[0].n >= 3, 'three signals in PostgreSQL', 60000);
  assert.equal(daemon.logged(/auto_trigger_ai_analysis/).length, 1);
  assert.equal(gemini.requests.length, 0);
  await daemon.stop('SIGKILL');
  await supabase.stop();
});
