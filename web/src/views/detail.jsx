// One signal, or one symbol: the chart with the trader's plots and the plan's levels, and what a model thinks of it.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { Analysis } from './analysis.jsx';
import { ChartPanel } from './chart_panel.jsx';
import { Icon } from '../parts/icons.jsx';
import { byLength, fullTime, number, percent, price } from '../parts/format.js';
import { Side, SignalState } from '../parts/words.jsx';
import { go, href } from '../state/route.js';
import { api } from '../state/session.js';
import { analyses, see, signals, unseen } from '../state/signals.js';
import { nameOf, traderByName, traders } from '../state/traders.js';

const SHORTLIST = ['1m', '5m', '15m', '1h', '4h', '1d'];

function Intervals({ own, chosen, choose }) {
  const list = [...new Set([...SHORTLIST, own, chosen].filter(Boolean))].sort(byLength);
  return (
    <div class="tabs" role="group" aria-label="Timeframe">
      {list.map(it => <button key={it} aria-pressed={it === chosen} onClick={() => choose(it)}>{it}</button>)}
    </div>
  );
}

/** Signals of the symbol as marks; those that the list has, and older ones that are asked for. */
function useMarks(symbol, traderId, chosenId) {
  const [asked, setAsked] = useState([]);
  useEffect(() => {
    const abort = new AbortController();
    api.signals({ symbol, limit: 200, ...(traderId ? { trader: traderId } : {}) })
      .then(page => { if (!abort.signal.aborted) setAsked(page.signals); }, () => {}); // the list's own are marked all the same
    return () => abort.abort();
  }, [symbol, traderId]);
  const map = signals.value;
  return useMemo(() => {
    const all = new Map(asked.map(row => [row.id, row]));
    for (const row of map.values()) if (row.symbol === symbol && (!traderId || row.traderId === traderId)) all.set(row.id, row);
    return [...all.values()].filter(row => row.state !== 'withdrawn')
      .map(row => ({ id: row.id, time: row.time, side: row.side, isChosen: row.id === chosenId }));
  }, [map, asked, symbol, traderId, chosenId]);
}

/** Of the model's plan when there is one, else of the trader itself. */
export function levelsOf(row, analysis) {
  const plan = analysis?.keyLevels ?? {};
  const one = (value, title, kind) => (typeof value === 'number' ? [{ price: value, title, kind }] : []);
  const many = (values, title, kind) => (values ?? []).flatMap((value, i) => one(value, values.length > 1 ? `${title} ${i + 1}` : title, kind));
  return [
    ...one(plan.entry ?? row?.price, 'entry', 'entry'),
    ...one(plan.stopLoss ?? row?.stop, 'stop', 'stop'),
    ...many(plan.takeProfit?.length ? plan.takeProfit : row?.targets, 'target', 'target'),
    ...many(plan.support, 'support', 'support'),
    ...many(plan.resistance, 'resistance', 'resistance'),
  ];
}

function useSignal(id, row) {
  const [state, setState] = useState({ row: null, analyses: [], trouble: '' });
  useEffect(() => {
    const abort = new AbortController();
    api.signal(id, abort.signal).then(
      answer => setState({ row: answer, analyses: answer.analyses ?? [], trouble: '' }),
      error => { if (!abort.signal.aborted) setState(before => ({ ...before, trouble: error.message })); },
    );
    return () => abort.abort();
  }, [id]);
  const live = analyses.value.get(id);
  const known = live ? [live, ...state.analyses.filter(it => it.analysisId !== live.analysisId)] : state.analyses;
  return { row: row ? { ...state.row, ...row } : state.row, known, trouble: state.trouble };
}

function Conditions({ row }) {
  if (!row.conditions?.length) return null;
  return (
    <section class="card">
      <h3>Conditions that held</h3>
      <ul class="conditions">
        {row.conditions.map(text => <li key={text}><Icon name="check" /><span>{text}</span></li>)}
      </ul>
    </section>
  );
}

function Numbers({ row }) {
  const values = Object.entries(row.values ?? {});
  return (
    <section class="card">
      <h3>At the signal</h3>
      <dl class="facts">
        <dt>Price</dt><dd>{price(row.price)}</dd>
        {row.changePercent != null && <><dt>24 h</dt><dd class={row.changePercent < 0 ? 'down' : 'up'}>{percent(row.changePercent)}</dd></>}
        {row.stop != null && <><dt>Stop</dt><dd>{price(row.stop)}</dd></>}
        {row.targets?.length > 0 && <><dt>Targets</dt><dd>{row.targets.map(price).join(', ')}</dd></>}
        {row.score != null && <><dt>Score</dt><dd>{number(row.score)}</dd></>}
        {values.map(([name, value]) => [<dt key={name}>{name}</dt>, <dd key={`${name}=`}>{price(value)}</dd>])}
      </dl>
    </section>
  );
}

