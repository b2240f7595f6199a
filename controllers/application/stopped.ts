import { applicationReason } from "../../crds/conditions.ts";
import type { RolloutPhase } from "../../crds/types.gen.ts";
import type { Context, Turn } from "./context.ts";
import { isMember } from "./group/membership.ts";
import type { Rollout } from "./seen.ts";
import { isDone } from "./slots.ts";
import { enter } from "./transitions.ts";

const switchingPhases: readonly RolloutPhase[] = ["Canary", "Rolling", "Verifying"];

/** Whether the rollout waits until something may run. */
export function isHeldByStop({ phase, reason }: Pick<Rollout, "phase" | "reason">): boolean {
  return phase === "Waiting" && reason === applicationReason.stopped;
}

/**
 * While nothing shall run a new version proves nothing: it is made everywhere, and goes through its
 * canary, batches and watch once `spec.runState` is Running. Else a version that never ran would be
 * the last good one, and there would be nothing to go back to. A group decides without waiting.
 */
export function holdForStop(context: Context): Turn | undefined {
  const { seen, rollout, target, reachable } = context;
  if (isHeldByStop(rollout)) {
    if (!seen.running) return undefined;
    const message = "spec.runState is Running";
    const why = { reason: applicationReason.rollingOut, message };
    return enter(context, rollout.resume ?? "Rolling", why);
  }
  const isProven = target.name === seen.memory.current;
  if (seen.running || isProven || isMember(seen, rollout)) return undefined;
  if (!switchingPhases.includes(rollout.phase) || reachable.length === 0) return undefined;
  const forgiven = new Set(rollout.failedSlots);
  const open = reachable.filter(({ slot }) => !forgiven.has(slot.id));
  if (!open.every((view) => isDone(view, { running: false, proven: true }))) return undefined;
  return enter(context, "Waiting", {
    resume: rollout.phase === "Canary" ? "Canary" : "Rolling",
    reason: applicationReason.stopped,
    message: `${target.name} is prepared and goes on once spec.runState is Running`,
  });
}
