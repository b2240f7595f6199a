/** Labels of one series, in the order in which they are shown. */
export type Labels = Readonly<Record<string, string>>;

/** A number that only grows. */
export type Counter = { add(labels: Labels, by?: number): void };

/** How often values fell below each of some bounds. */
export type Histogram = { observe(labels: Labels, value: number): void };

/** One reading of a gauge. */
export type Reading = { readonly labels: Labels; readonly value: number };

/** What is known of a metric beside its values. */
export type About = { readonly name: string; readonly help: string };

/** Everything that is counted, in the Prometheus text format 0.0.4. */
export interface Registry {
  counter(about: About): Counter;
  histogram(about: About & { readonly bounds: readonly number[] }): Histogram;
  /** `read` is called whenever the metrics are shown; its series may come and go. */
  gauge(about: About, read: () => Iterable<Reading>): void;
  /** The same for a number that only grows and is counted elsewhere. */
  counterOf(about: About, read: () => Iterable<Reading>): void;
  render(): string;
}

const special = /["\\\n]/;

const escaped = (text: string): string =>
  special.test(text)
    ? text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
    : text;

function labelText(labels: Labels): string {
  let text = "";
  for (const name of Object.keys(labels)) {
    text += `${text === "" ? "" : ","}${name}="${escaped(labels[name] ?? "")}"`;
  }
  return text;
}

const line = (name: string, labels: string, value: number): string =>
  labels === "" ? `${name} ${value}` : `${name}{${labels}} ${value}`;

type Buckets = { count: number; sum: number; readonly below: number[] };

/** An empty registry. */
export function openRegistry(): Registry {
  const metrics: (() => Iterable<string>)[] = [];
  const add = ({ name, help }: About, type: string, lines: () => Iterable<string>): void => {
    metrics.push(function* () {
      yield `# HELP ${name} ${help}`;
      yield `# TYPE ${name} ${type}`;
      yield* lines();
    });
  };
  const read = (about: About, type: string, readings: () => Iterable<Reading>): void =>
    add(about, type, function* () {
      for (const { labels, value } of readings()) {
        yield line(about.name, labelText(labels), value);
      }
    });
  return {
    counter(about) {
      const counts = new Map<string, number>();
      add(about, "counter", () =>
        counts.entries().map(([labels, value]) => line(about.name, labels, value)),
      );
      return {
        add(labels, by = 1) {
          const key = labelText(labels);
          counts.set(key, (counts.get(key) ?? 0) + by);
        },
      };
    },
    histogram(about) {
      const series = new Map<string, Buckets>();
      add(about, "histogram", () => histogramLines(about, series));
      return {
        observe(labels, value) {
          const key = labelText(labels);
          let one = series.get(key);
          if (one === undefined) {
            one = { count: 0, sum: 0, below: about.bounds.map(() => 0) };
            series.set(key, one);
          }
          observe(one, about.bounds, value);
        },
      };
    },
    gauge: (about, readings) => read(about, "gauge", readings),
    counterOf: (about, readings) => read(about, "counter", readings),
    render: () => `${metrics.flatMap((lines) => [...lines()]).join("\n")}\n`,
  };
}

function observe(one: Buckets, bounds: readonly number[], value: number): void {
  one.count += 1;
  one.sum += value;
  for (const [index, bound] of bounds.entries()) {
    if (value <= bound) one.below[index] = (one.below[index] ?? 0) + 1;
  }
}

function* histogramLines(
  { name, bounds }: About & { readonly bounds: readonly number[] },
  series: ReadonlyMap<string, Buckets>,
): Generator<string> {
  for (const [labels, { count, sum, below }] of series) {
    const more = labels === "" ? "" : `${labels},`;
    for (const [index, bound] of bounds.entries()) {
      yield line(`${name}_bucket`, `${more}le="${bound}"`, below[index] ?? 0);
    }
    yield line(`${name}_bucket`, `${more}le="+Inf"`, count);
    yield line(`${name}_sum`, labels, sum);
    yield line(`${name}_count`, labels, count);
  }
}
