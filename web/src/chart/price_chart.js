// Candles, volume, a trader's plots in their panes, marks at signals and lines at the levels of a plan, on lightweight-charts.
// It knows nothing of the machine: what is shown is handed in. Its times are seconds, ours ms.
import {
  CandlestickSeries, ColorType, CrosshairMode, HistogramSeries, LineSeries, LineStyle, createChart, createSeriesMarkers,
} from 'lightweight-charts';
import { Band } from './band.js';
import { isDark, pageColors, plotColor, withAlpha } from './colors.js';
import { plotDigits, priceDigits } from '../parts/format.js';

const STYLES = { solid: LineStyle.Solid, dashed: LineStyle.Dashed, dotted: LineStyle.Dotted };
const SHAPES = { arrow_up: 'arrowUp', arrow_down: 'arrowDown', circle: 'circle', square: 'square' };
const PLACES = { above: 'aboveBar', below: 'belowBar' };
const OLDER_AT_BAR = 20;
const BAR_PIXELS = 6;

const seconds = ms => Math.floor(ms / 1000);

/** [numbers] */
function valueOf(plot, row) {
  if (plot.kind === 'hline') return [plot.level];
  if (plot.kind === 'band') return [plot.upper[row], plot.lower[row]];
  return plot.kind === 'marker' ? [] : [plot.values[row]];
}

export class PriceChart {
  /** `onOlder`: the reader has come near the oldest bar. `onRead(reading)`: what the legend says, of the bar under the pointer. */
  constructor(element, { onOlder = () => {}, onRead = () => {} } = {}) {
    this.onRead = onRead;
    this.hovered = null;
    this.klines = [];
    this.marks = [];
    this.plotMarks = [];
    this.plots = null;
    this.plotSeries = [];
    this.levels = [];
    this.levelLines = [];
    this.chart = createChart(element, { autoSize: true, layout: { attributionLogo: false } }); // a logo would bring an inline style
    this.candles = this.chart.addSeries(CandlestickSeries, {});
    this.volume = this.chart.addSeries(HistogramSeries, { priceScaleId: 'volume', priceFormat: { type: 'volume' }, lastValueVisible: false, priceLineVisible: false });
    this.chart.priceScale('volume').applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    this.markers = createSeriesMarkers(this.candles, []);
    this.chart.timeScale().subscribeVisibleLogicalRangeChange(range => { if (range && range.from < OLDER_AT_BAR) onOlder(); });
    this.chart.subscribeCrosshairMove(({ time }) => {
      this.hovered = time ?? null;
      this.tell();
    });
    this.paint();
  }

  close() { this.chart.remove(); }

  /** The colours of the page as it is now. */
  paint() {
    const colors = this.colors = pageColors();
    this.chart.applyOptions({
      layout: {
        background: { type: ColorType.Solid, color: colors.surface }, textColor: colors['text-soft'], fontSize: 11,
        fontFamily: getComputedStyle(document.body).fontFamily, attributionLogo: false,
        panes: { separatorColor: colors.line, separatorHoverColor: withAlpha(colors.accent, 0.3) },
      },
      grid: { vertLines: { color: withAlpha(colors.line, 0.55) }, horzLines: { color: withAlpha(colors.line, 0.55) } },
      crosshair: { mode: CrosshairMode.Normal, vertLine: { color: colors['line-strong'] }, horzLine: { color: colors['line-strong'] } },
      timeScale: { timeVisible: true, secondsVisible: false, borderColor: colors.line, rightOffset: 6 },
      rightPriceScale: { borderColor: colors.line },
    });
    this.candles.applyOptions({
      upColor: colors['candle-up'], wickUpColor: colors['candle-up'], downColor: colors['candle-down'], wickDownColor: colors['candle-down'], borderVisible: false,
    });
    this.volume.setData(this.klines.map(k => this.volumeOf(k)));
    this.drawMarks();
    this.drawLevels();
    if (this.plots) this.setPlots(this.plots);
  }

  volumeOf([time, open, , , close, volume]) {
    return { time: seconds(time), value: volume, color: withAlpha(this.colors[close < open ? 'candle-down' : 'candle-up'], 0.32) };
  }

