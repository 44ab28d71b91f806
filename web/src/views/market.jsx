// All symbols at a glance: how many rise, and each as a field whose colour is its change over 24 h.
import { useSignal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { Empty } from '../parts/words.jsx';
import { Icon } from '../parts/icons.jsx';
import { count, percent, plural, price, short } from '../parts/format.js';
import { href } from '../state/route.js';
import { api } from '../state/session.js';

const READ_EVERY_MS = 5000;
const STEPS = 5; // shades a side
const FULL_PERCENT = 5;
const DENSE_FROM = 120; // symbols

function useSymbols() {
  const [state, setState] = useState({ symbols: null, breadth: null, trouble: '' });
  useEffect(() => {
    let isOver = false;
    const read = () => api.symbols().then(
      answer => { if (!isOver) setState({ ...answer, trouble: '' }); },
      error => { if (!isOver) setState(before => ({ ...before, trouble: error.message })); },
    );
    read();
    const timer = setInterval(() => { if (!document.hidden) read(); }, READ_EVERY_MS);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, []);
  return state;
}

/** -5..5 */
function shade(change) {
  if (change == null) return 0;
  const step = Math.min(STEPS, Math.ceil(Math.abs(change) / FULL_PERCENT * STEPS));
  return change < 0 ? -step : step;
}

function Breadth({ breadth }) {
  const { advancing, declining, unchanged, median_change: median } = breadth;
  const total = Math.max(1, advancing + declining + unchanged);
  return (
    <section class="card breadth" aria-label="Breadth">
      <div class="row">
        <b class="up">{count(advancing)} rising</b>
        {unchanged > 0 && <span class="faint">{count(unchanged)} unchanged</span>}
        <span class="grow" />
        <span class="soft">median {percent(median)}</span>
        <span class="grow" />
        <b class="down">{count(declining)} falling</b>
      </div>
      <div class="scale" aria-hidden="true">
        <i class="up" style={{ width: `${100 * advancing / total}%` }} />
        <i class="still" style={{ width: `${100 * unchanged / total}%` }} />
        <i class="down" style={{ width: `${100 * declining / total}%` }} />
      </div>
    </section>
  );
}

const SORTS = {
  volume: ['By volume', (a, b) => (b.volume_24h ?? -1) - (a.volume_24h ?? -1)],
  change: ['By change', (a, b) => (b.change_24h ?? -Infinity) - (a.change_24h ?? -Infinity)],
  name: ['By name', (a, b) => a.symbol.localeCompare(b.symbol)],
};

/** Without the quote asset that all of them share. */
function commonQuote(symbols) {
  const quote = ['USDT', 'USDC', 'FDUSD', 'BTC', 'ETH', 'EUR', 'TRY'].find(it => symbols.every(s => s.symbol.endsWith(it)));
  return quote ?? '';
}

function Heat({ symbols, quote }) {
  return (
    <ul class={symbols.length > DENSE_FROM ? 'heat dense' : 'heat'}>
      {symbols.map(({ symbol, price: last, change_24h: change, state }) => (
        <li key={symbol}>
          <a href={href('chart', symbol, '5m')} data-shade={shade(change)} class={state === 'halted' ? 'halted' : undefined} title={`${symbol} ${price(last)}`}>
            <b>{quote ? symbol.slice(0, -quote.length) : symbol}</b>
            <span>{change == null ? '–' : percent(change, 1)}</span>
            {symbols.length <= DENSE_FROM && <small>{price(last)}</small>}
          </a>
        </li>
      ))}
    </ul>
  );
}

function Table({ symbols }) {
  return (
    <div class="card scroll" tabIndex={0} role="region" aria-label="Symbols">
      <table class="table">
        <thead><tr><th scope="col">Symbol</th><th scope="col" class="right">Price</th><th scope="col" class="right">24 h</th><th scope="col" class="right">Volume 24 h</th><th scope="col">State</th></tr></thead>
        <tbody>
          {symbols.map(it => (
            <tr key={it.symbol}>
              <td><a href={href('chart', it.symbol, '5m')}>{it.symbol}</a></td>
              <td class="right">{price(it.price)}</td>
              <td class={`right ${it.change_24h < 0 ? 'down' : 'up'}`}>{percent(it.change_24h)}</td>
              <td class="right">{short(it.volume_24h)}</td>
              <td class="soft">{it.state}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Market() {
  const { symbols, breadth, trouble } = useSymbols();
  const text = useSignal(''), sort = useSignal('volume'), isTable = useSignal(false);
  const wanted = text.value.trim().toUpperCase();
  const shown = (symbols ?? []).filter(it => it.symbol.includes(wanted)).sort(SORTS[sort.value][1]);
  return (
    <div class="page">
      <header>
        <div class="grow"><h1>Market</h1><p>{symbols ? plural(symbols.length, 'symbol') : 'Loading…'}, change over 24 h</p></div>
        <div class="field"><label class="sr" for="find-symbols">Symbol</label><input id="find-symbols" type="search" placeholder="Symbol" value={text.value} onInput={event => { text.value = event.currentTarget.value; }} /></div>
        <div class="field"><label class="sr" for="sort-symbols">Order</label><select id="sort-symbols" value={sort.value} onChange={event => { sort.value = event.currentTarget.value; }}>{Object.entries(SORTS).map(([key, [word]]) => <option key={key} value={key}>{word}</option>)}</select></div>
        <div class="tabs" role="group" aria-label="Shown as">
          <button aria-pressed={!isTable.value} onClick={() => { isTable.value = false; }}>Heat</button>
          <button aria-pressed={isTable.value} onClick={() => { isTable.value = true; }}>Table</button>
        </div>
      </header>
      {trouble && <p class="trouble" role="alert">{trouble}</p>}
      {breadth && <Breadth breadth={breadth} />}
      {symbols && shown.length === 0 && <Empty icon={<Icon name="market" />}><p>No symbol is like this.</p></Empty>}
      {shown.length > 0 && (isTable.value ? <Table symbols={shown} /> : <Heat symbols={shown} quote={commonQuote(symbols)} />)}
    </div>
  );
}
