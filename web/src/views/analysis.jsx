// What a model thinks of a signal: its verdict first, then why, then the plan in numbers.
import { useState } from 'preact/hooks';
import { dollars, duration, number, price } from '../parts/format.js';
import { Decision } from '../parts/words.jsx';
import { status } from '../state/machine.js';
import { api } from '../state/session.js';

const TONES = { enter_trade: 'good', bad_setup: 'bad' };

function Confidence({ analysis }) {
  const value = Math.round(analysis.confidence);
  return (
    <div class="confidence">
      <div class="row"><span class="grow soft">Confidence</span><b>{value} %</b></div>
      <div class="meter" role="meter" aria-label="Confidence" aria-valuenow={value} aria-valuemin={0} aria-valuemax={100}><i class={TONES[analysis.decision]} style={{ width: `${value}%` }} /></div>
    </div>
  );
}

/** How far a level is from the entry, and in which unit: a share of the price. */
function away(level, entry) {
  if (typeof level !== 'number' || typeof entry !== 'number' || !entry) return '';
  return `${level >= entry ? '+' : ''}${number(100 * (level / entry - 1), 2)} %`;
}

function Level({ name, value, entry, tone }) {
  if (typeof value !== 'number') return null;
  return <tr><th scope="row">{name}</th><td class={`right ${tone ?? ''}`}>{price(value)}</td><td class="right faint">{name === 'Entry' ? '' : away(value, entry)}</td></tr>;
}

function Levels({ levels, plan }) {
  if (!levels) return null;
  const { entry, stopLoss, takeProfit = [], support = [], resistance = [] } = levels;
  return (
    <table class="table levels">
      <caption class="sr">Key levels</caption>
      <thead class="sr"><tr><th scope="col">Level</th><th scope="col">Price</th><th scope="col">From the entry</th></tr></thead>
      <tbody>
        <Level name="Entry" value={entry} entry={entry} />
        <Level name="Stop" value={stopLoss} entry={entry} tone="down" />
        {takeProfit.map((value, i) => <Level key={value} name={`Target ${i + 1}`} value={value} entry={entry} tone="up" />)}
        {support.map(value => <Level key={`s${value}`} name="Support" value={value} entry={entry} />)}
        {resistance.map(value => <Level key={`r${value}`} name="Resistance" value={value} entry={entry} />)}
        {typeof plan?.riskReward === 'number' && <tr><th scope="row">Reward for risk</th><td class="right">{number(plan.riskReward)}</td><td /></tr>}
      </tbody>
    </table>
  );
}

const TITLES = { setup: 'Setup', execution: 'Execution', invalidation: 'Invalidation', trend: 'Trend', momentum: 'Momentum', volatility: 'Volatility' };

function Texts({ of, names }) {
  const there = names.filter(name => of?.[name]);
  if (!there.length) return null;
  return <dl class="texts">{there.map(name => [<dt key={name}>{TITLES[name]}</dt>, <dd key={`${name}=`}>{of[name]}</dd>])}</dl>;
}

function Verdict({ analysis }) {
  const { tradePlan, technicalContext, notes } = analysis;
  return (
    <>
      <Confidence analysis={analysis} />
      <p class="reasoning">{analysis.reasoning}</p>
      <Levels levels={analysis.keyLevels} plan={tradePlan} />
      <Texts of={tradePlan} names={['setup', 'execution', 'invalidation']} />
      <Texts of={technicalContext} names={['trend', 'momentum', 'volatility']} />
      {technicalContext?.keyObservations?.length > 0 && <ul class="bullets">{technicalContext.keyObservations.map(text => <li key={text}>{text}</li>)}</ul>}
      {notes?.length > 0 && <ul class="bullets faint">{notes.map(text => <li key={text}>{text}</li>)}</ul>}
      <p class="faint small">{[analysis.model, duration(analysis.latencyMs), dollars(analysis.costUsd)].join(' · ')}</p>
    </>
  );
}

function absence() {
  if (!status.value?.analysis) return 'No model is set up. With GEMINI_API_KEY or OPENAI_BASE_URL the machine has each signal judged.';
  return 'This signal has not been analysed.';
}

/** Asks for a look at the signal; `asked`: what the machine has made of it, until its end is there. */
function useAsking(id, known) {
  const [state, setState] = useState({ asked: null, trouble: '', isBusy: false });
  const ask = async () => {
    setState({ asked: null, trouble: '', isBusy: true });
    try {
      setState({ asked: await api.analyze(id), trouble: '', isBusy: false });
    } catch (error) {
      setState({ asked: null, trouble: error.message, isBusy: false });
    }
  };
  const isOver = known.some(it => it.analysisId === state.asked?.analysisId && it.state !== 'queued');
  return { ...state, asked: isOver ? null : state.asked, ask };
}

export function Analysis({ known, row }) {
  const [analysis, ...earlier] = known;
  const { asked, trouble, isBusy, ask } = useAsking(row.id, known);
  const isAtWork = asked !== null || analysis?.state === 'queued';
  const isDone = analysis?.state === 'done';
  return (
    <section class="card analysis" aria-label="Analysis" aria-live="polite">
      <header><h2>Analysis</h2><Decision analysis={analysis} />{status.value?.analysis && <button disabled={isBusy || isAtWork} onClick={ask}>Analyse</button>}</header>
      {trouble && <p class="trouble" role="alert">Not analysed: {trouble}</p>}
      {!analysis && !isAtWork && <p class="soft">{absence()}</p>}
      {analysis && !isDone && analysis.state !== 'queued' && <p class="trouble">{analysis.error ?? 'The model gave no usable answer.'}</p>}
      {isAtWork && <p class="wait">The model is being asked…{asked?.hindrance && ` It waits: ${asked.hindrance}.`}</p>}
      {isDone && <Verdict analysis={analysis} />}
      {earlier.length > 0 && <p class="faint small">Earlier looks: {earlier.map(it => it.decision?.replace('_', ' ') ?? it.state).join(', ')}</p>}
    </section>
  );
}
