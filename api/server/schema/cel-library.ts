import type { Environment } from "@marcbachmann/cel-js";
import { compilePattern, findMatches } from "./regex.ts";

/** A CEL value: int is a bigint, double a number, a list an array, a map or object a plain object. */
export type CelValue = unknown;

type Handler = (...values: never[]) => CelValue;

/** The name under which `matches` runs: that of the library uses an engine with back-tracking. */
export const linearMatches = "linearMatches";

function ordered(list: readonly CelValue[]): boolean {
  return list.every((value, i) => i === 0 || !((list[i - 1] as string) > (value as string)));
}

function best(list: readonly CelValue[], wins: (a: string, b: string) => boolean): CelValue {
  if (list.length === 0) throw new Error("min and max need a list with an item");
  return list.reduce((kept, value) => (wins(value as string, kept as string) ? value : kept));
}

function total(list: readonly CelValue[]): CelValue {
  const [first] = list;
  if (typeof first === "number") return (list as number[]).reduce((sum, value) => sum + value, 0);
  return (list as bigint[]).reduce((sum, value) => sum + value, 0n);
}

function characterAt(text: string, index: bigint): string {
  const at = Number(index);
  if (at < 0 || at > text.length) throw new Error(`index ${index} is out of range`);
  return text.charAt(at);
}

function replace(text: string, from: string, to: string, times: bigint): string {
  if (times < 0n) return text.replaceAll(from, () => to);
  let left = Number(times);
  const parts = text.split(from);
  return parts.reduce((done, part, i) => {
    if (i === 0) return part;
    left -= 1;
    return done + (left >= 0 ? to : from) + part;
  }, "");
}

const position = (list: readonly CelValue[], wanted: CelValue): bigint =>
  BigInt(list.indexOf(wanted));

/**
 * Functions of Kubernetes' CEL environment beyond those of the language, by signature. Further
 * libraries (quantity, ip, cidr, format, semver) are added here.
 */
const functions: Readonly<Record<string, Handler>> = {
  [`string.${linearMatches}(string): bool`]: (text: string, pattern: string) =>
    compilePattern(pattern)(text),
  "string.find(string): string": (text: string, pattern: string) =>
    findMatches(text, pattern, 1)[0] ?? "",
  "string.findAll(string): list<string>": (text: string, pattern: string) =>
    findMatches(text, pattern),
  "string.findAll(string, int): list<string>": (text: string, pattern: string, max: bigint) =>
    findMatches(text, pattern, max < 0n ? Infinity : Number(max)),
  "string.charAt(int): string": characterAt,
  "string.replace(string, string): string": (text: string, from: string, to: string) =>
    replace(text, from, to, -1n),
  "string.replace(string, string, int): string": replace,
  "list<dyn>.isSorted(): bool": ordered,
  "list<dyn>.sum(): dyn": total,
  "list<dyn>.min(): dyn": (list: readonly CelValue[]) => best(list, (a, b) => a < b),
  "list<dyn>.max(): dyn": (list: readonly CelValue[]) => best(list, (a, b) => a > b),
  "list<dyn>.indexOf(dyn): int": position,
  "list<dyn>.lastIndexOf(dyn): int": (list: readonly CelValue[], wanted: CelValue) =>
    BigInt(list.lastIndexOf(wanted)),
  "isURL(string): bool": (text: string) => URL.canParse(text),
};

/** Adds the functions that Kubernetes' rules may use to `environment`. */
export function addLibrary(environment: Environment): Environment {
  for (const [signature, handler] of Object.entries(functions))
    environment.registerFunction(signature, handler as (...values: unknown[]) => unknown);
  return environment;
}
