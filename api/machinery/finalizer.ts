import type { ObjectMeta } from "./object.ts";

type Finalized = {
  readonly metadata: Pick<ObjectMeta, "finalizers" | "deletionTimestamp">;
};

/** Set by a delete with `propagationPolicy: Foreground`: the owner goes after its dependents. */
export const foregroundFinalizer = "foregroundDeletion";
/** Set by a delete with `propagationPolicy: Orphan`: the dependents lose their reference first. */
export const orphanFinalizer = "orphan";

/** Whether a delete was asked for; the object stays until its last finalizer is removed. */
export function isDeleting({ metadata }: Finalized): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** Whether somebody still has to act under this name before the object may go. */
export function hasFinalizer({ metadata }: Finalized, name: string): boolean {
  return metadata.finalizers?.includes(name) === true;
}

/** The list with `name` in it, once; the same list when it is there already. */
export function addFinalizer(
  finalizers: readonly string[] | undefined,
  name: string,
): readonly string[] {
  const list = finalizers ?? [];
  return list.includes(name) ? list : [...list, name];
}

/** The list without `name`; the order of the others is kept. */
export function removeFinalizer(
  finalizers: readonly string[] | undefined,
  name: string,
): readonly string[] {
  return (finalizers ?? []).filter((finalizer) => finalizer !== name);
}
