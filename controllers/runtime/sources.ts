import type { Change } from "../../api/client/informer.ts";
import { controllerOf } from "../../api/machinery/owner.ts";
import { keyOf, keyText, type KubeObject, type ObjectKey } from "../../api/machinery/object.ts";
import type { Resource } from "../../api/machinery/resources.ts";
import type { Source } from "./reconciler.ts";

/** A source of typed objects, fit for a controller's list of sources of many types. */
export function source<T extends KubeObject>(
  type: Resource<T>,
  keysOf: (object: T, change: Change<T>["type"]) => readonly ObjectKey[],
): Source {
  // Sound: a cache of `type` is all that ever calls it.
  return { type, keysOf } as unknown as Source;
}

/** The objects themselves. */
export function each<T extends KubeObject>(type: Resource<T>): Source {
  return source(type, (object) => [keyOf(object)]);
}

/** The owners of kind `owner` that control the objects of `type`, e.g. Applications by their pods. */
export function ownersOf<T extends KubeObject>(
  type: Resource<T>,
  owner: { readonly kind: string; readonly namespaced: boolean },
): Source {
  return source(type, (object) => {
    const reference = controllerOf(object);
    if (reference?.kind !== owner.kind) return [];
    const { namespace } = object.metadata;
    const { name } = reference;
    return [owner.namespaced && namespace !== undefined ? { namespace, name } : { name }];
  });
}

/** The keys that a change concerns, by what was and what is; each once. */
export function keysOfChange(of: Source, change: Change<KubeObject>): readonly ObjectKey[] {
  const sides = [
    ...(change.type === "added" ? [] : [change.before]),
    ...(change.type === "deleted" ? [] : [change.after]),
  ];
  return [
    ...new Map(
      sides.flatMap((side) => of.keysOf(side, change.type)).map((key) => [keyText(key), key]),
    ).values(),
  ];
}
