import { type ApplicationReason, applicationReason as reason } from "../../crds/conditions.ts";
import type { Rollout, Seen } from "./seen.ts";
import type { Notice } from "./step.ts";

const normal = (why: ApplicationReason, message: string): Notice => ({
  type: "Normal",
  reason: why,
  message,
});
const warning = (why: ApplicationReason, message: string): Notice => ({
  type: "Warning",
  reason: why,
  message,
});

/** A time span for people, e.g. `1 h 5 min` or `12 s`; two units at most. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`;
  const rest = seconds % 60;
  if (minutes > 0) return rest > 0 ? `${minutes} min ${rest} s` : `${minutes} min`;
  return `${seconds} s`;
}

const isSwitching = ({ phase }: Rollout): boolean => phase === "Canary" || phase === "Rolling";

/** A batch begins; also one that an approval or the end of a pause let begin. */
function ofBatch(before: Rollout, after: Rollout): readonly Notice[] {
  if (after.batches < 2 || !isSwitching(after)) return [];
  const isFirst = before.batch === 0 && after.batch === 1;
  if (!isFirst && after.batch <= before.batch) return [];
  const what = after.phase === "Canary" ? ", the canary," : "";
  const message = `Batch ${after.batch} of ${after.batches}${what} of ${after.revision} begins`;
  return [normal(reason.batchStarted, message)];
}

const isHeldByUser = ({ phase, reason: why }: Rollout): boolean =>
  phase === "Paused" && why === reason.pausedByUser;

/** Somebody or something holds the rollout. */
function ofHold(before: Rollout, after: Rollout): readonly Notice[] {
  if (before.phase === after.phase) return [];
  if (isHeldByUser(after)) {
    const message = `${after.revision} is paused in ${before.phase} by spec.paused`;
    return [normal(reason.pausedByUser, message)];
  }
  if (after.phase !== "Waiting") return [];
  if (after.reason === reason.waitingForNodes) {
    return [warning(reason.waitingForNodes, `${after.revision} waits: ${after.message}`)];
  }
  if (after.reason === reason.waitingForApproval) {
    return [normal(reason.waitingForApproval, after.message)];
  }
  return [];
}

/** What held the rollout is over. */
function ofRelease(before: Rollout, after: Rollout, { approved }: Seen): readonly Notice[] {
  if (before.phase === after.phase || isHeldByUser(after)) return [];
  if (isHeldByUser(before)) {
    return [normal(reason.resumed, `${after.revision} goes on in ${after.phase}`)];
  }
  if (before.phase !== "Waiting" || after.phase !== "Rolling") return [];
  if (before.reason === reason.waitingForNodes) {
    return [normal(reason.resumed, `${after.revision} goes on: ${after.message}`)];
  }
  if (before.reason !== reason.waitingForApproval) return [];
  const isByHand = approved === after.revision;
  const message = isByHand
    ? `The canary of ${after.revision} is approved`
    : `The canary of ${after.revision} no longer needs an approval`;
  return [normal(reason.canaryApproved, message)];
}

/** Slots that failed, as many as are tolerated. */
function ofTolerated(before: Rollout, after: Rollout, { strategy }: Seen): readonly Notice[] {
  if (after.phase !== before.phase) return [];
  const known = new Set(before.failedSlots);
  const fresh = after.failedSlots.filter((slot) => !known.has(slot));
  if (fresh.length === 0) return [];
  const count = `${after.failedSlots.length} of ${strategy.tolerated} tolerated`;
  const slots = fresh.slice(0, 5).join(", ");
  const more = fresh.length > 5 ? ` and ${fresh.length - 5} more` : "";
  return [
    warning(reason.slotsFailed, `slots ${slots}${more} of ${after.revision} failed, ${count}`),
  ];
}

/**
 * What a turn of the same rollout changed that a person would want to read in the Events, beside
 * what ends it. One for all slots, never one for each.
 */
export function noticesOf(before: Rollout, after: Rollout, seen: Seen): readonly Notice[] {
  return [
    ...ofTolerated(before, after, seen),
    ...ofRelease(before, after, seen),
    ...ofHold(before, after),
    ...ofBatch(before, after),
  ];
}
