import { apiVersionOf } from "../../machinery/gvk.ts";
import { type Item, itemWithBytes } from "../../store/item.ts";
import type { Body, Kind, View } from "../kinds/kind.ts";

/** What a stored value of any kind begins with. */
const head = '{"apiVersion":"';

/** The object as it is stored: in the storage version of its kind, whichever wrote it. */
export function storedForm(kind: Kind, object: Body): Body {
  if (kind.view !== undefined) return kind.view.toStored(object);
  if (kind.version === kind.storageVersion) return object;
  const { group, storageVersion: version } = kind;
  return { ...object, apiVersion: apiVersionOf({ group, version }) };
}

/** The views of an item, so that a change is converted once for all who watch. */
const views = new WeakMap<Item, Item>();

function viewOf({ toShown }: View, item: Item): Item {
  let shown = views.get(item);
  if (shown === undefined) {
    shown = itemWithBytes(item, Buffer.from(JSON.stringify(toShown(item.object))));
    views.set(item, shown);
  }
  return shown;
}

/**
 * The item in the version of `kind`. Versions of custom kinds differ in their name only. An item
 * may also stem from an earlier storage version, or be shown by another kind.
 */
export function shownForm(kind: Kind, item: Item): Item {
  if (kind.view !== undefined) return viewOf(kind.view, item);
  if (!kind.custom) return item; // built-in kinds have one version
  const reread = kind.reread?.(item);
  if (reread !== undefined) {
    const apiVersion = apiVersionOf(kind);
    return itemWithBytes(item, Buffer.from(JSON.stringify({ ...reread, apiVersion })));
  }
  const { bytes } = item;
  const end = bytes.indexOf('"', head.length);
  const wanted = apiVersionOf(kind);
  if (bytes.toString("latin1", head.length, end) === wanted) return item;
  return itemWithBytes(item, Buffer.concat([Buffer.from(head + wanted), bytes.subarray(end)]));
}

/** The object of an item as its columns and selectors see it: with defaults that came later. */
export function readObjectOf(kind: Kind, item: Item): Item["object"] {
  return kind.reread?.(item) ?? item.object;
}
