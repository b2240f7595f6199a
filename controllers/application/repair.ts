import { revisionOutcome } from "../../crds/conditions.ts";
import type { Context } from "./context.ts";
import { courseOf, courseToLastGood } from "./course.ts";
import { planMoves } from "./moves.ts";
import type { PodSeen } from "./seen.ts";
import { type View, viewsOf } from "./slots.ts";
import type { Step } from "./step.ts";

/** Whether nothing is asked to run in the slot, or only what is known to be bad and does not serve. */
function isHole({ goal, rivals, offline }: View, failed: ReadonlySet<string>): boolean {
  if (offline || goal?.desired === "Running") return false;
  return rivals.every((pod) => !pod.ready && failed.has(pod.revision));
}

/** Whether the slot was on the target before its pod got lost. */
function wasTaken({ goal, others, rivals }: View): boolean {
  if (rivals.length > 0) return false;
  const stopped = others.filter((pod) => pod.desired === "Stopped");
  if (goal === undefined) return stopped.length > 0;
  // On another host the old one is stopped first, and the goal is started once it has; not so one
  // that leaves its host for a second pod of its own Revision.
  const isFollowed = (pod: PodSeen): boolean =>
    others.some((other) => other !== pod && other.revision === pod.revision);
  const madeRoom = stopped.some((pod) => pod.node !== goal.node && !isFollowed(pod));
  return goal.desired === "Stopped" || madeRoom;
}

/**
 * Fills slots in which nothing serves while the rollout itself does not go on: with the last good
 * Revision, or with the target where that one ran before.
 */
export function repair(context: Context): readonly Step[] {
  const { seen, reachable } = context;
  if (!seen.running) return planMoves(reachable, courseOf(context));
  const failed = new Set(
    seen.revisions
      .filter(({ outcome }) => outcome === revisionOutcome.failed)
      .map(({ name }) => name),
  );
  const holes = reachable.filter((view) => isHole(view, failed));
  const { current } = seen.memory;
  const forward = current === undefined ? [] : holes.filter(wasTaken);
  const back = new Set(holes.filter((view) => !forward.includes(view)).map(({ slot }) => slot.id));
  if (current === undefined || back.size === 0) return planMoves(forward, courseOf(context));
  const views = viewsOf(seen, current).filter(({ slot }) => back.has(slot.id));
  return [
    ...planMoves(forward, courseOf(context)),
    ...planMoves(views, courseToLastGood(context, current)),
  ];
}
