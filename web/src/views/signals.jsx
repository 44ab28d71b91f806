// The list of signals and, beside it, the chosen one: what is looked at all day.
import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from '../parts/icons.jsx';
import { moment, plural, price } from '../parts/format.js';
import { useNarrow } from '../parts/narrow.js';
import { Decision, Empty, Side, SignalState } from '../parts/words.jsx';
import { marketNow } from '../state/machine.js';
import { href, route } from '../state/route.js';
import { analyses, hasLoaded, loadOlder, older, see, seeAll, signals, trouble, unseen } from '../state/signals.js';
import { hasTraders, nameOf, traders } from '../state/traders.js';
import { say } from '../state/toasts.js';
import { SignalDetail, SymbolDetail } from './detail.jsx';

const STEP = 300; // rows

// Of the same bar they come in the order of a burst, which no two pages have alike: the id decides.
const newest = (a, b) => b.time - a.time || (b.created ?? 0) - (a.created ?? 0) || (a.id < b.id ? -1 : 1);
const SORTS = {
  newest: ['Newest first', newest],
  symbol: ['Symbol', (a, b) => a.symbol.localeCompare(b.symbol) || newest(a, b)],
  trader: ['Trader', (a, b) => nameOf(a).localeCompare(nameOf(b)) || newest(a, b)],
  confidence: ['Confidence', (a, b) => confidence(b) - confidence(a) || newest(a, b)],
  score: ['Score', (a, b) => (b.score ?? -Infinity) - (a.score ?? -Infinity) || newest(a, b)],
};
const confidence = row => analyses.value.get(row.id)?.confidence ?? -1;

const SHOWS = {
  live: ['Live ones', row => row.state !== 'historical' && row.state !== 'withdrawn'],
  new: ['New to me', row => unseen.value.has(row.id)],
  enter: ['AI says enter', row => analyses.value.get(row.id)?.decision === 'enter_trade'],
  all: ['All', () => true],
};

function useChosen() {
  const text = useSignal(''), trader = useSignal(''), show = useSignal('live'), sort = useSignal('newest');
  const rows = useComputed(() => {
    const wanted = text.value.trim().toUpperCase();
    const isShown = SHOWS[show.value][1];
    return [...signals.value.values()]
      .filter(row => isShown(row) && (!wanted || row.symbol.includes(wanted)) && (!trader.value || row.traderId === trader.value))
      .sort(SORTS[sort.value][1]);
  });
  return { text, trader, show, sort, rows };
}

function Choice({ id, label, value, options }) {
  return (
    <div class="field">
      <label class="sr" for={id}>{label}</label>
      <select id={id} value={value.value} onChange={event => { value.value = event.currentTarget.value; }}>
        {options.map(([key, word]) => <option key={key} value={key}>{word}</option>)}
      </select>
    </div>
  );
}

function Filters({ chosen }) {
  const { text, trader, show, sort } = chosen;
  const names = traders.value.map(it => [it.id, it.name]).sort((a, b) => a[1].localeCompare(b[1]));
  return (
    <div class="filters" role="search" aria-label="Signals">
      <div class="field">
        <label class="sr" for="find-symbol">Symbol</label>
        <input id="find-symbol" type="search" placeholder="Symbol" value={text.value} onInput={event => { text.value = event.currentTarget.value; }} />
      </div>
      <Choice id="find-trader" label="Trader" value={trader} options={[['', 'All traders'], ...names]} />
      <Choice id="find-show" label="Which" value={show} options={Object.entries(SHOWS).map(([key, [word]]) => [key, word])} />
      <Choice id="find-sort" label="Order" value={sort} options={Object.entries(SORTS).map(([key, [word]]) => [key, word])} />
    </div>
  );
}

