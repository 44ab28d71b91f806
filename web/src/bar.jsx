// What stands in the bar: market's clock, state of the connection, what the reader may set.
import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from './parts/icons.jsx';
import { clock, date, duration } from './parts/format.js';
import { heardAt, isPaused, isSimulated, link, marketNow, now, status } from './state/machine.js';
import { askToNotify, tone } from './state/alerts.js';
import { leave } from './state/session.js';
import { choose, settings } from './state/settings.js';
import { say } from './state/toasts.js';

export function Badges() {
  return (
    <>
      {isSimulated.value && <span class="chip warn loud" title="The market comes from exchange-sim. Nothing that is shown has happened.">Simulated</span>}
      {isPaused.value && <span class="chip bad loud">Paused</span>}
    </>
  );
}

export function Clock() {
  if (!status.value?.marketTime) return null;
  return <span class="clock" title="The market’s time">{date(marketNow.value)} <b>{clock(marketNow.value)}</b> UTC</span>;
}

const WORDS = { open: 'Live', stale: 'Stale', connecting: 'Connecting', refused: 'Refused', stopped: 'Stopped' };

export function LinkState() {
  const state = link.value, quiet = now.value - heardAt.value;
  const text = state === 'open' && status.value?.status === 'starting' ? 'Warming up' : WORDS[state];
  return <span class="link" data-state={state} title={`Last heard ${duration(Math.max(0, quiet))} ago`}><i aria-hidden="true" />{text}</span>;
}

/** Closes on Escape and on a click elsewhere; the focus goes back to its button. */
function useMenu() {
  const [isOpen, setOpen] = useState(false);
  const box = useRef(null);
  useEffect(() => {
    if (!isOpen) return undefined;
    const onKey = event => {
      if (event.key !== 'Escape') return;
      setOpen(false);
      box.current.querySelector('button').focus();
    };
    const onPress = event => { if (!box.current.contains(event.target)) setOpen(false); };
    document.addEventListener('keydown', onKey);
    document.addEventListener('pointerdown', onPress);
    return () => {
      document.removeEventListener('keydown', onKey);
      document.removeEventListener('pointerdown', onPress);
    };
  }, [isOpen]);
  return { isOpen, setOpen, box };
}

async function toggleNotify(isWanted) {
  if (!isWanted) return choose({ notify: false });
  const isAllowed = await askToNotify();
  choose({ notify: isAllowed });
  if (!isAllowed) say('The browser does not allow notifications for this page.');
}

function toggleSound(isWanted) {
  choose({ sound: isWanted });
  if (isWanted) tone('long');
}

export function Settings() {
  const { isOpen, setOpen, box } = useMenu();
  const { theme, sound, notify } = settings.value;
  return (
    <div class="menu" ref={box}>
      <button class="bare icon" aria-label="Settings" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}><Icon name="gear" /></button>
      {isOpen && (
        <div role="group" aria-label="Settings">
          <label class="check"><input type="checkbox" checked={sound} onChange={event => toggleSound(event.currentTarget.checked)} />A tone for each new signal</label>
          <label class="check"><input type="checkbox" checked={notify} onChange={event => toggleNotify(event.currentTarget.checked)} />Desktop notifications</label>
          <div class="row" role="group" aria-label="Colours">
            <span class="grow soft">Colours</span>
            <span class="tabs">
              {['auto', 'light', 'dark'].map(name => (
                <button key={name} aria-pressed={theme === name} onClick={() => choose({ theme: name })}>{name[0].toUpperCase() + name.slice(1)}</button>
              ))}
            </span>
          </div>
          <hr />
          <button onClick={() => leave()}>Forget the token</button>
          <small class="faint">trademind {status.value?.version}. Charts by <a href="https://www.tradingview.com/" rel="noreferrer" target="_blank">TradingView</a> (Lightweight Charts, Apache-2.0).</small>
        </div>
      )}
    </div>
  );
}
