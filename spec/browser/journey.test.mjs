// From an empty install to the analysis of a first signal, by keyboard alone: nothing here touches a mouse. With TRADEMIND_SHOTS a
// picture of each step.
// time limit: 300
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { inPage, openPage, shot, startAll } from './browser.mjs';
import * as fake from '../system/openai.mjs';
import { opinion } from '../system/opinions.mjs';
import { eventually, recordedMarket } from '../system/daemon.mjs';
import { tempDir } from '../system/harness.mjs';

const REASON = 'The minute is right, and the last candles leave room for the target.';
const model = await fake.openai({ say: text => opinion(text, { reasoning: REASON }) });
after(() => model.close());

const market = recordedMarket(3);
market.to = market.from + 12 * 3600000;
const { daemon } = await startAll({
  market, speed: 60, traders: tempDir(),
  env: { OPENAI_BASE_URL: model.base, OPENAI_API_KEY: fake.KEY, OPENAI_MODEL: 'fake-model', AI_PRICES: 'fake-model=0/0', AI_MAX_AGE_MIN: '10080', AI_REQUESTS_PER_MINUTE: '0', AI_REANALYSE_MAX: '0' },
});

const WRONG_LINE = 6, MISTAKE = 'clos';
const SOURCE = `return trader {
  name = "Every third minute",
  interval = "1m",
  prompt = "whether the minute is right",
  filter = function(m)
    return {match = m.time / 60000 % 3 == 0 and m.${MISTAKE}[0] > 0, side = "long"}
  end,
  plots = function(m) return {plot.line("average", ta.sma(m.close, 20)), plot.line("RSI", ta.rsi(m.close, 14), {pane = 1})} end,
}
`;

/** Tab, or Shift+Tab, until the focus is on what `isThere` (run in the page on the focused element) accepts. */
async function tabTo(page, isThere, argument, what, key = 'Tab') {
  for (let n = 0; n < 60; n++) {
    const focused = await page.evaluateHandle(() => {
      let it = document.activeElement;
      while (it?.shadowRoot?.activeElement) it = it.shadowRoot.activeElement;
      return it;
    });
    const isOn = await focused.evaluate(isThere, argument);
    if (isOn) return;
    await page.keyboard.press(key);
  }
  assert.fail(`the focus never came to ${what}`);
}

/** By what a screen reader would call it. */
const named = (it, name) => (it.getAttribute('aria-label') ?? it.labels?.[0]?.textContent ?? it.textContent).trim().startsWith(name);
const inText = it => it.classList.contains('cm-content');

/** The focus can be seen: an outline, or the ring that CodeMirror draws around itself. */
async function assertVisibleFocus(page) {
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(outline, 'none');
}

