import { equalJson, type JsonObject } from "../equality.ts";
import { asList, asObject, fieldOf, hasNoFields } from "./values.ts";
import { emptySet, type FieldSet, leaf, withoutSelf } from "./field-set.ts";
import { type FieldType, type ListType, type MapType, shapeOf, typeOfField } from "./field-type.ts";
import { wholeNode } from "./fields-of.ts";
import { indexItems } from "./list-items.ts";
import { fieldElement, type PathElement } from "./path-element.ts";

/** Which fields differ between two objects. No field is in more than one of the sets. */
export type Comparison = {
  readonly added: FieldSet;
  readonly removed: FieldSet;
  readonly modified: FieldSet;
};

/** The comparison of equal objects. */
const noDifference: Comparison = { added: emptySet, removed: emptySet, modified: emptySet };

type MutableSet = { [element: PathElement]: FieldSet };
type Draft = { added?: MutableSet; removed?: MutableSet; modified?: MutableSet };
type Part = keyof Comparison;

/** What differs below one place: the nodes of its three sets. `undefined`: nothing does. */
type Difference = { readonly [part in Part]?: FieldSet } | undefined;

/**
 * Compares two objects of one type. Parts that are the same JavaScript object are not looked at.
 * @throws UntellableItem for a list whose items have no identity
 */
export function compareFields(before: unknown, after: unknown, type: FieldType): Comparison {
  const { added, removed, modified } = below(before, after, type) ?? {};
  if (added === undefined && removed === undefined && modified === undefined) return noDifference;
  return {
    added: withoutSelf(added ?? emptySet),
    removed: withoutSelf(removed ?? emptySet),
    modified: withoutSelf(modified ?? emptySet),
  };
}

function below(before: unknown, after: unknown, type: FieldType): Difference {
  if (before === after) return undefined;
  if (before === undefined) return { added: wholeNode(after, type) };
  if (after === undefined) return { removed: wholeNode(before, type) };
  const [left, right] = [shapeOf(type, before), shapeOf(type, after)];
  const difference = inShape(left, before, after, type);
  // A value that became another kind of value lost what it had and got what it has.
  return left === right ? difference : merged(difference, inShape(right, before, after, type));
}

function inShape(
  shape: "scalar" | "list" | "map",
  before: unknown,
  after: unknown,
  type: FieldType,
): Difference {
  if (shape === "list" && type.list !== undefined) return lists(before, after, type.list);
  if (shape === "map" && type.map !== undefined) return maps(before, after, type.map);
  return asWhole(before, after);
}

const asWhole = (before: unknown, after: unknown): Difference =>
  equalJson(before, after) ? undefined : { modified: leaf };

function lists(before: unknown, after: unknown, type: ListType): Difference {
  const [left, right] = [asList(before) ?? [], asList(after) ?? []];
  const empty = left.length === 0 && right.length === 0;
  if (type.relation === "atomic" || empty) return asWhole(before, after);
  // Most lists did not change: then nobody needs to tell their items apart.
  if (left.length === right.length && equalJson(left, right)) return undefined;
  const [lefts, rights] = [indexItems(type, left), indexItems(type, right)];
  const draft: Draft = {};
  for (const [element, items] of lefts) {
    note(draft, element, itemsDifference(items, rights.get(element) ?? [], type));
  }
  for (const [element, items] of rights) {
    if (!lefts.has(element)) note(draft, element, itemsDifference([], items, type));
  }
  return draft;
}

/** Items that are there twice are compared as a whole: nobody can say which one is which. */
function itemsDifference(
  left: readonly unknown[],
  right: readonly unknown[],
  { items }: ListType,
): Difference {
  const [twiceBefore, twiceAfter] = [left.length > 1, right.length > 1];
  if (twiceBefore && twiceAfter) return asWhole(left, right);
  if (twiceBefore) {
    return right.length === 0
      ? { removed: leaf }
      : { added: wholeNode(right[0], items), removed: leaf };
  }
  if (twiceAfter) {
    return left.length === 0
      ? { added: leaf }
      : { removed: wholeNode(left[0], items), added: leaf };
  }
  return below(left[0], right[0], items);
}

function maps(before: unknown, after: unknown, type: MapType): Difference {
  const [left, right] = [asObject(before), asObject(after)];
  if (type.atomic || (hasNoFields(left) && hasNoFields(right))) return asWhole(before, after);
  const draft: Draft = {};
  for (const name of Object.keys(left ?? {})) {
    const difference = field(left, right, name, type);
    if (difference !== undefined) note(draft, fieldElement(name), difference);
  }
  for (const name of Object.keys(right ?? {})) {
    if (fieldOf(left, name) !== undefined) continue;
    const difference = field(left, right, name, type);
    if (difference !== undefined) note(draft, fieldElement(name), difference);
  }
  return draft;
}

function field(
  left: JsonObject | undefined,
  right: JsonObject | undefined,
  name: string,
  type: MapType,
): Difference {
  return below(fieldOf(left, name), fieldOf(right, name), typeOfField(type, name));
}

const parts: readonly Part[] = ["added", "removed", "modified"];

function note(draft: Draft, element: PathElement, difference: Difference): void {
  if (difference === undefined) return;
  for (const part of parts) {
    const node = difference[part];
    if (node !== undefined) (draft[part] ??= {})[element] = node;
  }
}

function merged(one: Difference, other: Difference): Difference {
  if (one === undefined || other === undefined) return one ?? other;
  return { ...one, ...other };
}
