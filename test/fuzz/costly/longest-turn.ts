/** What a piece of work did to the event loop. */
export type Turns<Result> = {
  readonly result: Result;
  /** Processor time of this thread in the longest turn of the event loop, in milliseconds. */
  readonly longestMs: number;
};

const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
};

/** Runs `work` while the event loop is watched: how long did everybody else have to wait at most? */
export async function longestTurn<Result>(work: () => Promise<Result>): Promise<Turns<Result>> {
  let watching = true;
  let longestMs = 0;
  let before = cpuMs();
  const tick = (): void => {
    const now = cpuMs();
    longestMs = Math.max(longestMs, now - before);
    before = now;
    if (watching) setImmediate(tick);
  };
  setImmediate(tick);
  try {
    const result = await work();
    longestMs = Math.max(longestMs, cpuMs() - before);
    return { result, longestMs };
  } finally {
    watching = false;
  }
}

/** Processor time that JSON.parse takes for this text at best, in milliseconds. */
export function parseMs(text: string, rounds = 5): number {
  const times = Array.from({ length: rounds }, () => {
    const before = cpuMs();
    try {
      JSON.parse(text);
    } catch {
      // other encodings: what a reader of JSON would take until it gives up
    }
    return cpuMs() - before;
  });
  return Math.min(...times);
}
