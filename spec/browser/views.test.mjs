// Every view, in light and dark, wide and as a phone: by axe-core's rules of WCAG 2.2 AA, without a fault in the console, and
// without a sideways scroll.
// time limit: 600
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { CLOCKWORK, drawn, inPage, openPage, shot, startAll, traderFolder } from './browser.mjs';
import { eventually, recordedMarket, stored } from '../system/daemon.mjs';
import { tempDir } from '../system/harness.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
const LEAST_TARGET_PX = 24; // WCAG 2.2, 2.5.8

const market = recordedMarket(3);
market.to = market.from + 6 * 3600000;

/** It fails at its fifth line at every bar. */
const BROKEN = `return trader {
  name = "Broken", interval = "1m",
  filter = function(m)
    local nothing
    return nothing.value > m.close[0]
  end,
}`;
const INPUTS = `local length = input.int("length", 14, {min = 2, max = 50, help = "RSI length, bars"})
local level = input.float("level", 30, {min = 5, max = 50, help = "oversold level"})
local strict = input.bool("strict", false, {help = "both must hold"})
return trader {
  name = "Parametrised", interval = "5m", description = "The RSI is below its level.",
  filter = function(m) return ta.rsi(m.close, length)[0] < level and (not strict or m.close[0] > m.open[0]) end,
}`;

const folder = tempDir();
const { daemon } = await startAll({ market, speed: 120, folder, traders: traderFolder({ clockwork: CLOCKWORK, broken: BROKEN, parametrised: INPUTS }) });
await eventually(() => stored(folder).size > 12, 'some signals', 60000);
const traderOf = async key => (await daemon.get('/api/v1/traders')).body.traders.find(it => it.trader === key).id;
const symbol = market.symbols[0];

/** Where, and what says that it is there. */
const VIEWS = {
  signals: { where: '#/signals', isThere: page => drawn(page) },
  chart: { where: `#/chart/${symbol}/5m`, isThere: page => drawn(page) },
  traders: { where: `#/traders/${await traderOf('parametrised')}`, isThere: page => page.getByLabel('length').waitFor() },
  'trader with an error': { where: `#/traders/${await traderOf('broken')}`, isThere: page => page.getByRole('heading', { name: 'Last error' }).waitFor() },
  editor: { where: '#/editor', isThere: page => page.getByText('no errors', { exact: true }).first().waitFor() },
  market: { where: '#/market', isThere: page => page.locator('.heat li').nth(2).waitFor() },
  machine: { where: '#/machine', isThere: page => page.getByRole('heading', { name: 'Workers' }).waitFor() },
};

async function violations(page) {
  await page.evaluate(axe); // by the debugger, which the page's policy does not bind
  const { violations: found, passes } = await page.evaluate(tags => globalThis.axe.run(document, { runOnly: tags }), RULES);
  assert.ok(passes.length > 10, `only ${passes.length} rules had anything to look at`);
  return found.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(it => `${it.target} ${it.any[0]?.message ?? ''}`).join(' | ')}`);
}

for (const [name, { where, isThere }] of Object.entries(VIEWS)) {
  for (const colorScheme of ['light', 'dark']) {
    test(`${name}, ${colorScheme}: axe has nothing to say`, async () => {
      const page = await openPage(daemon, { where, colorScheme, reducedMotion: 'reduce' });
      await isThere(page);
      assert.deepEqual(await violations(page), []);
      assert.deepEqual(page.faults, []);
      await shot(page, `${name}-${colorScheme}`);
      });
  }

  test(`${name}, on a phone: nothing is cut off, everything can be tapped`, async () => {
    const page = await openPage(daemon, { where, ...PHONE });
    if (name === 'signals') await page.locator('.list li a').first().tap();
    await isThere(page);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${wide} px too wide`);
    const small = await page.evaluate(least => [...document.querySelectorAll('button, select, input, .rail a, .list a')].filter(it => it.checkVisibility())
      .map(it => ({ it, box: it.getBoundingClientRect() })).filter(({ it, box }) => (box.width < least || box.height < least) && !it.closest('label'))
      .map(({ it, box }) => `${it.outerHTML.slice(0, 60)} ${box.width}x${box.height}`), LEAST_TARGET_PX);
    assert.deepEqual(small, []);
    if (name === 'signals' || name === 'chart') {
      const pixels = await page.locator('.canvas').evaluate(({ priceChart: { chart } }) => chart.timeScale().options().barSpacing);
      assert.ok(pixels > 3, `a candle has ${pixels} px`);
    }
    assert.deepEqual(page.faults, []);
    await shot(page, `${name}-phone`);
    if (name === 'signals') {
      await page.getByRole('button', { name: 'Back to the list' }).tap();
      await page.locator('.list li').first().waitFor();
    }
  });
}

