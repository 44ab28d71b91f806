// Where the reader is: the part of the address after `#`, such as #/signals/ID or #/chart/BTCUSDT/5m?trader=rsi.
import { computed, signal } from '@preact/signals';

const hash = signal(location.hash);
addEventListener('hashchange', () => { hash.value = location.hash; });

export const route = computed(() => {
  const [path, query = ''] = hash.value.replace(/^#\/?/, '').split('?');
  const parts = path.split('/').filter(Boolean).map(decodeURIComponent);
  return { view: parts[0] || 'signals', parts: parts.slice(1), query: new URLSearchParams(query) };
});

export function href(view, ...parts) { return `#/${[view, ...parts].map(encodeURIComponent).join('/')}`; }
export function go(where) { location.hash = where; }
