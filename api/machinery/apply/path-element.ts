import { canonicalJson, isJsonObject } from "../equality.ts";

/**
 * One step of a field path, as FieldsV1 writes it: `f:name` is a field, `k:{"name":"web"}` the list
 * item with these keys, `v:"a"` the item of a set, `i:0` the place in a list.
 */
export type PathElement = string;

/** The element of a field. */
export const fieldElement = (name: string): PathElement => `f:${name}`;

/** The element of a set's item: a string, number or boolean. */
export const valueElement = (value: unknown): PathElement => `v:${JSON.stringify(value)}`;

/** The element of an item with keys, given in the order of their names. */
export function keyElement(keys: readonly (readonly [string, unknown])[]): PathElement {
  const pairs = keys.map(([name, value]) => `${JSON.stringify(name)}:${jsonText(value)}`);
  return `k:{${pairs.join(",")}}`;
}

const jsonText = (value: unknown): string =>
  typeof value === "object" && value !== null ? canonicalJson(value) : JSON.stringify(value);

/** The name of a field's element; `undefined` for any other. */
export function fieldName(element: PathElement): string | undefined {
  return element.startsWith("f:") ? element.slice(2) : undefined;
}

/** Whether an element names a list's item by keys. */
export const isKeyElement = (element: PathElement): boolean => element.startsWith("k:");

/**
 * The one way to write an element: keys in order, numbers and escapes as JSON.stringify has them.
 * `undefined` for a type of element that is not known: such are passed over.
 * @throws Error for an element that cannot be read
 */
export function canonicalElement(text: string): PathElement | undefined {
  if (text.length < 2) throw new Error("key must be 2 characters long");
  if (text[1] !== ":") throw new Error(`missing colon: ${text}`);
  const rest = text.slice(2);
  switch (text[0]) {
    case "f":
      return text;
    case "v":
      return valueElement(JSON.parse(rest));
    case "k":
      return keysOf(rest);
    case "i":
      if (!/^-?\d+$/.test(rest)) throw new Error(`invalid index: ${rest}`);
      return `i:${Number(rest)}`;
    default:
      return undefined;
  }
}

function keysOf(text: string): PathElement {
  const keys: unknown = JSON.parse(text);
  if (!isJsonObject(keys)) throw new Error(`keys must be an object: ${text}`);
  return keyElement(Object.entries(keys).sort(byName));
}

const byName = ([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number =>
  left < right ? -1 : 1;

const ranks = "fkvi";

/** The order of elements in FieldsV1: fields by name, then keys, values and places. */
export function compareElements(left: PathElement, right: PathElement): number {
  return compareParsed(parsed(left), parsed(right));
}

/** The elements in that order. Each is parsed once: a list may have tens of thousands of items. */
export function sortElements(elements: readonly PathElement[]): readonly PathElement[] {
  return elements
    .map(parsed)
    .sort(compareParsed)
    .map(({ element }) => element);
}

type Parsed = { readonly element: PathElement; readonly rank: number; readonly value: unknown };

function parsed(element: PathElement): Parsed {
  const rank = ranks.indexOf(element[0] ?? "");
  const value = rank === 0 ? undefined : (JSON.parse(element.slice(2)) as unknown);
  return { element, rank, value };
}

function compareParsed(left: Parsed, right: Parsed): number {
  if (left.rank !== right.rank) return left.rank - right.rank;
  if (left.rank === 0) return compareText(left.element, right.element);
  return compareValues(left.value, right.value);
}

const compareText = (left: string, right: string): number =>
  left === right ? 0 : left < right ? -1 : 1;

const typeRanks = ["number", "string", "boolean"];

/** Numbers before strings before booleans; each in its own order. */
function compareValues(left: unknown, right: unknown): number {
  if (isJsonObject(left) && isJsonObject(right)) return compareKeys(left, right);
  const rank = typeRanks.indexOf(typeof left) - typeRanks.indexOf(typeof right);
  if (rank !== 0) return rank;
  if (typeof left === "string" && typeof right === "string") return compareText(left, right);
  return Number(left) - Number(right);
}

function compareKeys(
  left: Readonly<Record<string, unknown>>,
  right: Readonly<Record<string, unknown>>,
): number {
  const others = Object.entries(right);
  for (const [index, [name, value]] of Object.entries(left).entries()) {
    const other = others[index];
    if (other === undefined) return 1;
    const order = compareText(name, other[0]) || compareValues(value, other[1]);
    if (order !== 0) return order;
  }
  return Object.keys(left).length - others.length;
}

/** An element as messages show it, e.g. `.image`, `[name="web"]`, `[="a"]` or `[0]`. */
export function elementText(element: PathElement): string {
  const rest = element.slice(2);
  switch (element[0]) {
    case "f":
      return `.${rest}`;
    case "k": {
      const keys = Object.entries(JSON.parse(rest) as Readonly<Record<string, unknown>>);
      return `[${keys.map(([name, value]) => `${name}=${jsonText(value)}`).join(",")}]`;
    }
    case "v":
      return `[=${rest}]`;
    default:
      return `[${rest}]`;
  }
}

/** A path as messages show it, e.g. `.spec.containers[name="web"].image`. */
export const pathText = (path: readonly PathElement[]): string => path.map(elementText).join("");
