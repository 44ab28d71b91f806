// How numbers and times are written. Times of the market are UTC, as on the exchange and in traders.

const MINUTE_MS = 60000, HOUR_MS = 3600000, DAY_MS = 86400000;

const timeOf = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', hour: '2-digit', minute: '2-digit' });
const secondsOf = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', hour: '2-digit', minute: '2-digit', second: '2-digit' });
const dayOf = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', day: '2-digit', month: 'short' });
const dateOf = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', day: '2-digit', month: 'short', year: 'numeric' });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

const NONE = '–';
const isNumber = value => typeof value === 'number' && Number.isFinite(value);

/** As many digits as a price of its size needs: 97012.5, 3.4127, 0.00001234. */
export function price(value) {
  if (!isNumber(value)) return NONE;
  const size = Math.abs(value);
  const digits = size === 0 ? 0 : size >= 1000 ? 2 : size >= 1 ? 4 : Math.min(10, 4 - Math.floor(Math.log10(size)) - 1 + 1);
  return String(Number(value.toFixed(digits)));
}

/** Of the smallest step that `price` shows. */
export function priceDigits(value) {
  const text = price(value);
  return Math.min(10, Math.max(2, text.includes('.') ? text.length - text.indexOf('.') - 1 : 0));
}

/** Of a plot below the candles, whose size nobody knows beforehand. */
export const plotDigits = value => (Math.abs(value) >= 10 ? 2 : Math.abs(value) >= 1 ? 3 : Math.min(6, priceDigits(Math.abs(value))));

export const number = (value, digits = 2) => (isNumber(value) ? String(Number(value.toFixed(digits))) : NONE);
export const count = value => (isNumber(value) ? whole.format(value) : NONE);
export const short = value => (isNumber(value) ? compact.format(value) : NONE);
export const percent = (value, digits = 2) => (isNumber(value) ? `${value > 0 ? '+' : ''}${value.toFixed(digits)} %` : NONE);
export const share = value => (isNumber(value) ? `${value.toFixed(0)} %` : NONE);
export const dollars = value => (isNumber(value) ? `$${value < 0.1 && value > 0 ? value.toFixed(4) : value.toFixed(2)}` : NONE);

export function bytes(value) {
  if (!isNumber(value)) return NONE;
  if (value < 1024) return `${value} B`;
  const step = value < 1048576 ? ['KB', 1024] : value < 1073741824 ? ['MB', 1048576] : ['GB', 1073741824];
  const amount = value / step[1];
  return `${amount.toFixed(amount < 10 ? 1 : 0)} ${step[0]}`;
}

export const clock = ms => (isNumber(ms) ? secondsOf.format(ms) : NONE);
export const date = ms => (isNumber(ms) ? dateOf.format(ms) : NONE);

/** The time, with the day when it is not that of `now`. */
export function moment(ms, now = Date.now()) {
  if (!isNumber(ms)) return NONE;
  const isToday = Math.floor(ms / DAY_MS) === Math.floor(now / DAY_MS);
  return isToday ? timeOf.format(ms) : `${dayOf.format(ms)} ${timeOf.format(ms)}`;
}

export const fullTime = ms => (isNumber(ms) ? `${dateOf.format(ms)} ${secondsOf.format(ms)} UTC` : NONE);

/** 12 s, 5 min, 3 h, 2 d */
export function duration(ms) {
  if (!isNumber(ms)) return NONE;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < MINUTE_MS) return `${Math.round(ms / 1000)} s`;
  if (ms < HOUR_MS) return `${Math.round(ms / MINUTE_MS)} min`;
  if (ms < 2 * DAY_MS) return `${Math.round(ms / HOUR_MS)} h`;
  return `${Math.round(ms / DAY_MS)} d`;
}

/** Microseconds in the unit that fits. */
export function micros(value) {
  if (!isNumber(value)) return NONE;
  return value < 1000 ? `${number(value, value < 10 ? 2 : 0)} µs` : `${number(value / 1000, 2)} ms`;
}

export const INTERVALS = ['1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d', '3d', '1w'];
const UNITS = { m: MINUTE_MS, h: HOUR_MS, d: DAY_MS, w: 7 * DAY_MS };
export const intervalMs = interval => Number.parseInt(interval, 10) * UNITS[interval.at(-1)];
export const byLength = (a, b) => INTERVALS.indexOf(a) - INTERVALS.indexOf(b);

/** "1 signal", "2 signals" */
export const plural = (n, thing) => `${count(n)} ${thing}${n === 1 ? '' : thing.endsWith('ch') ? 'es' : 's'}`;
