// The traders that the machine runs.
import { computed, signal } from '@preact/signals';
import { api } from './session.js';

const SETTLE_MS = 400;

export const traders = signal([]);
export const tradersTrouble = signal('');
export const hasTraders = signal(false);

/** By both names that a signal may call it by: its id and its key. */
export const traderByName = computed(() => {
  const map = new Map();
  for (const trader of traders.value) for (const name of [trader.id, trader.trader, trader.key]) if (name) map.set(name, trader);
  return map;
});

export const nameOf = row => row.traderName ?? traderByName.value.get(row.traderId ?? row.trader)?.name ?? row.trader ?? row.traderId;

export async function readTraders() {
  try {
    traders.value = await api.traders();
    hasTraders.value = true;
    tradersTrouble.value = '';
  } catch (error) {
    tradersTrouble.value = error.message;
  }
}

let timer = null;
/** Soon; several requests in a row are one. */
export function readTradersSoon() {
  clearTimeout(timer);
  timer = setTimeout(readTraders, SETTLE_MS);
}

export function followTraders(channel) {
  channel.on('hello', readTraders);
  channel.on('gap', readTraders);
  channel.on('traders_changed', readTradersSoon);
  channel.on('error', readTradersSoon); // a trader has failed: its state says more
}
