import { packNumbers, unpackNumbers } from "../../../api/machinery/number-ranges.ts";
import { formatMicroTime, parseTime } from "../../../api/machinery/time.ts";
import type { RolloutPassed, RolloutResult, RolloutStep } from "../../../crds/types.gen.ts";
import type { Numbering } from "./block-items.ts";
import { leftBehind, type Moment, outcomeOf, resultOf } from "./block-outcomes.ts";
import type { View } from "../slots.ts";

/** Moments that a block tells apart; what comes later joins the last one. */
const maxMoments = 250;

/**
 * Slots of a block that are told of in full. Of the others the words are left out, so that a status
 * of 10,000 slots that all failed still fits the store.
 */
const maxInFull = 1_000;

type Facts = {
  readonly action: string;
  readonly moment: Moment;
  readonly numbering: Numbering;
};

/** Numbers of the slots that a block has told of. */
function toldIn({ passed = [], results = [] }: RolloutStep): readonly number[] {
  return [
    ...passed.flatMap(({ items }) => unpackNumbers(items)),
    ...results.map(({ item = -1 }) => item),
  ];
}

/** Those that all blocks of an action have told of, but for one block. */
export function toldBy(
  steps: readonly RolloutStep[],
  action: string,
  but?: RolloutStep,
): Set<number> {
  const others = steps.filter((step) => step !== but && step.action === action);
  return new Set(others.flatMap(toldIn));
}

/** What a block is about to tell; as many lines are left as it has promised and not told. */
class Telling {
  readonly passed: number[] = [];
  readonly results: RolloutResult[] = [];
  readonly #told: Set<number>;
  readonly #earlier: ReadonlySet<number>;
  readonly #earlierResults: number;
  readonly #time: string;
  #left: number;

  constructor(step: RolloutStep, earlier: ReadonlySet<number>, time: string) {
    this.#told = new Set(toldIn(step));
    this.#earlier = earlier;
    this.#earlierResults = step.results?.length ?? 0;
    this.#left = (step.total ?? 0) - this.#told.size;
    this.#time = time;
  }

  get isOver(): boolean {
    return this.#left <= 0;
  }

  pass(item: number): void {
    if (!this.#earlier.has(item) && this.#take(item)) this.passed.push(item);
  }

  /** In full. An error also of a slot that an earlier block of the kind has told of. */
  say(item: number, result: RolloutResult): void {
    const isFirst = !this.#earlier.has(item) || result.status === "Error";
    if (!isFirst || !this.#take(item)) return;
    const isFull = this.#earlierResults + this.results.length < maxInFull;
    const { message: _words, pod: _pod, node: _node, ...bare } = result;
    this.results.push(isFull ? result : bare);
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

/** Whether the Node that the numbering knows says it all. */
const isAtHome = ({ goal }: View, node = ""): boolean =>
  node !== "" && (goal?.node ?? node) === node;

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
    if (outcome.status === "OK" && isAtHome(view, numbering.instances[item])) telling.pass(item);
    else telling.say(item, resultOf(view, outcome, telling.at(item)));
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
    telling.say(item, resultOf(view, leftBehind(action, view, moment), telling.at(item)));
  }
  const present = new Set(numbering.itemOf.values());
  numbering.instances.forEach((node, index) => {
    if (present.has(index)) return;
    const message = "The slot is no longer asked for";
    const slot = String(index);
    telling.say(index, { slot, status: "Warning", message, node, ...telling.at(index) });
  });
}

function withMoment(
  { passed = [], results = [] }: RolloutStep,
  items: readonly number[],
  time: string,
): readonly RolloutPassed[] {
  if (items.length === 0) return passed;
  const last = passed.at(-1);
  // What joins an earlier moment must not overtake what was told since.
  const isLast = last !== undefined && last.time > (results.at(-1)?.time ?? "");
  if (last === undefined || passed.length < maxMoments || !isLast) {
    return [...passed, { items: packNumbers(items), time }];
  }
  const joined = { ...last, items: `${last.items},${packNumbers(items)}` };
  return [...passed.slice(0, -1), joined];
}

/** The time of this turn, made later than that of the last one: time is the order of the lines. */
function timeAfter({ passed = [], results = [] }: RolloutStep, nowMs: number): string {
  const now = formatMicroTime(nowMs);
  const last = [passed.at(-1)?.time ?? "", results.at(-1)?.time ?? ""].toSorted().at(-1) ?? "";
  if (now > last) return now;
  return formatMicroTime((parseTime(last) ?? nowMs) + 1);
}

/** What the open block learns in one turn. */
export type Turn = {
  readonly moment: Moment;
  readonly numbering: Numbering;
  /** Its rollout goes on to something else. */
  readonly ends: boolean;
};

/** The open block with what is news; closed when it has told of all its slots, or must end. */
export function told(
  step: RolloutStep,
  views: readonly View[],
  { moment, numbering, ends }: Turn,
): RolloutStep {
  const { action, results = [] } = step;
  const { after, nowMs } = moment;
  const time = timeAfter(step, nowMs);
  const telling = new Telling(step, toldBy(after.steps, action, step), time);
  const facts = { action, moment, numbering };
  tellNews(telling, views, facts);
  if (ends) tellRest(telling, views, facts);
  const news = { passed: withMoment(step, telling.passed, time), results: telling.results };
  return {
    ...step,
    ...(news.passed.length === 0 ? {} : { passed: news.passed }),
    ...(results.length + news.results.length === 0
      ? {}
      : { results: [...results, ...news.results] }),
    ...(ends || telling.isOver ? { completedAt: time } : {}),
  };
}
