// Line icons on a grid of 24, drawn for this page. They are decoration: what they mean stands beside them or in a label.
const PATHS = {
  signals: 'M3 12h3.5l2.5-7 4.5 14 3-9 1.5 2H21',
  traders: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5',
  editor: 'M8.5 7.5L4 12l4.5 4.5M15.5 7.5L20 12l-4.5 4.5M13.5 5l-3 14',
  market: 'M4 4h7v9H4zM14 4h6v5h-6zM14 12h6v8h-6zM4 16h7v4H4z',
  machine: 'M5 5h14v6H5zM5 13h14v6H5zM8 8h.01M8 16h.01M12 8h4M12 16h4',
  sound: 'M5 9.5v5h3.5L13 18V6L8.5 9.5zM16.5 9a4 4 0 010 6M19 6.5a8 8 0 010 11',
  mute: 'M5 9.5v5h3.5L13 18V6L8.5 9.5zM16.5 9.5l5 5M21.5 9.5l-5 5',
  bell: 'M6 16.5V11a6 6 0 0112 0v5.5l1.5 2h-15zM10 20.5a2 2 0 004 0',
  gear: 'M12 6a6 6 0 100 12 6 6 0 000-12zM12 9.8a2.2 2.2 0 100 4.4 2.2 2.2 0 000-4.4zM12 3.2V6M12 18v2.8M3.2 12H6M18 12h2.8M5.8 5.8l2 2M16.2 16.2l2 2M18.2 5.8l-2 2M7.8 16.2l-2 2',
  back: 'M14.5 5.5L8 12l6.5 6.5',
  plus: 'M12 5v14M5 12h14',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  pause: 'M8 5.5v13M16 5.5v13',
  play: 'M8 5.5l10.5 6.5L8 18.5z',
  sync: 'M4.5 12a7.5 7.5 0 0112.8-5.3L20 9.4M20 5v4.4h-4.4M19.5 12a7.5 7.5 0 01-12.8 5.3L4 14.6M4 19v-4.4h4.4',
  close: 'M6 6l12 12M18 6L6 18',
  warn: 'M12 4l9 16H3zM12 10v4.5M12 17.4v.01',
};

export function Icon({ name }) {
  return (
    <svg viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#2456c8" />
      <path d="M7 20.5l6-7 5 4 7-9" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" />
      <circle cx="25" cy="8.5" r="2.6" fill="#7ee2bd" />
    </svg>
  );
}
