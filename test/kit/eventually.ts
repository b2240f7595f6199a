import { setTimeout as sleep } from "node:timers/promises";

/** How long to try, and how often. Integers, milliseconds; default 10 s, every 25 ms. */
export type Patience = { readonly timeoutMs?: number; readonly intervalMs?: number };

/**
 * Repeats `probe` until it returns something other than `undefined` and `false`, and returns
 * that. `why` says what the test waits for. Errors of the probe count as "not yet"; the last
 * one is the cause of the failure.
 */
export async function eventually<T>(
  why: string,
  probe: () => T | Promise<T>,
  { timeoutMs = 10_000, intervalMs = 25 }: Patience = {},
): Promise<Exclude<Awaited<T>, undefined | false>> {
  const end = performance.now() + timeoutMs;
  let cause: unknown;
  do {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) {
        return found as Exclude<Awaited<T>, undefined | false>;
      }
    } catch (err) {
      cause = err;
    }
    await sleep(intervalMs);
  } while (performance.now() < end);
  throw new Error(`Timed out after ${timeoutMs} ms: ${why}`, { cause });
}
