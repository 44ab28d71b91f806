// The frame around every view: bar, navigation, what is wrong with the connection, short remarks.
import { useEffect, useRef } from 'preact/hooks';
import { Badges, Clock, LinkState, Settings } from './bar.jsx';
import { Enter } from './views/enter.jsx';
import { Editor } from './views/editor.jsx';
import { Machine } from './views/machine.jsx';
import { Market } from './views/market.jsx';
import { Chart, Signals } from './views/signals.jsx';
import { Traders } from './views/traders.jsx';
import { Icon, Mark } from './parts/icons.jsx';
import { clock, duration } from './parts/format.js';
import { heardAt, link, now } from './state/machine.js';
import { href, route } from './state/route.js';
import { token } from './state/session.js';
import { nUnseen } from './state/signals.js';
import { dismiss, toasts } from './state/toasts.js';

const VIEWS = {
  signals: { title: 'Signals', view: Signals },
  traders: { title: 'Traders', view: Traders },
  editor: { title: 'Editor', view: Editor },
  market: { title: 'Market', view: Market },
  machine: { title: 'Machine', view: Machine },
  chart: { title: 'Chart', view: Chart, under: 'market' },
};

function Rail({ current }) {
  return (
    <nav class="rail" aria-label="Views">
      <ul>
        {Object.entries(VIEWS).filter(([, it]) => !it.under).map(([name, { title }]) => (
          <li key={name}>
            <a href={href(name)} aria-current={current === name ? 'page' : undefined}>
              <Icon name={name} />
              {title}
              {name === 'signals' && nUnseen.value > 0 && <span class="count">{nUnseen.value}<span class="sr"> new</span></span>}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** Only when the page shows old things as if they were new would nobody notice: so it says how old they are. */
function Note() {
  const state = link.value;
  if (state === 'open') return null;
  const age = now.value - heardAt.value;
  if (state === 'connecting' && age < 1500) return null;
  const since = `What you see is as of ${clock(heardAt.value)} UTC, ${duration(Math.max(0, age))} ago.`;
  return (
    <div class="note" role="status">
      <Icon name="warn" />
      <span>{state === 'stale' ? 'Nothing has been heard from the machine for a while. ' : 'The connection is lost; trying again. '}{since}</span>
    </div>
  );
}

function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(toast => (
        <div class="toast" key={toast.id}>
          <span class="grow">{toast.text}</span>
          <button class="bare" aria-label="Dismiss" onClick={() => dismiss(toast.id)}><Icon name="close" /></button>
        </div>
      ))}
    </div>
  );
}

/** A view that is gone to by keyboard is where reading goes on; the first one is not taken away from the address bar. */
function useFocusOnChange(name) {
  const main = useRef(null), before = useRef(name);
  useEffect(() => {
    if (before.current !== name) main.current?.focus({ preventScroll: true });
    before.current = name;
  }, [name]);
  return main;
}

function Shell() {
  const { view: name } = route.value;
  const { view: View, title, under } = VIEWS[name] ?? VIEWS.signals;
  const main = useFocusOnChange(name);
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={event => { event.preventDefault(); main.current.focus(); }}>Skip to the view</a>
      <header class="bar">
        <a class="brand" href="#/signals" aria-label="trademind"><Mark /><span>trademind</span></a>
        <Badges />
        <div class="grow" />
        <Clock />
        <LinkState />
        <Settings />
      </header>
      <Note />
      <Rail current={under ?? name} />
      <main class="main" id="main" ref={main} tabIndex={-1} aria-label={title}><View /></main>
      <Toasts />
    </div>
  );
}

export function App() { return token.value ? <Shell /> : <Enter />; }
