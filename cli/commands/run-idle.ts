import { flushCompileCache } from "node:module";
import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const intervalMs = 5_000;
/** A process whose event loop was busy for less than this share of an interval was idle. */
const idleShare = 0.05;

/**
 * Whether to tidy up, asked once per interval with the share of it that the event loop was busy:
 * once in the first quiet interval after work. A start counts as work.
 */
export function createTidyPolicy(): (busyShare: number) => boolean {
  let worked = true;
  return (busyShare) => {
    if (busyShare >= idleShare) {
      worked = true;
      return false;
    }
    const due = worked;
    worked = false;
    return due;
  };
}

type CollectGarbage = (options: {
  readonly type: "major";
  readonly execution: "async";
}) => Promise<void>;

function garbageCollector(): CollectGarbage {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as CollectGarbage;
}

/**
 * Gives back what a burst of work left behind, until the signal aborts. V8 collects only when it
 * allocates: an idle process would keep the memory of its busiest minute for hours. Compiled code
 * is saved too, which Node.js does only at a clean end: the start after a crash is as fast.
 */
export function tidyWhenIdle(signal: AbortSignal): void {
  const collectGarbage = garbageCollector();
  const isDue = createTidyPolicy();
  let before = performance.eventLoopUtilization();
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    if (!isDue(utilization)) return;
    flushCompileCache();
    void collectGarbage({ type: "major", execution: "async" }); // nobody waits, it cannot fail
  }, intervalMs);
  timer.unref();
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}
