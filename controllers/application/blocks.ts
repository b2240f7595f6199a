import { formatTime } from "../../api/machinery/time.ts";
import type { RolloutResult, RolloutStep } from "../../crds/types.gen.ts";
import { batchEnd } from "./batches.ts";
import { defined } from "./defined.ts";
import type { Rollout, Seen } from "./seen.ts";
import { isDone, type View, viewsOf } from "./slots.ts";

/** Steps that a status keeps at most; the oldest go first. */
const maxSteps = 200;

type Block = Pick<RolloutStep, "name" | "action" | "title" | "batch" | "total">;

function blockOf({ phase, batch, batches, revision }: Rollout, seen: Seen): Block | undefined {
  const total = seen.slots.length;
  switch (phase) {
    case "Preparing":
      return { name: "prepare", action: "Prepare", title: `Preparing ${revision}`, total };
    case "Canary":
    case "Rolling": {
      const end = batches > 1 ? batchEnd(seen.strategy, total, batch) : total;
      const size = end - (batch > 1 ? batchEnd(seen.strategy, total, batch - 1) : 0);
      const title = `Replacing batch ${batch} by ${revision}`;
      return { name: `batch-${batch}-replace`, action: "Replace", title, batch, total: size };
    }
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

/** Whether the slot has come through the step. */
function isThrough(action: string, view: View, seen: Seen, nowMs: number): boolean {
  if (action === "Prepare") return view.goal?.prepared === true;
  const goodMs = action === "RollBack" ? 0 : seen.strategy.minReadyMs;
  return isDone(view, { running: seen.running, goodMs, nowMs });
}

type Outcome = Pick<RolloutResult, "status" | "message">;

/** How a slot came out of the step; `undefined` if it did not get there. */
function outcomeOf(
  action: string,
  view: View,
  after: Rollout,
  { seen, nowMs }: { readonly seen: Seen; readonly nowMs: number },
): Outcome | undefined {
  if (action !== "RollBack" && after.failedSlots.includes(view.slot.id)) {
    const isFatal = after.failedSlots.length > seen.strategy.tolerated;
    const message = view.goal?.trouble?.message ?? after.message;
    return { status: isFatal ? "Error" : "Warning", message };
  }
  return isThrough(action, view, seen, nowMs) ? { status: "OK" } : undefined;
}

function resultsOf(
  step: RolloutStep,
  after: Rollout,
  seen: Seen,
  nowMs: number,
): readonly RolloutResult[] {
  const { action } = step;
  const wanted = action === "RollBack" ? (seen.memory.current ?? "") : after.revision;
  const earlier = after.steps.filter((one) => one !== step && one.action === action);
  const known = new Set(earlier.flatMap(({ results = [] }) => results.map(({ slot }) => slot)));
  const time = formatTime(nowMs);
  return viewsOf(seen, wanted).flatMap((view, item): readonly RolloutResult[] => {
    const { slot, goal } = view;
    const outcome = outcomeOf(action, view, after, { seen, nowMs });
    if (outcome === undefined || known.has(slot.id)) return [];
    const place = defined({ pod: goal?.name, node: goal?.node });
    return [{ slot: slot.id, item, ...outcome, ...place, time }];
  });
}

/**
 * The blocks of the update stream after a turn: the open one is closed with the outcome of its
 * slots when the rollout goes on to something else, and what that is opens the next one.
 */
export function blocksAfter(
  before: Rollout | undefined,
  after: Rollout,
  seen: Seen,
  nowMs: number,
): readonly RolloutStep[] {
  const isSame = before?.revision === after.revision && before.startedAtMs === after.startedAtMs;
  const steps = isSame ? after.steps : [];
  const last = steps.at(-1);
  const next = blockOf(after, seen);
  if (last?.name === next?.name) return steps;
  const time = formatTime(nowMs);
  const closed = steps.map((step) =>
    step.completedAt === undefined
      ? { ...step, completedAt: time, results: resultsOf(step, after, seen, nowMs) }
      : step,
  );
  const opened = next === undefined ? [] : [{ ...next, startedAt: time }];
  return [...closed, ...opened].slice(-maxSteps);
}
