// The token, and with it the way to the machine. The token comes after `#` in the printed link, or is typed in; it is taken
// out of the address bar at once. It is kept for this tab, or for this browser when the reader says so.
import { signal } from '@preact/signals';
import { Api } from '../../client/api.js';
import { Channel } from '../../client/channel.js';

const KEY = 'trademind.token';

function tokenOfAddress() {
  const text = decodeURIComponent(location.hash.slice(1)).replace(/^token=/, '');
  if (!text || text.startsWith('/')) return null;
  history.replaceState(null, '', `${location.pathname}${location.search}#/`);
  dispatchEvent(new HashChangeEvent('hashchange'));
  return text;
}

function found() {
  const given = tokenOfAddress();
  if (given) keep(given, localStorage.getItem(KEY) !== null);
  return given ?? sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);
}

function keep(token, isForLong) {
  sessionStorage.setItem(KEY, token);
  if (isForLong) localStorage.setItem(KEY, token);
}

/** null: nobody has shown one; then the page asks. */
export const token = signal(found());
export const refusal = signal('');

/** @type {Api} */
export let api = null;
/** @type {Channel} */
export let channel = null;

export function enter(text, isForLong) {
  keep(text, isForLong);
  refusal.value = '';
  token.value = text;
}

/** `why`: shown where the token is asked for. */
export function leave(why = '') {
  channel?.stop();
  channel = api = null;
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(KEY);
  refusal.value = why;
  token.value = null;
}

/** Once for each token; `prepare` attaches listeners before anything can arrive. */
export function connect(prepare) {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  api = new Api({ token: token.value });
  channel = new Channel({ url: `${scheme}//${location.host}/ws`, token: token.value });
  channel.on('state', state => { if (state === 'refused') leave('This token is not the machine’s, or has expired.'); });
  prepare(channel, api);
  channel.start();
}

addEventListener('hashchange', () => {
  const given = tokenOfAddress();
  if (!given || given === token.value) return;
  leave();
  enter(given, false);
});
addEventListener('online', () => channel?.retryNow());
document.addEventListener('visibilitychange', () => { if (!document.hidden) channel?.retryNow(); });
