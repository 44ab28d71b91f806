// The dashboard on the running daemon, whose market is a recorded one played fast: signals appear, the chart shows what the files
// and the database hold, a restart loses nothing, two tabs agree.
// time limit: 600
import { afterEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { CLOCKWORK, drawn, inPage, listedIds, openPage, shot, startAll, traderFolder } from './browser.mjs';
import { endAll, eventually, listed, recordedMarket, startDaemon, stop, stored } from '../system/daemon.mjs';
import { readKlines } from '../system/harness.mjs';
import { existsSync } from 'node:fs';

const market = recordedMarket(2);
market.to = market.from + 12 * 3600000;
const traders = traderFolder({ clockwork: CLOCKWORK });

afterEach(endAll);

/** The closed candles of the market as they stand in its file: time in seconds -> [o, h, l, c]. */
function recorded(symbol) {
  const path = ['csv.gz', 'csv'].map(end => join(market.data, `${symbol}-1m.${end}`)).find(existsSync);
  return new Map(readKlines(path).map(row => [Number(row.open_time) / 1000, [row.open, row.high, row.low, row.close].map(Number)]));
}

/** Keeps in the page when each row of the list came: id -> ms. */
async function watchArrivals(page) {
  await page.evaluate(() => {
    const seen = globalThis.arrivals = {};
    const look = () => { for (const row of document.querySelectorAll('.list li[data-id]')) seen[row.dataset.id] ??= Date.now(); };
    new MutationObserver(look).observe(document.querySelector('.list'), { childList: true, subtree: true });
    look();
  });
}

test('a signal appears within a second of its candle', async t => {
  const { daemon } = await startAll({ market, speed: 60, traders });
  const page = await openPage(daemon);
  await page.locator('.list').waitFor();
  await watchArrivals(page);
  const before = new Set(await listedIds(page));
  const fresh = await eventually(async () => {
    const ids = (await listedIds(page)).filter(id => !before.has(id));
    return ids.length >= 6 && ids;
  }, 'six new signals in the list', 60000);
  const arrivals = await page.evaluate(() => globalThis.arrivals);
  const all = (await daemon.get('/api/v1/signals?limit=200')).body.signals;
  // `created` is when it was committed; the candle closed before that, by no more than the pass took (lag_ms).
  const delays = fresh.map(id => arrivals[id] - all.find(it => it.id === id).created);
  const { lag_ms: lag } = await daemon.status();
  t.diagnostic(`from the commit to the list: ${delays.map(Math.round).join(', ')} ms; from the candle to the commit: ${lag.toFixed(1)} ms`);
  const slowest = Math.max(...delays) + lag;
  assert.ok(slowest < 1000, `${slowest} ms`);
  assert.deepEqual(page.faults, []);
});

test('new ones are marked until they are looked at', async () => {
  const { daemon } = await startAll({ market, speed: 60, traders });
  const page = await openPage(daemon);
  await page.locator('.list .fresh').first().waitFor();
  assert.match(await page.title(), /^\(\d+\) trademind$/);
  const id = await page.locator('.list .fresh').last().getAttribute('data-id');
  await page.locator(`.list li[data-id="${id}"] a`).click();
  await page.locator(`.list li[data-id="${id}"]:not(.fresh)`).waitFor();
  assert.deepEqual(page.faults, []);
});

test('a notification and a tone come on request, and only then', async () => {
  const { daemon } = await startAll({ market, speed: 60, traders });
  const page = await openPage(daemon, {
    permissions: ['notifications'],
    before: () => {
      globalThis.told = [];
      globalThis.Notification = class extends globalThis.Notification {
        constructor(title, options) {
          super(title, options);
          globalThis.told.push({ title, ...options });
        }
      };
      const { start } = globalThis.OscillatorNode.prototype;
      globalThis.OscillatorNode.prototype.start = function record(...words) {
        globalThis.told.push({ tone: this.frequency.value });
        return start.apply(this, words);
      };
    },
  });
  await page.locator('.list .fresh').nth(1).waitFor();
  assert.deepEqual(await page.evaluate(() => globalThis.told), []);
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByLabel('Desktop notifications').check();
  const note = await inPage(page, () => globalThis.told.find(it => it.title), null, 'a notification');
  assert.match(note.title, new RegExp(`^(${market.symbols.join('|')}): Clockwork$`));
  assert.equal((await daemon.get(`/api/v1/signals/${note.tag}`)).body.id, note.tag);
  assert.equal(await page.evaluate(() => globalThis.told.some(it => it.tone)), false);
  await page.getByLabel('A tone for each new signal').check();
  await page.evaluate(() => { globalThis.told.length = 0; });
  await inPage(page, () => globalThis.told.some(it => it.tone), null, 'a tone');
  assert.deepEqual(page.faults, []);
});

test('the chart shows the candles of the file, and a mark at each signal', async () => {
  const { exchange, daemon, folder } = await startAll({ market, speed: 600, traders });
  await exchange.until(it => it.isOver(), 'the end of the market', 120000);
  await eventually(async () => (await daemon.status()).storage.queued === 0 && stored(folder).size > 100, 'its signals');
  const page = await openPage(daemon);
  const symbol = market.symbols[0];
  await page.getByLabel('Symbol', { exact: true }).fill(symbol);
  await page.locator('.list li a').first().click();
  await page.locator(`.detail[aria-label="Signal of ${symbol}"]`).waitFor();
  const signals = [...stored(folder).values()].filter(it => it.symbol === symbol);
  const chart = await inPage(page, () => {
    const it = document.querySelector('.canvas').priceChart;
    return it?.klines.length && it.drawn().plots.length ? it.drawn() : null;
  }, null, 'candles and plots');

  const file = recorded(symbol), wrong = chart.candles.filter(({ time, open, high, low, close }) => file.has(time) && String(file.get(time)) !== String([open, high, low, close]));
  assert.ok(chart.candles.length >= 400, `${chart.candles.length} candles`);
  assert.deepEqual(wrong, []);
  assert.ok(chart.candles.filter(({ time }) => file.has(time)).length >= 400);

  const first = chart.candles[0].time, expected = signals.map(it => it.time / 1000).filter(time => time >= first).sort((a, b) => a - b);
  const marks = chart.markers.map(it => it.time);
  assert.ok(expected.length > 20);
  assert.deepEqual(marks.filter(time => time >= expected[Math.max(0, expected.length - 90)]), expected.slice(-90).filter(time => time >= expected[Math.max(0, expected.length - 90)]));
  const shapes = new Map(chart.markers.map(it => [it.time, it.shape]));
  for (const time of expected.slice(-20)) assert.equal(shapes.get(time), time / 300 % 2 === 0 ? 'arrowUp' : 'arrowDown');

  assert.deepEqual([...new Set(chart.plots.map(it => `${it.name} ${it.pane}`))], ['average 0', 'Bollinger 0', 'RSI 1', 'half 1']);
  const average = chart.plots[0].data.at(-1), closes = chart.candles.filter(it => it.time <= average.time).slice(-20).map(it => it.close);
  assert.ok(Math.abs(average.value - closes.reduce((sum, it) => sum + it, 0) / 20) < 1e-6 * average.value);
  assert.ok(chart.levels.some(it => it.title === 'entry'));
  await shot(page, 'chart');

  await page.getByRole('button', { name: '15m' }).click();
  const quarter = await inPage(page, () => {
    const it = document.querySelector('.canvas').priceChart;
    return it?.klines.length > 5 && it.klines[1][0] - it.klines[0][0] === 900000 ? it.drawn() : null;
  }, null, 'candles of 15 minutes');
  const whole = quarter.candles.at(-3), parts = Array.from({ length: 15 }, (_, i) => file.get(whole.time + 60 * i));
  assert.deepEqual([whole.open, whole.high, whole.low, whole.close],
    [parts[0][0], Math.max(...parts.map(it => it[1])), Math.min(...parts.map(it => it[2])), parts.at(-1)[3]]);
  assert.ok(quarter.markers.every(it => it.time % 900 === 0));

  await page.getByLabel('Symbol', { exact: true }).fill('');
  const all = stored(folder).size;
  for (let n = await page.locator('.list li').count(); n < all; n = await page.locator('.list li').count()) {
    await page.getByRole('button', { name: 'Older ones' }).click();
    await inPage(page, before => document.querySelectorAll('.list li').length > before, n, 'older signals');
  }
  assert.deepEqual(new Set(await listedIds(page)), new Set(stored(folder).keys()));
  assert.deepEqual(page.faults, []);
});

test('live candles move the chart', async () => {
  const { daemon } = await startAll({ market, speed: 60, traders });
  const page = await openPage(daemon, { where: `#/chart/${market.symbols[1]}/1m` });
  const before = await drawn(page);
  const after = await inPage(page, time => {
    const it = document.querySelector('.canvas').priceChart;
    return it.klines.at(-1)[0] / 1000 >= time + 180 ? it.drawn() : null;
  }, before.candles.at(-1).time, 'three more candles');
  const file = recorded(market.symbols[1]);
  for (const { time, open, high, low, close } of after.candles.slice(-4, -1)) assert.deepEqual([open, high, low, close], file.get(time));
  const times = after.candles.map(it => it.time);
  assert.deepEqual(times, times.map((_, i) => times[0] + 60 * i));
  assert.deepEqual(page.faults, []);
});

for (const [how, signal] of [['stopped in order', 'SIGTERM'], ['killed', 'SIGKILL']]) {
  test(`a daemon that is ${how} and comes back: no signal is lost, and the page has said that it is alone`, async () => {
    const { exchange, daemon, folder } = await startAll({ market, speed: 60, traders });
    const page = await openPage(daemon, { isExpected: it => it.status() === 503 }); // while it warms up again
    await page.locator('.list li').nth(4).waitFor();
    await stop(daemon, signal);
    await page.getByText('The connection is lost').waitFor();
    const shownBefore = (await listedIds(page)).length;
    await shot(page, `lost-${signal}`);
    const again = await startDaemon({ port: exchange.port, market, folder, traders, env: { PORT: String(daemon.port()) } });
    await page.locator('.link[data-state="open"]').waitFor();
    await page.getByText('The connection is lost').waitFor({ state: 'detached' });
    const isSame = await eventually(async () => {
      const all = await listed(again), shown = new Set(await listedIds(page));
      const missing = [...all.values()].filter(it => !shown.has(it.id));
      return all.size > shownBefore + 8 && missing.every(it => Date.now() - it.created < 500) && { all: all.size, shown: shown.size };
    }, 'the list to have every signal');
    assert.ok(isSame.shown > shownBefore + 4, JSON.stringify(isSame));
    assert.equal(new Set(await listedIds(page)).size, (await listedIds(page)).length, 'none twice');
    assert.deepEqual(page.faults, []);
  });
}

test('two tabs show the same, each with its own marks', async () => {
  const { daemon } = await startAll({ market, speed: 60, traders });
  const one = await openPage(daemon), two = await openPage(daemon, { where: '#/traders' });
  await one.locator('.list .fresh').nth(2).waitFor();
  await two.locator('.rail').getByRole('link', { name: 'Signals' }).click();
  await two.locator('.list .fresh').nth(2).waitFor();
  await one.getByRole('button', { name: 'Seen all' }).click();
  assert.ok(await two.locator('.list .fresh').count() > 0, 'what one reader has seen is new to the other');
  // The one was read a moment before the other, and began with older ones: what is in both is all of it but for their ends.
  await eventually(async () => {
    const [a, b] = [await listedIds(one), await listedIds(two)], both = a.filter(id => b.includes(id));
    return both.length > 3 && String(both) === String(b.filter(id => a.includes(id))) && [a, b].every(list => String(list).includes(String(both)));
  }, 'both lists to be the same');
  assert.deepEqual([...one.faults, ...two.faults], []);
});

test('a trader is switched off in one tab and is off in the other', async () => {
  const { daemon } = await startAll({ market, speed: 60, traders });
  const one = await openPage(daemon, { where: '#/traders' }), two = await openPage(daemon, { where: '#/traders' });
  await one.getByRole('switch', { name: 'Clockwork is on' }).click();
  await two.locator('[role="switch"][aria-checked="false"]').waitFor();
  await one.locator('[role="switch"][aria-checked="false"]').waitFor();
  assert.deepEqual([...one.faults, ...two.faults], []);
});

test('paused by the page, and still paused after a reload', async () => {
  const { daemon } = await startAll({ market, speed: 60, traders });
  const page = await openPage(daemon, { where: '#/machine' });
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.locator('.bar').getByText('Paused').waitFor();
  await page.reload();
  await page.locator('.bar').getByText('Paused').waitFor();
  await page.locator('.rail').getByRole('link', { name: 'Machine' }).click();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.locator('.bar').getByText('Paused').waitFor({ state: 'detached' });
  assert.equal((await daemon.status()).status, 'running');
  assert.deepEqual(page.faults, []);
});
