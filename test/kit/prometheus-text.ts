/** One series as a scraper reads it. */
export type ScrapedSeries = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly atMs?: number;
};

const nameShape = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const seriesShape = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: (-?\d+))?$/;
const labelShape = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;

function readLabels(text: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  labelShape.lastIndex = 0;
  while (labelShape.lastIndex < text.length) {
    const match = labelShape.exec(text);
    if (match === null) throw new Error(`no labels: {${text}}`);
    const [, name = "", value = ""] = match;
    if (Object.hasOwn(labels, name)) throw new Error(`label ${name} twice: {${text}}`);
    labels[name] = value.replace(/\\(.)/g, (_all, one: string) => (one === "n" ? "\n" : one));
  }
  return labels;
}

function readSeries(line: string): ScrapedSeries {
  const match = seriesShape.exec(line);
  const [, name = "", labels = "", value = "", at] = match ?? [];
  if (match === null || !/^(NaN|[+-]?Inf|[+-]?[\d.]+(e[+-]?\d+)?)$/i.test(value))
    throw new Error(`no series: ${line}`);
  const read = { name, labels: readLabels(labels), value: Number(value) };
  return at === undefined ? read : { ...read, atMs: Number(at) };
}

const blockShape = /(?:# HELP (\S+) [^\n]+\n)?# TYPE (\S+) (counter|gauge)\n((?:[^#\n][^\n]*\n)+)/y;

function keyOf({ name, labels }: ScrapedSeries): string {
  const names = Object.keys(labels).sort((one, two) => (one < two ? -1 : 1));
  return JSON.stringify([name, ...names.map((label) => [label, labels[label]])]);
}

function readBlock(text: string, at: number): { readonly block: string; readonly end: number } {
  blockShape.lastIndex = at;
  const match = blockShape.exec(text);
  const [block = "", helped, name = "", type] = match ?? [];
  const misnamed = type === "counter" && !name.endsWith("_total");
  if (match === null || (helped ?? name) !== name || !nameShape.test(name) || misnamed)
    throw new Error(`no metric: ${text.slice(at, at + 200)}`);
  return { block, end: at + block.length };
}

function readBlockSeries(block: string): readonly ScrapedSeries[] {
  const [typeLine = "", ...lines] = block
    .trimEnd()
    .replace(/^# HELP .*\n/, "")
    .split("\n");
  const [, , name, type] = typeLine.split(" ");
  return lines.map((line) => {
    const series = readSeries(line);
    if (series.name !== name) throw new Error(`outside of its block: ${line}`);
    if (type === "counter" && !(series.value >= 0)) throw new Error(`no counter: ${line}`);
    return series;
  });
}

/**
 * Reads the Prometheus text format 0.0.4 more strictly than Prometheus: every metric in one block that
 * begins with TYPE, or HELP and TYPE, no series twice, counters not below 0 and named so. No histograms.
 * @throws Error naming what breaks a rule
 */
export function readExposition(text: string): readonly ScrapedSeries[] {
  const all: ScrapedSeries[] = [];
  const names = new Set<string>();
  for (let at = 0; at < text.length;) {
    const { block, end } = readBlock(text, at);
    const series = readBlockSeries(block);
    const name = series[0]?.name ?? "";
    if (names.has(name)) throw new Error(`metric twice: ${name}`);
    names.add(name);
    all.push(...series);
    at = end;
  }
  const keys = all.map(keyOf);
  const again = keys.find((key, index) => keys.indexOf(key) !== index);
  if (again !== undefined) throw new Error(`series twice: ${again}`);
  return all;
}
