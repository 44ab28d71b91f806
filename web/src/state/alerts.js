// A tone and a desktop notification for a new signal; both only on request.
import { price } from '../parts/format.js';
import { settings } from './settings.js';
import { nameOf } from './traders.js';

const AT_MOST_EVERY_MS = 700;
let audio = null, lastAt = 0;

/** Two soft notes, up for long, down for short. A browser plays them only after the reader has touched the page. */
export function tone(side) {
  audio ??= new AudioContext();
  const notes = side === 'short' ? [659, 494] : [587, 784];
  notes.forEach((frequency, i) => {
    const at = audio.currentTime + i * 0.11, oscillator = audio.createOscillator(), volume = audio.createGain();
    oscillator.frequency.value = frequency;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.09, at + 0.015);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.28);
    oscillator.connect(volume).connect(audio.destination);
    oscillator.start(at);
    oscillator.stop(at + 0.3);
  });
}

/** True when the browser allows it. */
export async function askToNotify() { return 'Notification' in window && await Notification.requestPermission() === 'granted'; }

function notify(row) {
  const text = [row.side, `at ${price(row.price)}`, row.interval].filter(Boolean).join(' · ');
  const shown = new Notification(`${row.symbol}: ${nameOf(row)}`, { body: text, tag: row.id, icon: '/favicon.svg' });
  shown.onclick = () => {
    window.focus();
    location.hash = `#/signals/${encodeURIComponent(row.id)}`;
    shown.close();
  };
}

export function alertOf(row) {
  const at = Date.now();
  if (at - lastAt < AT_MOST_EVERY_MS) return; // a burst is one sound
  lastAt = at;
  if (settings.value.sound) tone(row.side);
  if (settings.value.notify && 'Notification' in window && Notification.permission === 'granted') notify(row);
}
