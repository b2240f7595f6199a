import type { Context } from "./context.ts";
import type { Course } from "./moves.ts";
import { isProven } from "./progress.ts";

/** The course towards the target; `more` says how this phase goes it. */
export function courseOf(context: Context, more: Partial<Course> = {}): Course {
  const { seen, target, rollout, nowMs } = context;
  const { order, batch, prepare } = seen.strategy;
  return {
    revision: target.name,
    images: target.images,
    running: seen.running,
    order,
    batch,
    prepare,
    allowed: seen.slots.length,
    proven: isProven(rollout, seen, nowMs),
    forgiven: new Set(),
    held: new Set(),
    ...more,
  };
}

/** The course back to the last good Revision: ready is enough, as it was good before. */
export function courseToLastGood(context: Context, revision: string): Course {
  const images = context.seen.revisions.find(({ name }) => name === revision)?.images ?? [];
  return courseOf(context, { revision, images, proven: true });
}
