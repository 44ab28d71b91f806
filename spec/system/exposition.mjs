// A strict reader of Prometheus' text format, version 0.0.4, that also knows what promtool finds fault with: written from the
// format's documentation, it shares nothing with what writes it.
//
//   read(text) -> Map name -> {help, type, samples: [{name, labels, value}]}; throws at the first fault, with its line

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/, LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];
const NOT_BASE = /_(ms|milliseconds|us|microseconds|ns|nanoseconds|minutes|hours|days|kilobytes|kb|mb|megabytes|percent)(_|$)/;

function number(text) {
  if (/^[+-]?Inf$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (text === 'NaN') return NaN;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) throw new Error(`no number: ${text}`);
  return Number(text);
}

function labelsOf(text) {
  const labels = {};
  let rest = text;
  while (rest) {
    const found = /^([^=]+)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)/.exec(rest);
    if (!found || !LABEL.test(found[1]) || found[1].startsWith('__') || found[1] in labels) throw new Error(`labels: ${text}`);
    labels[found[1]] = found[2].replace(/\\(.)/g, (_, c) => c === 'n' ? '\n' : c);
    rest = rest.slice(found[0].length);
  }
  return labels;
}

function checkName(name, type) {
  if (!NAME.test(name)) throw new Error(`name ${name}`);
  if (type === 'counter' && !name.endsWith('_total')) throw new Error(`${name}: a counter ends in _total`);
  if (type !== 'counter' && /_total$/.test(name)) throw new Error(`${name}: only a counter ends in _total`);
  if (/_(count|sum|bucket)$/.test(name)) throw new Error(`${name}: an ending of histograms`);
  if (NOT_BASE.test(name)) throw new Error(`${name}: not a base unit`);
}

function checkHistogram(name, samples) {
  const buckets = samples.filter(s => s.name === `${name}_bucket`), count = samples.find(s => s.name === `${name}_count`), sum = samples.find(s => s.name === `${name}_sum`);
  if (!count || !sum || buckets.length < 2) throw new Error(`${name}: no whole histogram`);
  const bounds = buckets.map(b => number(b.labels.le ?? 'none'));
  if (bounds.at(-1) !== Infinity || bounds.some((b, i) => i && b <= bounds[i - 1])) throw new Error(`${name}: bounds ${bounds}`);
  if (buckets.some((b, i) => i && b.value < buckets[i - 1].value)) throw new Error(`${name}: buckets do not add up`);
  if (buckets.at(-1).value !== count.value) throw new Error(`${name}: +Inf is not the count`);
}

export function read(text) {
  const families = new Map(), seen = new Set();
  let open = null;
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  text.slice(0, -1).split('\n').forEach((line, i) => {
    try {
      const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
      if (comment && comment[1] === 'HELP') {
        if (families.has(comment[2]) || !comment[3].trim()) throw new Error('a family twice, or without help');
        open = { help: comment[3], type: null, samples: [] };
        families.set(comment[2], open);
        open.name = comment[2];
      } else if (comment) {
        if (!open || open.name !== comment[2] || open.type || !TYPES.includes(comment[3])) throw new Error('a TYPE out of place');
        open.type = comment[3];
        checkName(comment[2], comment[3]);
      } else {
        const sample = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/.exec(line);
        if (!sample || !open?.type) throw new Error('no sample of a family');
        const [, name, labelText, value] = sample, labels = labelsOf(labelText ?? '');
        const suffixes = open.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
        if (!suffixes.some(s => name === open.name + s)) throw new Error(`not of ${open.name}`);
        const key = `${name}${JSON.stringify(Object.entries(labels).sort())}`;
        if (seen.has(key)) throw new Error('a sample twice');
        seen.add(key);
        open.samples.push({ name, labels, value: number(value) });
        if (open.type === 'counter' && !(open.samples.at(-1).value >= 0)) throw new Error('a counter below 0');
      }
    } catch (error) {
      throw new Error(`line ${i + 1}: ${error.message}: ${line}`);
    }
  });
  for (const [name, f] of families) if (f.type === 'histogram') checkHistogram(name, f.samples);
  return families;
}
