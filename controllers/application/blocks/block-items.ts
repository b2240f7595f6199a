import type { Slot } from "../seen.ts";
import type { View } from "../slots.ts";

/**
 * Numbers slots for the update stream: the same number for as long as a rollout lasts, whatever
 * comes and goes. An ordinal is its own number. A slot that stands for a Node takes the next free one
 * and `instances` remembers it.
 */
export type Numbering = {
  /** Names of Nodes by number; empty where there is none yet. */
  readonly instances: readonly string[];
  readonly itemOf: ReadonlyMap<string, number>;
};

const residentOf = ({ goal, rivals, others }: View): string | undefined =>
  goal?.node ?? rivals[0]?.node ?? others[0]?.node;

function ordinalOf({ id, node }: Slot): number | undefined {
  return node === undefined && /^\d{1,9}$/.test(id) ? Number(id) : undefined;
}

/** The numbers of all slots, those that were given before first. */
export function numberingOf(views: readonly View[], known: readonly string[]): Numbering {
  const instances = [...known];
  const given = new Map(known.map((node, item) => [node, item]));
  const itemOf = new Map<string, number>();
  for (const view of views) {
    const { slot } = view;
    const item = ordinalOf(slot) ?? given.get(slot.id) ?? instances.length;
    itemOf.set(slot.id, item);
    while (instances.length < item) instances.push("");
    // The first one stays: a line that was told must not change. One that differs is told in full.
    if ((instances[item] ?? "") === "") instances[item] = slot.node ?? residentOf(view) ?? "";
  }
  return { instances, itemOf };
}
