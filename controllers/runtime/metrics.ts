/** Counters and sums of the controllers, by metric and label values. */
export interface Metrics {
  /** Adds to a counter; `by` is 0 or more. */
  count(metric: string, labels: Readonly<Record<string, string>>, by?: number): void;
  /** Sets a gauge. */
  set(metric: string, labels: Readonly<Record<string, string>>, value: number): void;
  /** All of it in the Prometheus text format, sorted. */
  render(): string;
}

const escape = (text: string): string =>
  text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

const sorted = <T>(map: ReadonlyMap<string, T>): readonly (readonly [string, T])[] =>
  [...map].sort(([one], [two]) => (one < two ? -1 : 1));

/** Nothing counted yet. Names end in `_total` for counters, so that their type can be told. */
export function createMetrics(): Metrics {
  const values = new Map<string, Map<string, number>>();
  const seriesOf = (metric: string): Map<string, number> => {
    const series = values.get(metric) ?? new Map<string, number>();
    values.set(metric, series);
    return series;
  };
  const labelText = (labels: Readonly<Record<string, string>>): string =>
    Object.entries(labels)
      .map(([name, value]) => `${name}="${escape(value)}"`)
      .join(",");
  return {
    count(metric, labels, by = 1) {
      const series = seriesOf(metric);
      const key = labelText(labels);
      series.set(key, (series.get(key) ?? 0) + by);
    },
    set(metric, labels, value) {
      seriesOf(metric).set(labelText(labels), value);
    },
    render() {
      const lines = sorted(values).flatMap(([metric, series]) => [
        `# TYPE ${metric} ${metric.endsWith("_total") ? "counter" : "gauge"}`,
        ...sorted(series).map(([labels, value]) => `${metric}{${labels}} ${value}`),
      ]);
      return lines.map((line) => `${line}\n`).join("");
    },
  };
}
