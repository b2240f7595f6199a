/** Lets at most `size` calls run at once; the others wait in order. */
export type Gate = {
  /** Runs `work` when there is room. An aborted signal gives up the place and rejects with its reason. */
  enter<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
};

type Waiter = { readonly admit: () => void };

/** A gate for `size` calls; integer, 1 or more. */
export function createGate(size: number): Gate {
  let free = size;
  const queue = new Set<Waiter>();

  const admission = (signal?: AbortSignal): Promise<void> => {
    if (free > 0) {
      free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        admit: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        queue.delete(waiter);
        reject(signal?.reason);
      };
      queue.add(waiter);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  };

  const leave = (): void => {
    const [next] = queue;
    if (next === undefined) {
      free += 1;
      return;
    }
    queue.delete(next);
    next.admit();
  };

  return {
    async enter(work, signal) {
      signal?.throwIfAborted();
      await admission(signal);
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
