// Where a trader is written: what `check` says of it on each pause, and what it would have found, beside the text.
import { useEffect, useRef, useState } from 'preact/hooks';
import { TEMPLATE, dropDraft, keepDraft, readDraft } from '../editor/draft.js';
import { Matches } from '../parts/look.jsx';
import { plural } from '../parts/format.js';
import { go, href, route } from '../state/route.js';
import { api } from '../state/session.js';
import { say } from '../state/toasts.js';
import { readTraders, traders } from '../state/traders.js';

const PAUSE_MS = 450;
const loadEditor = () => import('../editor/code.js');

/** Judges the text after each pause; an answer to an older text is dropped. */
function useVerdict() {
  const [verdict, setVerdict] = useState({ findings: null, look: null, trouble: '', isBusy: false });
  const run = useRef({ timer: null, abort: null }).current;
  const stop = () => {
    clearTimeout(run.timer);
    run.abort?.abort();
  };
  const judge = async source => {
    const { signal } = run.abort = new AbortController();
    const tell = change => { if (!signal.aborted) setVerdict(before => ({ ...before, ...change })); };
    try {
      const { findings, ok } = await api.validate(source, signal);
      tell({ findings, trouble: '', isBusy: ok, ...(ok ? {} : { look: null }) });
      if (ok) tell({ look: await api.look({ source }, signal), isBusy: false });
    } catch (error) {
      if (!signal.aborted) tell({ trouble: error.message, findings: error.findings?.length ? error.findings : null, look: null, isBusy: false });
    }
  };
  const consider = (source, pause = PAUSE_MS) => {
    stop();
    setVerdict(before => ({ ...before, isBusy: true }));
    run.timer = setTimeout(() => judge(source), pause);
  };
  useEffect(() => stop, []);
  return [verdict, consider, findings => setVerdict(before => ({ ...before, findings, look: null, isBusy: false }))];
}

const SEVERITY = { error: 'Error', warning: 'Warning', note: 'Note' };

function Findings({ verdict, onJump }) {
  const { findings, trouble, isBusy } = verdict;
  const errors = findings?.filter(it => it.severity === 'error').length ?? 0;
  return (
    <section class="card" aria-label="Check">
      <header><h2>Check</h2>{isBusy ? <span class="chip">checking…</span> : findings && (errors ? <span class="chip bad">{plural(errors, 'error')}</span> : <span class="chip good">no errors</span>)}</header>
      <div role="status" class="sr">{!isBusy && findings && (errors ? `${plural(errors, 'error')}. Line ${findings[0].line}: ${findings[0].message}` : 'No errors')}</div>
      {trouble && <p class="trouble" role="alert">{trouble}</p>}
      {findings?.length > 0 && (
        <ol class="findings">
          {findings.map((it, i) => (
            <li key={i} class={`is-${it.severity}`}>
              <button onClick={() => onJump(it)}>
                <b>{SEVERITY[it.severity]}, line {it.line}</b> <span class="faint">{it.code}</span><br />
                {it.message}
                {it.hint && <span class="hint">{it.hint}</span>}
              </button>
            </li>
          ))}
        </ol>
      )}
      {findings?.length === 0 && !isBusy && <p class="soft">Nothing to remark.</p>}
    </section>
  );
}

function LookPanel({ verdict }) {
  return (
    <section class="card" aria-label="Matches on present data">
      <header><h2>On present data</h2></header>
      {verdict.look ? <Matches look={verdict.look} /> : <p class="soft">{verdict.isBusy ? 'Looking…' : 'Once it compiles, what it would have found is shown here.'}</p>}
    </section>
  );
}

/** The trader that is edited, as it was read; null for a new one. */
function useSource(id) {
  const [state, setState] = useState({ trader: null, trouble: '', isReady: !id });
  useEffect(() => {
    let isOver = false;
    setState({ trader: null, trouble: '', isReady: !id });
    if (id) {
      api.trader(id).then(
        trader => { if (!isOver) setState({ trader, trouble: trader.source == null ? 'Its source cannot be read.' : '', isReady: trader.source != null }); },
        error => { if (!isOver) setState({ trader: null, trouble: error.message, isReady: false }); },
      );
    }
    return () => { isOver = true; };
  }, [id]);
  return [state, setState];
}

function Conflict({ conflict, onLoad, onOverwrite }) {
  return (
    <div class="remark" role="alert">
      <p>{conflict}</p>
      <div class="row"><button onClick={onLoad}>Load the other version</button><button onClick={onOverwrite}>Overwrite it</button></div>
    </div>
  );
}

