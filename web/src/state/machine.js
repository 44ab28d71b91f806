// What the machine says of itself: its state, its numbers over the last minutes, the market's clock.
import { computed, signal } from '@preact/signals';
import { api } from './session.js';

const KEPT = 180; // metrics come every 5 s: a quarter of an hour
const POLL_MS = 10000;

export const link = signal('connecting');
/** ms of this clock: when anything was last heard. */
export const heardAt = signal(Date.now());
export const now = signal(Date.now());
export const status = signal(null);
export const metrics = signal([]);

/** What the market's clock says, carried on by ours between two answers. */
const marketClock = signal(null);
export const marketNow = computed(() => {
  const clock = marketClock.value;
  return clock ? clock.market + (now.value - clock.at) * clock.rate : now.value;
});

export const isSimulated = computed(() => Boolean(status.value?.simulated));
export const isPaused = computed(() => status.value?.status === 'paused');

/** A simulated market may run faster than the clock on the wall: its rate is what two answers tell. */
function takeClock(market) {
  const at = Date.now(), before = marketClock.value;
  const passed = before ? at - before.at : 0;
  const rate = passed > 2000 ? Math.max(0, (market - before.market) / passed) : before?.rate ?? 1;
  marketClock.value = { market, at, rate };
}

export function takeStatus(change) {
  status.value = { ...status.value, ...change };
  if (change.marketTime) takeClock(change.marketTime);
}

export async function readStatus() {
  try {
    takeStatus(await api.status());
  } catch (error) {
    if (error.status === 401) throw error; // anything else shows as the state of the link
  }
}

export function followMachine(channel) {
  channel.on('state', state => { link.value = state; });
  channel.on('message', () => { heardAt.value = Date.now(); });
  channel.on('hello', hello => {
    takeStatus({ status: hello.status?.status ?? hello.status, simulated: hello.simulated, version: hello.version });
    readStatus();
  });
  channel.on('status_update', data => takeStatus(data));
  channel.on('metrics_update', data => { metrics.value = [...metrics.value.slice(1 - KEPT), { at: Date.now(), ...data }]; });
}

setInterval(() => { now.value = Date.now(); }, 1000);
setInterval(() => { if (link.value === 'open' && !document.hidden) readStatus(); }, POLL_MS);
