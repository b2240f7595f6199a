/** One signal for "the caller gave up" and "it takes too long". */
export type Deadline = {
  readonly signal: AbortSignal;
  /** Whether the time ran out, rather than the caller giving up. */
  expired(): boolean;
  /** Starts the time again: there was progress. */
  extend(): void;
  /** Takes the time limit away; the caller's signal still counts. */
  lift(): void;
  /** Must be called when the work ended. */
  clear(): void;
};

/** A deadline of `ms`; `undefined` means no limit, only the caller's signal. */
export function createDeadline(ms: number | undefined, caller?: AbortSignal): Deadline {
  const controller = new AbortController();
  let late = false;
  const onAbort = (): void => controller.abort(caller?.reason);
  if (caller?.aborted === true) onAbort();
  else caller?.addEventListener("abort", onAbort, { once: true });
  const start = (): NodeJS.Timeout | undefined =>
    ms === undefined
      ? undefined
      : setTimeout(() => {
          late = true;
          controller.abort(new Error(`deadline of ${ms} ms passed`));
        }, ms);
  let timer = start();
  return {
    signal: controller.signal,
    expired: () => late,
    extend: () => {
      clearTimeout(timer);
      timer = controller.signal.aborted ? undefined : start();
    },
    lift: () => clearTimeout(timer),
    clear: () => {
      clearTimeout(timer);
      caller?.removeEventListener("abort", onAbort);
    },
  };
}
