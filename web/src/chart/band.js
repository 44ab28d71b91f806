// The space between two lines of a chart, filled: what lightweight-charts has no series for. Attached to the upper line.
export class Band {
  constructor(color) {
    this.color = color;
    this.points = [];
  }

  attached({ chart, series, requestUpdate }) { Object.assign(this, { chart, series, requestUpdate }); }
  detached() { this.chart = null; }

  /** [{time, upper, lower}] */
  setPoints(points) {
    this.points = points;
    this.requestUpdate?.();
  }

  paneViews() { return [{ zOrder: () => 'bottom', renderer: () => ({ draw: target => this.draw(target) }) }]; }
  updateAllViews() {}

  /** Stretches between bars that lack a value are not joined. */
  stretches() {
    const scale = this.chart.timeScale(), list = [];
    let open = null;
    for (const { time, upper, lower } of this.points) {
      const x = upper === null || lower === null ? null : scale.timeToCoordinate(time);
      if (x === null) {
        open = null;
        continue;
      }
      if (!open) list.push(open = []);
      open.push({ x, top: this.series.priceToCoordinate(upper), bottom: this.series.priceToCoordinate(lower) });
    }
    return list;
  }

  draw(target) {
    if (!this.chart) return;
    target.useMediaCoordinateSpace(({ context }) => {
      context.fillStyle = this.color;
      for (const points of this.stretches()) {
        context.beginPath();
        for (const { x, top } of points) context.lineTo(x, top);
        for (const { x, bottom } of [...points].reverse()) context.lineTo(x, bottom);
        context.fill();
      }
    });
  }
}
