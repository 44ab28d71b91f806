// The traders: which are on, what they cost, what is wrong with them; their parameters as forms.
import { useSignal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { Icon } from '../parts/icons.jsx';
import { InputsForm } from '../parts/form.jsx';
import { Matches } from '../parts/look.jsx';
import { Empty, TraderState } from '../parts/words.jsx';
import { count, fullTime, micros, plural } from '../parts/format.js';
import { go, href, route } from '../state/route.js';
import { api } from '../state/session.js';
import { say } from '../state/toasts.js';
import { hasTraders, readTraders, readTradersSoon, traderByName, traders, tradersTrouble } from '../state/traders.js';

const ORIGINS = { builtin: 'built in', file: 'file', local: 'this machine', cloud: 'cloud' };

async function change(trader, what) {
  try {
    await api.changeTrader(trader.trader, what);
    await readTraders();
    readTradersSoon(); // what has begun shows a moment later
    return true;
  } catch (error) {
    say(`${trader.name}: ${error.message}`);
    return false;
  }
}

function Switch({ trader }) {
  const [isBusy, setBusy] = useState(false);
  const toggle = async () => {
    setBusy(true);
    await change(trader, { enabled: !trader.enabled });
    setBusy(false);
  };
  return <button class="switch" role="switch" aria-checked={trader.enabled} aria-label={`${trader.name} is on`} aria-busy={isBusy} onClick={toggle} />;
}

function Row({ trader, isChosen }) {
  return (
    <li data-id={trader.id} class={isChosen ? 'chosen' : undefined}>
      <Switch trader={trader} />
      <a href={href('traders', trader.id)} aria-current={isChosen ? 'true' : undefined}>
        <span class="row"><b class="cut">{trader.name}</b>{(trader.state !== 'running' || !trader.enabled) && <TraderState trader={trader} />}</span>
        <span class="soft small">{[trader.interval, plural(trader.n_signals ?? 0, 'signal'), `${micros(trader.cost_us)} each`].join(' · ')}{trader.errors > 0 && <span class="down"> · {plural(trader.errors, 'error')}</span>}</span>
      </a>
    </li>
  );
}

function List({ id }) {
  const text = useSignal('');
  const wanted = text.value.trim().toLowerCase();
  const rows = traders.value.filter(it => !wanted || `${it.name} ${it.trader}`.toLowerCase().includes(wanted)).sort((a, b) => a.name.localeCompare(b.name));
  const nOn = traders.value.filter(it => it.enabled).length;
  return (
    <section class="list traders" aria-label="List of traders">
      <header>
        <h1>Traders</h1>
        <span class="faint grow">{nOn} of {traders.value.length} on</span>
        <a class="button" href={href('editor')}><Icon name="plus" />New</a>
      </header>
      <div class="filters one">
        <label class="sr" for="find-name">Name</label>
        <input id="find-name" type="search" placeholder="Name" value={text.value} onInput={event => { text.value = event.currentTarget.value; }} />
      </div>
      {tradersTrouble.value && <p class="trouble" role="alert">{tradersTrouble.value}</p>}
      {rows.length > 0 && <ul>{rows.map(trader => <Row key={trader.id} trader={trader} isChosen={trader.id === id} />)}</ul>}
      {hasTraders.value && traders.value.length === 0 && <Empty icon={<Icon name="traders" />}><p>There are no traders yet.</p><a class="button" href={href('editor')}>Write one</a></Empty>}
    </section>
  );
}

function LastError({ trader }) {
  const { lastError, error, warning } = trader;
  const line = lastError?.line;
  return (
    <>
      {error && <p class="trouble">The newest version does not run: {error}</p>}
      {warning && <p class="remark">{warning}</p>}
      {lastError && (
        <section class="card">
          <header><h2>Last error</h2>{line && <a class="button" href={`${href('editor', trader.id)}?line=${line}`}>Line {line}</a>}</header>
          <p class="trouble mono">{line ? `line ${line}: ` : ''}{lastError.message}</p>
          <p class="faint small">{[lastError.symbol, fullTime(lastError.time), `${plural(trader.errors, 'error')} since the start`].filter(Boolean).join(' · ')}</p>
          {lastError.trace && <details><summary>Trace</summary><pre class="small">{lastError.trace}</pre></details>}
        </section>
      )}
    </>
  );
}

function FirstLook({ trader }) {
  const [state, setState] = useState({ look: null, trouble: '', isBusy: false });
  const ask = async () => {
    setState({ look: null, trouble: '', isBusy: true });
    try {
      const { source } = await api.trader(trader.id);
      const inputs = Object.fromEntries((trader.parameters ?? []).map(it => [it.name, it.value]));
      setState({ look: await api.look({ source, inputs }), trouble: '', isBusy: false });
    } catch (error) {
      setState({ look: null, trouble: error.message, isBusy: false });
    }
  };
  return (
    <section class="card" aria-live="polite">
      <header><h2>First look</h2><button disabled={state.isBusy} onClick={ask}>{state.isBusy ? 'Looking…' : 'Look now'}</button></header>
      {!state.look && !state.trouble && <p class="soft">What it would have found over the last bars, on the data that is here. Nothing is stored.</p>}
      {state.trouble && <p class="trouble">{state.trouble}</p>}
      {state.look && <Matches look={state.look} trader={trader.id} />}
    </section>
  );
}

async function remove(trader) {
  if (!confirm(`Delete ${trader.name}?`)) return;
  try {
    const answer = await api.deleteTrader(trader.id);
    say(answer?.archived ? `${trader.name} has ${plural(answer.open_signals, 'open signal')}: it does not run any more and is kept.` : `${trader.name} is deleted.`);
    await readTraders();
    go('#/traders');
  } catch (error) {
    say(`${trader.name}: ${error.message}`);
  }
}

function Figures({ trader }) {
  const figures = [
    ['Cost of an evaluation', micros(trader.cost_us)], ['Signals since the start', count(trader.n_signals)], ['Symbols', count(trader.symbols)],
    ['Errors', count(trader.errors)],
  ];
  return <dl class="figures card">{figures.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

function Detail({ trader }) {
  const others = (trader.timeframes ?? []).filter(it => it !== trader.interval);
  return (
    <section class="detail" aria-label={trader.name}>
      <header class="head">
        <a class="button bare icon back" href="#/traders" aria-label="Back to the list"><Icon name="back" /></a>
        <div class="grow">
          <div class="row"><h2>{trader.name}</h2><TraderState trader={trader} /></div>
          <p class="soft">{[trader.trader, `${trader.interval}${others.length ? `, reads ${others.join(', ')}` : ''}`, ORIGINS[trader.origin]].filter(Boolean).join(' · ')}</p>
        </div>
        <a class="button" href={href('editor', trader.id)}><Icon name="editor" />{trader.editable ? 'Edit' : 'Source'}</a>
        {trader.editable && <button class="danger" onClick={() => remove(trader)}>Delete</button>}
      </header>
      <div class="sheet">
        {trader.description && <p>{trader.description}</p>}
        <Figures trader={trader} />
        <LastError trader={trader} />
        <section class="card">
          <header><h2>Parameters</h2></header>
          {trader.parameters?.length ? <InputsForm key={trader.id} parameters={trader.parameters} onApply={inputs => change(trader, { inputs })} /> : <p class="soft">It declares none.</p>}
        </section>
        <FirstLook key={trader.id} trader={trader} />
      </div>
    </section>
  );
}

export function Traders() {
  const id = route.value.parts[0];
  const trader = traderByName.value.get(id);
  useEffect(() => {
    readTraders();
    const timer = setInterval(readTraders, 5000); // costs and counts
    return () => clearInterval(timer);
  }, []);
  return (
    <div class={id ? 'split has-choice' : 'split'}>
      <List id={trader?.id} />
      {trader ? <Detail trader={trader} /> : <section class="detail"><Empty icon={<Icon name="traders" />}><p>{id && hasTraders.value ? 'There is no such trader.' : 'Choose a trader to see its parameters, cost and errors.'}</p></Empty></section>}
    </div>
  );
}
