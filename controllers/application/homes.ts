import type { Memory, Seen } from "./seen.ts";

/**
 * The Nodes of slots that are about to be without a pod, or are: where the next one belongs, as data
 * on the host does. A slot that has a pod needs no entry, so that only what is under repair is kept.
 * On record before the last pod is gone, because its agent takes a while to stop it.
 */
export function homesOf({ slots, pods, memory }: Seen): Memory["homes"] {
  const bySlot = Map.groupBy(pods, ({ slot }) => slot);
  const entries = slots.flatMap(({ id, node }): readonly (readonly [string, string])[] => {
    // A slot that stands for a Node cannot be anywhere else.
    if (node !== undefined) return [];
    const own = bySlot.get(id) ?? [];
    if (own.some(({ terminating }) => !terminating)) return [];
    const last = own.find((pod) => pod.node !== undefined)?.node ?? memory.homes?.[id];
    return last === undefined ? [] : [[id, last]];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