test('empty install, editor, wrong line, fixed, matches, saved, signal, chart, analysis: without a mouse', async () => {
  const page = await openPage(daemon, { reducedMotion: 'reduce', permissions: ['clipboard-read', 'clipboard-write'] });
  const { keyboard } = page;

  await page.getByText('There is no trader yet, so nothing is screened.').waitFor();
  assert.ok(daemon.logged(/there is no trader in \S+ yet, so that nothing is screened/).length, 'the terminal says it, too');
  await shot(page, 'journey-1-empty');
  await tabTo(page, named, 'Write a trader', 'the way to the editor');
  await assertVisibleFocus(page);
  await keyboard.press('Enter');

  await page.locator('.host').waitFor();
  await inPage(page, () => document.querySelector('.host')?.codeEditor, null, 'the editor');
  await tabTo(page, inText, null, 'the text');
  await keyboard.press('Control+a');
  await page.evaluate(text => navigator.clipboard.writeText(text), SOURCE);
  await keyboard.press('Control+v');
  await page.getByText(`Error, line ${WRONG_LINE}`).waitFor();
  assert.equal(await page.locator('.host').evaluate(it => it.codeEditor.view.contentDOM.querySelectorAll('.cm-lintRange-error').length > 0), true, 'the line is marked in the text');
  await shot(page, 'journey-2-wrong-line');

  await keyboard.press('F8');
  const at = await page.locator('.host').evaluate(({ codeEditor: { view } }) => view.state.doc.lineAt(view.state.selection.main.head).number);
  assert.equal(at, WRONG_LINE);
  await keyboard.press('Home');
  const ahead = SOURCE.split('\n')[WRONG_LINE - 1].trimStart().indexOf(MISTAKE) + MISTAKE.length;
  for (let i = 0; i < ahead; i++) await keyboard.press('ArrowRight');
  await keyboard.type('e');
  await page.getByText('no errors', { exact: true }).first().waitFor();
  await page.locator('.look .table tbody tr').first().waitFor();
  await shot(page, 'journey-3-matches');
  assert.equal((await daemon.get('/api/v1/traders')).body.traders.length, 0, 'nothing is stored before it is saved');

  await keyboard.press('Escape'); // an open completion
  await keyboard.press('Control+s');
  await page.getByText('is saved and runs').waitFor();
  const { traders } = (await daemon.get('/api/v1/traders')).body;
  assert.deepEqual(traders.map(it => [it.name, it.editable, it.enabled]), [['Every third minute', true, true]]);
  await shot(page, 'journey-4-saved');

  await tabTo(page, named, 'Signals', 'the signals', 'Shift+Tab');
  await keyboard.press('Enter');
  await page.locator('.list .fresh').first().waitFor();
  await tabTo(page, it => it.closest('li')?.dataset.id, null, 'the newest signal');
  await assertVisibleFocus(page);
  await shot(page, 'journey-5-signal');
  const id = await page.evaluate(() => document.activeElement.closest('li').dataset.id);
  await keyboard.press('Enter');

  const chart = await inPage(page, () => {
    const it = document.querySelector('.canvas')?.priceChart;
    return it?.klines.length && it.drawn().plots.length > 1 ? it.drawn() : null;
  }, null, 'the chart');
  const { body: signal } = await daemon.get(`/api/v1/signals/${id}`);
  assert.ok(chart.markers.some(it => it.time === signal.time / 1000 && it.size === 2), 'the signal is marked');

  await page.locator('.analysis .reasoning').waitFor();
  assert.equal(await page.locator('.analysis .reasoning').textContent(), REASON);
  const { analyses: [analysis] } = await eventually(async () => {
    const { body } = await daemon.get(`/api/v1/signals/${id}`);
    return body.analyses.length > 0 && body;
  }, 'the analysis');
  const { entry, stopLoss, takeProfit } = analysis.keyLevels;
  const levels = await inPage(page, () => {
    const { levels: list } = document.querySelector('.canvas').priceChart.drawn();
    return list.length >= 4 ? list : null;
  }, null, 'the levels of the plan');
  assert.deepEqual(levels.map(it => it.price), [entry, stopLoss, ...takeProfit]);
  await shot(page, 'journey-6-analysis');

  await tabTo(page, named, '5m', 'another timeframe');
  await keyboard.press('Enter');
  await inPage(page, () => {
    const it = document.querySelector('.canvas')?.priceChart;
    return it?.klines.length > 2 && it.klines[1][0] - it.klines[0][0] === 300000;
  }, null, 'candles of five minutes');
  assert.deepEqual(page.faults, []);
});

test('whoever leaves the editor and comes back finds the draft', async () => {
  const page = await openPage(daemon, { where: '#/editor' });
  await inPage(page, () => document.querySelector('.host')?.codeEditor, null, 'the editor');
  await tabTo(page, inText, null, 'the text');
  await page.keyboard.press('Control+End');
  await page.keyboard.type('-- not lost');
  await page.getByText('not saved').waitFor();
  await page.keyboard.press('Escape'); // the list of words
  await page.keyboard.press('Escape');
  await page.keyboard.press('Tab');
  await tabTo(page, named, 'Market', 'another view', 'Shift+Tab');
  await page.keyboard.press('Enter');
  await page.locator('.heat li').first().waitFor();
  await page.goBack();
  const text = await inPage(page, () => document.querySelector('.host')?.codeEditor?.text, null, 'the editor');
  assert.match(text, /-- not lost$/);
});

test('who saves second is told so, and chooses', async () => {

  const [{ id }] = (await daemon.get('/api/v1/traders')).body.traders;
  const one = await openPage(daemon, { where: `#/editor/${id}` });
  const two = await openPage(daemon, { where: `#/editor/${id}`, isExpected: it => it.status() === 409 });
  for (const page of [one, two]) await inPage(page, () => document.querySelector('.host')?.codeEditor, null, 'the editor');
  const append = async (page, text) => {
    await tabTo(page, inText, null, 'the text');
    await page.keyboard.press('Control+End');
    await page.keyboard.type(text);
    await page.keyboard.press('Control+s');
  };
  await append(one, '-- one');
  await one.getByText('is saved and runs').waitFor();
  await append(two, '-- two');
  await two.getByRole('button', { name: 'Overwrite it' }).waitFor();
  assert.match((await daemon.get(`/api/v1/traders/${id}`)).body.source, /-- one\s*$/);
  await two.getByRole('button', { name: 'Overwrite it' }).press('Enter');
  await eventually(async () => /-- two\s*$/.test((await daemon.get(`/api/v1/traders/${id}`)).body.source), 'the second version');
  assert.deepEqual([...one.faults, ...two.faults], []);
});
