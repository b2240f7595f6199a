import { applicationReason } from "../../crds/conditions.ts";
import { batchCount, batchEnd } from "./batches.ts";
import { type Context, isCutOff, stay, type Turn } from "./context.ts";
import { courseOf } from "./course.ts";
import {
  deadlinesOf,
  failuresOf,
  hopelessOf,
  overdueOf,
  pendingOf,
  type Verdict,
} from "./judge.ts";
import { heldMember, holdPrepared, holdVerified, withHold } from "./group/group-turns.ts";
import { inFlight } from "./in-flight.ts";
import { isBound, isMember } from "./group/membership.ts";
import { planMoves, planPrepare } from "./moves.ts";
import {
  type Removals,
  removeAbandoned,
  removeEvicted,
  removeOddImages,
  removeSurplus,
  removeUnusable,
} from "./removals.ts";
import { withMoves } from "./drain.ts";
import { repair } from "./repair.ts";
import { isProven, provenAtMs } from "./progress.ts";
import { hasResidue, isDone, isTaken, type View } from "./slots.ts";
import type { Step } from "./step.ts";
import { complete, enter, enterSwitching, fail } from "./transitions.ts";
import { waitForSlots } from "./waits.ts";

/** The first verdict speaks for all; the rest is counted. */
function failWith(context: Context, verdicts: readonly Verdict[]): Turn {
  const [first] = verdicts;
  const { reason, message } = first ?? {
    reason: applicationReason.progressDeadlineExceeded,
    message: "Nothing came forward in time",
  };
  const rest = verdicts.length > 1 ? ` (and ${verdicts.length - 1} more)` : "";
  const slots = verdicts.map(({ slot }) => slot);
  return fail(context, { reason, message: `${message}${rest}` }, slots);
}

/** Pods that must go whatever the phase of a rollout. */
function removals({ seen, reachable, target }: Context): Removals {
  const digests = new Map(target.images.map(({ image, digest }) => [image, digest]));
  const odd = removeOddImages(seen, reachable, digests);
  const evicted = removeEvicted(seen, reachable, odd.slots);
  // The way back is short, and ends with everything else removed.
  const isReturn = target.name === seen.memory.current;
  const rest = [
    ...removeSurplus(seen, reachable),
    ...removeUnusable(reachable),
    ...(isReturn ? [] : removeAbandoned(reachable, [target.name, seen.memory.current])),
  ];
  return { steps: [...rest, ...odd.steps, ...evicted.steps], slots: odd.slots + evicted.slots };
}

/** Steps without those on pods that are to be deleted in the same turn. */
function withRemovals(removed: readonly Step[], steps: readonly Step[]): readonly Step[] {
  const doomed = new Set(removed.flatMap((step) => (step.kind === "deletePod" ? [step.uid] : [])));
  const isIdle = (step: Step): boolean =>
    step.kind !== "order" || !step.orders.some(({ uid }) => doomed.has(uid));
  return [...removed, ...steps.filter(isIdle)];
}

/** Everything is prepared before the first slot is switched, and in a group that of all members. */
export function preparing(context: Context): Turn {
  const isPrepared = context.reachable.every(({ goal }) => goal?.prepared === true);
  const hold = holdPrepared(context, isPrepared);
  if (isPrepared && hold === undefined) return enterSwitching(context);
  return withHold(prepare(context), "Preparing", hold);
}

/** Images are fetched and containers made everywhere, and nothing that runs is touched. */
function prepare(context: Context): Turn {
  const { reachable, seen } = context;
  const hopeless = hopelessOf(reachable);
  if (hopeless.length > 0) return failWith(context, hopeless);
  const open = reachable.filter(({ goal }) => goal?.prepared !== true);
  const overdue = overdueOf(context, open);
  if (overdue.length > 0) return failWith(context, overdue);
  const course = courseOf(context);
  const removed = removals(context);
  const steps = seen.running
    ? withMoves(context, [...planPrepare(reachable, course), ...repair(context)])
    : planMoves(reachable, course);
  return stay(context, {
    steps: withRemovals(removed.steps, steps),
    waits: waitForSlots(context, open, applicationReason.waitingForPrepare),
    wakeAtMs: deadlinesOf(context, open),
  });
}

/** Where the switching of slots stands. */
type Progress = {
  readonly forgiven: ReadonlySet<string>;
  /** Slots that the target has taken, and are not yet good. */
  readonly flying: readonly View[];
  /** Slots that the target has not taken. */
  readonly ahead: readonly View[];
  readonly taken: number;
};

function progressOf(context: Context): Progress {
  const { seen, reachable, rollout, nowMs } = context;
  const forgiven = new Set(rollout.failedSlots);
  const arrival = { running: seen.running, proven: isProven(rollout, seen, nowMs) };
  const isTarget = (view: View): boolean => isTaken(view, seen.running);
  const isOpen = (view: View): boolean => !forgiven.has(view.slot.id) && !isDone(view, arrival);
  return {
    forgiven,
    flying: reachable.filter((view) => isTarget(view) && isOpen(view)),
    ahead: reachable.filter((view) => !isTarget(view) && isOpen(view)),
    taken: reachable.filter(isTarget).length,
  };
}

