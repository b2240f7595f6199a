import { type CostRule, costs, deepCosts, exactly, type Span } from "./cost.ts";
import type { Overload } from "./function-table.ts";
import type { CelNode, LoopNode } from "./ir.ts";
import type { CelType } from "./types.ts";
import {
  CelError,
  CelOptional,
  type CelValue,
  entriesOf,
  mapGet,
  mapSize,
  noValue,
  sizeOf,
  typeNameOf,
  weightOf,
} from "./value.ts";

/** How much an evaluation may still cost, in Kubernetes' units. */
export type Meter = { left: number };

/** The values of one evaluation. */
type Frame = { readonly slots: CelValue[]; readonly meter: Meter };

type Run = (frame: Frame) => CelValue;

/** An expression that is ready to be evaluated; the values are those of the variables, in order. */
export type Program = (values: readonly CelValue[], meter: Meter) => CelValue;

/** The evaluation was stopped because it cost too much. No operator hides it. */
export class CelBudgetError extends Error {
  override readonly name = "CelBudgetError";
  constructor() {
    super("operation cancelled: actual cost limit exceeded");
  }
}

function charge({ meter }: Frame, cost: number): void {
  meter.left -= cost;
  if (meter.left < 0) throw new CelBudgetError();
}

/** Turns a checked expression into a function. */
export function compileNode(node: CelNode, slots: number): Program {
  const run = compile(node);
  return (values, meter) => {
    const frame: Frame = { slots: [...values], meter };
    frame.slots.length = slots;
    return run(frame);
  };
}

type Op = CelNode["op"];
type Compilers = { readonly [Name in Op]: (node: Extract<CelNode, { readonly op: Name }>) => Run };

const compilers: Compilers = {
  const:
    ({ value }) =>
    () =>
      value,
  slot: ({ slot }) => slotReader(slot),
  select: ({ operand, field, optional }) => selector(compile(operand), field, optional),
  has: ({ operand, field }) => presence(compile(operand), field),
  call: (node) => caller(node),
  and: ({ left, right }) => logic(compile(left), compile(right), false),
  or: ({ left, right }) => logic(compile(left), compile(right), true),
  if: ({ test, yes, no }) => choice(compile(test), compile(yes), compile(no)),
  list: ({ items }) => listMaker(items.map(compile)),
  map: ({ entries }) => mapMaker(entries.map(([key, value]) => [compile(key), compile(value)])),
  loop: (node) => loop(node),
  bind: ({ slot, init, body }) => binder(slot, compile(init), compile(body)),
  optMap: (node) => optMapper(node),
};

function compile(node: CelNode): Run {
  return (compilers[node.op] as (node: CelNode) => Run)(node);
}

function slotReader(slot: number): Run {
  return (frame) => {
    charge(frame, 1);
    return frame.slots[slot];
  };
}

function noSuchKey(field: string): CelError {
  return new CelError(`no such key: ${field}`);
}

function selector(operand: Run, field: string, optional: boolean): Run {
  return (frame) => {
    let value = operand(frame);
    charge(frame, 1);
    if (value instanceof CelOptional) {
      if (!value.present) return noValue;
      value = value.value;
    }
    const found = mapGet(value, field);
    if (optional) return found === undefined ? noValue : new CelOptional(true, found);
    if (found === undefined) throw noSuchKey(field);
    return found;
  };
}

function presence(operand: Run, field: string): Run {
  return (frame) => {
    const value = operand(frame);
    const inner = value instanceof CelOptional ? value.value : value;
    return mapGet(inner, field) !== undefined;
  };
}

type Accepts = (value: CelValue) => boolean;

const anyValue: Accepts = () => true;

function acceptor({ name }: CelType): Accepts {
  if (name === "dyn" || /^[A-Z]$/.test(name)) return anyValue;
  return (value) => name === typeNameOf(value);
}

/** A signature with what its arguments must be, and `undefined` for the plain cost of one unit. */
type Candidate = {
  readonly accepts: readonly Accepts[];
  readonly run: Overload["run"];
  readonly meter: CostRule | undefined;
};

const scalars: ReadonlySet<string> = new Set(["bool", "int", "uint", "double", "null_type"]);

