import { packNumbers, unpackNumbers } from "../../api/machinery/number-ranges.ts";
import { formatMicroTime } from "../../api/machinery/time.ts";
import type { RolloutPassed, RolloutResult, RolloutStep } from "../../crds/types.gen.ts";
import { batchEnd } from "./batches.ts";
import { type Numbering, numberingOf } from "./block-items.ts";
import { isBroken, leftBehind, type Moment, outcomeOf, resultOf } from "./block-outcomes.ts";
import type { Rollout, Seen } from "./seen.ts";
import { type View, viewsOf } from "./slots.ts";

/** What a status keeps at most: blocks, of which the oldest go first, and moments of one block. */
const maxSteps = 1_000;
const maxMoments = 250;

type Block = Pick<RolloutStep, "name" | "action" | "title" | "batch" | "total">;

/** Numbers of the slots that a block has told of. */
function toldIn({ passed = [], results = [] }: RolloutStep): readonly number[] {
  return [
    ...passed.flatMap(({ items }) => unpackNumbers(items)),
    ...results.map(({ item = -1 }) => item),
  ];
}

/** Those that all blocks of an action have told of, but for one block. */
function toldBy(steps: readonly RolloutStep[], action: string, but?: RolloutStep): Set<number> {
  const others = steps.filter((step) => step !== but && step.action === action);
  return new Set(others.flatMap(toldIn));
}

/** The slots of a batch are those that the batches before it have not told of. */
function batchBlock({ batch, batches, revision, steps }: Rollout, seen: Seen): Block {
  const total = seen.slots.length;
  const end = batches > 1 ? batchEnd(seen.strategy, total, batch) : total;
  const size = Math.max(0, end - toldBy(steps, "Replace").size);
  const title = `Replacing batch ${batch} by ${revision}`;
  return { name: `batch-${batch}-replace`, action: "Replace", title, batch, total: size };
}

function blockOf(rollout: Rollout, seen: Seen): Block | undefined {
  const { phase, revision } = rollout;
  const total = seen.slots.length;
  switch (phase) {
    case "Preparing":
      return { name: "prepare", action: "Prepare", title: `Preparing ${revision}`, total };
    case "Canary":
    case "Rolling":
      return batchBlock(rollout, seen);
    case "Verifying":
      return { name: "verify", action: "Verify", title: `Watching ${revision}`, total };
    case "RollingBack": {
      const to = seen.memory.current ?? "nothing";
      return { name: "roll-back", action: "RollBack", title: `Going back to ${to}`, total };
    }
    default:
      return undefined;
  }
}

/** What a block is about to tell; as many lines are left as it has promised and not told. */
class Telling {
  readonly passed: number[] = [];
  readonly results: RolloutResult[] = [];
  readonly #told: Set<number>;
  readonly #earlier: ReadonlySet<number>;
  readonly #time: string;
  #left: number;

  constructor(step: RolloutStep, earlier: ReadonlySet<number>, time: string) {
    this.#told = new Set(toldIn(step));
    this.#earlier = earlier;
    this.#left = (step.total ?? 0) - this.#told.size;
    this.#time = time;
  }

  get isOver(): boolean {
    return this.#left <= 0;
  }

