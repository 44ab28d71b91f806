// A chart that is fed: history from the interface, live bars from the channel, older ones as the reader goes back.
import { effect } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { clock, intervalMs, moment, number, plotDigits, price, short } from '../parts/format.js';
import { api, channel } from '../state/session.js';
import { marketNow } from '../state/machine.js';
import { settings } from '../state/settings.js';

const BARS = 500;
const LOOK_MS = 15000; // of an interval that does not come live

/** Loads when the chart is wanted for the first time. */
const loadLibrary = () => import('../chart/price_chart.js');

class Feed {
  constructor(chart, { symbol, interval, trader }, tell) {
    Object.assign(this, { chart, symbol, interval, trader, tell, step: intervalMs(interval) });
    this.abort = new AbortController();
    this.isLoading = this.isAtStart = this.isLive = false;
  }

  async start(center) {
    await this.load();
    if (this.abort.signal.aborted) return;
    this.chart.look(center);
    this.ends = [
      channel.subscribe(this.symbol, this.interval),
      channel.on('kline_update', data => this.take(data)),
      channel.on('hello', () => this.load()), // after a loss: what has closed meanwhile
    ];
    const timer = setInterval(() => { if (!this.isLive && !document.hidden) this.load(); }, LOOK_MS);
    this.ends.push(() => clearInterval(timer));
  }

  stop() {
    this.abort.abort();
    for (const end of this.ends ?? []) end();
  }

  /** null: it failed, and the reader is told; "not now" (503, at a start) is asked again at the next close. */
  async ask(what) {
    try {
      return await what();
    } catch (error) {
      if (!this.abort.signal.aborted && error.status !== 503) this.tell({ trouble: error.message });
      return null;
    }
  }

  async load() {
    const answer = await this.ask(() => api.klines({ symbol: this.symbol, interval: this.interval, limit: BARS }, this.abort.signal));
    if (!answer || this.abort.signal.aborted) return;
    const oldest = answer.klines[0]?.[0] ?? 0;
    const kept = this.chart.klines.filter(k => k[0] < oldest);
    const joins = kept.length > 0 && kept.at(-1)[0] === oldest - this.step;
    this.chart.setKlines(joins ? [...kept, ...answer.klines] : answer.klines);
    this.told();
    if (answer.trouble) this.tell({ trouble: `Older candles are missing: ${answer.trouble}` });
    await this.loadPlots();
  }

  async loadPlots() {
    if (!this.trader) return this.chart.setPlots(null);
    const answer = await this.ask(() => api.plots({ trader: this.trader, symbol: this.symbol, interval: this.interval, limit: BARS }, this.abort.signal));
    if (answer && !this.abort.signal.aborted) this.chart.setPlots(answer.plots.length ? answer : null);
    return undefined;
  }

  told() {
    const last = this.chart.klines.at(-1);
    this.tell({ trouble: '', last, n: this.chart.klines.length });
  }

  take({ symbol, interval, kline }) {
    if (symbol !== this.symbol || interval !== this.interval) return;
    this.isLive = true;
    if (!this.chart.update(kline, this.step)) return void this.load();
    this.told();
    if (kline[6] && this.trader) this.loadPlots();
  }

  async loadOlder() {
    if (this.isLoading || this.isAtStart || !this.chart.klines.length) return;
    this.isLoading = true;
    const before = this.chart.klines[0][0];
    const answer = await this.ask(() => api.klines({ symbol: this.symbol, interval: this.interval, limit: BARS, before }, this.abort.signal));
    this.isLoading = false;
    if (!answer || this.abort.signal.aborted) return;
    const older = answer.klines.filter(k => k[0] < before);
    this.isAtStart = older.length === 0;
    if (older.length) this.chart.setKlines([...older, ...this.chart.klines]);
  }
}

/** What stands at the bar that is pointed at. */
function Legend({ reading }) {
  const { kline, plots } = reading;
  if (!kline) return <div class="legend" />;
  const [time, open, high, low, close, volume] = kline;
  const parts = [['O', price(open)], ['H', price(high)], ['L', price(low)], ['C', price(close)], ['V', short(volume)]];
  return (
    <div class="legend" aria-hidden="true">
      <span class="faint">{moment(time, marketNow.peek())}</span>
      {parts.map(([name, text]) => <span key={name}><span class="faint">{name}</span> <span class={close < open ? 'down' : 'up'}>{text}</span></span>)}
      {plots.map(({ name, color, value }, i) => (
        <span key={i} class="plot"><i style={{ background: color }} />{name} {value.filter(it => it != null).map(it => number(it, plotDigits(it))).join(' / ')}</span>
      ))}
    </div>
  );
}

/** `trader`: whose plots; `marks` and `levels` as PriceChart takes them; `center`: a time to begin at, or null. */
export function ChartPanel({ symbol, interval, trader = null, marks = [], levels = [], center = null }) {
  const box = useRef(null), shown = useRef(null), wanted = useRef(null);
  wanted.current = { marks, levels }; // they may change while the library is on its way
  const [state, setState] = useState({ trouble: '', last: null, n: 0 });
  const [reading, setReading] = useState({ kline: null, plots: [] });

  useEffect(() => {
    let feed = null, isOver = false, endPaint = () => {};
    const tell = change => { if (!isOver) setState(before => ({ ...before, ...change })); };
    const element = box.current, media = matchMedia('(prefers-color-scheme: dark)');
    loadLibrary().then(({ PriceChart }) => {
      if (isOver) return;
      const chart = new PriceChart(element, { onOlder: () => feed?.loadOlder(), onRead: it => { if (!isOver) setReading(it); } });
      shown.current = element.priceChart = chart;
      chart.setMarks(wanted.current.marks);
      chart.setLevels(wanted.current.levels);
      feed = new Feed(chart, { symbol, interval, trader }, tell);
      feed.start(center);
      const repaint = () => requestAnimationFrame(() => { if (!isOver) chart.paint(); });
      const endEffect = effect(() => { settings.value.theme; repaint(); });
      media.addEventListener('change', repaint);
      endPaint = () => { endEffect(); media.removeEventListener('change', repaint); };
    }, error => tell({ trouble: `the chart cannot be loaded: ${error.message}` }));
    return () => {
      isOver = true;
      feed?.stop();
      endPaint();
      shown.current?.close();
      shown.current = element.priceChart = null;
    };
  }, [symbol, interval, trader]);

  useEffect(() => { shown.current?.setMarks(marks); }, [marks]);
  useEffect(() => { shown.current?.setLevels(levels); }, [levels]);

  const { last, n, trouble } = state;
  const text = last ? `Chart of ${symbol}, ${interval}: ${n} candles, the last from ${clock(last[0])} UTC, close ${price(last[4])}, high ${price(last[2])}, low ${price(last[3])}. ${marks.length} signals, ${levels.length} levels.` : `Chart of ${symbol}, ${interval}`;
  return (
    <figure class="chart">
      {trouble && <p class="trouble" role="alert">{trouble}</p>}
      <Legend reading={reading} />
      <div class="canvas" ref={box} role="img" aria-label={text} data-bars={n} />
    </figure>
  );
}
