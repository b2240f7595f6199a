import { applicationReason, podReason } from "../../crds/conditions.ts";
import type { Context } from "./context.ts";
import type { PodSeen, Trouble } from "./seen.ts";
import { isProven } from "./progress.ts";
import { isDone, isTaken, type View } from "./slots.ts";

/** How long an engine may refuse to start a container before the slot counts as failed. Milliseconds. */
export const startRefusedForMs = 10_000;

const reasons: Readonly<Record<string, string>> = {
  [podReason.pullFailed]: applicationReason.imagePullFailed,
  [podReason.pullBackOff]: applicationReason.imagePullFailed,
  [podReason.neverPull]: applicationReason.imagePullFailed,
  [podReason.imageUnknown]: applicationReason.imagePullFailed,
  InvalidImageName: applicationReason.imagePullFailed,
  [podReason.nameConflict]: applicationReason.nameConflict,
  [podReason.portConflict]: applicationReason.portConflict,
  [podReason.createError]: applicationReason.containerFailed,
  [podReason.runError]: applicationReason.containerFailed,
  [podReason.engineOverdue]: applicationReason.containerFailed,
  [podReason.crashLoop]: applicationReason.containerFailed,
  Unschedulable: applicationReason.unschedulable,
};

/** Why a pod waits, in the words of our table; `otherwise` when it gives no reason we know. */
export function reasonOf(pod: PodSeen | undefined, otherwise: string): string {
  return reasons[pod?.trouble?.reason ?? ""] ?? otherwise;
}

/** Which pod of which slot, and what it said last. */
export function describe(view: View, what: string): string {
  const { slot, goal } = view;
  const asked = slot.node === undefined ? "" : `, which only Node ${slot.node} may have,`;
  if (goal === undefined) return `slot ${slot.id}: ${what}`;
  const where = goal.node === undefined ? asked : ` on ${goal.node}`;
  const said =
    goal.trouble === undefined || goal.trouble.message === "" ? "" : `: ${goal.trouble.message}`;
  return `slot ${slot.id}: pod ${goal.name}${where} ${what}${said}`;
}

/** A slot that failed, and how. */
export type Verdict = Trouble & { readonly slot: string };

/** Failures that no waiting mends, so that not even the first stop is worth it. */
export function hopelessOf(views: readonly View[]): readonly Verdict[] {
  const hopeless: readonly string[] = [
    podReason.neverPull,
    podReason.imageUnknown,
    "InvalidImageName",
  ];
  return views
    .filter(
      ({ goal }) => hopeless.includes(goal?.trouble?.reason ?? "") && goal?.prepared === false,
    )
    .map((view) => ({
      slot: view.slot.id,
      reason: applicationReason.imagePullFailed,
      message: describe(view, "cannot have its image"),
    }));
}

function isRefused(goal: PodSeen, { rollout, nowMs }: Context): boolean {
  if (goal.trouble?.reason !== podReason.runError) return false;
  const sinceMs = Math.max(rollout.phaseStartedAtMs, rollout.batchStartedAtMs ?? 0);
  return nowMs - sinceMs >= startRefusedForMs;
}

function verdictOf(view: View, context: Context): Verdict | undefined {
  const { goal, slot } = view;
  const { rollout, seen } = context;
  if (goal === undefined || goal.desired !== "Running" || !seen.running) return undefined;
  const failed = (what: string): Verdict => ({
    slot: slot.id,
    reason: applicationReason.containerFailed,
    message: describe(view, what),
  });
  if (goal.ended || goal.finished) return failed("ended");
  const times = goal.restarts === 1 ? "once" : `${goal.restarts} times`;
  if (goal.restarts > 0) return failed(`was restarted ${times}`);
  if (isRefused(goal, context)) return failed("cannot be started");
  return hasBroken(goal, rollout) ? failed("is no longer ready") : undefined;
}

/** Whether it was good when the watch began, as whoever was there then, and is so no more. */
function hasBroken(goal: PodSeen, { phase, phaseStartedAtMs }: Context["rollout"]): boolean {
  if (phase !== "Verifying" || goal.ready || goal.hostRestarted) return false;
  return goal.createdAtMs < phaseStartedAtMs && goal.neverReady !== true;
}

/**
 * Slots of the target that failed. Not those on Nodes that do not answer, unless the policy says
 * so; and none when the target is the last good Revision, which has proven itself.
 */
export function failuresOf(context: Context): readonly Verdict[] {
  const { seen, views, reachable, target } = context;
  if (target.name === seen.memory.current) return [];
  const found = reachable.flatMap((view) => verdictOf(view, context) ?? []);
  if (seen.strategy.offlineNodes !== "Fail") return found;
  const isCordoned = ({ slot }: View): boolean => seen.cordonedNodes?.has(slot.node ?? "") === true;
  const offline = views.filter((view) => view.offline && !isCordoned(view));
  const nodeOf = ({ slot, goal, others }: View): string =>
    slot.node ?? goal?.node ?? others[0]?.node ?? "unknown";
  const lost = offline.map((view) => ({
    slot: view.slot.id,
    reason: applicationReason.nodeOffline,
    message: `slot ${view.slot.id}: node ${nodeOf(view)} does not answer`,
  }));
  return [...found, ...lost];
}

/** When the progress deadline passes, unless something comes forward. Milliseconds since the epoch. */
export function deadlineAtMs({ rollout, seen }: Context): number {
  return rollout.progressedAtMs + seen.strategy.deadlineMs;
}

/**
 * When the deadline passes for one slot: a host that was away has all of it from its return on,
 * however long the others have waited.
 */
function overdueAtMs({ goal }: View, context: Context): number {
  const returnedMs = Math.min(goal?.answeringSinceMs ?? 0, context.nowMs);
  return Math.max(deadlineAtMs(context), returnedMs + context.seen.strategy.deadlineMs);
}

/** When a deadline of these slots passes next, in milliseconds since the epoch. */
export function deadlinesOf(context: Context, open: readonly View[]): readonly number[] {
  const times = open.map((view) => overdueAtMs(view, context)).filter((at) => at > context.nowMs);
  return times.length === 0 ? [] : [Math.min(...times)];
}

function stuckVerdict(view: View): Verdict {
  const old = view.goal?.ready === true ? view.others.find((pod) => pod.up) : undefined;
  if (old !== undefined) {
    const message = `slot ${view.slot.id}: pod ${old.name} on ${old.node ?? "no Node"} does not stop in time`;
    return { slot: view.slot.id, reason: applicationReason.progressDeadlineExceeded, message };
  }
  const what = view.goal?.prepared === true ? "ready" : "prepared";
  return {
    slot: view.slot.id,
    reason: reasonOf(view.goal, applicationReason.progressDeadlineExceeded),
    message: describe(view, `is not ${what} in time`),
  };
}

/** Those of the slots whose time is over. */
export function overdueOf(context: Context, open: readonly View[]): readonly Verdict[] {
  return open.filter((view) => overdueAtMs(view, context) <= context.nowMs).map(stuckVerdict);
}

/** Slots of a switch that is under way: those begun and not done, or all that are not done. */
export function pendingOf(context: Context): readonly View[] {
  const { seen, nowMs, reachable, rollout } = context;
  const forgiven = new Set(rollout.failedSlots);
  const arrival = { running: seen.running, proven: isProven(rollout, seen, nowMs) };
  const open = reachable.filter((view) => !forgiven.has(view.slot.id) && !isDone(view, arrival));
  const begun = open.filter((view) => isTaken(view, seen.running));
  return begun.length > 0 ? begun : open;
}
