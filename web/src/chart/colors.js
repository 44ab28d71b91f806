// The page's colours, for the canvas: custom properties are resolved by an element that has them.
const PROBES = ['surface', 'text', 'text-soft', 'line', 'line-strong', 'accent', 'candle-up', 'candle-down', 'up', 'down', 'warn'];
const NAMED = { gray: 'text-soft', grey: 'text-soft', green: 'up', red: 'down', orange: 'warn', blue: 'accent', white: 'text', black: 'text' };

/** name -> "rgb(...)"; new ones after a change between light and dark. */
export function pageColors() {
  const probe = document.body.appendChild(document.createElement('span'));
  const colors = {};
  for (const name of PROBES) {
    probe.style.color = `var(--${name})`;
    colors[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colors;
}

export function withAlpha(color, alpha) {
  const parts = color.match(/[\d.]+/g);
  return parts && color.startsWith('rgb') ? `rgba(${parts.slice(0, 3).join(', ')}, ${alpha})` : color;
}

const PALETTE = [['#2f6fe0', '#7fb0ff'], ['#b06a00', '#f0b04f'], ['#8446c4', '#c19bf5'], ['#0b7f86', '#56c9cf'], ['#b23a78', '#f08fbc']];

/** An author's colour by name is one that can be read on this ground; without one, the next of the palette. */
export function plotColor(color, n, colors, isDark) {
  if (!color) return PALETTE[n % PALETTE.length][isDark ? 1 : 0];
  const known = NAMED[color.toLowerCase()];
  if (known) return colors[known];
  return CSS.supports('color', color) ? color : colors.accent;
}

export function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
}