export function Editor() {
  const id = route.value.parts[0] ?? '', line = Number(route.value.query.get('line')) || 0;
  const [{ trader, trouble, isReady }, setState] = useSource(id);
  const [verdict, consider, setFindings] = useVerdict();
  const [isDirty, setDirty] = useState(false);
  const [isSaving, setSaving] = useState(false);
  const [key, setKey] = useState('');
  const [conflict, setConflict] = useState('');
  const host = useRef(null), code = useRef(null), actions = useRef({});
  const draftKey = id || 'new';

  useEffect(() => {
    if (!isReady) return undefined;
    let isOver = false;
    const kept = trader?.source ?? TEMPLATE, draft = readDraft(draftKey), text = draft ?? kept;
    setDirty(draft !== null && draft !== kept);
    setConflict('');
    loadEditor().then(({ CodeEditor }) => {
      if (isOver) return;
      code.current = host.current.codeEditor = new CodeEditor(host.current, {
        text,
        onChange: now => {
          setDirty(now !== kept);
          keepDraft(draftKey, now);
          consider(now);
        },
        onSave: () => actions.current.save(),
      });
      consider(text, 0);
      if (line) code.current.jump(line);
    }, error => say(`The editor cannot be loaded: ${error.message}`));
    return () => {
      isOver = true;
      code.current?.close();
      code.current = null;
    };
  }, [isReady, trader, draftKey]);

  useEffect(() => { if (verdict.findings) code.current?.show(verdict.findings); }, [verdict.findings]);

  const attempt = async what => {
    setSaving(true);
    try {
      const saved = await what();
      dropDraft(draftKey);
      setDirty(false);
      await readTraders();
      say(`${saved.name ?? 'The trader'} is saved and runs.`);
      if (saved.id !== id) go(href('editor', saved.id));
      else setState({ trader: saved, trouble: '', isReady: true });
    } catch (error) {
      if (error.status === 409 && error.problem.version !== undefined) setConflict(error.message);
      else say(error.message);
      if (error.findings?.length) setFindings(error.findings);
    } finally {
      setSaving(false);
    }
  };
  const canReplace = trader?.editable;
  const saveNew = () => attempt(() => api.createTrader({ source: code.current.text, ...(key.trim() ? { id: key.trim() } : {}) }));
  const replace = version => attempt(() => api.saveTrader(id, { source: code.current.text, version }));
  const save = () => (canReplace ? replace(trader.version) : saveNew());
  actions.current.save = save;

  const loadOther = async () => {
    dropDraft(draftKey);
    setState({ trader: await api.trader(id), trouble: '', isReady: true });
  };
  const overwrite = async () => replace((await api.trader(id)).version);
  const revert = () => {
    const text = trader?.source ?? TEMPLATE;
    dropDraft(draftKey);
    code.current.set(text);
    setDirty(false);
    consider(text, 0);
  };

  return (
    <div class="workshop">
      <header>
        <h1 class="cut grow">{trader ? trader.name : id ? 'Trader' : 'New trader'}</h1>
        {isDirty && <span class="chip warn">not saved</span>}
        <div class="field">
          <label class="sr" for="open-trader">Open</label>
          <select id="open-trader" value={id} onChange={event => go(href('editor', ...[event.currentTarget.value].filter(Boolean)))}>
            <option value="">New trader</option>
            {[...traders.value].sort((a, b) => a.name.localeCompare(b.name)).map(it => <option key={it.id} value={it.id}>{it.name}</option>)}
          </select>
        </div>
        {!canReplace && (
          <div class="field">
            <label class="sr" for="new-key">Key of the new trader</label>
            <input id="new-key" placeholder="key, or by its name" pattern="[A-Za-z0-9][A-Za-z0-9_\-]*" value={key} onInput={event => setKey(event.currentTarget.value)} />
          </div>
        )}
        {isDirty && <button onClick={revert}>Undo all</button>}
        <button class="first" disabled={isSaving || !isReady || (canReplace && !isDirty)} onClick={save}>{canReplace ? 'Save' : trader ? 'Save as new' : 'Create'}</button>
      </header>
      <div class="code">
        {trouble && <p class="trouble" role="alert">{trouble}</p>}
        <div class="host" ref={host} key={draftKey} />
        <p class="keys"><kbd>Ctrl</kbd> <kbd>S</kbd> saves, <kbd>F8</kbd> goes to the next finding, <kbd>Esc</kbd> then <kbd>Tab</kbd> leaves the text.</p>
      </div>
      <div class="findings-pane">
        {conflict && <Conflict conflict={conflict} onLoad={loadOther} onOverwrite={overwrite} />}
        {trader && !canReplace && <p class="remark">Built-in traders stay as they are. What you write is saved as a new one.</p>}
        <Findings verdict={verdict} onJump={it => code.current.jump(it.line, it.column)} />
        <LookPanel verdict={verdict} />
      </div>
    </div>
  );
}
