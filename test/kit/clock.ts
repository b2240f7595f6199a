import type { Clock } from "../../api/machinery/clock.ts";

/** A clock that only moves when the test says so. */
export interface ManualClock extends Clock {
  /** Moves time by `ms`; sleepers wake in the order of their time, each before the next. */
  advance(ms: number): Promise<void>;
  /** Moves time to the next sleeper and wakes it; `false` when nobody sleeps. */
  next(): Promise<boolean>;
  /** How many sleep now. */
  readonly sleepers: number;
}

type Sleeper = { readonly atMs: number; readonly wake: () => void };

/** Lets every promise that can settle without time do so. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Starts at the given time, in milliseconds since the epoch; default 2026-01-01T00:00:00Z. */
export function manualClock(startMs = Date.UTC(2026, 0, 1)): ManualClock {
  let nowMs = startMs;
  let sleepers: readonly Sleeper[] = [];
  const earliest = (): Sleeper | undefined =>
    sleepers.reduce<Sleeper | undefined>(
      (first, one) => (first === undefined || one.atMs < first.atMs ? one : first),
      undefined,
    );
  const remove = (gone: Sleeper): void => {
    sleepers = sleepers.filter((one) => one !== gone);
  };
  const wake = async (sleeper: Sleeper): Promise<void> => {
    nowMs = Math.max(nowMs, sleeper.atMs);
    remove(sleeper);
    sleeper.wake();
    await settle();
  };
  return {
    nowMs: () => nowMs,
    sleep: (ms, signal) =>
      new Promise<void>((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason as Error);
        const onAbort = (): void => {
          remove(sleeper);
          reject(signal.reason as Error);
        };
        const sleeper: Sleeper = {
          atMs: nowMs + Math.max(0, ms),
          wake: () => {
            signal.removeEventListener("abort", onAbort);
            resolve();
          },
        };
        signal.addEventListener("abort", onAbort, { once: true });
        sleepers = [...sleepers, sleeper];
      }),
    async advance(ms) {
      const endMs = nowMs + ms;
      await settle();
      for (let due = earliest(); due !== undefined && due.atMs <= endMs; due = earliest()) {
        await wake(due);
      }
      nowMs = endMs;
      await settle();
    },
    async next() {
      await settle();
      const due = earliest();
      if (due === undefined) return false;
      await wake(due);
      return true;
    },
    get sleepers() {
      return sleepers.length;
    },
  };
}
