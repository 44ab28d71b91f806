// @ts-check
// The live channel of a machine: a WebSocket that comes back by itself and brings what was missed.
//
//   connecting -> open <-> stale        stale: nothing heard for a while, the connection may be half-open
//        ^---------+                    every loss leads back to connecting, with growing pauses
//   refused: the token is wrong; waits for another one      stopped: on request
//
// A user's token ends. Before it does the machine says so (`token_expiring`), and is shown the one that there is by then, on the
// same connection.
//
// After a loss it says which session it knew and how far (`resume`), and the machine sends the rest in order. Where the
// machine no longer has that, or is another one by now, `gap` is told: the listener then reads the HTTP interface again.
// Every message may so come twice; what it is about has an id.
// Works in a browser and, with a WebSocket class (Node 22, or npm's ws), in Node.

import { tokenOf } from './token.js';

/** @typedef {'connecting'|'open'|'stale'|'refused'|'stopped'} ChannelState */
/** @typedef {import('./types.d.ts').ChannelMessage} ChannelMessage */
/** @typedef {import('./types.d.ts').TokenSource} TokenSource */

const SUBPROTOCOL = 'trademind';
const PING_EVERY_MS = 25000;
const STALE_AFTER_MS = 12000; // metrics come every 5 s
const DEAD_AFTER_MS = 40000;
const REQUEST_TIMEOUT_MS = 10000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8000;
const SUBSCRIBE_AGAIN_MS = 2000;
const RENEW_AGAIN_MS = 5000; // the machine tells it a minute before the end
const MAY_COME = ['not_now', 'unsupported', 'not_found', 'timeout'];
const CLOSE_UNAUTHORIZED = 4401;

export class ChannelError extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.name = 'ChannelError';
    this.code = code;
  }
}

export class Channel {
  /**
   * @param {object} options
   * @param {string} options.url ws://machine:8080/ws
   * @param {TokenSource} options.token
   * @param {any} [options.WebSocket]
   */
  constructor({ url, token, WebSocket = globalThis.WebSocket }) {
    this.url = url;
    /** May be set: the next time that one is shown it is this. @type {TokenSource} */
    this.token = token;
    /** The last one that was shown, and one that was refused. */
    this.shown = '';
    this.refused = '';
    this.n_attempts = 0;
    this.WebSocket = WebSocket;
    /** @type {ChannelState} */
    this.state = 'stopped';
    this.session = '';
    /** Everything up to it has been heard. */
    this.seq = 0;
    this.newestSeq = 0;
    this.isCaughtUp = false;
    this.heardAt = 0;
    /** @type {Map<string, Set<(data: any, message: any) => void>>} */
    this.listeners = new Map();
    /** @type {Map<string, {done: (data: any) => void, failed: (error: Error) => void, timer: any}>} */
    this.requests = new Map();
    /** @type {Map<string, number>} what is subscribed, and how often */
    this.wanted = new Map();
    this.n_requests = 0;
    this.n_failures = 0;
    /** @type {any} */
    this.socket = null;
    /** @type {any} */
    this.retryTimer = null;
    /** @type {any} */
    this.watchTimer = null;
    /** @type {any} */
    this.renewTimer = null;
  }

  /**
   * Of a message's type, or `state` (the state), `gap` ({reason}), `message` (every message).
   * @param {string} type @param {(data: any, message: any) => void} listener @returns {() => void} ends it
   */
  on(type, listener) {
    const set = this.listeners.get(type) ?? new Set();
    this.listeners.set(type, set.add(listener));
    return () => set.delete(listener);
  }

  /** @param {string} type @param {any} data @param {any} [message] */
  emit(type, data, message) {
    for (const listener of this.listeners.get(type) ?? []) listener(data, message);
  }

  start() {
    if (this.state !== 'stopped' && this.state !== 'refused') return;
    this.n_failures = 0;
    this.refused = '';
    this.connect();
    clearInterval(this.watchTimer);
    this.watchTimer = setInterval(() => this.watch(), 1000);
  }

  stop() {
    clearTimeout(this.retryTimer);
    clearInterval(this.watchTimer);
    this.n_attempts++;
    this.drop('the channel was stopped');
    this.become('stopped');
  }

