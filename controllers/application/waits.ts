import { applicationReason } from "../../crds/conditions.ts";
import type { Context } from "./context.ts";
import { defined } from "./defined.ts";
import { describe, reasonOf } from "./judge.ts";
import type { PodSeen } from "./seen.ts";
import type { View } from "./slots.ts";
import type { Wait } from "./step.ts";

/** The old pod of a slot that keeps it from its end, on a host that answers. */
function lingering({ others, leaving }: View): PodSeen | undefined {
  return [...others, ...leaving].find((pod) => pod.up && !pod.offline && pod.desired !== "Running");
}

type Gist = Omit<Wait, "slot" | "sinceMs"> & { readonly sinceMs?: number };

/** Why a slot has no pod, and who is to make or to place one. */
function gistOfNone(
  { slot, blocked, leaving, others }: View,
  { seen }: Context,
  otherwise: string,
): Gist {
  const of = `slot ${slot.id}`;
  if (slot.node !== undefined && seen.unknownNodes?.has(slot.node) === true) {
    const message = `${of}: there is no Node ${slot.node}`;
    return { owner: "user", reason: applicationReason.unschedulable, message };
  }
  const leaver = others.find(({ evicting }) => evicting === true);
  if (leaver !== undefined) {
    const message = `${of}: another pod is made, as Node ${leaver.node ?? "unknown"} is drained`;
    return { owner: "api-server", reason: applicationReason.movingSlot, message };
  }
  if (!blocked)
    return { owner: "api-server", reason: otherwise, message: `${of}: the pod is being made` };
  const node = leaving.find((pod) => pod.node !== undefined)?.node;
  const message = `${of}: a deleted pod still holds the name`;
  return { owner: node === undefined ? "api-server" : `node/${node}`, reason: otherwise, message };
}

/** What a slot waits for that has the pod it shall have. */
function gistOf(view: View, goal: PodSeen, context: Context, otherwise: string): Gist {
  const { rollout } = context;
  const reason = reasonOf(goal, otherwise);
  const { node } = goal;
  if (node === undefined)
    return { owner: "scheduler", reason, message: describe(view, "has no Node") };
  if (!goal.ready) {
    const what = goal.prepared ? "is not ready" : "is not prepared";
    return { owner: `node/${node}`, reason, message: describe(view, what) };
  }
  const old = lingering(view);
  if (old !== undefined) {
    const message = `slot ${view.slot.id}: pod ${old.name} on ${old.node ?? "no Node"} has not stopped`;
    return { owner: `node/${old.node ?? "unknown"}`, reason: otherwise, message };
  }
  const message = describe(view, "is ready, and not yet for minReadySeconds");
  return { owner: "clock", reason, message, ...defined({ sinceMs: rollout.readySinceMs }) };
}

function waitFor(view: View, context: Context, otherwise: string): Wait {
  const { goal, slot } = view;
  const { rollout, seen } = context;
  const begunMs = Math.max(rollout.phaseStartedAtMs, rollout.batchStartedAtMs ?? 0);
  const isUnknown = slot.node !== undefined && seen.unknownNodes?.has(slot.node) === true;
  const gist =
    goal === undefined || (isUnknown && goal.node === undefined)
      ? gistOfNone(view, context, otherwise)
      : gistOf(view, goal, context, otherwise);
  const sinceMs = Math.max(begunMs, goal?.createdAtMs ?? 0);
  return { sinceMs, ...gist, slot: slot.id };
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