function candidateOf({ params, run, meter }: Overload, args: readonly CelNode[]): Candidate {
  const areScalars = args.every(({ type }) => scalars.has(type.name));
  const isPlain = meter === costs.one || (meter === costs.compareDeep && areScalars);
  return { accepts: params.map(acceptor), run, meter: isPlain ? undefined : meter };
}

function choose(candidates: readonly Candidate[], args: readonly CelValue[]): Candidate {
  const fitting = candidates.find(({ accepts }) => accepts.every((accept, i) => accept(args[i])));
  if (fitting === undefined) throw new CelError("no such overload");
  return fitting;
}

function chargeCall(frame: Frame, meter: CostRule | undefined, args: readonly CelValue[]): void {
  if (meter === undefined) return charge(frame, 1);
  const measure = deepCosts.has(meter) ? weightOf : sizeOf;
  const sizes: Span[] = args.map((arg) => exactly(measure(arg)));
  charge(frame, Math.max(1, meter(sizes).cost.max));
}

/** The only signature that fits, on arguments whose types were known beforehand. */
function directCaller([first, second, ...more]: readonly Run[], { run, meter }: Candidate): Run {
  if (first !== undefined && second !== undefined && more.length === 0 && meter === undefined)
    return (frame) => {
      const [left, right] = [first(frame), second(frame)];
      charge(frame, 1);
      return run(left, right);
    };
  const all = [first, second, ...more].filter((arg) => arg !== undefined);
  return (frame) => {
    const args = all.map((arg) => arg(frame));
    chargeCall(frame, meter, args);
    return run(...args);
  };
}

function caller({ args, overloads }: CelNode & { readonly op: "call" }): Run {
  const runs = args.map(compile);
  const candidates = overloads.map((overload) => candidateOf(overload, args));
  const [only] = candidates;
  const isKnown = args.every(({ type }) => type.name !== "dyn");
  if (only !== undefined && candidates.length === 1 && isKnown) return directCaller(runs, only);
  return (frame) => {
    const values = runs.map((run) => run(frame));
    // Types that were not known may be wrong, hence the look also when there is one signature.
    const { run, meter } = choose(candidates, values);
    chargeCall(frame, meter, values);
    return run(...values);
  };
}

type Outcome = { readonly value?: CelValue; readonly err?: CelError };

function attempt(run: Run, frame: Frame): Outcome {
  try {
    return { value: run(frame) };
  } catch (err) {
    if (err instanceof CelError) return { err };
    throw err;
  }
}

function boolOf({ value, err }: Outcome): boolean {
  if (err !== undefined) throw err;
  if (typeof value !== "boolean") throw new CelError("no such overload");
  return value;
}

/** One side that decides is enough, also when the other one fails. */
function logic(left: Run, right: Run, decisive: boolean): Run {
  return (frame) => {
    const first = attempt(left, frame);
    if (first.value === decisive) return decisive;
    const second = attempt(right, frame);
    if (second.value === decisive) return decisive;
    return boolOf(first) === boolOf(second) ? !decisive : decisive;
  };
}

function choice(test: Run, then: Run, other: Run): Run {
  return (frame) => (boolOf({ value: test(frame) }) ? then(frame) : other(frame));
}

function listMaker(items: readonly Run[]): Run {
  return (frame) => {
    charge(frame, 10);
    return items.map((item) => item(frame));
  };
}

function mapMaker(entries: readonly (readonly [Run, Run])[]): Run {
  return (frame) => {
    charge(frame, 30);
    const map = new Map<CelValue, CelValue>();
    for (const [key, value] of entries) {
      const name = key(frame);
      if (map.has(name)) throw new CelError("Failed with repeated key");
      map.set(name, value(frame));
    }
    return map;
  };
}

function binder(slot: number, init: Run, body: Run): Run {
  return (frame) => {
    frame.slots[slot] = init(frame);
    return body(frame);
  };
}

