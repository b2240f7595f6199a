import { applicationReason } from "../../crds/conditions.ts";
import type { Context } from "./context.ts";
import { describe, reasonOf } from "./judge.ts";
import type { View } from "./slots.ts";
import type { Wait } from "./step.ts";

function waitFor(view: View, context: Context, otherwise: string): Wait {
  const { goal, slot } = view;
  const { rollout } = context;
  const begunMs = Math.max(rollout.phaseStartedAtMs, rollout.batchStartedAtMs ?? 0);
  const sinceMs = Math.max(begunMs, goal?.createdAtMs ?? 0);
  if (goal === undefined) {
    const message = view.blocked
      ? `slot ${slot.id}: a deleted pod still holds the name`
      : `slot ${slot.id}: the pod is being made`;
    return { owner: "api-server", reason: otherwise, message, slot: slot.id, sinceMs };
  }
  const reason = reasonOf(goal, otherwise);
  if (goal.node === undefined) {
    return {
      owner: "scheduler",
      reason,
      message: describe(view, "has no Node"),
      slot: slot.id,
      sinceMs,
    };
  }
  const what = goal.prepared ? "is not ready" : "is not prepared";
  return {
    owner: `node/${goal.node}`,
    reason,
    message: describe(view, what),
    slot: slot.id,
    sinceMs,
  };
}

/** One wait for each of the slots, with its owner, its reason and its beginning. */
export function waitForSlots(
  context: Context,
  views: readonly View[],
  reason: string,
): readonly Wait[] {
  return views.map((view) => waitFor(view, context, reason));
}

/** One wait for each slot whose Node does not answer; they are not counted, and not forgotten. */
export function waitForNodes({ seen, views, rollout }: Context): readonly Wait[] {
  return views
    .filter((view) => view.offline)
    .map(({ slot, goal, rivals, others }) => {
      const node = slot.node ?? goal?.node ?? rivals[0]?.node ?? others[0]?.node ?? "unknown";
      const isCordoned = seen.cordonedNodes?.has(node) === true;
      const why = isCordoned
        ? "the Node is cordoned, and gets its pod when it is uncordoned"
        : "the host does not answer";
      return {
        owner: `node/${node}`,
        reason: isCordoned ? applicationReason.nodeCordoned : applicationReason.hostOffline,
        message: `slot ${slot.id}: ${why}`,
        slot: slot.id,
        sinceMs: rollout.phaseStartedAtMs,
      };
    });
}
