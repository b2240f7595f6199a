import { resourceText, type ResourceType } from "../../api/machinery/gvk.ts";
import type { ObjectKey } from "../../api/machinery/object.ts";

/** An object of any kind. */
export type KindKey = { readonly resource: string; readonly key: ObjectKey };

/**
 * The key of an object for a queue of many kinds, e.g. `pods|shop|web-0`; the first part is that
 * of {@link resourceText}. Neither part can hold the separator.
 */
export function toKindKey(
  type: Pick<ResourceType, "group" | "plural">,
  { namespace = "", name }: ObjectKey,
): ObjectKey {
  return { name: `${resourceText(type)}|${namespace}|${name}` };
}

/** The inverse of {@link toKindKey}. */
export function fromKindKey({ name }: ObjectKey): KindKey {
  const [resource = "", namespace = "", ...rest] = name.split("|");
  const own = rest.join("|");
  return { resource, key: namespace === "" ? { name: own } : { namespace, name: own } };
}
