// Asks for the token.
import { useState } from 'preact/hooks';
import { Mark } from '../parts/icons.jsx';
import { enter, refusal } from '../state/session.js';

export function Enter() {
  const [text, setText] = useState('');
  const [isForLong, setForLong] = useState(false);
  const submit = event => {
    event.preventDefault();
    if (text.trim()) enter(text.trim(), isForLong);
  };
  return (
    <main class="enter">
      <form onSubmit={submit}>
        <div class="brand"><Mark /><span>trademind</span></div>
        <h1>Connect to this machine</h1>
        <p class="soft">The token is printed when the daemon starts, and kept in <code>DATA_DIR/token</code>.</p>
        {refusal.value && <p class="trouble" role="alert">{refusal.value}</p>}
        <div class="field">
          <label for="token">Token</label>
          <input id="token" type="password" autocomplete="current-password" spellcheck={false} autofocus value={text} onInput={event => setText(event.currentTarget.value)} />
        </div>
        <label class="check"><input type="checkbox" checked={isForLong} onChange={event => setForLong(event.currentTarget.checked)} />Keep it in this browser</label>
        <button class="first" type="submit" disabled={!text.trim()}>Connect</button>
      </form>
    </main>
  );
}
