import { asList, asObject } from "./values.ts";
import {
  type FieldType,
  type ListType,
  type MapType,
  type ScalarType,
  shapeOf,
} from "./field-type.ts";
import { itemElement, UntellableItem } from "./list-items.ts";
import { elementText, fieldElement, type PathElement } from "./path-element.ts";

/**
 * What is wrong with an applied configuration, each as `PATH: MESSAGE`, e.g.
 * `.spec.replicsa: field not declared in schema`: nobody can own a field that is not known, nor
 * one of two items with the same keys. Null is right everywhere.
 */
export function configProblems(config: unknown, type: FieldType): readonly string[] {
  const problems: string[] = [];
  check(config, type, { path: "", problems });
  return problems;
}

type Place = { readonly path: string; readonly problems: string[] };

function check(value: unknown, type: FieldType, place: Place): void {
  if (value === null) return;
  switch (shapeOf(type, value)) {
    case "scalar":
      return checkScalar(value, type.scalar ?? "untyped", place);
    case "list":
      return type.list === undefined ? undefined : checkList(value, type.list, place);
    case "map":
      return type.map === undefined ? undefined : checkMap(value, type.map, place);
  }
}

function say({ path, problems }: Place, message: string): void {
  problems.push(path === "" ? message : `${path}: ${message}`);
}

const below = ({ path, problems }: Place, element: PathElement): Place => ({
  path: path + elementText(element),
  problems,
});

const scalarChecks: Readonly<Record<ScalarType, readonly [string, readonly string[]]>> = {
  string: ["string", ["string"]],
  numeric: ["numeric (int or float)", ["number"]],
  boolean: ["boolean", ["boolean"]],
  untyped: ["any scalar", ["string", "number", "boolean"]],
};

function checkScalar(value: unknown, type: ScalarType, place: Place): void {
  const [name, types] = scalarChecks[type];
  if (!types.includes(typeof value)) say(place, `expected ${name}, got ${JSON.stringify(value)}`);
}

function checkList(value: unknown, type: ListType, place: Place): void {
  const list = asList(value);
  if (list === undefined) return say(place, `expected list, got ${JSON.stringify(value)}`);
  const seen = new Set<PathElement>();
  for (const [index, item] of list.entries()) {
    const element = elementAt(type, item, index, place);
    if (element === undefined) return;
    if (seen.has(element)) say(place, `duplicate entries for key ${elementText(element)}`);
    seen.add(element);
    check(item, type.items, below(place, element));
  }
}

function elementAt(
  type: ListType,
  item: unknown,
  index: number,
  place: Place,
): PathElement | undefined {
  if (type.relation === "atomic") return `i:${index}`;
  try {
    return itemElement(type, item);
  } catch (err) {
    if (!(err instanceof UntellableItem)) throw err;
    say(place, `element ${index}: ${err.message}`);
    return undefined;
  }
}

function checkMap(value: unknown, { fields, element }: MapType, place: Place): void {
  const object = asObject(value);
  if (object === undefined) return say(place, `expected map, got ${JSON.stringify(value)}`);
  for (const [name, inner] of Object.entries(object)) {
    const type = fields.get(name)?.type ?? element;
    const there = below(place, fieldElement(name));
    if (type === undefined) say(there, "field not declared in schema");
    else check(inner, type, there);
  }
}
