/** Waits that grow by two from `baseMs` to `maxMs`. Integers, milliseconds. */
export type Backoff = { readonly baseMs: number; readonly maxMs: number };

/**
 * How long to wait after `failures` (integer, 1 or more) in a row. `random` is in [0, 1): it
 * spreads the second half of the wait, so that a fleet does not come back in one instant.
 */
export function backoffMs({ baseMs, maxMs }: Backoff, failures: number, random: number): number {
  const fullMs = Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(fullMs / 2 + (fullMs / 2) * random);
}
