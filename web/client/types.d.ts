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
}

/** One thing that `check` says of a script. */
export interface Finding {
  line: number;
  column: number;
  end_column: number;
  severity: 'error' | 'warning' | 'note';
  code: string;
  message: string;
  hint?: string | null;
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
  /** Mean CPU time of an evaluation, microseconds; null: it has not run. */
  cost_us: number | null;
  n_signals: number;
  /** Why the newest version does not run. */
  error: string | null;
  symbols: number;
  warning: string | null;
  errors: number;
  kills: number;
  lastError: { symbol: string | null; time: number | null; message: string; line: number | null; trace: string | null } | null;
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
  price: number;
  side: 'long' | 'short' | null;
  stop: number | null;
  targets: number[];
  conditions: string[];
  values: Record<string, number | null>;
  tags: string[];
  state: 'provisional' | 'confirmed' | 'withdrawn' | 'historical';
  status: 'new' | 'monitoring' | 'ready' | 'expired' | 'archived';
  provisional: boolean;
  late: boolean;
  revised: boolean;
  /** When it was stored. */
  created: number;
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
