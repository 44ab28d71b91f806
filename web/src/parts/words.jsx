// Chips and words for what signals, traders and analyses are in.

export function Side({ side }) {
  if (!side) return null;
  return <span class={`chip ${side === 'long' ? 'good' : 'bad'}`}>{side}</span>;
}

const SIGNAL_STATES = { provisional: ['warn', 'forming'], withdrawn: ['', 'withdrawn'], historical: ['', 'historical'] };
export function SignalState({ row }) {
  const [tone, word] = SIGNAL_STATES[row.state] ?? [];
  return (
    <>
      {word && <span class={`chip ${tone}`}>{word}</span>}
      {row.late && <span class="chip">late</span>}
      {row.revised && <span class="chip" title="The exchange has corrected this bar since">revised</span>}
    </>
  );
}

const DECISIONS = { enter_trade: ['good', 'Enter'], wait: ['warn', 'Wait'], bad_setup: ['bad', 'Bad setup'] };
export function Decision({ analysis }) {
  if (!analysis) return null;
  if (analysis.state === 'failed' || analysis.state === 'expired') return <span class="chip">no analysis</span>;
  const [tone, word] = DECISIONS[analysis.decision] ?? ['', 'analysing…'];
  return <span class={`chip ${tone}`}>{word}{typeof analysis.confidence === 'number' && ` ${Math.round(analysis.confidence)}`}</span>;
}

const warming = bars => (bars ? `warming up ${bars.have}/${bars.need}` : 'warming up');
const TRADER_STATES = { running: 'good', warming: 'info', quarantined: 'bad', failed: 'bad', paused: 'warn' };
export function TraderState({ trader }) {
  if (!trader.enabled) return <span class="chip">off</span>;
  return <span class={`chip ${TRADER_STATES[trader.state] ?? ''}`}>{trader.state === 'warming' ? warming(trader.warming) : trader.state}</span>;
}

export function Empty({ icon, children }) {
  return <div class="empty">{icon}{children}</div>;
}
