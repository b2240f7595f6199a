/** A signal with an end: aborts with the parent's reason, or with `late()` after `ms`. */
export type Deadline = {
  readonly signal: AbortSignal;
  /** Starts the time anew. */
  restart(): void;
  /** Ends the timer; the parent still aborts the signal. */
  stop(): void;
  /** Ends the timer and forgets the parent. */
  dispose(): void;
};

/**
 * Bounds a wait. Dispose of it when the wait is over: unlike `AbortSignal.any`, it leaves nothing
 * behind on a parent that lives as long as the process.
 */
export function deadline(ms: number, late: () => Error, parent?: AbortSignal): Deadline {
  const controller = new AbortController();
  const onParent = (): void => controller.abort(parent?.reason);
  let timer: NodeJS.Timeout | undefined = setTimeout(() => controller.abort(late()), ms);
  if (parent?.aborted === true) onParent();
  else parent?.addEventListener("abort", onParent, { once: true });
  const stop = (): void => {
    clearTimeout(timer);
    timer = undefined;
  };
  return {
    signal: controller.signal,
    restart: () => timer?.refresh(),
    stop,
    dispose() {
      stop();
      parent?.removeEventListener("abort", onParent);
    },
  };
}