  /** Does not wait out the pause: for when the network is back, or the page is looked at again. */
  retryNow() {
    if (this.state === 'connecting' && !this.socket) this.connect();
    else if (this.state === 'stale') this.lose();
  }

  /**
   * Sends a request; its answer's data.
   * @param {string} type @param {object} [data] @returns {Promise<any>}
   */
  request(type, data = {}) {
    if (!this.socket || this.socket.readyState !== 1) return Promise.reject(new ChannelError('not_connected', 'there is no connection to the machine'));
    const id = `r${++this.n_requests}`;
    return new Promise((done, failed) => {
      const timer = setTimeout(() => {
        this.requests.delete(id);
        failed(new ChannelError('timeout', 'the machine did not answer in time'));
      }, REQUEST_TIMEOUT_MS);
      this.requests.set(id, { done, failed, timer });
      this.send({ type, id, data });
    });
  }

  /**
   * Live candles of one symbol, as `kline_update`, over every reconnect.
   * @param {string} symbol @param {string} interval @returns {() => void} ends it
   */
  subscribe(symbol, interval) {
    const key = `${symbol} ${interval}`, n = this.wanted.get(key) ?? 0;
    this.wanted.set(key, n + 1);
    if (n === 0) this.tell('subscribe', key);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const left = (this.wanted.get(key) ?? 1) - 1;
      if (left > 0) {
        this.wanted.set(key, left);
      } else {
        this.wanted.delete(key);
        this.tell('unsubscribe', key);
      }
    };
  }

  // ---- below: the channel's own ----

  /**
   * A machine that has just started may not watch yet what is wanted, and one without a trader of that interval begins when there
   * is one: so such a subscription is asked for again.
   * @param {string} type @param {string} key
   */
  tell(type, key) {
    const [symbol, interval] = key.split(' '), { socket } = this;
    if (socket?.readyState !== 1) return;
    this.request(type, { symbol, interval }).catch(error => {
      this.emit('problem', error);
      const isLater = type === 'subscribe' && MAY_COME.includes(error.code);
      if (isLater) setTimeout(() => { if (socket === this.socket && this.wanted.has(key)) this.tell(type, key); }, SUBSCRIBE_AGAIN_MS);
    });
  }

  /** @param {ChannelState} state */
  become(state) {
    if (this.state === state) return;
    this.state = state;
    this.emit('state', state);
  }

  /** A text is there at once, and so is the connection begun; a function may have to fetch its token. */
  async connect() {
    clearTimeout(this.retryTimer);
    this.become('connecting');
    const attempt = ++this.n_attempts;
    if (typeof this.token === 'string') {
      this.open(this.token);
      return;
    }
    try {
      const token = await tokenOf(this.token);
      if (attempt === this.n_attempts) this.open(token);
    } catch (error) {
      if (attempt !== this.n_attempts) return;
      this.emit('problem', error);
      this.retry();
    }
  }

  /** @param {string} token */
  open(token) {
    if (token === this.refused) {
      this.giveUp();
      return;
    }
    let socket;
    try {
      socket = new this.WebSocket(this.url, [SUBPROTOCOL, token]);
    } catch { // a token with characters that a subprotocol cannot have
      this.giveUp();
      return;
    }
    this.shown = token;
    this.socket = socket;
    this.isCaughtUp = false;
    this.heardAt = Date.now();
    socket.onmessage = (/** @type {any} */ event) => { if (socket === this.socket) this.receive(event.data); };
    socket.onclose = (/** @type {any} */ event) => { if (socket === this.socket) this.lose(event.code); };
    // In a browser a close follows, with its code; in Node 22 not always, when nobody has answered.
    socket.onerror = () => setTimeout(() => { if (socket === this.socket && socket.readyState !== 1) this.lose(); }, 0);
  }

  /** @param {object} message */
  send(message) { this.socket.send(JSON.stringify(message)); }

  /** Forgets the connection; whoever waits for an answer is told. @param {string} why */
  drop(why) {
    const socket = this.socket;
    this.socket = null;
    clearTimeout(this.renewTimer);
    if (socket) {
      socket.onmessage = socket.onclose = socket.onerror = null;
      if (socket.readyState < 2) socket.close();
    }
    for (const { failed, timer } of this.requests.values()) {
      clearTimeout(timer);
      failed(new ChannelError('connection_lost', why));
    }
    this.requests.clear();
  }

  /** @param {number} [code] */
  lose(code) {
    this.drop('the connection was lost');
    if (code === CLOSE_UNAUTHORIZED) this.refused = this.shown;
    if (this.token === this.refused) this.giveUp();
    else this.retry();
  }

  giveUp() {
    clearInterval(this.watchTimer);
    this.become('refused');
  }

  retry() {
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.n_failures++, 10)) * (0.5 + Math.random() / 2);
    this.become('connecting');
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => this.connect(), pause);
  }

  watch() {
    const quiet = Date.now() - this.heardAt;
    if (!this.socket) return;
    if (quiet > DEAD_AFTER_MS) this.lose();
    else if (quiet > STALE_AFTER_MS && this.state === 'open') this.become('stale');
    if (this.socket?.readyState === 1 && Date.now() - (this.pingedAt ?? 0) > PING_EVERY_MS) {
      this.pingedAt = Date.now();
      this.send({ type: 'ping', data: {} });
    }
  }

  /** @param {string} text */
  receive(text) {
    this.heardAt = Date.now();
    if (this.state === 'stale') this.become('open');
    if (text === 'pong') return;
    /** @type {ChannelMessage} */
    const message = JSON.parse(text);
    if (message.id !== undefined && this.settle(message)) return;
    if (message.seq) this.advance(message.seq);
    if (message.type === 'hello') this.greet(message.data);
    this.emit(message.type, message.data, message);
    this.emit('message', message);
    if (message.type === 'token_expiring') this.renew();
  }

  /** True: it was the answer to a request. @param {ChannelMessage} message */
  settle(message) {
    const request = this.requests.get(String(message.id));
    if (!request) return false;
    this.requests.delete(String(message.id));
    clearTimeout(request.timer);
    if (message.type === 'error') request.failed(new ChannelError(message.data.code, message.data.message));
    else request.done(message.data);
    return true;
  }

  /** New messages may come before and between those that are sent again: only behind them there is no hole. @param {number} seq */
  advance(seq) {
    this.newestSeq = Math.max(this.newestSeq, seq);
    if (this.isCaughtUp) this.seq = this.newestSeq;
  }

  catchUp() {
    this.isCaughtUp = true;
    this.seq = this.newestSeq;
  }

  /** Shows the present token when it is another one; while there is none, looks again for as long as this connection lasts. */
  async renew() {
    const { socket } = this;
    clearTimeout(this.renewTimer);
    try {
      const token = await tokenOf(this.token);
      if (!socket || socket !== this.socket) return;
      if (token !== this.shown) {
        await this.request('auth', { token });
        this.shown = token;
        return;
      }
    } catch (error) {
      this.emit('problem', error);
    }
    if (socket && socket === this.socket) this.renewTimer = setTimeout(() => this.renew(), RENEW_AGAIN_MS);
  }

  /** @param {{session: string, seq: number}} hello */
  greet(hello) {
    const { session, seq } = this;
    this.n_failures = 0;
    this.session = hello.session;
    this.become('open');
    for (const key of this.wanted.keys()) this.tell('subscribe', key);
    if (session === hello.session && seq < hello.seq) {
      this.resume(session, seq);
      return;
    }
    this.newestSeq = hello.seq;
    this.catchUp();
    if (session && session !== hello.session) this.emit('gap', { reason: 'the machine was started again' });
  }

  /** @param {string} session @param {number} seq */
  async resume(session, seq) {
    let reason = '';
    try {
      const answer = await this.request('resume', { session, seq });
      if (answer?.complete === false) reason = 'too much was missed';
    } catch (error) {
      if (error instanceof ChannelError && error.code === 'connection_lost') return; // the next connection asks again, from the same place
      reason = 'what was missed cannot be had';
    }
    this.catchUp();
    if (reason) this.emit('gap', { reason });
  }
}