  candleOf([time, open, high, low, close]) { return { time: seconds(time), open, high, low, close }; }

  /** [[open_time, open, high, low, close, volume, closed], ...], oldest first. */
  setKlines(klines) {
    this.klines = klines;
    const digits = priceDigits(klines.at(-1)?.[4] ?? 1);
    this.candles.applyOptions({ priceFormat: { type: 'price', precision: digits, minMove: 10 ** -digits } });
    this.candles.setData(klines.map(k => this.candleOf(k)));
    this.volume.setData(klines.map(k => this.volumeOf(k)));
    this.drawMarks();
    this.tell();
  }

  /** The bar under the pointer, else the newest one, and the plots there. */
  tell() {
    const time = this.hovered ?? seconds(this.klines.at(-1)?.[0] ?? 0);
    const index = this.hovered === null ? this.klines.length - 1 : this.klines.findIndex(k => seconds(k[0]) === time);
    const at = this.plots?.times.findIndex(ms => seconds(ms) === time) ?? -1;
    const row = at < 0 && this.plots ? this.plots.times.length - 1 : at; // plots are of closed bars only
    this.onRead({ kline: this.klines[index] ?? null, plots: (this.plots?.plots ?? []).map((plot, n) => ({ name: plot.name, color: this.plotColor(plot, n), value: valueOf(plot, row) })) });
  }

  plotColor(plot, n) { return plotColor(plot.color, n, this.colors, isDark()); }

  /** A new bar, or the newest one as it is now; false: there is a gap before it, or it is an old one. */
  update(kline, step) {
    const last = this.klines.at(-1);
    if (!last || kline[0] < last[0] || kline[0] > last[0] + step) return false;
    if (kline[0] === last[0]) this.klines[this.klines.length - 1] = kline;
    else this.klines.push(kline);
    this.candles.update(this.candleOf(kline));
    this.volume.update(this.volumeOf(kline));
    if (kline[0] !== last[0]) this.drawMarks();
    this.tell();
    return true;
  }

  /** [{id, time, side, isChosen}]: of signals. */
  setMarks(marks) {
    this.marks = marks;
    this.drawMarks();
  }