/** Failures beyond what is tolerated end the rollout; the others are remembered. */
function tolerate(context: Context, verdicts: readonly Verdict[]): Context | Turn {
  const { rollout, seen, nowMs } = context;
  const known = new Set(rollout.failedSlots);
  const fresh = verdicts.filter(({ slot }) => !known.has(slot));
  if (fresh.length === 0 || isBound(seen, rollout)) return context;
  const failedSlots = [...rollout.failedSlots, ...fresh.map(({ slot }) => slot)];
  // A version that is good nowhere is not good, whatever is tolerated.
  const limit = Math.min(seen.strategy.tolerated, Math.max(0, context.reachable.length - 1));
  if (failedSlots.length > limit) return failWith(context, fresh);
  // The rollout goes on to other slots, which have all of the deadline to themselves.
  return { ...context, rollout: { ...rollout, failedSlots, progressedAtMs: nowMs } };
}

const isTurn = (result: Context | Turn): result is Turn => "steps" in result;

/** The steps of a phase that switches slots up to `allowed`. */
function switching(context: Context, allowed: number, insists = false): Turn {
  const progress = progressOf(context);
  const { seen, reachable, rollout } = context;
  const isHeld = rollout.phase !== "Rolling" && rollout.from !== undefined;
  // A canary must stay small: what breaks beside it is repaired with the version that is proven.
  const isOpen = (view: View): boolean => isTaken(view, seen.running) || view.rivals.length > 0;
  const held = isHeld ? reachable.filter((view) => !isOpen(view)) : [];
  const course = courseOf(context, {
    allowed,
    forgiven: progress.forgiven,
    insists,
    held: new Set(held.map(({ slot }) => slot.id)),
  });
  const removed = removals(context);
  const away = inFlight(context.views, context);
  const lost = removed.slots + away.slots;
  const moves = planMoves(reachable, course, lost);
  const steps = isHeld ? withMoves(context, [...moves, ...repair(context)], lost) : moves;
  return stay(context, {
    steps: withRemovals(removed.steps, steps),
    waits: waitForSlots(context, progress.flying, applicationReason.waitingForReady),
    wakeAtMs: [
      provenAtMs(rollout, seen) ?? 0,
      ...away.wakeAtMs,
      ...deadlinesOf(context, pendingOf(context)),
    ],
  });
}

function judged(context: Context): Context | Turn {
  const result = tolerate(context, failuresOf(context));
  if (isTurn(result)) return result;
  return tolerate(result, overdueOf(result, pendingOf(result)));
}

/** Whether nobody has to look at the canary any more. */
const isApproved = ({ seen, target }: Context): boolean =>
  !seen.strategy.manualApproval || seen.approved === target.name;

/** The canary batch is switched and watched. */
export function canary(before: Context): Turn {
  const context = judged(before);
  if (isTurn(context)) return context;
  const { seen, reachable, rollout, target } = context;
  const progress = progressOf(context);
  const end = batchEnd(seen.strategy, reachable.length, 1);
  // What is only made shows nothing.
  if (!seen.running || progress.flying.length > 0 || progress.taken < end) {
    return switching(context, end);
  }
  if (isApproved(context)) {
    return enterRolling(context, rollout.batch + 1);
  }
  return enter(context, "Waiting", {
    resume: "Rolling",
    reason: applicationReason.waitingForApproval,
    message: `The canary of ${target.name} is good and waits for an approval: lighthouse rollout approve ${seen.name}`,
  });
}

function enterRolling(context: Context, batch: number): Turn {
  const count = batchCount(context.seen.strategy, context.reachable.length);
  return enter(context, "Rolling", {
    reason: applicationReason.rollingOut,
    message: `Switching to ${context.target.name}`,
    batch: Math.min(batch, count),
  });
}

/** All slots are on the target and good: either it is watched for a while, or it is proven already. */
function finish(context: Context): Turn {
  const { seen, target, rollout } = context;
  const isProven = target.name === seen.memory.current;
  const isWatched = seen.running && seen.strategy.monitorMs > 0;
  if (isProven || !(isWatched || isMember(seen, rollout))) return completeIfClean(context);
  return enter(context, "Verifying", {
    reason: applicationReason.monitoring,
    message: `Watching ${target.name} for ${seen.strategy.monitorMs / 1000} s`,
  });
}

