// The signals that the page knows, by id; which of them are new to the reader; their analyses.
import { batch, computed, signal } from '@preact/signals';
import { alertOf } from './alerts.js';
import { api } from './session.js';

const PAGE = 100;
const CATCH_UP_MOST = 2000;
const KEPT_MOST = 10000; // a page that stays open for weeks

/** @type {import('@preact/signals').Signal<Map<string, object>>} */
export const signals = signal(new Map());
export const unseen = signal(new Set());
export const analyses = signal(new Map());
export const hasLoaded = signal(false);
export const older = signal(null); // the cursor; null: there are none
export const trouble = signal('');

export const nUnseen = computed(() => unseen.value.size);

/** As the channel says it and as the interface does: one shape. */
function normal(row) {
  const { signalId, ...rest } = row;
  return { ...rest, id: row.id ?? signalId };
}

function put(rows) {
  const map = new Map(signals.value);
  for (const row of rows.map(normal)) map.set(row.id, { ...map.get(row.id), ...row });
  signals.value = map.size > KEPT_MOST ? newest(map) : map;
}

/** Without the oldest tenth. */
function newest(map) {
  const rows = [...map.values()].sort((a, b) => b.time - a.time).slice(0, KEPT_MOST * 0.9);
  return new Map(rows.map(row => [row.id, row]));
}

function putAnalysis(row) {
  const before = analyses.value.get(row.signalId);
  if (before && before.analysisId !== row.analysisId && before.time > row.time) return; // of an earlier look
  analyses.value = new Map(analyses.value).set(row.signalId, row);
}

export function see(id) {
  if (!unseen.value.has(id)) return;
  const left = new Set(unseen.value);
  left.delete(id);
  unseen.value = left;
}
export function seeAll() { unseen.value = new Set(); }

/** Which came while nobody was connected is as new as one that came live. */
function takeNew(rows) {
  const fresh = rows.map(normal).filter(row => !signals.value.has(row.id) && row.state !== 'historical'); // those are a first look's
  batch(() => {
    put(rows);
    if (fresh.length) unseen.value = new Set([...unseen.value, ...fresh.map(row => row.id)]);
  });
  for (const row of fresh.slice(-3)) alertOf(row);
}

async function load() {
  try {
    const page = await api.signals({ limit: PAGE });
    batch(() => {
      put(page.signals);
      older.value = page.next;
      hasLoaded.value = true;
      trouble.value = '';
    });
    loadAnalyses();
  } catch (error) {
    trouble.value = error.message;
  }
}

async function loadAnalyses() {
  try {
    const { analyses: rows } = await api.analyses({ limit: PAGE });
    for (const row of [...rows].reverse()) putAnalysis(row);
  } catch (error) {
    if (error.status !== 404) trouble.value = error.message;
  }
}

export async function loadOlder() {
  const page = await api.signals({ limit: PAGE, before: older.value });
  batch(() => {
    put(page.signals);
    older.value = page.next;
  });
}

/**
 * Reads back to where it knew everything: so nothing that came while the machine was away is missed. Pages are in the order in
 * which signals were stored, so whatever is older than the newest known one has been told before.
 */
async function catchUp() {
  if (!hasLoaded.value) return load();
  const known = Math.max(0, ...[...signals.value.values()].map(row => row.created ?? 0));
  const rows = [];
  try {
    for await (const row of api.eachSignal()) {
      if (row.created < known || rows.length >= CATCH_UP_MOST) break;
      rows.push(row);
    }
    takeNew(rows.reverse());
    await loadAnalyses();
  } catch (error) {
    trouble.value = error.message;
  }
}

export function followSignals(channel) {
  channel.on('hello', hello => {
    if (hasLoaded.value) return;
    put(hello.signals ?? []);
    load();
  });
  channel.on('gap', catchUp);
  channel.on('signal_created', row => takeNew([row]));
  channel.on('signal_updated', row => { if (signals.value.has(row.signalId)) put([row]); });
  channel.on('analysis_completed', putAnalysis);
  channel.on('analysis_failed', putAnalysis);
}
