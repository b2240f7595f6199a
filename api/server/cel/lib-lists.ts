import { costs, exactly } from "./cost.ts";
import type { FunctionEntry } from "./function-table.ts";
import { CelDuration, CelError, CelUint, type CelValue, compareCel, equalCel } from "./value.ts";

type List = readonly CelValue[];

const isSorted = (list: List): boolean =>
  list.every((item, i) => i === 0 || compareCel(list[i - 1], item) <= 0);

function best(list: List, what: string, wins: (order: number) => boolean): CelValue {
  if (list.length === 0) throw new CelError(`${what} called on empty list`);
  return list.reduce((kept, item) => (wins(compareCel(item, kept)) ? item : kept));
}

function sum(list: List): CelValue {
  const [first] = list;
  if (typeof first === "number") return list.reduce((all: number, item) => all + Number(item), 0);
  if (first instanceof CelDuration)
    return new CelDuration(
      list.reduce((all: bigint, item) => all + (item as CelDuration).nanos, 0n),
    );
  const isUnsigned = first instanceof CelUint;
  const all = list.reduce((total: bigint, item) => {
    if (item instanceof CelUint) return total + item.value;
    if (typeof item !== "bigint") throw new CelError("no such overload");
    return total + item;
  }, 0n);
  if (BigInt.asIntN(64, all) !== all && !isUnsigned) throw new CelError("integer overflow");
  return isUnsigned ? new CelUint(all) : all;
}

const has = (list: List, wanted: CelValue): boolean => list.some((item) => equalCel(item, wanted));
const hasAll = (list: List, wanted: List): boolean => wanted.every((item) => has(list, item));

function flatten(list: List, depth: bigint): List {
  if (depth < 0n) throw new CelError("level must be non-negative");
  return list.flat(Number(depth) as 1);
}

function slice(list: List, from: bigint, to: bigint): List {
  const [start, end] = [Number(from), Number(to)];
  const refuse = (why: string): never => {
    throw new CelError(`cannot slice(${start}, ${end}), ${why}`);
  };
  if (start < 0 || end < 0) return refuse("negative indexes not supported");
  if (start > end) return refuse("start index must be less than or equal to end index");
  if (end > list.length) return refuse(`list is length ${list.length}`);
  return list.slice(start, end);
}

/** Longest list that is made out of nothing. */
const maxRange = 10_000n;

function range(end: bigint): List {
  if (end > maxRange) throw new CelError(`lists.range of ${end} items is too long`);
  return Array.from({ length: Math.max(0, Number(end)) }, (_, i) => BigInt(i));
}

function distinct(list: List): List {
  const kept: CelValue[] = [];
  for (const item of list) if (!has(kept, item)) kept.push(item);
  return kept;
}

/** Kubernetes' functions on lists, the extension for sets, and what newer versions add to lists. */
export const listFunctions: readonly FunctionEntry[] = [
  ["list<T>.isSorted(): bool", isSorted, costs.items],
  ["list<T>.sum(): T", sum, costs.items],
  ["list<T>.min(): T", (list: List) => best(list, "min", (order) => order < 0), costs.items],
  ["list<T>.max(): T", (list: List) => best(list, "max", (order) => order > 0), costs.items],
  [
    "list<T>.indexOf(T): int",
    (list: List, wanted: CelValue) => BigInt(list.findIndex((item) => equalCel(item, wanted))),
    costs.items,
    costs.searchDeep,
  ],
  [
    "list<T>.lastIndexOf(T): int",
    (list: List, wanted: CelValue) => BigInt(list.findLastIndex((item) => equalCel(item, wanted))),
    costs.items,
    costs.searchDeep,
  ],
  [
    "lists.range(int): list<int>",
    range,
    () => ({ cost: exactly(Number(maxRange)), size: { min: 0, max: Number(maxRange) } }),
  ],
  ["list<T>.slice(int, int): list<T>", slice, costs.items],
  ["list<list<T>>.flatten(): list<T>", (list: List) => flatten(list, 1n), costs.items],
  ["list<dyn>.flatten(int): list<dyn>", flatten, costs.items],
  [
    "list<T>.distinct(): list<T>",
    distinct,
    (sizes) => costs.pairs([...sizes, ...sizes]),
    costs.pairsDeep,
  ],
  ["list<T>.reverse(): list<T>", (list: List) => list.toReversed(), costs.items],
  ["list<T>.sort(): list<T>", (list: List) => list.toSorted(compareCel), costs.items],
  ["sets.contains(list<T>, list<T>): bool", hasAll, costs.pairs, costs.pairsDeep],
  [
    "sets.equivalent(list<T>, list<T>): bool",
    (a: List, b: List) => hasAll(a, b) && hasAll(b, a),
    costs.pairs,
    costs.pairsDeep,
  ],
  [
    "sets.intersects(list<T>, list<T>): bool",
    (a: List, b: List) => b.some((item) => has(a, item)),
    costs.pairs,
    costs.pairsDeep,
  ],
];
