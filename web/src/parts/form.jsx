// A form made of a trader's declarations: one field for each parameter, by its type, with its bounds and help.
import { useState } from 'preact/hooks';
import { INTERVALS } from './format.js';

const SOURCES = ['open', 'high', 'low', 'close', 'volume', 'hl2', 'hlc3', 'ohlc4', 'hlcc4'];

/** The value of a field, or why it is none: {value} or {wrong}. */
export function read(parameter, text) {
  const { type, min, max } = parameter;
  if (type === 'bool') return { value: Boolean(text) };
  if (type !== 'int' && type !== 'float') return String(text).trim() ? { value: String(text).trim() } : { wrong: 'expected a text' };
  const value = Number(text);
  if (String(text).trim() === '' || !Number.isFinite(value)) return { wrong: 'expected a number' };
  if (type === 'int' && !Number.isInteger(value)) return { wrong: 'expected a whole number' };
  if (min != null && value < min) return { wrong: `at least ${min}` };
  if (max != null && value > max) return { wrong: `at most ${max}` };
  return { value };
}

function optionsOf({ type, options }) {
  if (options?.length) return options;
  if (type === 'interval') return INTERVALS;
  return type === 'source' ? SOURCES : null;
}

function bounds({ min, max, default: initial }) {
  const range = min != null && max != null ? `${min} to ${max}` : min != null ? `from ${min}` : max != null ? `to ${max}` : '';
  return [range, `default ${initial}`].filter(Boolean).join(', ');
}

function Field({ parameter, text, wrong, onText }) {
  const id = `input-${parameter.name}`, options = optionsOf(parameter);
  const hint = `${id}-hint`, common = { id, 'aria-describedby': hint, 'aria-invalid': wrong ? true : undefined };
  if (parameter.type === 'bool') {
    return (
      <div class="field">
        <label class="check"><input type="checkbox" {...common} checked={Boolean(text)} onChange={event => onText(event.currentTarget.checked)} />{parameter.name}</label>
        <small id={hint}>{[parameter.help, bounds(parameter)].filter(Boolean).join(' · ')}</small>
      </div>
    );
  }
  return (
    <div class="field">
      <label for={id}>{parameter.name}</label>
      {options
        ? <select {...common} value={text} onChange={event => onText(event.currentTarget.value)}>{options.map(it => <option key={it} value={it}>{it}</option>)}</select>
        : <input {...common} type="text" inputMode={parameter.type === 'int' ? 'numeric' : parameter.type === 'float' ? 'decimal' : 'text'} value={text} onInput={event => onText(event.currentTarget.value)} />}
      <small id={hint} class={wrong ? 'wrong' : undefined}>{wrong ?? [parameter.help, bounds(parameter)].filter(Boolean).join(' · ')}</small>
    </div>
  );
}

/** `onApply` gets what has changed, by name; a value of null goes back to the default. */
export function InputsForm({ parameters, onApply }) {
  const [texts, setTexts] = useState({});
  const [isBusy, setBusy] = useState(false);
  const textOf = it => texts[it.name] ?? it.value;
  const changed = parameters.filter(it => it.name in texts && texts[it.name] !== it.value);
  const results = new Map(changed.map(it => [it.name, read(it, textOf(it))]));
  const isWrong = [...results.values()].some(it => it.wrong);
  const apply = async inputs => {
    setBusy(true);
    if (await onApply(inputs)) setTexts({});
    setBusy(false);
  };
  const submit = event => {
    event.preventDefault();
    if (changed.length && !isWrong && !isBusy) apply(Object.fromEntries([...results].map(([name, { value }]) => [name, value])));
  };
  const differing = parameters.filter(it => it.value !== it.default);
  return (
    <form class="inputs" onSubmit={submit}>
      {parameters.map(it => (
        <Field key={it.name} parameter={it} text={textOf(it)} wrong={results.get(it.name)?.wrong} onText={text => setTexts(before => ({ ...before, [it.name]: text }))} />
      ))}
      <div class="row">
        <button class="first" type="submit" disabled={!changed.length || isWrong || isBusy}>Apply</button>
        {changed.length > 0 && <button type="button" onClick={() => setTexts({})}>Undo</button>}
        {changed.length === 0 && differing.length > 0 && <button type="button" disabled={isBusy} onClick={() => apply(Object.fromEntries(differing.map(it => [it.name, null])))}>Defaults</button>}
      </div>
    </form>
  );
}
