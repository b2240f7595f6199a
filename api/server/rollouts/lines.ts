import { unpackNumbers } from "../../machinery/number-ranges.ts";
import type { RolloutLine, RolloutVerdict } from "../../../crds/rollout-stream.ts";
import type { Rollout, RolloutResult, RolloutStep } from "../../../crds/types.gen.ts";

/** Where a reader is in the blocks of one rollout. */
export type Cursor = {
  /** Name of the block that was told of last; absent before the first. */
  readonly step?: string;
  /** Slots of it that were told of, of either kind. */
  readonly passed: number;
  readonly results: number;
  readonly isComplete: boolean;
};

/** Before the first line. */
export const beginning: Cursor = { passed: 0, results: 0, isComplete: true };

/** Lines that are new to a reader, and where that leads. */
type News = { readonly lines: readonly RolloutLine[]; readonly cursor: Cursor };

/** Which rollout: the same Revision may be rolled out twice. */
export function operationOf({ revision = "", startedAt = "" }: Rollout): string {
  return `${revision}@${startedAt}`;
}

const codes = { OK: 200, Warning: 304, Error: 500 } as const;

/** What all lines of a block have in common. */
type Frame = Pick<RolloutLine, "Method" | "Endpoint" | "Total" | "Operation"> & {
  readonly instances: readonly string[];
};

function frameOf(rollout: Rollout, { action, name, total = 0 }: RolloutStep): Frame {
  const { instances = [] } = rollout;
  return {
    Method: action,
    Endpoint: name,
    Total: total,
    Operation: operationOf(rollout),
    instances,
  };
}

type Said = Pick<RolloutLine, "Status" | "Message" | "Code" | "Instance" | "Item" | "Time">;

// One place writes the fields, so that they always come in the order of the contract.
const line = ({ Method, Endpoint, Total, Operation }: Frame, said: Said): RolloutLine => ({
  Status: said.Status,
  Method,
  Endpoint,
  Message: said.Message,
  Code: said.Code,
  Instance: said.Instance,
  Item: said.Item,
  Total,
  Operation,
  Time: said.Time,
});

function edge(
  frame: Frame,
  step: RolloutStep,
  at: Pick<RolloutLine, "Status" | "Item" | "Time">,
): RolloutLine {
  return line(frame, { ...at, Message: step.title ?? step.name, Code: 0, Instance: "" });
}

/** A line about one slot. */
type SlotOutcome = {
  readonly status: keyof typeof codes;
  readonly item: number;
  readonly message?: string;
  readonly node?: string;
  readonly code?: number;
  readonly time: string;
};

function slotLine(frame: Frame, { status, item, message, node, code, time }: SlotOutcome) {
  return line(frame, {
    Status: status,
    Message: message ?? "",
    Code: code === undefined || code === 0 ? codes[status] : code,
    Instance: node ?? frame.instances[item] ?? "",
    Item: item,
    Time: time,
  });
}

const outcomeOf = ({ item = -1, time = "", ...rest }: RolloutResult): SlotOutcome => ({
  ...rest,
  item,
  time,
});

/** Slots that came through, in the order in which they were recorded. */
function passedOf({ passed = [] }: RolloutStep): readonly SlotOutcome[] {
  return passed.flatMap(({ items, time }) =>
    unpackNumbers(items).map((item) => ({ status: "OK" as const, item, time })),
  );
}

/** Both kinds in order of time; each kind keeps its own order, so that a reader finds its place. */
function merged(one: readonly SlotOutcome[], other: readonly SlotOutcome[]): SlotOutcome[] {
  const sorted: SlotOutcome[] = [];
  let next = 0;
  for (const outcome of one) {
    for (let rest = other[next]; rest !== undefined && rest.time < outcome.time;) {
      sorted.push(rest);
      next += 1;
      rest = other[next];
    }
    sorted.push(outcome);
  }
  return [...sorted, ...other.slice(next)];
}

/** The lines of one block that a reader who has `told` of it does not know. */
function newsOfStep(rollout: Rollout, step: RolloutStep, told: Cursor): News {
  const frame = frameOf(rollout, step);
  const isNew = told.step !== step.name;
  const { passed, results } = isNew ? beginning : told;
  const news = {
    passed: passedOf(step).slice(passed),
    results: (step.results ?? []).slice(results).map(outcomeOf),
  };
  const lines: RolloutLine[] = merged(news.passed, news.results).map((one) => slotLine(frame, one));
  const { startedAt = "", completedAt } = step;
  if (isNew) lines.unshift(edge(frame, step, { Status: "Starting", Item: 0, Time: startedAt }));
  const cursor = {
    step: step.name,
    passed: passed + news.passed.length,
    results: results + news.results.length,
    isComplete: completedAt !== undefined,
  };
  if (completedAt !== undefined && (isNew || !told.isComplete)) {
    const Item = cursor.passed + cursor.results;
    lines.push(edge(frame, step, { Status: "Complete", Item, Time: completedAt }));
  }
  return { lines, cursor };
}

/** All lines about blocks that come after the cursor. */
export function newsOf(rollout: Rollout, cursor: Cursor): News {
  const { steps = [] } = rollout;
  const index = steps.findIndex(({ name }) => name === cursor.step);
  let at = cursor;
  const lines: RolloutLine[] = [];
  for (const step of steps.slice(Math.max(0, index))) {
    const news = newsOfStep(rollout, step, at);
    for (const one of news.lines) lines.push(one);
    at = news.cursor;
  }
  return { lines, cursor: at };
}

/** Numbers of slots that may still be owed a line: first those that no block of the kind told of. */
function owedIn(rollout: Rollout, step: RolloutStep): readonly number[] {
  const itemsOf = (one: RolloutStep): readonly number[] => [
    ...passedOf(one).map(({ item }) => item),
    ...(one.results ?? []).map(({ item = -1 }) => item),
  ];
  const own = new Set(itemsOf(step));
  const before = (rollout.steps ?? []).filter(({ action }) => action === step.action);
  const known = new Set(before.flatMap(itemsOf));
  const length = Math.max(step.total ?? 0, rollout.instances?.length ?? 0);
  const open = Array.from({ length }, (_, item) => item).filter((item) => !own.has(item));
  return [...open.filter((item) => !known.has(item)), ...open.filter((item) => known.has(item))];
}

/** Ends the block that was open when its rollout was cut short: what it promised is told. */
export function cutShort(
  rollout: Rollout,
  cursor: Cursor,
  { message, time }: { readonly message: string; readonly time: string },
): readonly RolloutLine[] {
  const step = rollout.steps?.find(({ name }) => name === cursor.step);
  if (step === undefined || cursor.isComplete) return [];
  const frame = frameOf(rollout, step);
  const told = cursor.passed + cursor.results;
  const missing = Math.max(0, frame.Total - told);
  const rest = owedIn(rollout, step)
    .slice(0, missing)
    .map((item) => slotLine(frame, { status: "Warning", item, message, time }));
  const Item = told + rest.length;
  return [...rest, edge(frame, step, { Status: "Complete", Item, Time: time })];
}

/** The last line. */
export function finalLine(
  operation: string,
  verdict: RolloutVerdict,
  { message, time }: { readonly message: string; readonly time: string },
): RolloutLine {
  const frame = { Method: "", Endpoint: "", Total: 0, Operation: operation, instances: [] };
  const said = { Message: message, Code: 0, Instance: "", Item: 0, Time: time };
  return { ...line(frame, { Status: "Finalized", ...said }), Verdict: verdict };
}