function optMapper(node: CelNode & { readonly op: "optMap" }): Run {
  const [target, body] = [compile(node.target), compile(node.body)];
  return (frame) => {
    const optional = target(frame);
    if (!(optional instanceof CelOptional)) throw new CelError("no such overload");
    if (!optional.present) return noValue;
    frame.slots[node.slot] = optional.value;
    const value = body(frame);
    return node.flat ? value : new CelOptional(true, value);
  };
}

/** What a macro does with each round; `true` ends the loop. */
type Gather = {
  readonly round: (outcome: () => CelValue, item: CelValue, key: CelValue) => boolean;
  readonly result: () => CelValue;
};

function quantifier(frame: Frame, decisive: boolean): Gather {
  let failure: CelError | undefined;
  let decided = false;
  return {
    round(outcome) {
      const { value, err } = attempt(() => outcome(), frame);
      failure ??=
        err ?? (typeof value === "boolean" ? undefined : new CelError("no such overload"));
      decided = value === decisive;
      return decided;
    },
    result() {
      if (decided) return decisive;
      if (failure !== undefined) throw failure;
      return !decisive;
    },
  };
}

function counter(): Gather {
  let count = 0;
  return {
    round(outcome) {
      if (boolOf({ value: outcome() })) count += 1;
      return false;
    },
    result: () => count === 1,
  };
}

function collector(
  frame: Frame,
  take: (value: CelValue, item: CelValue) => readonly CelValue[],
): Gather {
  const list: CelValue[] = [];
  return {
    round(outcome, item) {
      charge(frame, 10);
      list.push(...take(outcome(), item));
      return false;
    },
    result: () => list,
  };
}

function mapCollector(frame: Frame, flat: boolean): Gather {
  const map = new Map<CelValue, CelValue>();
  const add = (key: CelValue, value: CelValue): void => {
    if (map.has(key)) throw new CelError(`insert failed: key ${String(key)} already exists`);
    map.set(key, value);
  };
  return {
    round(outcome, _item, key) {
      charge(frame, 20);
      const value = outcome();
      if (flat) for (const [name, inner] of entriesOf(value)) add(name, inner);
      else add(key, value);
      return false;
    },
    result: () => map,
  };
}

function gatherer({ macro }: LoopNode, frame: Frame): Gather {
  switch (macro) {
    case "all":
      return quantifier(frame, false);
    case "exists":
      return quantifier(frame, true);
    case "existsOne":
      return counter();
    case "filter":
      return collector(frame, (holds, item) => (boolOf({ value: holds }) ? [item] : []));
    case "map":
    case "transformList":
      return collector(frame, (value) => [value]);
    case "transformMap":
      return mapCollector(frame, false);
    case "transformMapEntry":
      return mapCollector(frame, true);
  }
}

type Pairs = Iterable<readonly [key: CelValue, item: CelValue]>;

/** One by one: a loop may end at the first item of a long list. */
function* numbered(list: readonly CelValue[]): Generator<readonly [CelValue, CelValue], void> {
  for (let i = 0; i < list.length; i += 1) yield [BigInt(i), list[i]];
}

/** Keys and items; a loop of one variable goes over the keys of a map. */
function pairsOf(range: CelValue, hasKey: boolean): Pairs {
  if (Array.isArray(range)) return numbered(range);
  if (typeNameOf(range) !== "map") throw new CelError("no such overload");
  const entries = entriesOf(range);
  return hasKey ? entries : entries.map(([key]) => [key, key] as const);
}

function loop(node: LoopNode): Run {
  const [range, body] = [compile(node.range), compile(node.body)];
  const filter = node.filter === undefined ? undefined : compile(node.filter);
  return (frame) => {
    const whole = range(frame);
    // The keys of a map are listed beforehand, which takes as long as so many rounds.
    charge(frame, Array.isArray(whole) ? 1 : 1 + 12 * mapSize(whole));
    const gather = gatherer(node, frame);
    for (const [key, item] of pairsOf(whole, node.key !== undefined)) {
      charge(frame, 3);
      if (node.key !== undefined) frame.slots[node.key] = key;
      frame.slots[node.item] = item;
      if (filter !== undefined && !boolOf({ value: filter(frame) })) continue;
      if (gather.round(() => body(frame), item, key)) break;
    }
    return gather.result();
  };
}
