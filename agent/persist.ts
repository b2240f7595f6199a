import type { Clock } from "../api/machinery/clock.ts";
import type { Log } from "../controllers/runtime/reconciler.ts";

const firstWaitMs = 500;
const longestWaitMs = 15_000;

/** What repeating needs. */
export type Persistence = {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
};

/** Waits, or returns early when the signal aborts. */
export async function pause(ms: number, { clock, signal }: Omit<Persistence, "log">) {
  await clock.sleep(ms, signal).catch(() => undefined); // aborted: the caller looks at its signal
}

/** Repeats with growing waits until it succeeds; `undefined` once the signal aborted. */
export async function persist<T>(
  what: string,
  persistence: Persistence,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const { log, signal } = persistence;
  for (let waitMs = firstWaitMs; !signal.aborted; waitMs = Math.min(longestWaitMs, waitMs * 2)) {
    try {
      return await work();
    } catch (err) {
      if (signal.aborted) return undefined;
      log.warn({ err, waitMs }, `cannot ${what}; trying again`);
      await pause(waitMs, persistence);
    }
  }
  return undefined;
}
