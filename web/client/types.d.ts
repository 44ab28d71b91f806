// What goes over the wire, and the client's classes. Times are ms since 1970 (UTC), prices numbers.
export { Api, ApiError } from './api.js';
export { Channel, ChannelError } from './channel.js';
export { provisionMachine } from './provision.js';

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
  id: string;
  name: string;
  description?: string | null;
  interval: string | null;
  timeframes: string[];
  enabled: boolean;
  state: string;
  origin: 'builtin' | 'file' | 'local' | 'cloud';
  version: unknown;
  inputs: Input[];
  cost_us?: number | null;
  n_signals?: number | null;
  error?: unknown;
  source?: string;
}

export interface Plot {
  kind: 'line' | 'histogram' | 'band' | 'hline' | 'marker';
  pane: number;
  color?: string | null;
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
  state: 'provisional' | 'confirmed' | 'withdrawn' | 'historical' | null;
  provisional: boolean;
  late: boolean;
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
