import { isJsonObject } from "../../machinery/schema-value.ts";

/**
 * A CEL value: int is a bigint, double a number, a list an array, an object or map with text keys a
 * plain object, another map a Map, bytes a Uint8Array; the rest are the classes below.
 */
export type CelValue = unknown;

/** Evaluation cannot go on: a missing key, an overflow, a wrong argument. */
export class CelError extends Error {
  override readonly name = "CelError";
}

/** A point in time. */
export class CelTimestamp {
  readonly ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
}

/** A length of time. */
export class CelDuration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** An unsigned integer. */
export class CelUint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}

/** A value or its absence. */
export class CelOptional {
  readonly value: CelValue;
  readonly present: boolean;
  constructor(present: boolean, value?: CelValue) {
    this.present = present;
    this.value = value;
  }
}

/** The type of a value, as `type(x)` yields it. */
export class CelTypeValue {
  readonly type: string;
  constructor(type: string) {
    this.type = type;
  }
}

/** A value of a library: compared by its kind and text. */
export abstract class CelOpaque {
  /** Name of its type, e.g. `kubernetes.Quantity`. */
  abstract readonly typeName: string;
  abstract equals(other: CelOpaque): boolean;
}

/**
 * A list that a schema declares to be a set, or a map by keys of its items: the order of the items
 * does not count, and adding to it keeps each item once.
 */
export class CelKeyedList extends Array<CelValue> {
  /** Names of the fields that identify an item; none: the whole item does. */
  identity: readonly string[] = [];
  // What is made from it, by map or filter, is a plain list.
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
}

/** A list as `keys` identify its items. */
export function keyedList(items: readonly CelValue[], keys: readonly string[]): CelKeyedList {
  const list = new CelKeyedList();
  for (const item of items) list.push(item); // more items than a call takes arguments
  list.identity = keys;
  return list;
}

function identityOf(item: CelValue, keys: readonly string[]): CelValue {
  return keys.length === 0 ? item : keys.map((key) => mapGet(item, key) ?? null);
}

/** The list with the items of another: those that it has already are replaced. */
export function addToKeyed(list: CelKeyedList, others: readonly CelValue[]): CelKeyedList {
  const { identity: keys } = list;
  const items = [...list];
  const identity = (item: CelValue): string => bucketOf(identityOf(item, keys));
  const places = Map.groupBy(items.keys(), (at) => identity(items[at]));
  for (const other of others) {
    const id = identityOf(other, keys);
    const near = places.get(bucketOf(id)) ?? [];
    const at = near.find((place) => equalCel(identityOf(items[place], keys), id));
    if (at !== undefined) items[at] = other;
    else places.set(bucketOf(id), [...near, items.push(other) - 1]);
  }
  return keyedList(items, keys);
}

/** The absent value. */
export const noValue = new CelOptional(false);

const scalarNames: Readonly<Record<string, string>> = {
  boolean: "bool",
  bigint: "int",
  number: "double",
  string: "string",
};

const classNames: readonly (readonly [new (...args: never[]) => object, string])[] = [
  [CelUint, "uint"],
  [Uint8Array, "bytes"],
  [CelTimestamp, "google.protobuf.Timestamp"],
  [CelDuration, "google.protobuf.Duration"],
  [CelOptional, "optional_type"],
  [CelTypeValue, "type"],
];

/** The name of the type of a value, without arguments. */
export function typeNameOf(value: CelValue): string {
  const scalar = scalarNames[typeof value];
  if (scalar !== undefined) return scalar;
  if (value === null) return "null_type";
  if (Array.isArray(value)) return "list";
  if (value instanceof CelOpaque) return value.typeName;
  for (const [made, name] of classNames) if (value instanceof made) return name;
  return "map";
}

/** The entries of a map; its keys are texts, or as they were written. */
export function entriesOf(map: CelValue): readonly (readonly [CelValue, CelValue])[] {
  if (map instanceof Map) return [...map.entries()];
  return isJsonObject(map) ? Object.entries(map) : [];
}

/** How many keys a map has. */
export function mapSize(map: CelValue): number {
  if (map instanceof Map) return map.size;
  return isJsonObject(map) ? Object.keys(map).length : 0;
}

/** Numbers of another type can be the same key: 1 and 1.0 and 1u. */
function keyForms(key: CelValue): readonly CelValue[] {
  if (typeof key === "number" && Number.isInteger(key)) return [BigInt(key), key];
  if (key instanceof CelUint) return [key.value];
  return [key];
}

/** The value of a key; `undefined` when there is none. */
export function mapGet(map: CelValue, key: CelValue): CelValue {
  if (map instanceof Map) {
    const form = keyForms(key).find((one) => map.has(one));
    return form === undefined ? undefined : map.get(form);
  }
  if (typeof key !== "string" || !isJsonObject(map) || !Object.hasOwn(map, key)) return undefined;
  return map[key];
}

const isNumeric = (value: CelValue): value is bigint | number | CelUint =>
  typeof value === "bigint" || typeof value === "number" || value instanceof CelUint;

const plainNumber = (value: bigint | number | CelUint): bigint | number =>
  value instanceof CelUint ? value.value : value;

/** A text that equal values share; nearly always others have another one. */
function bucketOf(value: CelValue): string {
  if (isNumeric(value)) return `n${Number(plainNumber(value))}`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "";
  if (Array.isArray(value)) {
    const items = value.map(bucketOf);
    return `[${(value instanceof CelKeyedList ? items.toSorted() : items).join()}]`;
  }
  if (typeNameOf(value) !== "map") return typeNameOf(value);
  const entries = entriesOf(value).map(([key, item]) => `${bucketOf(key)}:${bucketOf(item)}`);
  return `{${entries.toSorted().join()}}`;
}

