/** Wakes somebody who waits; rung while nobody waits, it wakes the next one at once. */
export interface Bell {
  ring(): void;
  /** Resolves at the next ring, or when the signal aborts. */
  wait(signal: AbortSignal): Promise<void>;
}

/** A silent bell. */
export function createBell(): Bell {
  let rung = false;
  let wake = (): void => undefined;
  return {
    ring() {
      rung = true;
      wake();
    },
    async wait(signal) {
      if (!rung && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
      }
      rung = false;
    },
  };
}
