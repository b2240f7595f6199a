import { applicationReason } from "../../crds/conditions.ts";
import { type Context, stay, type Turn } from "./context.ts";
import { courseToLastGood } from "./course.ts";
import { planMoves } from "./moves.ts";
import {
  finishedDueMs,
  removeAll,
  removeEvicted,
  removeFinished,
  removeMisplaced,
  removeParked,
  removeSurplus,
} from "./removals.ts";
import { withMoves } from "./drain.ts";
import { repair } from "./repair.ts";
import { isDone, viewsOf } from "./slots.ts";
import { waitForNodes, waitForSlots } from "./waits.ts";

/**
 * No rollout goes on: every slot is kept on the last good Revision, what was lost is made again,
 * hosts that come back are brought to it, and what the rollout left behind goes.
 */
export function steady(context: Context): Turn {
  const { seen, nowMs } = context;
  const { current } = seen.memory;
  if (current === undefined) return stay(context, { steps: removeAll(seen) });
  const views = viewsOf(seen, current);
  const reachable = views.filter((view) => !view.offline);
  const misplaced = removeMisplaced(seen, reachable);
  const evicted = removeEvicted(seen, reachable, misplaced.slots);
  const ended = removeFinished(reachable, nowMs);
  const gone = [...misplaced.steps, ...evicted.steps, ...ended];
  const removed = new Set(gone.map((step) => "uid" in step && step.uid));
  const held = reachable.filter(({ goal }) => removed.has(goal?.uid ?? ""));
  const course = {
    ...courseToLastGood(context, current),
    held: new Set(held.map(({ slot }) => slot.id)),
  };
  const open = reachable.filter((view) => !isDone(view, { running: seen.running, proven: true }));
  return stay(context, {
    steps: [
      ...removeSurplus(seen, reachable),
      ...gone,
      ...removeParked(reachable),
      ...planMoves(reachable, course, misplaced.slots + evicted.slots),
    ],
    waits: [
      ...waitForSlots({ ...context }, open, applicationReason.waitingForReady),
      ...waitForNodes({ ...context, views }),
    ],
    wakeAtMs: finishedDueMs(reachable, nowMs),
  });
}

/** A person or a failure holds the rollout: what runs goes on running, and nothing else happens. */
export function paused(context: Context): Turn {
  const { seen, rollout, reachable } = context;
  const isByUser = rollout.reason === applicationReason.pausedByUser;
  const wait = {
    owner: "user",
    reason: isByUser ? applicationReason.pausedByUser : applicationReason.pausedByFailure,
    message: rollout.message,
    sinceMs: rollout.phaseStartedAtMs,
  };
  const evicted = removeEvicted(seen, reachable);
  return stay(context, {
    steps: [
      ...removeSurplus(seen, reachable),
      ...evicted.steps,
      ...withMoves(context, repair(context), evicted.slots),
    ],
    waits: [wait],
  });
}
