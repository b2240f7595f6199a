import { applicationReason } from "../../crds/conditions.ts";
import { type Context, stay, type Turn } from "./context.ts";
import { courseToLastGood } from "./course.ts";
import { inFlight } from "./in-flight.ts";
import { planMoves } from "./moves.ts";
import {
  removeAll,
  removeEvicted,
  removeFinished,
  removeSurplus,
  removeUnusable,
} from "./removals.ts";
import { deadlineAtMs } from "./judge.ts";
import { hasResidue, isDone, viewsOf } from "./slots.ts";
import { complete, enter } from "./transitions.ts";
import { waitForSlots } from "./waits.ts";

function rolledBack(context: Context): Turn {
  const { rollout, seen, target } = context;
  if (target.name === seen.memory.current) return complete(context);
  const turn = enter(context, "RolledBack", { reason: rollout.reason, message: rollout.message });
  const now = seen.memory.current === undefined ? "nothing runs" : `${seen.memory.current} runs`;
  const message = `${target.name} failed, ${now}: ${rollout.message}`;
  return { ...turn, notices: [{ type: "Warning", reason: applicationReason.rolledBack, message }] };
}

/** A first rollout failed: there is no good version, so nothing shall be left. */
function clear(context: Context): Turn {
  const { seen } = context;
  const left = seen.pods.filter((pod) => !pod.offline);
  return left.length === 0 ? rolledBack(context) : stay(context, { steps: removeAll(seen) });
}

/**
 * Back to the last good Revision: its parked pods start where the failed ones stop. Never itself
 * rolled back: when it stalls it says so, and goes on one slot at a time.
 */
export function rollingBack(context: Context): Turn {
  const { seen, nowMs, rollout } = context;
  const { current } = seen.memory;
  if (current === undefined) return clear(context);
  const all = viewsOf(seen, current);
  const views = all.filter((view) => !view.offline);
  const arrival = { running: seen.running, proven: true };
  const open = views.filter((view) => !isDone(view, arrival) || hasResidue(view));
  if (open.length === 0) return rolledBack(context);
  const isPaused = rollout.phase === "RollbackPaused";
  // When nothing came forward on the way back for so long, that is said; it goes on slot by slot.
  const stallMs = deadlineAtMs(context);
  if (!isPaused && stallMs <= nowMs) {
    const message = `${current} does not come back in ${open.length} slots: ${rollout.message}`;
    const turn = enter(context, "RollbackPaused", { reason: rollout.reason, message });
    const reason = applicationReason.rollbackPaused;
    return { ...turn, notices: [{ type: "Warning", reason, message }] };
  }
  const course = courseToLastGood(context, current);
  const evicted = removeEvicted(seen, views);
  const away = inFlight(all, context);
  const lost = evicted.slots + away.slots;
  const moves = planMoves(views, isPaused ? { ...course, batch: 1 } : course, lost);
  return stay(context, {
    steps: [
      ...removeSurplus(seen, views),
      ...removeUnusable(views),
      ...evicted.steps,
      ...removeFinished(views, nowMs),
      ...moves,
    ],
    waits: waitForSlots(context, open, applicationReason.rollingBack),
    wakeAtMs: [...away.wakeAtMs, ...(isPaused ? [] : [stallMs])],
  });
}
