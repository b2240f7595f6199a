import { asList, asObject, hasNoFields } from "./values.ts";
import { type FieldSet, leaf } from "./field-set.ts";
import { type FieldType, type ListType, type MapType, shapeOf, typeOfField } from "./field-type.ts";
import { itemElement } from "./list-items.ts";
import { fieldElement } from "./path-element.ts";

/**
 * Which paths count: `Applied` are those that an applied configuration owns, `All` also those of
 * the objects and items on the way, as a comparison with nothing finds them.
 */
type Extent = "Applied" | "All";

type MutableSet = { [element: string]: FieldSet };

/** The fields that whoever applies `value` owns: every leaf, and every item of a list. */
export function appliedFields(value: unknown, type: FieldType): FieldSet {
  return nodeOf(value, type, "Applied") ?? {};
}

/** The node of a value that appears or vanishes as a whole: all of it, and its own place. */
export function wholeNode(value: unknown, type: FieldType): FieldSet {
  return nodeOf(value, type, "All") ?? leaf;
}

function nodeOf(value: unknown, type: FieldType, extent: Extent): FieldSet | undefined {
  switch (shapeOf(type, value)) {
    case "scalar":
      return leaf;
    case "list":
      return type.list === undefined ? leaf : listNode(asList(value), type.list, extent);
    case "map":
      return type.map === undefined ? leaf : mapNode(value, type.map, extent);
  }
}

const begin = (extent: Extent): MutableSet => (extent === "All" ? { ".": leaf } : {});

function done(set: MutableSet, extent: Extent): FieldSet | undefined {
  for (const element in set) if (element !== ".") return set;
  return extent === "All" ? leaf : undefined;
}

function listNode(
  list: readonly unknown[] | undefined,
  type: ListType,
  extent: Extent,
): FieldSet | undefined {
  if (type.relation === "atomic") return leaf;
  const set = begin(extent);
  for (const item of list ?? []) {
    const element = itemElement(type, item);
    // Of an item that is there twice only its place is known.
    set[element] = element in set ? leaf : itemNode(item, type, extent);
  }
  return done(set, extent);
}

function itemNode(item: unknown, { items }: ListType, extent: Extent): FieldSet {
  const node = nodeOf(item, items, extent);
  return owned(node);
}

/** The node of a place that is a member itself. */
function owned(node: FieldSet | undefined): FieldSet {
  if (node === undefined) return leaf;
  if ("." in node || hasNoFields(node)) return node;
  return { ".": leaf, ...node };
}

function mapNode(value: unknown, type: MapType, extent: Extent): FieldSet | undefined {
  if (type.atomic) return leaf;
  const object = asObject(value);
  if (object === undefined) return done(begin(extent), extent);
  const set = begin(extent);
  for (const name of Object.keys(object)) {
    const inner = object[name];
    if (inner === undefined) continue;
    const node = nodeOf(inner, typeOfField(type, name), extent);
    const child = isOwned(inner, type, name) ? owned(node) : node;
    if (child !== undefined) set[fieldElement(name)] = child;
  }
  return done(set, extent);
}

/** Whether a field counts itself, and not only what is in it. */
function isOwned(value: unknown, type: MapType, name: string): boolean {
  if (value === null || !type.fields.has(name)) return true;
  const object = asObject(value);
  return object !== undefined && hasNoFields(object);
}
