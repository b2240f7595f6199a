import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../api/machinery/clock.ts";

/** The real time. Its sleepers keep the process alive. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  async sleep(ms, signal) {
    try {
      await sleep(ms, undefined, { signal });
    } catch (err) {
      signal.throwIfAborted(); // with the signal's own reason instead of Node's AbortError
      throw err;
    }
  },
};
