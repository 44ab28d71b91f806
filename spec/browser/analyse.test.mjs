// The button that has a signal analysed: of a trader that is asked by hand only. The day's budget is one request.
// time limit: 200
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { openPage, shot, startAll, traderFolder } from './browser.mjs';
import * as fake from '../system/openai.mjs';
import { opinion } from '../system/opinions.mjs';
import { eventually, recordedMarket } from '../system/daemon.mjs';

const REASON = 'Asked by hand, and the candles agree.';
const model = await fake.openai({ say: text => opinion(text, { decision: 'bad_setup', reasoning: REASON }) });
after(() => model.close());

const market = recordedMarket(3);
const { daemon } = await startAll({
  market, speed: 'max', traders: traderFolder({ asked: `return trader {name = "Asked by hand", interval = "1m", fire = "every", analysis = {when = "manual"},
    filter = function(m) return {match = m.time / 60000 % 7 == 0, side = "long"} end}` }),
  env: { OPENAI_BASE_URL: model.base, OPENAI_API_KEY: fake.KEY, OPENAI_MODEL: 'fake-model', AI_PRICES: 'fake-model=0/0', AI_DAILY_REQUESTS: '1', AI_MAX_AGE_MIN: '10080', AI_REANALYSE_MAX: '0' },
});

test('Analyse has the model asked; when it is refused the reason is shown', async () => {
  const [one, two] = await eventually(async () => {
    const page = (await daemon.get('/api/v1/signals?state=confirmed&limit=2')).body.signals;
    return page.length === 2 && page[0].time > market.to - 3600000 && page;
  }, 'two signals of the last hour', 60000);
  assert.equal(model.requests.length, 0, 'nobody asks by itself');
  const page = await openPage(daemon, { where: `#/signals/${one.id}`, isExpected: it => it.status() === 503 && it.url().endsWith('/analyze') });
  await page.getByText('This signal has not been analysed.').waitFor();
  await page.getByRole('button', { name: 'Analyse' }).click();
  await page.locator('.analysis .reasoning').waitFor();
  assert.equal(await page.locator('.analysis .reasoning').textContent(), REASON);
  await shot(page, 'analyse-1-answered');

  await page.evaluate(hash => { location.hash = hash; }, `#/signals/${two.id}`);
  await page.getByText('This signal has not been analysed.').waitFor();
  await page.getByRole('button', { name: 'Analyse' }).click();
  await page.getByText('Not analysed: the budget of the day is used up').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Analyse' }).isEnabled(), true);
  await shot(page, 'analyse-2-refused');
  assert.equal(model.requests.length, 1);
  assert.deepEqual(page.faults, []);
});
