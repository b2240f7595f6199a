import type { Answer, Probe } from "./probe-check.ts";

/** Answers in a row, and the verdict that they came to. */
export type Count = {
  /** `undefined` until a threshold is reached for the first time. */
  readonly verdict: boolean | undefined;
  /** Answers equal to `lastOk` in a row. */
  readonly inRow: number;
  readonly lastOk: boolean | undefined;
  /** Of the latest bad answer. */
  readonly message: string;
  /** When a bad answer was counted last. Milliseconds since the Unix epoch. */
  readonly badAtMs: number;
};

/** Nothing asked yet. */
export const noCount: Count = {
  verdict: undefined,
  inRow: 0,
  lastOk: undefined,
  message: "",
  badAtMs: Number.NEGATIVE_INFINITY,
};

/** Milliseconds between two checks of a container that is well. */
export function periodMs({ periodSeconds = 10 }: Probe): number {
  return periodSeconds * 1000;
}

/**
 * The count after one more answer: a verdict turns when its threshold of equal answers is reached.
 * A bad answer within a period of the last one does not count, so that quick checks, which find the
 * first success sooner, bring no failure sooner.
 */
export function countAnswer(count: Count, answer: Answer, probe: Probe, nowMs: number): Count {
  const { ok, message } = answer;
  if (!ok && nowMs - count.badAtMs < periodMs(probe)) return count;
  const inRow = count.lastOk === ok ? count.inRow + 1 : 1;
  const threshold = ok ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
  const verdict = inRow >= threshold ? ok : count.verdict;
  if (ok) return { ...count, verdict, inRow, lastOk: ok };
  return { verdict, inRow, lastOk: ok, message, badAtMs: nowMs };
}

const firstQuickMs = 100;

/**
 * Milliseconds to the next check. Kubernetes allows a container that is not yet ready to be asked
 * more often than its period: it then becomes ready when it is, not at the next full period.
 * `quickChecks` is how many such checks there were, `undefined` when the period holds.
 */
export function nextCheckMs(probe: Probe, quickChecks: number | undefined): number {
  if (quickChecks === undefined) return periodMs(probe);
  return Math.min(periodMs(probe), firstQuickMs * 2 ** Math.min(quickChecks, 16));
}