test('the page that asks for the token: axe has nothing to say', async () => {
  for (const colorScheme of ['light', 'dark']) {
    const page = await openPage(daemon, { token: '', colorScheme });
    await page.getByLabel('Token').waitFor();
    assert.deepEqual(await violations(page), []);
  }
});

test('with reduced motion nothing moves', async () => {
  const page = await openPage(daemon, { reducedMotion: 'reduce' });
  await page.locator('.list li').first().waitFor();
  const moving = await page.evaluate(() => document.getAnimations().filter(it => it.playState === 'running').length);
  assert.equal(moving, 0);
});

test('colours follow the setting, in the chart, too', async () => {
  const page = await openPage(daemon, { where: VIEWS.chart.where, colorScheme: 'light' });
  await drawn(page);
  const ground = () => page.evaluate(() => document.querySelector('.canvas').priceChart.chart.options().layout.background.color);
  const light = await ground();
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByRole('button', { name: 'Dark' }).click();
  await inPage(page, before => document.querySelector('.canvas').priceChart.chart.options().layout.background.color !== before, light, 'a dark chart');
  await page.reload();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
});

test('the parameters of a trader are a form with their bounds; what is applied runs', async () => {
  const page = await openPage(daemon, { where: VIEWS.traders.where });
  await page.getByLabel('length').fill('99');
  await page.getByText('at most 50').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Apply' }).isDisabled());
  await page.getByLabel('length').fill('7');
  await page.getByLabel('strict').check();
  await page.getByRole('button', { name: 'Apply' }).click();
  await eventually(async () => {
    const { inputs } = (await daemon.get('/api/v1/traders')).body.traders.find(it => it.trader === 'parametrised');
    return inputs?.length === 7 && inputs.strict === true;
  }, 'the inputs to be in force');
  await page.getByRole('button', { name: 'Defaults' }).waitFor();
  assert.equal(await page.getByLabel('length').inputValue(), '7');
  assert.deepEqual(page.faults, []);
});

test('an error of a trader leads to its line in the editor', async () => {
  const page = await openPage(daemon, { where: VIEWS['trader with an error'].where });
  await page.getByRole('link', { name: 'Line 5' }).click();
  const line = await inPage(page, () => {
    const editor = document.querySelector('.host')?.codeEditor;
    return editor && editor.view.state.doc.lineAt(editor.view.state.selection.main.head).number === 5 && editor.view.state.doc.line(5).text;
  }, null, 'the fifth line');
  assert.match(line, /nothing\.value/);
  assert.deepEqual(page.faults, []);
});

test('the list is filtered and sorted', async () => {
  const page = await openPage(daemon);
  await page.getByLabel('Symbol', { exact: true }).fill(market.symbols[1].slice(0, 4).toLowerCase());
  await inPage(page, wanted => {
    const rows = [...document.querySelectorAll('.list li b')];
    return rows.length > 2 && rows.every(it => it.textContent === wanted);
  }, market.symbols[1], 'one symbol alone');
  await page.getByLabel('Symbol', { exact: true }).fill('');
  await page.getByLabel('Order').selectOption('symbol');
  await inPage(page, () => {
    const names = [...document.querySelectorAll('.list li b')].map(it => it.textContent);
    return new Set(names).size > 1 && String(names) === String([...names].sort());
  }, null, 'the order of symbols');
  await page.getByLabel('Which').selectOption('enter');
  await page.getByText('No signal is like this.').waitFor();
  assert.deepEqual(page.faults, []);
});
