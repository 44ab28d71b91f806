// What goes over the wire, and the client's classes. Times are ms since 1970 (UTC), prices numbers.
export { Api, ApiError } from './api.js';
export { Channel, ChannelError } from './channel.js';
export { provisionMachine } from './provision.js';

/** The machine's token, a user's JWT, or where the one comes from that is good now (such as supabase-js' session). */
export type TokenSource = string | (() => string | Promise<string>);

/** RFC 9457. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  findings?: Finding[];
  /** Of a conflict: the present one. */
  version?: string;
}

/** One thing that `check` says of a script. */
export interface Finding {
  line: number;
  column: number;
  end_column: number;
  severity: 'error' | 'warning' | 'note';
  code: string;
  message: string;
  hint: string | null;
  /** The line as it stands in the script. */
  source: string | null;
}

/** A parameter as the script declares it. */
export interface Input {
  name: string;
  type: 'int' | 'float' | 'bool' | 'string' | 'source' | 'interval' | 'symbol';
  default: unknown;
  value: unknown;
  min?: number | null;
  max?: number | null;
  step?: number | null;
  options?: unknown[] | null;
  help?: string | null;
}

/** Of a trader. `time`: of the bar. */
export interface LastError {
  symbol: string | null;
  time: number | null;
  message: string;
  line: number | null;
  trace: string | null;
  codeHash: string | null;
}

export interface Trader {
  /** Its key: the id field of the script, or the name of its file. Stands in signals. */
  trader: string;
  /** UUID. */
  id: string;
  name: string;
  description: string | null;
  interval: string;
  timeframes: string[];
  enabled: boolean;
  state: 'running' | 'warming' | 'quarantined' | 'paused' | 'failed';
  origin: 'builtin' | 'file' | 'local' | 'cloud';
  editable: boolean;
  /** Of the source as it is kept, for saveTrader. */
  version: string | null;
  /** Those that differ from the script's. */
  inputs: Record<string, string | number | boolean> | null;
  parameters: Input[];
  /** Mean time of an evaluation, by the clock, microseconds; null: it has not run. */
  cost_us: number | null;
  n_signals: number;
  /** Why the newest version does not run. */
  error: string | null;
  symbols: number;
  warning: string | null;
  errors: number;
  kills: number;
  /** End of a pause. */
  until: number | null;
  /** While it waits for its depth: bars that there are of those that it needs. */
  warming: { have: number; need: number } | null;
  skippedSymbols: number;
  firstError: number | null;
  lastErrorAt: number | null;
  lastError: LastError | null;
  /** Of `trader`, `createTrader`, `saveTrader`. */
  source?: string | null;
}

/** One for each time of its answer: `values`, or of a band `upper` and `lower`; an hline has its `level`. */
export interface Plot {
  name: string;
  kind: 'line' | 'histogram' | 'band' | 'hline' | 'marker';
  /** 0: that of the candles. */
  pane: number;
  color?: string;
  width?: number;
  style?: 'solid' | 'dashed' | 'dotted';
  /** Of markers. */
  position?: 'above' | 'below';
  shape?: string;
  text?: string;
  values?: (number | null)[];
  upper?: (number | null)[];
  lower?: (number | null)[];
  level?: number;
}

export interface Signal {
  id: string;
  trader: string;
  traderId: string;
  traderName: string;
  symbol: string;
  interval: string;
  /** Open time of the bar. */
  time: number;
  closeTime: number;
  price: number | null;
  /** Of the last 24 hours. */
  changePercent: number | null;
  volume: number | null;
  side: 'long' | 'short' | null;
  score: number | null;
  stop: number | null;
  targets: number[];
  conditions: string[];
  values: Record<string, number | null>;
  plots: PlotAtBar[];
  /** SHA-256 of code and inputs. */
  revision: string;
  tags: string[];
  state: 'provisional' | 'confirmed' | 'withdrawn' | 'historical';
  status: 'new' | 'monitoring' | 'ready' | 'expired' | 'archived';
  provisional: boolean;
  late: boolean;
  revised: boolean;
  /** When it was stored. */
  created: number;
}

/** A plot with its value at the bar of a signal. */
export interface PlotAtBar {
  kind: Plot['kind'];
  [member: string]: unknown;
}

export interface SignalWithDetails extends Signal {
  candles: unknown[];
  analyses: Analysis[];
}

/** One look of a model at a signal. */
export interface Analysis {
  signalId: string;
  analysisId: string;
  traderId: string;
  symbol: string;
  interval: string;
  /** Open time of the bar that is looked at. */
  time: number;
  look: number;
  state: 'queued' | 'done' | 'failed' | 'expired';
  signalStatus: 'new' | 'monitoring' | 'ready' | 'expired';
  decision: 'enter_trade' | 'bad_setup' | 'wait' | null;
  side: 'long' | 'short' | null;
  confidence: number | null;
  reasoning: string | null;
  keyLevels: Record<string, unknown> | null;
  tradePlan: Record<string, unknown> | null;
  technicalContext: Record<string, unknown> | null;
  notes: string[] | null;
  provider: string | null;
  model: string | null;
  tokens: { in: number; cached: number; out: number };
  costUsd: number | null;
  latencyMs: number;
  requests: number;
  error: string | null;
  created: number;
  finished: number | null;
}

/** open_time, open, high, low, close, volume, whether it has closed. */
export type Kline = [number, number, number, number, number, number, boolean];

export interface Klines {
  symbol: string;
  interval: string;
  /** Oldest first; the last may be forming. */
  klines: Kline[];
  /** Why older ones are missing that were to come from the exchange. */
  trouble?: string;
}

export interface Plots {
  symbol: string;
  interval: string;
  times: number[];
  plots: Plot[];
}

/** Where a script matches on present data. */
export interface Look {
  matches: { symbol: string; interval: string; time: number; price: number; conditions: string[]; fires: boolean }[];
  n_matches: number;
  truncated: boolean;
  symbols: number;
  skipped: number;
  warming: number;
  bars: number;
  /** CPU time of an evaluation, median, microseconds. */
  cost_us: number | null;
  errors: { symbol: string; time: number; message: string }[];
  findings: Finding[];
  /** Why symbols were skipped whose candles were to come from the exchange. */
  trouble?: string;
}

export interface Symbols {
  symbols: { symbol: string; price: number | null; change_24h: number | null; volume_24h: number | null; state: 'screened' | 'halted' | 'fed' }[];
  breadth: { advancing: number; declining: number; unchanged: number; median_change: number | null };
}

/** What has become of a wish for an analysis; its end comes later. */
export interface Asked {
  signalId: string;
  analysisId: string;
  /** 0: the first at this signal. */
  look: number;
  state: 'queued';
  /** Analyses that wait or run, this one included. */
  waiting: number;
  /** What holds up those that wait. */
  hindrance: string | null;
}

export interface SignalQuery {
  limit?: number;
  before?: string;
  symbol?: string;
  trader?: string;
  state?: string;
  status?: string;
  interval?: string;
  from?: number;
  to?: number;
}

export interface ChannelMessage {
  type: string;
  seq?: number;
  id?: string | number;
  data: any;
}

export interface Machine {
  machineId: string;
  websocketUrl: string;
  status: string;
  channel(): import('./channel.js').Channel;
  api(): import('./api.js').Api;
}
