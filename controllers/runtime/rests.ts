import type { Clock } from "../../api/machinery/clock.ts";

/** Passes that take less do not rest: most have little to look at. Milliseconds. */
const shortMs = 5;
/** The rest after a pass, by what the pass took: it costs a third of a core at most. */
const restsPerPass = 2;
/** Nothing waits longer than this. Milliseconds. */
const longestMs = 500;

/**
 * Keeps passes over thousands of objects from following one another without a break: each looks at
 * all of them, so that many changes seen together cost as much as one. `id` says what is looked at.
 */
export interface Rests {
  /** How long it still rests. Milliseconds, 0 when it may be looked at. */
  leftMs(id: string): number;
  /** Runs the thinking part of a pass, which decides how long it rests. */
  after<T>(id: string, think: () => T): T;
  forget(id: string): void;
}

/** Nobody rests. */
export function createRests(clock: Clock): Rests {
  const untilMs = new Map<string, number>();
  return {
    leftMs: (id) => Math.max(0, (untilMs.get(id) ?? 0) - clock.nowMs()),
    after: (id, think) => {
      const begunMs = clock.nowMs();
      const thought = think();
      const endMs = clock.nowMs();
      const tookMs = endMs - begunMs;
      if (tookMs < shortMs) untilMs.delete(id);
      else untilMs.set(id, endMs + Math.min(longestMs, restsPerPass * tookMs));
      return thought;
    },
    forget: (id) => {
      untilMs.delete(id);
    },
  };
}
