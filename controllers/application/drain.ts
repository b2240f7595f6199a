import type { Context } from "./context.ts";
import { courseOf, courseToLastGood } from "./course.ts";
import { planMoves } from "./moves.ts";
import { isMoving, type View, viewsOf } from "./slots.ts";
import type { Step } from "./step.ts";

/** Whether the slot runs this Revision alone and is asked to leave its Node. */
function isLeavingNode({ slot, rivals, offline }: View, revision: string): boolean {
  if (offline || rivals.some((pod) => pod.revision !== revision)) return false;
  return rivals.some((pod) => isMoving(pod, slot));
}

/** Moves the slots that leave their Node with this Revision, and keeps it. */
function movesOn(context: Context, revision: string, removed: number): readonly Step[] {
  const { seen, target, rollout } = context;
  const views = viewsOf(seen, revision).filter(({ offline }) => !offline);
  if (!views.some((view) => isLeavingNode(view, revision))) return [];
  const staying = views.filter((view) => !isLeavingNode(view, revision));
  // Once a failure ended the rollout, its slots are down like any other.
  const isTolerated = rollout.failedSlots.length <= seen.strategy.tolerated;
  const more = {
    allowed: seen.slots.length,
    forgiven: new Set(isTolerated ? rollout.failedSlots : []),
    held: new Set(staying.map(({ slot }) => slot.id)),
  };
  const course = revision === target.name ? courseOf(context) : courseToLastGood(context, revision);
  return planMoves(views, { ...course, ...more }, removed);
}

/** Whether it may end a pod that serves: also one that is made to run in its place does. */
const isOnDuty = (step: Step): boolean =>
  step.kind === "order" || (step.kind === "createPod" && step.desired === "Running");

/**
 * `steps`, and those by which slots leave Nodes that are drained while the rollout holds them where
 * they are: each takes its own Revision along. A drain shares the batch with the rollout, so that it
 * waits for a turn in which no other order is given. `removed` slots lose a serving pod in `steps`.
 */
export function withMoves(context: Context, steps: readonly Step[], removed = 0): readonly Step[] {
  const { seen, target } = context;
  const { current } = seen.memory;
  if (!seen.running || steps.some(isOnDuty)) return steps;
  const ofTarget = movesOn(context, target.name, removed);
  if (current === undefined || current === target.name) return [...steps, ...ofTarget];
  if (ofTarget.some(isOnDuty)) return [...steps, ...ofTarget];
  return [...steps, ...ofTarget, ...movesOn(context, current, removed)];
}
