import { setTimeout as sleep } from "node:timers/promises";

/** What was seen of one small call after the other, beside everything else. */
export type Beside = {
  readonly p50: number;
  readonly p99: number;
  readonly count: number;
  /** What went wrong with those that failed. */
  readonly failures: readonly string[];
};

const pauseMs = 20;

/** A share of some numbers in order, 0 when there are none. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Repeats `call` until the returned function is called, which resolves to what was seen. */
export function watchBeside(call: () => Promise<unknown>): () => Promise<Beside> {
  const times: number[] = [];
  const failures: string[] = [];
  const end = new AbortController();
  const loop = async (): Promise<void> => {
    while (!end.signal.aborted) {
      const begun = performance.now();
      try {
        await call();
        times.push(performance.now() - begun);
      } catch (err) {
        failures.push(err instanceof Error ? err.message : String(err));
      }
      await sleep(pauseMs);
    }
  };
  const looping = loop(); // never rejects
  return async () => {
    end.abort();
    await looping;
    const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
    return { p50, p99, count: times.length, failures };
  };
}
