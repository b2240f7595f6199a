import type { Clock } from "../machinery/clock.ts";
import type { Revision, Store } from "./store.ts";

/** What a compactor needs, and how long it lets watchers and pagers resume. */
export type CompactorOptions = {
  readonly store: Pick<Store, "head" | "compact">;
  readonly clock: Clock;
  /** How long history stays readable. Milliseconds, default 10 minutes, at least 5 in production. */
  readonly retentionMs?: number;
  /** Told of each failed attempt; the next one is made after the usual interval. */
  readonly onError?: (err: unknown) => void;
};

const defaultRetentionMs = 10 * 60_000;
/** Looks per retention time: history lives for at most this fraction longer than promised. */
const looks = 5;

type Look = { readonly atMs: number; readonly revision: Revision };

/**
 * Forgets history that is older than the retention time, until the signal aborts; then it
 * resolves. After a start nothing is forgotten for one retention time, since nobody knows how old
 * the history is. On a quiet store it only reads: nothing is written when nothing was.
 */
export async function runCompactor(
  { store, clock, retentionMs = defaultRetentionMs, onError }: CompactorOptions,
  signal: AbortSignal,
): Promise<void> {
  let past: readonly Look[] = [];
  while (!signal.aborted) {
    try {
      past = await compactOnce(store, { past, nowMs: clock.nowMs(), retentionMs });
    } catch (err) {
      onError?.(err);
    }
    // Rejects only when the signal aborts, and that ends the loop.
    await clock.sleep(retentionMs / looks, signal).catch(() => undefined);
  }
}

type Moment = {
  readonly past: readonly Look[];
  readonly nowMs: number;
  readonly retentionMs: number;
};

/** Compacts to the newest look that is old enough; returns the looks that are still of use. */
async function compactOnce(
  store: Pick<Store, "head" | "compact">,
  { past, nowMs, retentionMs }: Moment,
): Promise<readonly Look[]> {
  const { revision, compacted } = await store.head();
  const old = past.findLast(({ atMs }) => nowMs - atMs >= retentionMs);
  if (old !== undefined && old.revision > compacted) await store.compact(old.revision);
  const useful = past.filter(({ atMs }) => old === undefined || atMs >= old.atMs);
  return [...useful, { atMs: nowMs, revision }];
}
