// Short remarks that go away by themselves; also read out (role "status").
import { signal } from '@preact/signals';

const SHOWN_MS = 6000;

export const toasts = signal([]);
let n = 0;

export function dismiss(id) { toasts.value = toasts.value.filter(toast => toast.id !== id); }

export function say(text) {
  const id = ++n;
  toasts.value = [...toasts.value.slice(-2), { id, text }];
  setTimeout(() => dismiss(id), SHOWN_MS);
}
