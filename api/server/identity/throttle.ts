import type { Clock } from "../../machinery/clock.ts";

/** How many tries a key has, and how they come back. */
export type Allowance = {
  /** Tries in a row, from 1. */
  readonly burst: number;
  /** Milliseconds after which one more is allowed. */
  readonly refillMs: number;
};

/** One try of one key. */
export type Try = { readonly key: string; readonly allowance: Allowance };

/** Counts tries by key, so that guessing takes years. Of one server alone, and lost with it. */
export interface Throttle {
  /** Takes a try from each key, or from none of them. `undefined`: go on; else so many seconds, from 1, to
   * wait. */
  take(tries: readonly Try[]): number | undefined;
  /** Gives the tries back: they were honest. */
  giveBack(tries: readonly Try[]): void;
  /** How many keys are remembered. */
  readonly size: number;
}

/** What a throttle needs. */
export type ThrottleOptions = {
  readonly clock: Pick<Clock, "nowMs">;
  /** Keys that are remembered at most; the one that was tried longest ago is forgotten first. */
  readonly maxKeys?: number;
};

/** What a key owes: each try costs `refillMs`, and time pays it off. */
type Bucket = { readonly debtMs: number; readonly atMs: number };

/** A token bucket per key. What a bucket has regained in full is forgotten, too. */
export function openThrottle({ clock, maxKeys = 10_000 }: ThrottleOptions): Throttle {
  const buckets = new Map<string, Bucket>();
  const debtOf = (key: string, nowMs: number): number => {
    const { debtMs, atMs } = buckets.get(key) ?? { debtMs: 0, atMs: nowMs };
    // Clocks are set back, and must not take tries away by that.
    return Math.max(0, debtMs - Math.max(0, nowMs - atMs));
  };
  const set = (key: string, debtMs: number, nowMs: number): void => {
    buckets.delete(key); // to the end: the order is that of the last try
    if (debtMs <= 0) return;
    buckets.set(key, { debtMs, atMs: nowMs });
    const [oldest] = buckets.keys();
    if (buckets.size > maxKeys && oldest !== undefined) buckets.delete(oldest);
  };
  const waitMs = ({ key, allowance: { burst, refillMs } }: Try, nowMs: number): number =>
    debtOf(key, nowMs) + refillMs - burst * refillMs;
  return {
    take(tries) {
      const nowMs = clock.nowMs();
      const longestMs = Math.max(0, ...tries.map((one) => waitMs(one, nowMs)));
      if (longestMs > 0) return Math.ceil(longestMs / 1_000);
      for (const { key, allowance } of tries) {
        set(key, debtOf(key, nowMs) + allowance.refillMs, nowMs);
      }
      return undefined;
    },
    giveBack(tries) {
      const nowMs = clock.nowMs();
      for (const { key, allowance } of tries) {
        set(key, debtOf(key, nowMs) - allowance.refillMs, nowMs);
      }
    },
    get size() {
      return buckets.size;
    },
  };
}
