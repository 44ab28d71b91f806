// What the browser specs share: Chromium, a page of the dashboard with everything that went wrong in it, a market and traders
// whose signals are known beforehand.
import { after, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { endAll, startDaemon, startExchange } from '../system/daemon.mjs';
import { tempDir } from '../system/harness.mjs';

const require = createRequire(import.meta.url);
const { chromium } = require('playwright-core');

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(path => existsSync(path));
export const DEADLINE_MS = 30000;

let browser = null;
const pages = new Set();

/** What a failed test was looking at; the next one begins without it. */
afterEach(async t => {
  for (const page of pages) {
    if (!t.passed && !page.isClosed()) await shot(page, `failed ${t.name.replace(/[^a-z0-9]+/gi, ' ')}`).catch(() => {});
    await page.context().close();
  }
  pages.clear();
});
after(async () => {
  await browser?.close();
  await endAll();
});

/** Debian's; inside a container its own sandbox has no namespace to build on. */
async function chrome() {
  assert.ok(CHROMIUM, 'Chromium is not installed: apt-get install chromium');
  browser ??= await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  return browser;
}

/**
 * A page of its own session; `before` runs in it before its own scripts. `page.faults`: errors of scripts, refusals by the content security policy, answers of 4xx and 5xx
 * other than those that `isExpected` knows, requests to anybody but the daemon.
 */
export async function openPage(daemon, { where = '', token = daemon.token, isExpected = () => false, before, ...context } = {}) {
  const origin = `http://127.0.0.1:${daemon.port()}`;
  const session = await (await chrome()).newContext({ viewport: { width: 1440, height: 900 }, ...context });
  const page = await session.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  page.faults = [];
  pages.add(page);
  page.on('pageerror', error => page.faults.push(`error: ${error.message}`));
  page.on('console', message => {
    if (/Content.Security.Policy/i.test(message.text())) page.faults.push(message.text());
  });
  page.on('request', request => { if (!request.url().startsWith(`${origin}/`)) page.faults.push(`request to ${request.url()}`); });
  page.on('response', response => {
    if (response.status() >= 400 && !isExpected(response)) page.faults.push(`${response.status()} ${response.request().method()} ${new URL(response.url()).pathname}`);
  });
  if (before) await page.addInitScript(before);
  await page.goto(`${origin}/${token ? `#${token}` : ''}`);
  if (where) await page.evaluate(hash => { location.hash = hash; }, where);
  return page;
}

/** Waits until `condition`, run in the page, is true; its value. */
export async function inPage(page, condition, argument, what = 'the page') {
  try {
    return await (await page.waitForFunction(condition, argument, { timeout: DEADLINE_MS })).jsonValue();
  } catch (error) {
    throw new Error(`waited in vain for ${what}: ${error.message.split('\n')[0]}\nfaults: ${page.faults.join('; ')}`);
  }
}

/** What the chart draws, once it has candles. */
export const drawn = page => inPage(page, () => {
  const chart = document.querySelector('.canvas')?.priceChart;
  return chart?.klines.length ? chart.drawn() : null;
}, null, 'the chart');

/** Ids in the list, top first. */
export const listedIds = page => page.locator('.list li[data-id]').evaluateAll(rows => rows.map(row => row.dataset.id));

/** Into the folder that TRADEMIND_SHOTS names, for people to look at. */
export async function shot(page, name) {
  const folder = process.env.TRADEMIND_SHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), caret: 'initial' }); // to hide it, a style would be written into the page
}

// ---- markets and traders ----

/** Fires at every fifth minute, long and short by turns, whatever the market does; a plot of each place. */
export const CLOCKWORK = `return trader {
  id = "clockwork", name = "Clockwork", interval = "1m", fire = "every", prompt = "what the clock says",
  filter = function(m)
    return {match = m.time / 60000 % 5 == 0, side = m.time / 300000 % 2 == 0 and "long" or "short"}
  end,
  plots = function(m)
    local band = ta.bb(m.close, 20, 2)
    return {
      plot.line("average", ta.sma(m.close, 20)), plot.band("Bollinger", band.upper, band.lower, {color = "gray"}),
      plot.line("RSI", ta.rsi(m.close, 14), {pane = 1}), plot.hline("half", 50, {pane = 1}),
    }
  end,
}`;

/** {file name: code} as a folder. */
export function traderFolder(traders) {
  const folder = tempDir();
  for (const [name, code] of Object.entries(traders)) writeFileSync(join(folder, `${name}.lua`), code);
  return folder;
}

/** Exchange and daemon, running. `speed`: market seconds in a second. */
export async function startAll({ market, speed = 60, traders, folder = tempDir(), env = {}, port } = {}) {
  const exchange = await startExchange(market, speed, { stays: true });
  const daemon = await startDaemon({ port: port ?? exchange.port, market, folder, traders, env });
  return { exchange, daemon, folder };
}
