import { apiVersionOf } from "../../machinery/gvk.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { type Item, itemWithBytes } from "../../store/item.ts";
import type { Body, Kind } from "../kinds/kind.ts";

/** What a stored value of any kind begins with. */
const head = '{"apiVersion":"';

/** The object as it is stored: in the storage version of its kind, whichever wrote it. */
export function storedForm<T extends Body | AnyObject>(kind: Kind, object: T): T {
  if (kind.version === kind.storageVersion) return object;
  const { group, storageVersion: version } = kind;
  return { ...object, apiVersion: apiVersionOf({ group, version }) };
}

/**
 * The item in the version of `kind`. Versions differ in their name only: there is no conversion.
 * An item may also stem from an earlier storage version.
 */
export function shownForm(kind: Kind, item: Item): Item {
  if (!kind.custom) return item; // built-in kinds have one version
  const { bytes } = item;
  const end = bytes.indexOf('"', head.length);
  const wanted = apiVersionOf(kind);
  if (bytes.toString("latin1", head.length, end) === wanted) return item;
  return itemWithBytes(item, Buffer.concat([Buffer.from(head + wanted), bytes.subarray(end)]));
}
