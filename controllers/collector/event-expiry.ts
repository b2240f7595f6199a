import { isConflict } from "../../api/machinery/errors.ts";
import { keyOf } from "../../api/machinery/object.ts";
import { type Event, events, namespaces } from "../../api/machinery/resources.ts";
import { parseTime } from "../../api/machinery/time.ts";
import type { BuildController } from "../runtime/reconciler.ts";
import { source } from "../runtime/sources.ts";

/** How long an Event is kept after it happened last, as in Kubernetes. */
const keepMs = 60 * 60_000;
/** Between two sweeps. */
const sweepMs = 5 * 60_000;

/** When the Event happened last; 0 when no time of it can be read. Milliseconds since the epoch. */
export function lastSeenMs({ metadata, ...event }: Event): number {
  const series = event.series?.lastObservedTime;
  const times = [series, event.lastTimestamp, event.eventTime, metadata.creationTimestamp];
  const known = times.flatMap((time) => (typeof time === "string" ? [parseTime(time) ?? 0] : []));
  return Math.max(0, ...known);
}

/** Deletes Events that nobody will ask for any more. It sweeps: caching them all would cost more. */
export const buildEventExpiry: BuildController = ({ client, clock, log }) => ({
  name: "event-expiry",
  owns: ["events/existence[expired]"],
  // A Namespace is only the occasion: there is always one when the controller starts.
  sources: [
    source(namespaces, (_namespace, change) => (change === "added" ? [{ name: "sweep" }] : [])),
  ],
  workers: 1,
  reconciler: {
    async reconcile(_key, signal) {
      const { items } = await client.list(events, {}, signal);
      const endMs = clock.nowMs() - keepMs;
      const expired = items.filter((event) => lastSeenMs(event) < endMs);
      for (const event of expired) {
        if (signal.aborted) break;
        const { uid, resourceVersion } = event.metadata;
        // It may be counting again since it was listed.
        const preconditions = { uid, resourceVersion };
        await client.delete(events, keyOf(event), { preconditions }).catch((err: unknown) => {
          if (!isConflict(err)) throw err;
        });
      }
      if (expired.length > 0) log.debug({ deleted: expired.length }, "expired events");
      return { requeueAfterMs: sweepMs };
    },
  },
});