  /** The bar that holds the time: at another timeframe a signal stands at the bar around its own. */
  barOf(time) {
    let low = 0, high = this.klines.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.klines[middle][0] <= time) low = middle;
      else high = middle - 1;
    }
    return this.klines[low]?.[0] <= time ? this.klines[low][0] : null;
  }

  drawMarks() {
    const { colors } = this;
    const ours = this.marks.map(mark => ({ ...mark, bar: this.barOf(mark.time) })).filter(mark => mark.bar !== null).map(mark => ({
      time: seconds(mark.bar),
      position: mark.side === 'short' ? 'aboveBar' : 'belowBar',
      shape: mark.side === 'short' ? 'arrowDown' : 'arrowUp',
      color: mark.isChosen ? colors.accent : colors[mark.side === 'short' ? 'down' : 'up'],
      size: mark.isChosen ? 2 : 1,
      id: mark.id,
    }));
    this.markers.setMarkers([...ours, ...this.plotMarks].sort((a, b) => a.time - b.time));
  }

  /** [{price, title, kind}]; kind: entry, stop, target, support, resistance. */
  setLevels(levels) {
    this.levels = levels;
    this.drawLevels();
  }

  drawLevels() {
    for (const line of this.levelLines) this.candles.removePriceLine(line);
    const colors = { entry: this.colors.accent, stop: this.colors.down, target: this.colors.up };
    this.levelLines = this.levels.map(({ price, title, kind }) => this.candles.createPriceLine({
      price, title, color: colors[kind] ?? this.colors['line-strong'], lineWidth: 1, lineStyle: kind in colors ? LineStyle.Dashed : LineStyle.Dotted, axisLabelVisible: kind in colors,
    }));
  }

  /** {times, plots} as the machine gives them; null: none. */
  setPlots(plots) {
    for (const series of this.plotSeries) this.chart.removeSeries(series);
    this.plotSeries = [];
    this.plotMarks = [];
    this.plots = plots;
    for (const [n, plot] of (plots?.plots ?? []).entries()) this.addPlot(plot, plots.times, this.plotColor(plot, n));
    this.drawMarks();
    this.tell();
    for (const [n, pane] of this.chart.panes().entries()) pane.setStretchFactor(n === 0 ? 3 : 1);
  }

  addPlot(plot, times, color) {
    const common = { color, priceLineVisible: false, lastValueVisible: plot.pane > 0, crosshairMarkerVisible: false };
    const line = { ...common, lineWidth: Math.min(4, Math.max(1, plot.width ?? 2)), lineStyle: STYLES[plot.style] ?? LineStyle.Solid };
    const add = (kind, options) => {
      const series = this.chart.addSeries(kind, options, plot.pane);
      series.plotName = plot.name; // for `drawn`: the legend names it, the axis does not
      this.plotSeries.push(series);
      return series;
    };
    const points = values => times.map((time, i) => (values[i] === null ? { time: seconds(time) } : { time: seconds(time), value: values[i] }));
    const scaled = values => ({ ...line, priceFormat: this.formatOf(values, plot.pane) });
    if (plot.kind === 'line') {
      add(LineSeries, scaled(plot.values)).setData(points(plot.values));
    } else if (plot.kind === 'histogram') {
      const series = add(HistogramSeries, { ...common, priceFormat: this.formatOf(plot.values, plot.pane) });
      series.setData(points(plot.values).map(point => ({ ...point, color: withAlpha(point.value < 0 ? this.colors['candle-down'] : this.colors['candle-up'], 0.6) })));
    } else if (plot.kind === 'band') {
      const upper = add(LineSeries, { ...scaled(plot.upper), lineWidth: 1 });
      upper.setData(points(plot.upper));
      add(LineSeries, { ...scaled(plot.lower), lineWidth: 1 }).setData(points(plot.lower));
      const band = new Band(withAlpha(color, 0.1));
      upper.attachPrimitive(band);
      band.setPoints(times.map((time, i) => ({ time: seconds(time), upper: plot.upper[i], lower: plot.lower[i] })));
    } else if (plot.kind === 'hline' && times.length) {
      add(LineSeries, { ...line, lineWidth: 1, lineStyle: STYLES[plot.style] ?? LineStyle.Dashed, lastValueVisible: false })
        .setData([times[0], times.at(-1)].map(time => ({ time: seconds(time), value: plot.level })));
    } else if (plot.kind === 'marker') {
      this.plotMarks.push(...times.filter((_, i) => plot.values[i]).map(time => ({
        time: seconds(time), position: PLACES[plot.position] ?? 'aboveBar', shape: SHAPES[plot.shape] ?? 'circle', color, text: plot.text ?? '', size: 0.7,
      })));
    }
  }

  formatOf(values, pane) {
    const last = values.findLast(value => value !== null);
    const digits = pane === 0 ? priceDigits(this.klines.at(-1)?.[4] ?? 1) : plotDigits(last ?? 1);
    return { type: 'price', precision: digits, minMove: 10 ** -digits };
  }

  /** `time` in the middle of what is seen; null: the newest bars. */
  look(time) {
    const n = Math.min(140, Math.max(40, Math.round(this.chart.timeScale().width() / BAR_PIXELS)));
    const index = time === null ? -1 : this.klines.findIndex(k => k[0] === this.barOf(time));
    const to = index < 0 ? this.klines.length + 5 : Math.min(this.klines.length + 5, index + n / 2);
    this.chart.timeScale().setVisibleLogicalRange({ from: to - n, to });
  }

  /** What is drawn, as it is drawn: for specs, and for the curious at the console. */
  drawn() {
    return {
      candles: this.candles.data(),
      volume: this.volume.data(),
      markers: this.markers.markers(),
      levels: this.levelLines.map(line => ({ price: line.options().price, title: line.options().title })),
      plots: this.plotSeries.map(series => ({ name: series.plotName, pane: series.getPane().paneIndex(), data: series.data() })),
    };
  }
}
