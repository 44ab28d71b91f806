import { effect } from '@preact/signals';
import { render } from 'preact';
import { App } from './app.jsx';
import { readStatus, followMachine } from './state/machine.js';
import { connect, leave, token } from './state/session.js';
import { followSignals, nUnseen } from './state/signals.js';
import { followTraders } from './state/traders.js';

effect(() => {
  if (!token.value) return;
  connect(channel => {
    followMachine(channel);
    followSignals(channel);
    followTraders(channel);
  });
  readStatus().catch(() => leave('This token is not the machine’s.'));
});

effect(() => { document.title = nUnseen.value ? `(${nUnseen.value}) trademind` : 'trademind'; });

const root = document.getElementById('app');
root.textContent = '';
render(<App />, root);
