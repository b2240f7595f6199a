import { isJsonObject } from "../equality.ts";
import type { ListType } from "./field-type.ts";
import { keyElement, type PathElement, valueElement } from "./path-element.ts";

/** A list whose items cannot be told apart: the message says which. */
export class UntellableItem extends Error {
  override readonly name = "UntellableItem";
}

/**
 * The element that stands for an item of a set or map list.
 * @throws UntellableItem for an item that has no identity
 */
export function itemElement(type: ListType, item: unknown): PathElement {
  return type.relation === "map" ? keyedElement(type, item) : setElement(item);
}

function setElement(item: unknown): PathElement {
  if (item === null || item === undefined) {
    throw new UntellableItem(
      "associative list without keys has an element that's an explicit null",
    );
  }
  if (Array.isArray(item)) {
    throw new UntellableItem("not supported: associative list with lists as elements");
  }
  if (typeof item === "object") {
    throw new UntellableItem("associative list without keys has an element that's a map type");
  }
  return valueElement(item);
}

function keyedElement({ keys, items }: ListType, item: unknown): PathElement {
  if (item === null || item === undefined) {
    throw new UntellableItem("associative list with keys may not have a null element");
  }
  if (!isJsonObject(item)) {
    throw new UntellableItem("associative list with keys may not have non-map elements");
  }
  const found: (readonly [string, unknown])[] = [];
  for (const key of keys) {
    const value = Object.hasOwn(item, key) ? item[key] : items.map?.fields.get(key)?.default;
    // Without one of its keys an item is another one than with it.
    if (value !== undefined) found.push([key, value]);
  }
  if (found.length > 0) return keyElement(found);
  const names = keys.map((key) => JSON.stringify(key)).join(" ");
  throw new UntellableItem(
    `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
  );
}

/** Items by their elements, in order of first appearance; most have one. */
export type ItemIndex = ReadonlyMap<PathElement, readonly unknown[]>;

/** The items of a list by element. @throws UntellableItem */
export function indexItems(type: ListType, list: readonly unknown[]): ItemIndex {
  const index = new Map<PathElement, unknown[]>();
  for (const item of list) {
    const element = itemElement(type, item);
    const same = index.get(element);
    if (same === undefined) index.set(element, [item]);
    else same.push(item);
  }
  return index;
}