function bucketsOf(items: readonly CelValue[]): ReadonlyMap<string, readonly CelValue[]> {
  return Map.groupBy(items, bucketOf);
}

function equalLists(left: readonly CelValue[], right: readonly CelValue[]): boolean {
  const isKeyed = left instanceof CelKeyedList || right instanceof CelKeyedList;
  if (left.length !== right.length) return false;
  if (left.every((item, i) => equalCel(item, right[i]))) return true;
  if (!isKeyed) return false;
  const buckets = bucketsOf(right);
  return left.every((item) => buckets.get(bucketOf(item))?.some((one) => equalCel(item, one)));
}

function equalMaps(left: CelValue, right: CelValue): boolean {
  if (mapSize(left) !== mapSize(right)) return false;
  return entriesOf(left).every(([key, value]) => {
    const other = mapGet(right, key);
    return other !== undefined && equalCel(value, other);
  });
}

type Class = new (...args: never[]) => object;
type SameClass = (left: CelValue, right: CelValue) => boolean;

/** How values of one class compare. */
function sameOf<T extends object>(
  made: new (...args: never[]) => T,
  same: (left: T, right: T) => boolean,
): readonly [Class, SameClass] {
  return [made, (left, right) => right instanceof made && same(left as T, right)];
}

const classes: readonly (readonly [Class, SameClass])[] = [
  sameOf(CelTimestamp, (left, right) => left.ms === right.ms),
  sameOf(CelDuration, (left, right) => left.nanos === right.nanos),
  sameOf(CelTypeValue, (left, right) => left.type === right.type),
  sameOf(Uint8Array, (left, right) => Buffer.compare(left, right) === 0),
  sameOf(CelOptional, (left, right) =>
    left.present && right.present
      ? equalCel(left.value, right.value)
      : left.present === right.present,
  ),
];

function equalClasses(left: CelValue, right: CelValue): boolean | undefined {
  if (left instanceof CelOpaque)
    return right instanceof CelOpaque && left.typeName === right.typeName && left.equals(right);
  for (const [made, same] of classes) if (left instanceof made) return same(left, right);
  return undefined;
}

const isMap = (value: CelValue): boolean =>
  typeof value === "object" && typeNameOf(value) === "map";

/** Whether two values are the same; numbers of all types compare by what they count. */
export function equalCel(left: CelValue, right: CelValue): boolean {
  if (left === right) return true;
  // Between bigint and number this compares exactly; === would never hold.
  // oxlint-disable-next-line eqeqeq
  if (isNumeric(left) && isNumeric(right)) return plainNumber(left) == plainNumber(right);
  if (typeof left !== "object" || left === null) return false;
  if (Array.isArray(left)) return Array.isArray(right) && equalLists(left, right);
  const known = equalClasses(left, right);
  return known ?? (isMap(right) && equalMaps(left, right));
}

/** Code points compare like the bytes of their UTF-8, which halves of surrogate pairs do not. */
function compareText(left: string, right: string): number {
  if (left === right) return 0;
  // What decides is in the shorter text and one unit more, however long the other one is.
  const length = Math.min(left.length, right.length) + 1;
  const [one, other] = [left.slice(0, length), right.slice(0, length)];
  // oxlint-disable-next-line no-control-regex
  if (/^[\u0000-\ud7ff]*$/.test(one) && /^[\u0000-\ud7ff]*$/.test(other))
    return one < other ? -1 : 1;
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

const order = <T>(left: T, right: T): number => (left < right ? -1 : Number(left > right));

/** Less than 0 when `left` comes first. @throws CelError for values that have no order */
export function compareCel(left: CelValue, right: CelValue): number {
  if (typeof left === "string" && typeof right === "string") return compareText(left, right);
  if (isNumeric(left) && isNumeric(right)) return order(plainNumber(left), plainNumber(right));
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right);
  const [a, b] = [rankOf(left), rankOf(right)];
  if (a === undefined || b === undefined || typeof a !== typeof b)
    throw new CelError("no such overload");
  return order(a, b);
}

/** What orders values of the remaining types; each type has its own kind of it. */
function rankOf(value: CelValue): boolean | number | bigint | undefined {
  if (typeof value === "boolean") return value;
  if (value instanceof CelTimestamp) return value.ms;
  return value instanceof CelDuration ? value.nanos : undefined;
}

/** Characters as rules count them: code points. */
export function textSize(text: string): number {
  let size = text.length;
  for (let i = 0; i < text.length - 1; i += 1) {
    const high = text.charCodeAt(i);
    if (high >= 0xd800 && high <= 0xdbff) size -= 1;
  }
  return size;
}

/** How large a value is to functions that go over all of it; 1 for scalars. */
export function sizeOf(value: CelValue): number {
  if (typeof value === "string") return value.length;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length;
  if (typeof value !== "object" || value === null) return 1;
  return typeNameOf(value) === "map" ? mapSize(value) : 1;
}

const weights = new WeakMap<object, number>();
/** What an entry of a map weighs besides its value. */
const entryWeight = 10;

/**
 * How much there is to go through in a value, all that is inside of it included: 1 for a scalar, more for a long
 * text. Known values are not counted again.
 */
export function weightOf(value: CelValue): number {
  if (typeof value === "string") return 1 + value.length / 100;
  if (typeof value !== "object" || value === null) return 1;
  const known = weights.get(value);
  if (known !== undefined) return known;
  const items: readonly CelValue[] = Array.isArray(value)
    ? value
    : entriesOf(value).map(([, item]) => item);
  const each = Array.isArray(value) ? 1 : entryWeight;
  const weight = items.reduce((sum: number, item) => sum + each + weightOf(item), 1);
  weights.set(value, weight);
  return weight;
}
