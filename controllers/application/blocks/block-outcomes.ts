import { applicationReason } from "../../../crds/conditions.ts";
import type { RolloutResult } from "../../../crds/types.gen.ts";
import { defined } from "../defined.ts";
import { isProven } from "../progress.ts";
import type { Rollout, Seen } from "../seen.ts";
import { isDone, type View } from "../slots.ts";

/** What a slot has come to in a block: it came through, or it did not and why. */
export type Outcome = Pick<RolloutResult, "status" | "message">;

/** One turn of a rollout, as its blocks see it. */
export type Moment = { readonly after: Rollout; readonly seen: Seen; readonly nowMs: number };

const failedPhases: readonly string[] = ["RollingBack", "RolledBack", "RollbackPaused"];

/** Whether a failure holds the rollout or ended it. */
export function isBroken({ phase, reason }: Rollout): boolean {
  const isHeld = phase === "Paused" && reason === applicationReason.pausedByFailure;
  return failedPhases.includes(phase) || isHeld;
}

function isEmpty({ goal, others, leaving }: View): boolean {
  return goal === undefined && [...others, ...leaving].every((pod) => pod.offline);
}

/** Whether the slot has come through what the block does. */
function isThrough(action: string, view: View, { after, seen, nowMs }: Moment): boolean {
  const { running, memory } = seen;
  switch (action) {
    case "Prepare":
      return view.goal?.prepared === true;
    case "RollBack":
      if (memory.current === undefined) return isEmpty(view);
      return isDone(view, { running, proven: true });
    case "Verify":
      // Good is what was still good in the end.
      return after.phase === "Completed" && view.goal !== undefined && !view.offline;
    default:
      return isDone(view, { running, proven: isProven(after, seen, nowMs) });
  }
}

/** How a slot came out of the block; `undefined` if it did not yet. */
export function outcomeOf(action: string, view: View, moment: Moment): Outcome | undefined {
  const { after, seen } = moment;
  if (action !== "RollBack" && after.failedSlots.includes(view.slot.id)) {
    const isFatal = isBroken(after) || after.failedSlots.length > seen.strategy.tolerated;
    const message = view.goal?.trouble?.message ?? after.message;
    return { status: isFatal ? "Error" : "Warning", message };
  }
  return isThrough(action, view, moment) ? { status: "OK" } : undefined;
}

function hostOf({ slot, goal, rivals, others }: View): string {
  return slot.node ?? [goal, ...rivals, ...others].find((pod) => pod?.node)?.node ?? "Its host";
}

/** What is said of a slot that did not get through a block which ends. */
export function leftBehind(action: string, view: View, { after, seen }: Moment): Outcome {
  const trouble = view.goal?.trouble?.message;
  if (view.offline) {
    const message = `${hostOf(view)} does not answer, the slot follows later`;
    return { status: "Warning", message };
  }
  if (action === "RollBack") {
    const wanted = seen.memory.current ?? "nothing";
    return { status: "Error", message: `Not back on ${wanted}: ${trouble ?? after.message}` };
  }
  const message = trouble ?? "Not there when the others were";
  return { status: "Warning", message: isBroken(after) ? `Broken off: ${after.message}` : message };
}

/** The record of a slot that did not come through. */
export function resultOf(
  view: View,
  outcome: Outcome,
  { item, time }: { readonly item: number; readonly time: string },
): RolloutResult {
  const { slot, goal } = view;
  const place = { ...defined({ pod: goal?.name }), node: slot.node ?? goal?.node ?? "" };
  return { slot: slot.id, item, ...outcome, ...place, time };
}