function completeIfClean(context: Context): Turn {
  const residue = context.reachable.filter(hasResidue);
  if (residue.length === 0) return complete(context);
  const overdue = isBound(context.seen, context.rollout) ? [] : overdueOf(context, residue);
  if (overdue.length > 0) return failWith(context, overdue);
  const turn = switching(context, context.seen.slots.length, true);
  return {
    ...turn,
    waits: waitForSlots(context, residue, applicationReason.rollingOut),
    wakeAtMs: [...turn.wakeAtMs, ...deadlinesOf(context, residue)],
  };
}

/** The batch that may be switched now: the next one as soon as all before it are good. */
function nextBatch(context: Context, progress: Progress): number {
  const { seen, reachable, rollout } = context;
  const count = batchCount(seen.strategy, reachable.length);
  let batch = Math.max(1, rollout.batch);
  if (progress.flying.length > 0) return batch;
  while (batch < count && progress.taken >= batchEnd(seen.strategy, reachable.length, batch)) {
    batch += 1;
  }
  return batch;
}

/** Batch after batch is switched, each once the one before is good. */
export function rolling(before: Context): Turn {
  const context = judged(before);
  if (isTurn(context)) return context;
  const { seen, reachable, rollout, nowMs } = context;
  const progress = progressOf(context);
  if (progress.flying.length + progress.ahead.length === 0) return finish(context);
  const batch = nextBatch(context, progress);
  const isNext = batch > Math.max(1, rollout.batch);
  if (isNext && seen.strategy.pauseMs > 0) {
    return enter(context, "Waiting", {
      resume: "Rolling",
      reason: applicationReason.waitingBetweenBatches,
      message: `Batch ${rollout.batch} is good, the next one begins in ${seen.strategy.pauseMs / 1000} s`,
    });
  }
  const begun: Context = isNext
    ? { ...context, rollout: { ...rollout, batch, batchStartedAtMs: nowMs, progressedAtMs: nowMs } }
    : context;
  return switching(begun, batchEnd(seen.strategy, reachable.length, batch));
}

/** What holds a rollout that is good so far, since when, and when to look again. */
function holdBy(context: Context, owner: string, wakeAtMs: readonly number[]): Turn {
  const { seen, rollout, reachable } = context;
  const end = batchEnd(seen.strategy, reachable.length, Math.max(1, rollout.batch));
  const turn = switching(context, end);
  const { message, reason, phaseStartedAtMs: sinceMs } = rollout;
  return { ...turn, waits: [{ owner, message, reason, sinceMs }, ...turn.waits], wakeAtMs };
}

/** Good so far, and held: by an approval, a pause or Nodes that are away. The deadline stands still. */
export function waiting(before: Context): Turn {
  const context = tolerate(before, failuresOf(before));
  if (isTurn(context)) return context;
  const { seen, rollout, nowMs } = context;
  const resumeAtMs = rollout.phaseStartedAtMs + seen.strategy.pauseMs;
  switch (rollout.reason) {
    case applicationReason.waitingForApproval:
      return isApproved(context)
        ? enterRolling(context, rollout.batch + 1)
        : holdBy(context, "user", []);
    case applicationReason.stopped:
      return holdBy(context, "user", []);
    case applicationReason.waitingForNodes:
      if (isCutOff(context)) return stay(context);
      return enter(context, rollout.resume ?? "Rolling", {
        reason: applicationReason.rollingOut,
        message: "The nodes answer again",
      });
    case applicationReason.waitingForGroup:
      if (heldMember(context) !== undefined) return holdBy(context, "group", []);
      return enter(context, rollout.resume ?? "Rolling", {
        reason: applicationReason.rollingOut,
        message: "No member of the group is held any more",
      });
    default:
      if (resumeAtMs <= nowMs) return enterRolling(context, rollout.batch + 1);
      return holdBy(context, "clock", [resumeAtMs]);
  }
}

/** Everything runs the target; it is watched before the old pods are given up. */
export function verifying(before: Context): Turn {
  const context = judged(before);
  if (isTurn(context)) return context;
  const { seen, rollout, reachable, nowMs } = context;
  const endMs = rollout.phaseStartedAtMs + (seen.running ? seen.strategy.monitorMs : 0);
  // A host that came back in the meantime, or was started anew, has to get there as well.
  const isGood = endMs <= nowMs && pendingOf(context).length === 0;
  const isThrough = isGood || isBound(seen, rollout);
  const hold = isThrough ? holdVerified(context) : undefined;
  if (isThrough && hold === undefined) return completeIfClean(context);
  const turn = switching(
    { ...context, rollout: { ...rollout, phase: "Rolling" } },
    reachable.length,
    true,
  );
  const { message, phaseStartedAtMs: sinceMs } = rollout;
  const wait = { owner: "clock", reason: applicationReason.monitoring, message, sinceMs };
  const watched = { ...turn, rollout, wakeAtMs: [...turn.wakeAtMs, endMs] };
  if (hold !== undefined) return withHold(watched, "Verifying", hold);
  return { ...watched, waits: [wait, ...turn.waits] };
}
