import type { Rollout, Seen, Strategy } from "./seen.ts";

/** How many batches `slots` slots make, the canary included. Integer, 1 or more. */
export function batchCount({ batch, canary }: Strategy, slots: number): number {
  if (slots <= canary) return 1;
  return (canary > 0 ? 1 : 0) + Math.max(1, Math.ceil((slots - canary) / batch));
}

/** How many slots are switched by the end of batch `number`, which counts from 1. */
export function batchEnd({ batch, canary }: Strategy, slots: number, number: number): number {
  const end = canary > 0 ? canary + (number - 1) * batch : number * batch;
  return Math.min(slots, end);
}

/** How many batches a rollout that goes on makes. A first one replaces nothing, so it is one. */
export function batchesOf(
  { from, revision }: Pick<Rollout, "from" | "revision">,
  seen: Seen,
): number {
  const isFirst = from === undefined && seen.memory.current !== revision;
  return isFirst ? 1 : batchCount(seen.strategy, seen.slots.length);
}
