import { type CallCost, either, exactly, free, plus, type Span, times, unbounded } from "./cost.ts";
import type { CelNode, LoopNode } from "./ir.ts";
import type { CelType } from "./types.ts";

/** What evaluating an expression costs, and how large its value is. */
type Estimate = { readonly cost: Span; readonly size: Span };

const scalars: ReadonlySet<string> = new Set([
  "bool",
  "int",
  "uint",
  "double",
  "null_type",
  "type",
  "google.protobuf.Timestamp",
  "google.protobuf.Duration",
]);

function sizeOfType({ name, max }: CelType): Span {
  if (max !== undefined) return { min: 0, max };
  // Values of libraries are of a fixed size, and their names have a dot.
  return scalars.has(name) || name.includes(".") ? exactly(1) : unbounded;
}

/** Names of fields, items and results cost this much each. */
const step = exactly(1);

function sum(...costs: readonly Span[]): Span {
  return costs.reduce(plus, free);
}

function sizeOfConstant(value: unknown): Span | undefined {
  return typeof value === "string" || value instanceof Uint8Array
    ? exactly(value.length)
    : undefined;
}

/**
 * The least and the greatest cost of an expression in Kubernetes' units, from the sizes that the
 * types of its variables allow; infinite where nothing bounds it.
 */
export function estimateCost(node: CelNode): Span {
  return estimate(node).cost;
}

type Op = CelNode["op"];
type Estimators = {
  readonly [Name in Op]: (node: Extract<CelNode, { readonly op: Name }>, size: Span) => Estimate;
};

function logicEstimate(first: CelNode, second: CelNode, size: Span): Estimate {
  const [left, right] = [estimate(first).cost, estimate(second).cost];
  return { cost: { min: left.min, max: left.max + right.max }, size };
}

const estimators: Estimators = {
  const: ({ value }, size) => ({ cost: free, size: sizeOfConstant(value) ?? size }),
  slot: (_, size) => ({ cost: step, size }),
  has: (_, size) => ({ cost: free, size }),
  select: ({ operand }, size) => ({ cost: plus(estimate(operand).cost, step), size }),
  call: (node) => callEstimate(node),
  and: ({ left, right }, size) => logicEstimate(left, right, size),
  or: ({ left, right }, size) => logicEstimate(left, right, size),
  if({ test, yes, no }) {
    const [left, right] = [estimate(yes), estimate(no)];
    const cost = plus(estimate(test).cost, either(left.cost, right.cost));
    return { cost, size: either(left.size, right.size) };
  },
  list: ({ items }) => ({
    cost: sum(exactly(10), ...items.map((item) => estimate(item).cost)),
    size: exactly(items.length),
  }),
  map: ({ entries }) => ({
    cost: sum(exactly(30), ...entries.flat().map((part) => estimate(part).cost)),
    size: exactly(entries.length),
  }),
  loop: (node) => loopEstimate(node),
  bind({ init, body }) {
    const inner = estimate(body);
    return { cost: sum(exactly(1), estimate(init).cost, inner.cost), size: inner.size };
  },
  optMap: ({ target, body }, size) => ({
    cost: sum(step, estimate(target).cost, estimate(body).cost),
    size,
  }),
};

function estimate(node: CelNode): Estimate {
  const estimator = estimators[node.op] as (node: CelNode, size: Span) => Estimate;
  return estimator(node, sizeOfType(node.type));
}

function callEstimate(node: CelNode & { readonly op: "call" }): Estimate {
  const args = node.args.map(estimate);
  const sizes = args.map(({ size }) => size);
  const calls: readonly CallCost[] = node.overloads.map(({ cost }) => cost(sizes));
  const own = calls.map(({ cost }) => cost).reduce(either);
  const known = calls.flatMap(({ size }) => (size === undefined ? [] : [size]));
  const size = known.length === calls.length ? known.reduce(either) : sizeOfType(node.type);
  return { cost: sum(own, ...args.map(({ cost }) => cost)), size };
}

/** What one round of a macro costs besides its body, and what the loop costs as a whole. */
const rounds: Readonly<Record<LoopNode["macro"], readonly [round: number, whole: number]>> = {
  all: [3, 1],
  exists: [4, 1],
  existsOne: [2, 3],
  filter: [13, 11],
  map: [12, 11],
  transformList: [12, 11],
  transformMap: [32, 31],
  transformMapEntry: [32, 31],
};

function loopEstimate(node: LoopNode): Estimate {
  const range = estimate(node.range);
  const [round, whole] = rounds[node.macro];
  const filter = node.filter === undefined ? free : estimate(node.filter).cost;
  const each = sum(exactly(round), filter, estimate(node.body).cost);
  const all = times(range.size, each);
  // The first round may decide; only an empty range costs no round at all.
  const cost = sum(range.cost, exactly(whole), all);
  return { cost, size: { min: 0, max: range.size.max } };
}
