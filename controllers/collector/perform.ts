import type { Client } from "../../api/client/client.ts";
import { removeFinalizer } from "../../api/machinery/finalizer.ts";
import type { ResourceType } from "../../api/machinery/gvk.ts";
import { keyOf, type KubeObject, type OwnerReference } from "../../api/machinery/object.ts";
import { withoutOwner } from "../../api/machinery/owner.ts";
import type { Step } from "./plan.ts";

/** An object with its kind. */
export type Item = { readonly type: ResourceType; readonly object: KubeObject };

/** What collecting touches. */
export type PerformDeps = {
  readonly client: Pick<Client, "patch" | "delete">;
  /** All objects that name this uid as their owner. */
  readonly dependentsOf: (uid: string) => readonly Item[];
};

/** Guarded by uid and version: what changed meanwhile is looked at again. */
async function patchMeta(
  { type, object }: Item,
  metadata: object,
  { client }: PerformDeps,
): Promise<void> {
  const { uid, resourceVersion } = object.metadata;
  const body = { metadata: { uid, resourceVersion, ...metadata } };
  await client.patch(type, keyOf(object), { type: "merge", body });
}

/** A merge patch removes a list by null: an empty one would stay as such. */
const orNull = <T>(list: readonly T[]): readonly T[] | null => (list.length === 0 ? null : list);

const referencesOf = ({ object }: Item): readonly OwnerReference[] =>
  object.metadata.ownerReferences ?? [];

async function orphanDependents(item: Item, deps: PerformDeps): Promise<void> {
  const { uid } = item.object.metadata;
  for (const dependent of deps.dependentsOf(uid)) {
    const ownerReferences = orNull(withoutOwner(referencesOf(dependent), uid));
    await patchMeta(dependent, { ownerReferences }, deps);
  }
}

/** One step; repeating it is harmless. @throws StatusError `Conflict` when the object changed. */
export async function perform(item: Item, step: Step, deps: PerformDeps): Promise<void> {
  const { type, object } = item;
  const { uid, resourceVersion, finalizers } = object.metadata;
  switch (step.kind) {
    case "delete":
      return deps.client.delete(type, keyOf(object), {
        propagationPolicy: step.policy,
        preconditions: { uid, resourceVersion },
      });
    case "removeReferences": {
      const kept = referencesOf(item).filter((one) => !step.uids.includes(one.uid));
      return patchMeta(item, { ownerReferences: orNull(kept) }, deps);
    }
    case "unblock": {
      const ownerReferences = referencesOf(item).map((one) => ({
        ...one,
        blockOwnerDeletion: false,
      }));
      return patchMeta(item, { ownerReferences }, deps);
    }
    case "orphanDependents":
      return orphanDependents(item, deps);
    case "removeFinalizer":
      return patchMeta(
        item,
        { finalizers: orNull(removeFinalizer(finalizers, step.finalizer)) },
        deps,
      );
    case "wait":
      return undefined;
  }
}
