import { type Context, courseOf, courseToLastGood } from "./context.ts";
import { planMoves } from "./moves.ts";
import type { PodSeen } from "./seen.ts";
import { type View, viewsOf } from "./slots.ts";
import type { Step } from "./step.ts";

const isHole = ({ goal, rivals, offline }: View): boolean =>
  !offline && rivals.length === 0 && goal?.desired !== "Running";

/** Whether the slot was on the target before its pod got lost. */
function wasTaken({ goal, others }: View): boolean {
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
 * Fills slots in which nothing is asked to run while the rollout itself does not go on: with the
 * last good Revision, or with the target where that one ran before.
 */
export function repair(context: Context): readonly Step[] {
  const { seen, reachable } = context;
  if (!seen.running) return planMoves(reachable, courseOf(context));
  const holes = reachable.filter(isHole);
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
