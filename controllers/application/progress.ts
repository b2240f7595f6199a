/**
 * How far a rollout is, and since when. Every time in here is by the clock of the controller that
 * saw it happen, and is kept in `status.rollout`: the clock of a host may be hours off, so what its
 * agent says about time decides nothing. A new leader goes on from what is on record.
 */
import type { Context } from "./context.ts";
import { defined } from "./defined.ts";
import type { Memory, Rollout, Seen } from "./seen.ts";
import { hasResidue, isDone, isReady, isTaken, type View, viewsOf } from "./slots.ts";

/** Whether somebody or something holds the rollout, so that its deadline stands still. */
export function isHeld({ phase }: Pick<Rollout, "phase">): boolean {
  return phase === "Paused" || phase === "Waiting";
}

/** When all slots switched so far will have been ready for minReadySeconds; `undefined` while one is not. */
export function provenAtMs({ readySinceMs }: Rollout, { strategy }: Seen): number | undefined {
  return readySinceMs === undefined ? undefined : readySinceMs + strategy.minReadyMs;
}

/**
 * Whether a slot that is ready counts as good: with the others, it was for minReadySeconds, or it
 * runs the last good Revision, which needs no proof again.
 */
export function isProven(rollout: Rollout, seen: Seen, nowMs: number): boolean {
  if (seen.strategy.minReadyMs === 0 || rollout.revision === seen.memory.current) return true;
  return (provenAtMs(rollout, seen) ?? Infinity) <= nowMs;
}

/**
 * Since when every slot that was switched is ready. One moment for all is enough: a batch is good
 * when the last of its slots is, and a slot that breaks later holds the next batch as well.
 */
function withReadiness({ seen, reachable, rollout, nowMs }: Context): Rollout {
  const { readySinceMs, readySlots, ...rest } = rollout;
  const forgiven = new Set(rollout.failedSlots);
  const taken = reachable.filter(
    (view) => isTaken(view, seen.running) && !forgiven.has(view.slot.id),
  );
  if (!taken.every((view) => isReady(view, seen.running))) return rest;
  // One more may have got ready between two looks: then its time begins now.
  const isSame = readySlots !== undefined && taken.length <= readySlots;
  const sinceMs = isSame ? Math.min(readySinceMs ?? nowMs, nowMs) : nowMs;
  return { ...rest, readySinceMs: sinceMs, readySlots: taken.length };
}

/** Steps that the slots have come through; each is prepared, told to run, and ready. */
function stepsOf(views: readonly View[], running: boolean): number {
  return views.reduce((sum, view) => {
    const prepared = Number(view.goal?.prepared === true);
    return sum + prepared + Number(isTaken(view, running)) + Number(isReady(view, running));
  }, 0);
}

/**
 * The moment from which the deadline counts: the last one in which more steps were done than ever
 * before. A slot that comes and goes is no progress; slots on hosts that are away keep what they
 * had, so that neither their leaving nor their return is; while nothing is left to do, no clock runs.
 */
function withProgress({ seen, rollout, nowMs }: Context, views: readonly View[]): Rollout {
  const { progressMark: mark, ...rest } = rollout;
  const forgiven = new Set(rollout.failedSlots);
  const arrival = { running: seen.running, proven: isProven(rollout, seen, nowMs) };
  const isOpen = (view: View): boolean =>
    !view.offline && (hasResidue(view) || (!forgiven.has(view.slot.id) && !isDone(view, arrival)));
  if (!views.some(isOpen)) return rest;
  const of = `${views.length} ${seen.running ? "Running" : "Stopped"}`;
  const steps = stepsOf(views, seen.running);
  if (mark?.of === of && mark.steps >= steps) {
    return { ...rollout, progressedAtMs: Math.min(rollout.progressedAtMs, nowMs) };
  }
  return { ...rest, progressedAtMs: nowMs, progressMark: { of, steps } };
}

/** The rollout with what is seen of it now put on record. */
export function recorded(context: Context): Context {
  const { seen, rollout, views } = context;
  switch (rollout.phase) {
    case "Preparing":
      return { ...context, rollout: withProgress(context, views) };
    case "Canary":
    case "Rolling":
    case "Verifying": {
      const ready = { ...context, rollout: withReadiness(context) };
      return { ...ready, rollout: withProgress(ready, views) };
    }
    case "Waiting":
      return { ...context, rollout: withReadiness(context) };
    case "RollingBack":
      return {
        ...context,
        rollout: withProgress(context, viewsOf(seen, seen.memory.current ?? "")),
      };
    default:
      return context;
  }
}

/**
 * What is remembered of a turn whose steps could not all be done: what was seen, and nothing of what
 * was decided. Otherwise a step that is refused again and again would put the deadline off for ever.
 */
export function seenOf(before: Memory, after: Memory): Memory {
  const { rollout } = before;
  const next = after.rollout;
  const isSame = next?.phase === rollout?.phase && next?.startedAtMs === rollout?.startedAtMs;
  const homes = defined({ homes: after.homes });
  if (rollout === undefined || next === undefined || !isSame) return { ...before, ...homes };
  const { progressMark: _mark, readySinceMs: _since, readySlots: _slots, ...kept } = rollout;
  const { progressedAtMs, progressMark, readySinceMs, readySlots } = next;
  const seen = defined({ progressMark, readySinceMs, readySlots });
  return { ...before, ...homes, rollout: { ...kept, progressedAtMs, ...seen } };
}

/** What a phase that is entered keeps of the record. */
export function carriedInto(
  { rollout, nowMs }: Context,
  next: Pick<Rollout, "phase" | "reason"> & { readonly isNewBatch: boolean },
): Pick<Rollout, "progressedAtMs" | "progressMark" | "readySinceMs" | "readySlots"> {
  const { progressMark, readySinceMs, readySlots, phase, resume, phaseStartedAtMs } = rollout;
  // While it is held nobody looks whether slots stay ready.
  const isBlind = next.phase === "Paused" || phase === "Paused";
  const ready = isBlind ? {} : defined({ readySinceMs, readySlots });
  // What was left of the deadline is left after a hold, however often it is held.
  const heldMs = isHeld(rollout) ? nowMs - phaseStartedAtMs : 0;
  const goesOn = isHeld(next) || (isHeld(rollout) && next.phase === resume && !next.isNewBatch);
  if (!goesOn) return { progressedAtMs: nowMs, ...ready };
  const mark = progressMark === undefined ? {} : { progressMark };
  return { progressedAtMs: rollout.progressedAtMs + heldMs, ...mark, ...ready };
}
