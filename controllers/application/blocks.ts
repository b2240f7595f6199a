import { formatTime } from "../../api/machinery/time.ts";
import type { RolloutResult, RolloutStep } from "../../crds/types.gen.ts";
import { batchEnd } from "./batches.ts";
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

function resultsOf(
  step: RolloutStep,
  after: Rollout,
  seen: Seen,
  nowMs: number,
): readonly RolloutResult[] {
  const wanted = step.action === "RollBack" ? (seen.memory.current ?? "") : after.revision;
  const earlier = after.steps.filter((one) => one !== step && one.action === step.action);
  const known = new Set(earlier.flatMap(({ results = [] }) => results.map(({ slot }) => slot)));
  const failed = new Set(after.failedSlots);
  const hasFailed = failed.size > seen.strategy.tolerated;
  const time = formatTime(nowMs);
  return viewsOf(seen, wanted).flatMap((view, item): readonly RolloutResult[] => {
    const { slot, goal } = view;
    const isFailed = step.action !== "RollBack" && failed.has(slot.id);
    if (known.has(slot.id) || (!isFailed && !isThrough(step.action, view, seen, nowMs))) return [];
    const status = isFailed ? (hasFailed ? "Error" : "Warning") : "OK";
    const place = {
      ...(goal === undefined ? {} : { pod: goal.name }),
      ...(goal?.node === undefined ? {} : { node: goal.node }),
    };
    const message = isFailed ? (goal?.trouble?.message ?? after.message) : "";
    const said = message === "" ? {} : { message };
    return [{ slot: slot.id, item, status, ...said, ...place, time }];
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
