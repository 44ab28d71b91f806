// The types of the client module against what a machine answers: each answer, written down as a literal of its type, has to compile, so
// that no member is missing, too many or of another type.
// time limit: 120
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLOCKWORK, startAll, traderFolder } from './browser.mjs';
import * as fake from '../system/openai.mjs';
import { opinion } from '../system/opinions.mjs';
import { eventually, recordedMarket } from '../system/daemon.mjs';
import { root, tempDir } from '../system/harness.mjs';

const model = await fake.openai({ say: text => opinion(text) });
after(() => model.close());

const client = join(root, 'web/client');
const WITH_INPUTS = `local n = input.int("n", 3, {min = 1, max = 9, help = "bars"})
local kind = input.string("kind", "up", {options = {"up", "down"}})
return trader {name = "Inputs", interval = "1m", filter = function(m) return kind == "up" and m.close[0] > m.close[n] end}`;
const BROKEN = 'return trader {interval = "1m", filter = function(m) return m.clos[0] > 1 end}';

/** What the compiler says of the answers, each [type, value]; "": nothing. */
function complaints(answers) {
  const folder = tempDir();
  const names = [...new Set(answers.flatMap(([type]) => type.match(/[A-Z]\w+/g)))];
  const lines = answers.map(([type, value], i) => `export const a${i}: ${type} = ${JSON.stringify(value)};`);
  writeFileSync(join(folder, 'answers.ts'), `import type { ${names.join(', ')} } from '${join(client, 'types.d.ts')}';\n${lines.join('\n')}\n`);
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: join(client, 'tsconfig.json'), include: [], files: ['answers.ts'] }));
  return spawnSync(process.execPath, [join(root, 'web/node_modules/typescript/bin/tsc'), '-p', folder], { encoding: 'utf8' }).stdout;
}

test('every answer is of its type', async () => {
  const { daemon } = await startAll({
    market: recordedMarket(2), speed: 300, traders: traderFolder({ clockwork: CLOCKWORK, inputs: WITH_INPUTS, broken: BROKEN }),
    env: { OPENAI_BASE_URL: model.base, OPENAI_API_KEY: fake.KEY, OPENAI_MODEL: 'fake-model', AI_PRICES: 'fake-model=0/0', AI_MAX_AGE_MIN: '10080', AI_REQUESTS_PER_MINUTE: '0' },
  });
  const { Api } = await import(join(client, 'index.js'));
  const api = new Api({ token: daemon.token, base: `http://127.0.0.1:${daemon.port()}` });
  const { analyses } = await eventually(async () => {
    const page = await api.analyses({ limit: 20 });
    return page.analyses.some(it => it.state === 'done') && page;
  }, 'an analysis', 60000);
  await api.changeTrader('inputs', { inputs: { n: 5 } });
  const traders = await eventually(async () => {
    const all = await api.traders();
    return all.some(it => it.inputs?.n === 5) && all;
  }, 'the input');
  assert.ok(traders.some(it => it.error), 'one of them is broken');
  const page = await api.signals({ limit: 50 }), [{ id, symbol }] = page.signals;
  const refusal = await api.createTrader({ id: 'x', source: BROKEN }).then(() => null, error => error.problem);
  const answers = [
    ['Trader[]', traders],
    ['Trader', await api.trader('inputs')],
    ['Signal[]', page.signals],
    ['SignalWithDetails', await api.signal(id)],
    ['Analysis[]', analyses],
    ['Klines', await api.klines({ symbol, interval: '5m', limit: 20 })],
    ['Plots', await api.plots({ trader: 'clockwork', symbol, limit: 20 })],
    ['Symbols', await api.symbols()],
    ['Look', await api.look({ source: WITH_INPUTS, bars: 20 })],
    ['Finding[]', (await api.validate(BROKEN)).findings],
    ['Problem', refusal],
  ];
  const asked = await api.analyze(page.signals.find(it => it.state === 'confirmed').id).then(it => ['Asked', it], error => ['Problem', error.problem]);
  assert.equal(complaints([...answers, asked]), '');

  const [one] = traders;
  assert.match(complaints([['Trader', { ...one, inputs: [] }]]) + complaints([['Trader', { ...one, surplus: 1 }]]), /inputs|surplus/, 'and the compiler does look');
  const { version, ...rest } = one;
  assert.match(complaints([['Trader', rest]]), /version/);
});
