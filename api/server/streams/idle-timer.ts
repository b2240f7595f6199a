/** Ends what nobody uses any more. */
export interface IdleTimer {
  /** Aborts after the time without a touch. */
  readonly signal: AbortSignal;
  /** Something happened. Cheap: the time is looked at only when the timer rings. */
  touch(): void;
  stop(): void;
}

/** Streams without any data end after so long, in milliseconds: as long as a kubelet keeps them. */
export const streamIdleMs = 4 * 60 * 60 * 1000;

/** Starts to count; `ms` is 1 or more. */
export function idleTimer(ms: number): IdleTimer {
  const end = new AbortController();
  let touched = false;
  const timer = setInterval(() => {
    if (!touched) {
      clearInterval(timer);
      end.abort();
    }
    touched = false;
  }, ms);
  timer.unref();
  return {
    signal: end.signal,
    touch() {
      touched = true;
    },
    stop: () => clearInterval(timer),
  };
}
