/** Labels of one series, in the order in which they are shown; empty values are left out. */
export type SeriesLabels = Readonly<Record<string, string>>;

/** One series of a metric. */
export type Series = {
  readonly labels: SeriesLabels;
  readonly value: number;
  /** Milliseconds since the Unix epoch; absent: the moment of the scrape. */
  readonly atMs?: number;
};

/** One metric with all of its series. */
export type MetricFamily = {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly series: readonly Series[];
};

/** Content type of {@link exposition}: the Prometheus text format. */
export const expositionType = "text/plain; version=0.0.4; charset=utf-8";

const escaped = (text: string): string =>
  text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

function line(name: string, { labels, value, atMs }: Series): string {
  const shown = Object.entries(labels)
    .filter(([, text]) => text !== "")
    .map(([key, text]) => `${key}="${escaped(text)}"`)
    .join(",");
  const subject = shown === "" ? name : `${name}{${shown}}`;
  return atMs === undefined ? `${subject} ${value}` : `${subject} ${value} ${atMs}`;
}

/** Families in the Prometheus text format; those without series are left out. */
export function exposition(families: readonly MetricFamily[]): string {
  return families
    .filter(({ series }) => series.length > 0)
    .map(({ name, help, type, series }) =>
      [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} ${type}`,
        ...series.map((one) => line(name, one)),
        "",
      ].join("\n"),
    )
    .join("");
}
