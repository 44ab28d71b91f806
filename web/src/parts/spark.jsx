// A small line of the last numbers; its newest value stands beside it as text.
const WIDTH = 240, HEIGHT = 44;

export function Spark({ points, max, label }) {
  const values = points.filter(value => Number.isFinite(value));
  if (values.length < 2) return <p class="wait">Collecting…</p>;
  const top = max ?? Math.max(...values, 1e-9) * 1.15;
  const at = (value, i) => `${(i / (values.length - 1) * WIDTH).toFixed(1)} ${(HEIGHT - value / top * (HEIGHT - 3) - 1).toFixed(1)}`;
  const line = values.map((value, i) => `${i ? 'L' : 'M'}${at(value, i)}`).join('');
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`${label}: the last ${values.length} values, from ${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}`}>
      <path class="fill" d={`${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`} />
      <path d={line} />
    </svg>
  );
}
