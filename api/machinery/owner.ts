import type { KubeObject, ObjectMeta, OwnerReference } from "./object.ts";

type Owned = { readonly metadata: Pick<ObjectMeta, "ownerReferences"> };

/** The one owner that manages this object, or `undefined` for an orphan. */
export function controllerOf({ metadata }: Owned): OwnerReference | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true);
}

/** Whether the owner of this `uid` manages the object. Names do not count: they are reused. */
export function isControlledBy(object: Owned, uid: string): boolean {
  return controllerOf(object)?.uid === uid;
}

/** A reference that makes `owner` the controller; foreground deletion of it waits for the child. */
export function controllerReference({ apiVersion, kind, metadata }: KubeObject): OwnerReference {
  const { name, uid } = metadata;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** The references without those to the owner of this `uid`. */
export function withoutOwner(
  references: readonly OwnerReference[] | undefined,
  uid: string,
): readonly OwnerReference[] {
  return (references ?? []).filter((reference) => reference.uid !== uid);
}
