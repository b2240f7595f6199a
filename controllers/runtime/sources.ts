import type { Change } from "../../api/client/informer.ts";
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
