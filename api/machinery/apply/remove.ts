import type { JsonObject } from "../equality.ts";
import { asList, asObject, hasNoFields } from "./values.ts";
import { type FieldSet, isMember } from "./field-set.ts";
import { type FieldType, type ListType, type MapType, shapeOf, typeOfField } from "./field-type.ts";
import { itemElement } from "./list-items.ts";
import { fieldElement } from "./path-element.ts";

/**
 * The value without the fields and items of a set. What is left empty is null: it was there, and
 * whoever stores the object drops nulls.
 */
export function removeFields(value: unknown, set: FieldSet, type: FieldType): unknown {
  switch (shapeOf(type, value)) {
    case "scalar":
      return value;
    case "list":
      return type.list === undefined ? value : fromList(asList(value), set, type.list);
    case "map":
      return type.map === undefined ? value : fromMap(asObject(value), set, type.map);
  }
}

function fromList(
  list: readonly unknown[] | undefined,
  set: FieldSet,
  type: ListType,
): readonly unknown[] | null {
  if (list === undefined || list.length === 0 || type.relation === "atomic") return null;
  const rest: unknown[] = [];
  for (const item of list) {
    const node = set[itemElement(type, item)];
    if (node === undefined) rest.push(item);
    else if (!isMember(node)) rest.push(removeFields(item, node, type.items));
  }
  return rest.length === 0 ? null : rest;
}

function fromMap(object: JsonObject | undefined, set: FieldSet, type: MapType): JsonObject | null {
  if (object === undefined || hasNoFields(object) || type.atomic) return null;
  const rest: (readonly [string, unknown])[] = [];
  for (const [name, value] of Object.entries(object)) {
    const node = set[fieldElement(name)];
    if (node === undefined) rest.push([name, value]);
    else if (!isMember(node)) rest.push([name, removeFields(value, node, typeOfField(type, name))]);
  }
  return rest.length === 0 ? null : Object.fromEntries(rest);
}
