// @ts-check
// The HTTP interface of a machine, one method a request. Every failure is an ApiError that carries the problem (RFC 9457)
// that the machine told. Works in a browser and in Node 18 or newer. Times are ms since 1970 (UTC).

import { tokenOf } from './token.js';

/** @typedef {import('./types.d.ts').Problem} Problem */
/** @typedef {import('./types.d.ts').TokenSource} TokenSource */
/** @typedef {import('./types.d.ts').Signal} Signal */
/** @typedef {import('./types.d.ts').Trader} Trader */
/** @typedef {import('./types.d.ts').Asked} Asked */
/** @typedef {import('./types.d.ts').SignalQuery} SignalQuery */
/** @typedef {import('./types.d.ts').SignalWithDetails} SignalWithDetails */
/** @typedef {import('./types.d.ts').Analysis} Analysis */
/** @typedef {import('./types.d.ts').Klines} Klines */
/** @typedef {import('./types.d.ts').Plots} Plots */
/** @typedef {import('./types.d.ts').Look} Look */
/** @typedef {import('./types.d.ts').Symbols} Symbols */
/** @typedef {import('./types.d.ts').Finding} Finding */

const JSON_TYPE = 'application/json';
const TIMEOUT_MS = 20000;

export class ApiError extends Error {
  /** @param {number} status 0: no answer at all @param {Partial<Problem>} problem */
  constructor(status, problem) {
    super(problem.detail || problem.title || (status ? `the machine answered ${status}` : 'the machine does not answer'));
    this.name = 'ApiError';
    this.status = status;
    this.problem = problem;
    this.findings = problem.findings ?? [];
  }
}

/** @param {Record<string, unknown>} query */
function queryText(query) {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') words.set(name, String(value));
  }
  const text = words.toString();
  return text && `?${text}`;
}

/** @param {string} text @returns {any} */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // what is in between (a proxy) answers in its own words
  }
}

const part = (/** @type {string} */ text) => encodeURIComponent(text);

export class Api {
  /**
   * @param {object} options
   * @param {TokenSource} options.token the machine's token or a user's JWT
   * @param {string} [options.base] such as https://machine.example:8080; default: where the page comes from
   * @param {typeof fetch} [options.fetch]
   * @param {number} [options.timeoutMs]
   */
  constructor({ token, base = '', fetch = globalThis.fetch.bind(globalThis), timeoutMs = TIMEOUT_MS }) {
    this.token = token;
    this.base = base.replace(/\/$/, '');
    this.fetch = fetch;
    this.timeoutMs = timeoutMs;
  }

  async presentToken() {
    try {
      return await tokenOf(this.token);
    } catch (error) {
      throw new ApiError(0, { detail: `there is no token: ${error instanceof Error ? error.message : error}` });
    }
  }

  /**
   * @param {string} method
   * @param {string} path below /api/v1
   * @param {{query?: Record<string, unknown>, body?: unknown, signal?: AbortSignal}} [options]
   * @returns {Promise<any>}
   */
  async request(method, path, { query = {}, body, signal } = {}) {
    const limit = AbortSignal.timeout(this.timeoutMs);
    const headers = { Authorization: `Bearer ${await this.presentToken()}`, ...(body === undefined ? {} : { 'Content-Type': JSON_TYPE }) };
    let response, text;
    try {
      response = await this.fetch(`${this.base}/api/v1${path}${queryText(query)}`, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
        cache: 'no-store',
      });
      text = await response.text();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError(0, { detail: limit.aborted ? 'the machine did not answer in time' : 'the machine cannot be reached' });
    }
    if (response.ok) return text ? parsed(text) : null;
    throw new ApiError(response.status, parsed(text) ?? {});
  }

  status() { return this.request('GET', '/status'); }

  /** @returns {Promise<Trader[]>} */
  async traders() { return (await this.request('GET', '/traders')).traders; }
  /** With its source. @param {string} id @returns {Promise<Trader>} */
  trader(id) { return this.request('GET', `/traders/${part(id)}`); }
  /** @param {{id?: string, source: string, enabled?: boolean, inputs?: object}} trader @returns {Promise<Trader>} */
  createTrader(trader) { return this.request('POST', '/traders', { body: trader }); }
  /** `version` is the one that was read: 409 when somebody else was faster. @param {string} id @param {{source: string, version: unknown}} change */
  saveTrader(id, change) { return this.request('PUT', `/traders/${part(id)}`, { body: change }); }
  /** @param {string} id @param {{enabled?: boolean|null, inputs?: object|null}} change */
  changeTrader(id, change) { return this.request('POST', `/traders/${part(id)}`, { body: change }); }
  /** null, or {archived, open_signals} when it has open signals. @param {string} id */
  deleteTrader(id) { return this.request('DELETE', `/traders/${part(id)}`); }
  /** What `trademind check` finds. @param {string} source @param {AbortSignal} [signal] @returns {Promise<{ok: boolean, findings: Finding[]}>} */
  validate(source, signal) { return this.request('POST', '/traders/validate', { body: { source }, signal }); }
  /** The matches on present data; nothing is kept. @param {{source: string, inputs?: object, symbols?: string[], bars?: number}} what @param {AbortSignal} [signal] @returns {Promise<Look>} */
  look(what, signal) { return this.request('POST', '/traders/look', { body: what, signal }); }
  /** @param {Record<string, unknown>} [query] */
  traderErrors(query) { return this.request('GET', '/traders/errors', { query }); }

  /** One page, newest first. @param {SignalQuery} [query] @returns {Promise<{signals: Signal[], next: string|null}>} */
  signals(query) { return this.request('GET', '/signals', { query: { ...query } }); }
  /**
   * Every page, newest first, until the caller stops.
   * @param {SignalQuery} [query]
   * @returns {AsyncGenerator<Signal>}
   */
  async *eachSignal(query = {}) {
    let before = query.before;
    do {
      const page = await this.signals({ limit: 200, ...query, before });
      yield* page.signals;
      before = page.next ?? undefined;
    } while (before);
  }
  /** With candles, plots and analyses. @param {string} id @param {AbortSignal} [signal] @returns {Promise<SignalWithDetails>} */
  signal(id, signal) { return this.request('GET', `/signals/${part(id)}`, { signal }); }
  /** Has it analysed now; its end comes on the channel and in analyses. An ApiError says why not. @param {string} id @returns {Promise<Asked>} */
  analyze(id) { return this.request('POST', `/signals/${part(id)}/analyze`); }
  /** @param {Record<string, unknown>} [query] @returns {Promise<{analyses: Analysis[], next: string|null}>} */
  analyses(query) { return this.request('GET', '/analyses', { query }); }

  /** @param {{symbol: string, interval: string, limit?: number, before?: number}} query @param {AbortSignal} [signal] @returns {Promise<Klines>} */
  klines(query, signal) { return this.request('GET', '/klines', { query, signal }); }
  /** @param {{trader: string, symbol: string, interval?: string, limit?: number}} query @param {AbortSignal} [signal] @returns {Promise<Plots>} */
  plots(query, signal) { return this.request('GET', '/plots', { query, signal }); }
  /** @returns {Promise<Symbols>} */
  symbols() { return this.request('GET', '/symbols'); }

  /** @param {Record<string, unknown>} [query] */
  events(query) { return this.request('GET', '/events', { query }); }
  workers() { return this.request('GET', '/screener/workers'); }
  /** @param {number} workers */
  setWorkers(workers) { return this.request('POST', '/screener/workers', { body: { workers } }); }
  outbox() { return this.request('GET', '/outbox'); }
  openapi() { return this.request('GET', '/openapi.json'); }
}