function Row({ row, isChosen, isNew }) {
  return (
    <li data-id={row.id} class={isNew ? 'fresh' : undefined}>
      <a href={href('signals', row.id)} aria-current={isChosen ? 'true' : undefined}>
        <span class="what">
          {isNew && <i class="dot" aria-hidden="true" />}
          <b>{row.symbol}</b>
          <Side side={row.side} />
          {isNew && <span class="sr">new</span>}
        </span>
        <time dateTime={new Date(row.time).toISOString()}>{moment(row.time, marketNow.peek())}</time>
        <span class="who cut">{nameOf(row)} <span class="faint">{row.interval}</span></span>
        <span class="price">{price(row.price)}</span>
        <span class="marks"><Decision analysis={analyses.value.get(row.id)} /><SignalState row={row} /></span>
      </a>
    </li>
  );
}

/** Up and down go from row to row. */
function onArrow(event) {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  const row = event.target.closest('li'), next = event.key === 'ArrowDown' ? row?.nextElementSibling : row?.previousElementSibling;
  if (!next) return;
  event.preventDefault();
  next.querySelector('a').focus();
}

/** What is here already first, then what the machine has. */
async function more(limit, rows) {
  const isHere = rows.length > limit.value;
  limit.value += STEP;
  if (isHere || !older.value) return;
  try {
    await loadOlder();
  } catch (error) {
    say(error.message);
  }
}

function List({ chosen, id }) {
  const rows = chosen.rows.value, news = unseen.value, limit = useSignal(STEP);
  return (
    <section class="list" aria-label="List of signals">
      <header>
        <h1>Signals</h1>
        <span class="faint grow" aria-live="polite">{plural(rows.length, 'signal')}</span>
        {news.size > 0 && <button class="bare" onClick={seeAll}><Icon name="check" />Seen all</button>}
      </header>
      <Filters chosen={chosen} />
      {trouble.value && <p class="trouble" role="alert">{trouble.value}</p>}
      {rows.length > 0 && (
        <ol onKeyDown={onArrow}>
          {rows.slice(0, limit.value).map(row => <Row key={row.id} row={row} isChosen={row.id === id} isNew={news.has(row.id)} />)}
        </ol>
      )}
      {rows.length === 0 && hasLoaded.value && <Nothing />}
      {(older.value || rows.length > limit.value) && <button class="older" onClick={() => more(limit, rows)}>Older ones</button>}
    </section>
  );
}

function Nothing() {
  if (signals.value.size) return <Empty><p>No signal is like this.</p></Empty>;
  if (hasTraders.value && traders.value.length === 0) {
    return (
      <Empty icon={<Icon name="traders" />}>
        <p>There is no trader yet, so nothing is screened. Write the first one: it is checked as you type, and runs as soon as you save it.</p>
        <a class="button" href={href('editor')}>Write a trader</a>
      </Empty>
    );
  }
  return (
    <Empty icon={<Icon name="signals" />}>
      <p>No signals yet. They appear here the moment a trader’s conditions are met.</p>
      <a class="button" href={href('editor')}>Write a trader</a>
    </Empty>
  );
}

/** Without a choice a wide page shows what was newest when it opened, and stays there: what one reads does not run away. */
function useFirst(rows) {
  const first = useRef(null);
  if (!first.current && rows.length) first.current = rows[0].id;
  return first.current;
}

export function Signals() {
  const chosen = useChosen();
  const id = route.value.parts[0];
  const first = useFirst(chosen.rows.value);
  const isNarrow = useNarrow();
  const shown = signals.value.get(id ?? (isNarrow ? null : first));
  useEffect(() => { if (id) see(id); }, [id]);
  return (
    <div class={id ? 'split has-choice' : 'split'}>
      <List chosen={chosen} id={shown?.id} />
      {shown || id
        ? <SignalDetail key={shown?.id ?? id} id={shown?.id ?? id} row={shown} />
        : <section class="detail"><Empty icon={<Icon name="signals" />}><p>Choose a signal to see its chart and analysis.</p></Empty></section>}
    </div>
  );
}

export function Chart() {
  const [symbol = 'BTCUSDT', interval = '5m'] = route.value.parts;
  return <div class="split alone has-choice"><SymbolDetail key={symbol} symbol={symbol} interval={interval} trader={route.value.query.get('trader')} /></div>;
}
