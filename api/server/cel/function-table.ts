import { type CostRule, costs } from "./cost.ts";
import { type CelType, parseType, splitTop } from "./types.ts";
import type { CelValue } from "./value.ts";

/** One signature of a function. */
export type Overload = {
  readonly params: readonly CelType[];
  readonly result: CelType;
  /** The receiver first. @throws CelError */
  readonly run: (...args: readonly CelValue[]) => CelValue;
  /** What it costs by Kubernetes' count: for estimates. */
  readonly cost: CostRule;
  /** What it costs this engine, in the same units: for the budget of a run. */
  readonly meter: CostRule;
};

/**
 * A function as a library lists it: signature, what it does, what it costs (default: one unit), and
 * what it costs this engine where that is more.
 */
export type FunctionEntry = readonly [
  signature: string,
  run: (...args: never[]) => CelValue,
  cost?: CostRule,
  meter?: CostRule,
];

/** Functions by name: of values with a dot first (`.size`), others by their full name (`ip.isCanonical`). */
export type FunctionTable = ReadonlyMap<string, readonly Overload[]>;

/**
 * Reads signatures such as `string.contains(string): bool` or `ip(string): IP`. What stands before
 * the last dot is the type of the receiver, unless it is one of `namespaces`.
 */
export function functionTable(
  libraries: readonly (readonly FunctionEntry[])[],
  namespaces: ReadonlySet<string>,
): FunctionTable {
  const table = new Map<string, Overload[]>();
  for (const [signature, run, cost = costs.one, meter = cost] of libraries.flat()) {
    const open = signature.indexOf("(");
    const close = signature.lastIndexOf("): ");
    const called = signature.slice(0, open);
    const dot = called.lastIndexOf(".");
    const before = dot < 0 ? "" : called.slice(0, dot);
    const params = splitTop(signature.slice(open + 1, close)).map(parseType);
    const ofValue = before !== "" && !namespaces.has(before);
    const overload: Overload = {
      params: ofValue ? [parseType(before), ...params] : params,
      result: parseType(signature.slice(close + 3)),
      run: run as Overload["run"],
      cost,
      meter,
    };
    const name = ofValue ? called.slice(dot) : called;
    table.set(name, [...(table.get(name) ?? []), overload]);
  }
  return table;
}