function SignalHead({ row, interval, choose }) {
  return (
    <header class="head">
      <button class="bare icon back" aria-label="Back to the list" onClick={() => go('#/signals')}><Icon name="back" /></button>
      <div class="grow">
        <div class="row"><h2>{row.symbol}</h2><Side side={row.side} /><SignalState row={row} /></div>
        <p class="soft cut"><a href={href('traders', row.traderId)}>{nameOf(row)}</a> · {row.interval} · <time>{fullTime(row.time)}</time></p>
      </div>
      <Intervals own={row.interval} chosen={interval} choose={choose} />
    </header>
  );
}

export function SignalDetail({ id, row: listed }) {
  const { row, known, trouble } = useSignal(id, listed);
  const [chosen, choose] = useState(null);
  const isNew = unseen.value.has(id);
  useEffect(() => { if (isNew) see(id); }, [id, isNew]);
  const marks = useMarks(row?.symbol, row?.traderId, id);
  const levels = useMemo(() => levelsOf(row, known[0]), [row?.id, row?.stop, known[0]]);
  if (!row) {
    return (
      <section class="detail" aria-label="Signal">
        <header class="head"><button class="bare icon back" aria-label="Back to the list" onClick={() => go('#/signals')}><Icon name="back" /></button></header>
        {trouble ? <p class="trouble" role="alert">{trouble}</p> : <p class="wait">Loading…</p>}
      </section>
    );
  }
  const interval = chosen ?? row.interval;
  return (
    <section class="detail" aria-label={`Signal of ${row.symbol}`}>
      <SignalHead row={row} interval={interval} choose={choose} />
      {trouble && <p class="trouble" role="alert">{trouble}</p>}
      <div class="beside">
        <ChartPanel key={interval} symbol={row.symbol} interval={interval} trader={interval === row.interval ? row.traderId : null} marks={marks} levels={levels} center={row.time} />
        <div class="notes">
          <Analysis key={id} known={known} row={row} />
          <Conditions row={row} />
          <Numbers row={row} />
        </div>
      </div>
    </section>
  );
}

function TraderChoice({ symbol, interval, trader }) {
  const fitting = traders.value.filter(it => it.interval === interval);
  const choose = event => go(`${href('chart', symbol, interval)}${event.currentTarget.value && `?trader=${encodeURIComponent(event.currentTarget.value)}`}`);
  return (
    <div class="field">
      <label class="sr" for="plots-of">Plots of</label>
      <select id="plots-of" value={trader ?? ''} onChange={choose}>
        <option value="">No plots</option>
        {fitting.map(it => <option key={it.id} value={it.id}>{it.name}</option>)}
      </select>
    </div>
  );
}

export function SymbolDetail({ symbol, interval, trader }) {
  const marks = useMarks(symbol, trader);
  const known = trader && traderByName.value.get(trader);
  const latest = [...signals.value.values()].filter(row => row.symbol === symbol).sort((a, b) => b.time - a.time).slice(0, 12);
  const levels = useMemo(() => [], [symbol]);
  return (
    <section class="detail" aria-label={`Chart of ${symbol}`}>
      <header class="head">
        <a class="button bare icon back always" href="#/market" aria-label="Back to the market"><Icon name="back" /></a>
        <div class="grow"><h1>{symbol}</h1></div>
        <TraderChoice symbol={symbol} interval={interval} trader={known?.id} />
        <Intervals chosen={interval} choose={it => go(href('chart', symbol, it))} />
      </header>
      <div class="beside">
        <ChartPanel key={interval} symbol={symbol} interval={interval} trader={trader} marks={marks} levels={levels} />
        <div class="notes">
          <section class="card">
            <h2>Signals of this symbol</h2>
            {latest.length === 0 && <p class="soft">None yet.</p>}
            <ul class="plain">
              {latest.map(row => (
                <li key={row.id}><a href={href('signals', row.id)}>{nameOf(row)}</a> <span class="faint">{row.interval} · {fullTime(row.time)}</span></li>
              ))}
            </ul>
          </section>
        </div>
      </div>
    </section>
  );
}
