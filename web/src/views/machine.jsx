// The machine itself: whether it is well, how hard it works, what waits, what it costs, what has happened.
import { useEffect, useState } from 'preact/hooks';
import { Icon } from '../parts/icons.jsx';
import { Spark } from '../parts/spark.jsx';
import { bytes, count, dollars, duration, fullTime, moment, number, plural, share } from '../parts/format.js';
import { isPaused, metrics, readStatus, status } from '../state/machine.js';
import { href } from '../state/route.js';
import { api, channel } from '../state/session.js';
import { say } from '../state/toasts.js';

const READ_EVERY_MS = 5000;
const EVENTS = 40;

/** Reads again and again while it is shown; what fails is told, what was there stays. */
function usePolled(read) {
  const [state, setState] = useState({ value: null, trouble: '' });
  useEffect(() => {
    let isOver = false;
    const go = () => read().then(
      value => { if (!isOver) setState({ value, trouble: '' }); },
      error => { if (!isOver) setState(before => ({ ...before, trouble: error.message })); },
    );
    go();
    const timer = setInterval(() => { if (!document.hidden) go(); }, READ_EVERY_MS);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, []);
  return state;
}

async function tell(type, done) {
  try {
    await channel.request(type);
    say(done);
    await readStatus();
  } catch (error) {
    say(error.message);
  }
}

function Actions() {
  return (
    <div class="row">
      {isPaused.value
        ? <button class="first" onClick={() => tell('resume_execution', 'Traders run again.')}><Icon name="play" />Resume</button>
        : <button onClick={() => tell('pause_execution', 'Paused: no trader is evaluated until you resume.')}><Icon name="pause" />Pause</button>}
      <button onClick={() => tell('force_sync', 'Everything that waited is written.')}><Icon name="sync" />Sync now</button>
    </div>
  );
}

function Figure({ name, value, points, max, hint }) {
  return (
    <section class="card figure">
      <h2>{name}</h2>
      <p class="big">{value}</p>
      {hint && <p class="faint small">{hint}</p>}
      {points && <Spark points={points} max={max} label={name} />}
    </section>
  );
}

const lagOf = s => s.lag_ms ?? Math.max(0, ...(s.workers ?? []).map(it => it.lagMs));

function useLag() {
  const [points, setPoints] = useState([]);
  const s = status.value;
  useEffect(() => { if (s) setPoints(before => [...before.slice(-89), lagOf(s)]); }, [s]);
  return points;
}

function Figures({ s }) {
  const list = metrics.value, last = list.at(-1), lag = useLag();
  const queues = s.queues ?? {};
  const nWaiting = Object.values(queues).reduce((sum, n) => sum + (n ?? 0), 0);
  return (
    <div class="cards">
      <Figure name="CPU" value={share(last?.cpuUsage)} hint={plural(s.cpus, 'worker')} points={list.map(it => it.cpuUsage)} max={100} />
      <Figure name="Memory" value={s.memory ? bytes(s.memory.used) : share(last?.memoryUsage)} hint={s.memory && `of ${bytes(s.memory.total)}`} points={list.map(it => it.memoryUsage)} max={100} />
      <Figure name="Lag" value={`${number(lagOf(s), 1)} ms`} hint="from a bar's close to its signals, slowest worker" points={lag} />
      <Figure name="Waiting" value={count(nWaiting)} hint={Object.entries(queues).filter(([, n]) => n != null).map(([name, n]) => `${name} ${count(n)}`).join(', ')} points={list.map(it => it.queueDepth)} />
    </div>
  );
}

function State({ s }) {
  return (
    <section class="card">
      <header><h2>State</h2><span class={`chip ${s.status === 'running' ? 'good' : s.status === 'error' ? 'bad' : 'warn'}`}>{s.status}</span></header>
      <dl class="facts">
        <dt>Version</dt><dd>{s.version}</dd>
        <dt>Machine</dt><dd class="mono">{s.machineId ?? '–'}</dd>
        <dt>Running for</dt><dd>{duration(s.uptime)}</dd>
        <dt>Market</dt><dd>{s.market}{s.simulated ? ', simulated' : ''}</dd>
        <dt>Symbols</dt><dd>{count(s.symbols)}</dd>
        <dt>Stream</dt><dd>{s.stream?.connected ? `connected, ${plural(s.stream.confirmedTopics, 'topic')}` : <span class="down">not connected</span>}</dd>
        <dt>Losses of the stream</dt><dd>{count(s.stream?.losses)}</dd>
      </dl>
    </section>
  );
}

function Costs({ s }) {
  const { analysis } = s;
  return (
    <section class="card">
      <header><h2>AI analysis</h2>{analysis && <span class={`chip ${analysis.hindrance ? 'warn' : 'good'}`}>{analysis.hindrance || 'ready'}</span>}</header>
      {!analysis && <p class="soft">No model is set up: GEMINI_API_KEY or OPENAI_BASE_URL.</p>}
      {analysis && (
        <dl class="facts">
          <dt>Spent today</dt><dd>{dollars(analysis.spentToday?.usd)}</dd>
          <dt>Tokens today</dt><dd>{count(analysis.spentToday?.tokens)}</dd>
          <dt>Requests today</dt><dd>{count(analysis.spentToday?.requests)}</dd>
          <dt>Waiting, running</dt><dd>{count(analysis.waiting)}, {count(analysis.running)}</dd>
          <dt>Failed, expired</dt><dd>{count(analysis.failed)}, {count(analysis.expired)}</dd>
          {analysis.providers?.map(it => [<dt key={it.name}>{it.name}</dt>, <dd key={`${it.name}=`}>{it.model}, {it.state}</dd>])}
        </dl>
      )}
    </section>
  );
}

function Outbox() {
  const { value, trouble } = usePolled(() => api.outbox());
  return (
    <section class="card">
      <header><h2>Outbox</h2>{value?.dead > 0 && <span class="chip bad">{plural(value.dead, 'row')} refused</span>}</header>
      {trouble && <p class="trouble">{trouble}</p>}
      {value && !value.enabled && <p class="soft">Everything is kept on this machine; no cloud is set up.</p>}
      {value?.enabled && (
        <dl class="facts">
          <dt>Waiting</dt><dd>{count(value.waiting)}</dd>
          <dt>Oldest</dt><dd>{value.oldest ? fullTime(value.oldest) : '–'}</dd>
          {Object.entries(value.waitingIn ?? {}).map(([name, n]) => [<dt key={name}>{name}</dt>, <dd key={`${name}=`}>{count(n)}</dd>])}
        </dl>
      )}
    </section>
  );
}

function Workers({ s }) {
  const { value } = usePolled(() => api.workers());
  const change = async n => {
    try {
      await api.setWorkers(n);
      say(`${plural(n, 'worker')}: the change has begun.`);
      await readStatus();
    } catch (error) {
      say(error.message);
    }
  };
  const workers = Array.isArray(s.workers) ? s.workers : [];
  return (
    <section class="card">
      <header>
        <h2>Workers</h2>
        <button class="icon" aria-label="One worker less" disabled={workers.length <= 1} onClick={() => change(workers.length - 1)}>−</button>
        <button class="icon" aria-label="One worker more" disabled={workers.length >= (value?.most ?? 8)} onClick={() => change(workers.length + 1)}>+</button>
      </header>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of workers">
        <table class="table">
          <thead><tr>{['Worker', 'Symbols', 'Bars', 'Evaluations', 'Signals', 'Errors', 'Lag', 'Market data'].map((it, i) => <th key={it} scope="col" class={i ? 'right' : undefined}>{it}</th>)}</tr></thead>
          <tbody>
            {workers.map((it, i) => (
              <tr key={i}>
                <th scope="row">{i + 1}</th>
                {[count(it.symbols), count(it.bars), count(it.evaluations), count(it.signals), count(it.errors), `${number(it.lagMs, 1)} ms`, bytes(it.marketMemory)].map((text, n) => <td key={n} class="right">{text}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

const SEVERITIES = { error: 'bad', warning: 'warn' };

function Events() {
  const { value, trouble } = usePolled(() => api.events({ limit: EVENTS }));
  return (
    <section class="card">
      <header><h2>Events</h2></header>
      {trouble && <p class="trouble">{trouble}</p>}
      {value?.events.length === 0 && <p class="soft">Nothing has happened.</p>}
      <ol class="events" tabIndex={0} aria-label="Events">
        {value?.events.map(it => (
          <li key={it.id}><time class="faint">{moment(it.created)}</time><span class={`chip ${SEVERITIES[it.severity] ?? ''}`}>{it.type.replaceAll('_', ' ')}</span><span>{it.message}</span></li>
        ))}
      </ol>
    </section>
  );
}

function TraderErrors() {
  const { value, trouble } = usePolled(() => api.traderErrors({ limit: 20 }));
  return (
    <section class="card">
      <header><h2>Errors of traders</h2></header>
      {trouble && <p class="trouble">{trouble}</p>}
      {value?.errors.length === 0 && <p class="soft">None.</p>}
      <ul class="plain">
        {value?.errors.map(it => (
          <li key={`${it.traderId}${it.kind}${it.firstSeen}${it.line}`}>
            <a href={`${href('editor', it.traderId)}${it.line ? `?line=${it.line}` : ''}`}>{it.trader}{it.line ? `, line ${it.line}` : ''}</a>{' '}
            <span class="mono small">{it.message}</span> <span class="faint small">{[it.symbol, `${count(it.count)}×`, moment(it.lastSeen)].filter(Boolean).join(' · ')}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Machine() {
  const s = status.value;
  useEffect(() => {
    readStatus();
    const timer = setInterval(() => { if (!document.hidden) readStatus(); }, READ_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <div class="page">
      <header><div class="grow"><h1>Machine</h1><p>{s ? `Numbers of the last ${duration(5000 * Math.max(1, metrics.value.length))}` : 'Loading…'}</p></div><Actions /></header>
      {s?.uptime !== undefined && (
        <>
          <Figures s={s} />
          <div class="cards wide"><State s={s} /><Costs s={s} /><Outbox /></div>
          <Workers s={s} />
          <div class="cards wide"><Events /><TraderErrors /></div>
        </>
      )}
    </div>
  );
}
