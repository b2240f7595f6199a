import { expired, type StatusError, timedOut } from "../machinery/errors.ts";
import type { Revision } from "./store.ts";

/** The floor and the head of a store's history. */
export type Extent = { readonly compacted: Revision; readonly revision: Revision };

/** What to throw for a read or watch below the floor of the history. */
export function compactedError(asked: Revision, compacted: Revision): StatusError {
  return expired(
    `Cannot read revision ${asked}: the history starts at ${compacted}, list again without a revision`,
  );
}

/** Refuses a list at a revision that the history does not have (any more, or yet). */
export function checkReadable(at: Revision, { compacted, revision }: Extent): void {
  if (at < compacted) throw compactedError(at, compacted);
  if (at <= revision) return;
  throw timedOut(`Cannot read revision ${at}: the store has only come to ${revision}`);
}

/** Refuses a watch from a revision that was compacted, or that this history never had. */
export function checkWatchable(since: Revision, { compacted, revision }: Extent): void {
  if (since < compacted) throw compactedError(since, compacted);
  if (since <= revision) return;
  throw expired(
    `Cannot watch from revision ${since}: the store has only come to ${revision}, ` +
      "it was replaced or restored; list again without a revision",
  );
}

/** How far a compaction to `upTo` may go: never past the head. */
export function compactionTarget(upTo: Revision, { revision }: Extent): Revision {
  return Math.min(Math.floor(upTo), revision);
}