  pass(item: number): void {
    if (!this.#earlier.has(item) && this.#take(item)) this.passed.push(item);
  }

  /** Also of a slot that came through in an earlier block of the same kind, if it failed for good. */
  fail(item: number, result: RolloutResult): void {
    const isFirst = !this.#earlier.has(item) || result.status === "Error";
    if (isFirst && this.#take(item)) this.results.push(result);
  }

  at(item: number): { readonly item: number; readonly time: string } {
    return { item, time: this.#time };
  }

  #take(item: number): boolean {
    if (this.isOver || this.#told.has(item)) return false;
    this.#told.add(item);
    this.#left -= 1;
    return true;
  }
}

/** Who came through, and who failed, since the last turn. */
function tellNews(telling: Telling, views: readonly View[], facts: Facts): void {
  const { action, moment, numbering } = facts;
  const failed = new Set(action === "RollBack" ? [] : moment.after.failedSlots);
  const sorted = failed.size === 0 ? views : failedFirst(views, failed);
  for (const view of sorted) {
    if (telling.isOver) return;
    const outcome = outcomeOf(action, view, moment);
    const item = numbering.itemOf.get(view.slot.id);
    if (outcome === undefined || item === undefined) continue;
    if (outcome.status === "OK") telling.pass(item);
    else telling.fail(item, resultOf(view, outcome, telling.at(item)));
  }
}

function failedFirst(views: readonly View[], failed: ReadonlySet<string>): readonly View[] {
  const isFailed = ({ slot }: View): boolean => failed.has(slot.id);
  return [...views.filter(isFailed), ...views.filter((view) => !isFailed(view))];
}

/** A block that ends says of every slot that it promised why it did not come through. */
function tellRest(telling: Telling, views: readonly View[], facts: Facts): void {
  const { action, moment, numbering } = facts;
  const begun = (view: View): boolean => view.goal?.desired === "Running";
  for (const view of [...views.filter(begun), ...views.filter((one) => !begun(one))]) {
    const item = numbering.itemOf.get(view.slot.id);
    if (item === undefined) continue;
    telling.fail(item, resultOf(view, leftBehind(action, view, moment), telling.at(item)));
  }
  const present = new Set(numbering.itemOf.values());
  numbering.instances.forEach((node, index) => {
    if (present.has(index)) return;
    const message = "The slot is no longer asked for";
    const place = node === "" ? {} : { node };
    const slot = String(index);
    telling.fail(index, { slot, status: "Warning", message, ...place, ...telling.at(index) });
  });
}

type Facts = {
  readonly action: string;
  readonly moment: Moment;
  readonly numbering: Numbering;
};

function withMoment(
  passed: readonly RolloutPassed[],
  items: readonly number[],
  time: string,
): readonly RolloutPassed[] {
  if (items.length === 0) return passed;
  const last = passed.at(-1);
  if (last === undefined || passed.length < maxMoments) {
    return [...passed, { items: packNumbers(items), time }];
  }
  const joined = { ...last, items: `${last.items},${packNumbers(items)}` };
  return [...passed.slice(0, -1), joined];
}

/** The open block with what is news; closed when it has told of all its slots, or must end. */
function told(
  step: RolloutStep,
  views: readonly View[],
  { moment, numbering, ends }: Omit<Facts, "action"> & { readonly ends: boolean },
): RolloutStep {
  const { action, passed = [], results = [] } = step;
  const { after, nowMs } = moment;
  const time = formatMicroTime(nowMs);
  const telling = new Telling(step, toldBy(after.steps, action, step), time);
  const facts = { action, moment, numbering };
  tellNews(telling, views, facts);
  if (ends) tellRest(telling, views, facts);
  return {
    ...step,
    ...(telling.passed.length + passed.length === 0
      ? {}
      : { passed: withMoment(passed, telling.passed, time) }),
    ...(telling.results.length + results.length === 0
      ? {}
      : { results: [...results, ...telling.results] }),
    ...(ends || telling.isOver ? { completedAt: time } : {}),
  };
}

/** Whether what the open block does is over: a hold alone ends nothing. */
function endsWith(after: Rollout, open: RolloutStep, next: Block | undefined): boolean {
  if (next !== undefined) return next.name !== open.name;
  return isBroken(after) || after.phase === "Completed";
}

function goalOf(action: string, after: Rollout, seen: Seen): string {
  return action === "RollBack" ? (seen.memory.current ?? "") : after.revision;
}

/**
 * The blocks of the update stream after a turn, and the numbers of the slots. The open block takes
 * what came out since; it is closed with the outcome of all its slots when the rollout goes on to
 * something else, and what that is opens the next one. Lines are only ever added.
 */
export function blocksAfter(
  before: Rollout | undefined,
  after: Rollout,
  seen: Seen,
  nowMs: number,
): Pick<Rollout, "steps" | "instances"> {
  const isSame = before?.revision === after.revision && before.startedAtMs === after.startedAtMs;
  const rollout = isSame ? after : { ...after, steps: [], instances: [] };
  const { steps, instances } = rollout;
  const last = steps.at(-1);
  const open = last?.completedAt === undefined ? last : undefined;
  const next = blockOf(rollout, seen);
  if (open === undefined && (next === undefined || steps.some(({ name }) => name === next.name))) {
    return { steps, instances };
  }
  const views = viewsOf(seen, goalOf(open?.action ?? next?.action ?? "", rollout, seen));
  const numbering = numberingOf(views, instances);
  const moment = { after: rollout, seen, nowMs };
  const ends = open !== undefined && endsWith(rollout, open, next);
  const kept =
    open === undefined
      ? steps
      : [...steps.slice(0, -1), told(open, views, { moment, numbering, ends })];
  const isOpen = kept.at(-1)?.completedAt === undefined && kept.length > 0;
  // Sized anew: what was told just now is not told again.
  const opened = isOpen ? undefined : blockOf({ ...rollout, steps: kept }, seen);
  const isNew = opened !== undefined && !kept.some(({ name }) => name === opened.name);
  const begun = isNew ? [{ ...opened, startedAt: formatMicroTime(nowMs) }] : [];
  return { steps: [...kept, ...begun].slice(-maxSteps), instances: numbering.instances };
}
