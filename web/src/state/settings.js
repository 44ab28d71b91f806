// What the reader of the page has chosen, kept in this browser.
import { effect, signal } from '@preact/signals';

const KEY = 'trademind.settings';
const DEFAULTS = { theme: 'auto', sound: false, notify: false };

function stored() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY)) };
  } catch {
    return { ...DEFAULTS }; // somebody else's text, or no storage
  }
}

export const settings = signal(stored());

export function choose(change) {
  settings.value = { ...settings.value, ...change };
  localStorage.setItem(KEY, JSON.stringify(settings.value));
}

effect(() => {
  const { theme } = settings.value;
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
});
