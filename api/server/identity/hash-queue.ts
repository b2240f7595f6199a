import { tooManyRequests } from "../../machinery/errors.ts";

/** Lets only so many jobs run at once; the others wait in order. */
export interface HashQueue {
  /** Runs `job` when its turn has come. @throws StatusError `TooManyRequests` when too many wait */
  run<T>(job: () => Promise<T>): Promise<T>;
}

/** How much a queue lets through. */
export type HashQueueOptions = {
  /** Jobs at once, from 1. */
  readonly width: number;
  /** Jobs that may wait; further ones are refused. */
  readonly maxWaiting: number;
};

const retrySeconds = 5;

/**
 * A queue for password hashes. Each takes 19 MiB and a thread of the pool for some 30 ms: unbounded, a
 * crowd that logs in would take all memory, and the threads that files and names are read with.
 */
export function hashQueue({ width, maxWaiting }: HashQueueOptions): HashQueue {
  let running = 0;
  const waiting: (() => void)[] = [];
  const enter = async (): Promise<void> => {
    if (running < width) {
      running += 1;
      return;
    }
    if (waiting.length >= maxWaiting) {
      throw tooManyRequests("Cannot check a password now: too many are waiting", retrySeconds);
    }
    // Whoever leaves hands its place on, so that nobody who comes later slips in between.
    await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  };
  return {
    async run(job) {
      await enter();
      try {
        return await job();
      } finally {
        leave();
      }
    },
  };
}
