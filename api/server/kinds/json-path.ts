/** One step of a path: a field, an index, all items, or the items whose field has a value. */
type Step =
  | { readonly does: "field"; readonly name: string }
  | { readonly does: "index"; readonly index: number }
  | { readonly does: "all" }
  | { readonly does: "filter"; readonly path: readonly string[]; readonly value: string };

/** A path that was compiled once; yields every value it leads to. */
export type JsonPath = (object: unknown) => readonly unknown[];

const steps: readonly (readonly [RegExp, (match: RegExpExecArray) => Step])[] = [
  [/\.?\[\?\(@\.([\w.-]+)\s*==\s*["']([^"']*)["']\)\]/y, toFilter],
  [/\.?\[\*\]/y, () => ({ does: "all" })],
  [/\.\*/y, () => ({ does: "all" })],
  [/\[(-?\d+)\]/y, ([, index = "0"]) => ({ does: "index", index: Number(index) })],
  [/\[["']((?:[^"'\\]|\\.)*)["']\]/y, ([, name = ""]) => toField(name)],
  [/\.((?:[^.[\]\\]|\\.)+)/y, ([, name = ""]) => toField(name)],
];

function toField(name: string): Step {
  return { does: "field", name: name.replace(/\\(.)/g, "$1") };
}

function toFilter([, path = "", value = ""]: RegExpExecArray): Step {
  return { does: "filter", path: path.split("."), value };
}

/**
 * Compiles the part of JSONPath that printer columns use: fields, `['a.b']`, indexes, `[*]` and
 * `[?(@.type=="Ready")]`, e.g. `.status.conditions[?(@.type=="Ready")].reason`.
 * @throws Error for anything else
 */
export function compileJsonPath(text: string): JsonPath {
  const path = text.startsWith(".") || text.startsWith("[") ? text : `.${text}`;
  const compiled: Step[] = [];
  for (let at = 0; at < path.length;) {
    const step = stepAt(path, at);
    if (step === undefined) throw new Error(`Cannot read the JSONPath "${text}" at position ${at}`);
    compiled.push(step.step);
    at = step.end;
  }
  return (object) => compiled.reduce(take, [object]);
}

function stepAt(
  path: string,
  at: number,
): { readonly step: Step; readonly end: number } | undefined {
  for (const [pattern, make] of steps) {
    pattern.lastIndex = at;
    const match = pattern.exec(path);
    if (match !== null) return { step: make(match), end: pattern.lastIndex };
  }
  return undefined;
}

function take(values: readonly unknown[], step: Step): readonly unknown[] {
  return values.flatMap((value) => follow(value, step));
}

function follow(value: unknown, step: Step): readonly unknown[] {
  switch (step.does) {
    case "field": {
      const inner = fieldOf(value, step.name);
      return inner === undefined ? [] : [inner];
    }
    case "index": {
      const inner: unknown = Array.isArray(value) ? value.at(step.index) : undefined;
      return inner === undefined ? [] : [inner];
    }
    case "all":
      if (Array.isArray(value)) return value;
      return typeof value === "object" && value !== null ? Object.values(value) : [];
    case "filter":
      if (!Array.isArray(value)) return [];
      return value.filter((item) => step.path.reduce(fieldOf, item) === step.value);
  }
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

/** The text of a string, number or boolean; `undefined` for anything else. */
export function scalarText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}
