import { type CostRule, costs, exactly } from "./cost.ts";
import type { FunctionEntry } from "./function-table.ts";
import { durationFromText, durationText, timestampFromText, timestampText } from "./time.ts";
import {
  addToKeyed,
  CelDuration,
  CelError,
  CelKeyedList,
  CelOptional,
  CelTimestamp,
  CelTypeValue,
  CelUint,
  type CelValue,
  compareCel,
  equalCel,
  mapGet,
  mapSize,
  noValue,
  textSize,
  typeNameOf,
} from "./value.ts";

const int64 = (value: bigint): bigint => {
  if (BigInt.asIntN(64, value) !== value) throw new CelError("integer overflow");
  return value;
};

const uint64 = (value: bigint): CelUint => {
  if (BigInt.asUintN(64, value) !== value) throw new CelError("unsigned integer overflow");
  return new CelUint(value);
};

function divisor(value: bigint, what: string): bigint {
  if (value === 0n) throw new CelError(what);
  return value;
}

const addLists = (a: readonly CelValue[], b: readonly CelValue[]): readonly CelValue[] =>
  a instanceof CelKeyedList ? addToKeyed(a, b) : [...a, ...b];

const arithmetic: readonly FunctionEntry[] = [
  ["_+_(int, int): int", (a: bigint, b: bigint) => int64(a + b)],
  ["_+_(uint, uint): uint", (a: CelUint, b: CelUint) => uint64(a.value + b.value)],
  ["_+_(double, double): double", (a: number, b: number) => a + b],
  ["_+_(string, string): string", (a: string, b: string) => a + b, costs.concat],
  [
    "_+_(bytes, bytes): bytes",
    (a: Uint8Array, b: Uint8Array) => Buffer.concat([a, b]),
    costs.concat,
  ],
  ["_+_(list<T>, list<T>): list<T>", addLists, costs.concatLists, costs.copyLists],
  [
    "_+_(timestamp, duration): timestamp",
    (a: CelTimestamp, b: CelDuration) => new CelTimestamp(a.ms + Number(b.nanos) / 1e6),
  ],
  [
    "_+_(duration, timestamp): timestamp",
    (a: CelDuration, b: CelTimestamp) => new CelTimestamp(b.ms + Number(a.nanos) / 1e6),
  ],
  [
    "_+_(duration, duration): duration",
    (a: CelDuration, b: CelDuration) => new CelDuration(int64(a.nanos + b.nanos)),
  ],
  ["_-_(int, int): int", (a: bigint, b: bigint) => int64(a - b)],
  ["_-_(uint, uint): uint", (a: CelUint, b: CelUint) => uint64(a.value - b.value)],
  ["_-_(double, double): double", (a: number, b: number) => a - b],
  [
    "_-_(timestamp, timestamp): duration",
    (a: CelTimestamp, b: CelTimestamp) => new CelDuration(BigInt(Math.round((a.ms - b.ms) * 1e6))),
  ],
  [
    "_-_(timestamp, duration): timestamp",
    (a: CelTimestamp, b: CelDuration) => new CelTimestamp(a.ms - Number(b.nanos) / 1e6),
  ],
  [
    "_-_(duration, duration): duration",
    (a: CelDuration, b: CelDuration) => new CelDuration(int64(a.nanos - b.nanos)),
  ],
  ["_*_(int, int): int", (a: bigint, b: bigint) => int64(a * b)],
  ["_*_(uint, uint): uint", (a: CelUint, b: CelUint) => uint64(a.value * b.value)],
  ["_*_(double, double): double", (a: number, b: number) => a * b],
  ["_/_(int, int): int", (a: bigint, b: bigint) => int64(a / divisor(b, "division by zero"))],
  [
    "_/_(uint, uint): uint",
    (a: CelUint, b: CelUint) => uint64(a.value / divisor(b.value, "division by zero")),
  ],
  ["_/_(double, double): double", (a: number, b: number) => a / b],
  ["_%_(int, int): int", (a: bigint, b: bigint) => a % divisor(b, "modulus by zero")],
  [
    "_%_(uint, uint): uint",
    (a: CelUint, b: CelUint) => uint64(a.value % divisor(b.value, "modulus by zero")),
  ],
  ["-_(int): int", (a: bigint) => int64(-a)],
  ["-_(double): double", (a: number) => -a],
  ["-_(duration): duration", (a: CelDuration) => new CelDuration(-a.nanos)],
  ["!_(bool): bool", (a: boolean) => !a],
];

const ordered = ["bool", "int", "uint", "double", "timestamp", "duration", "string", "bytes"];
const numbers = ["int", "uint", "double"];

/** Numbers compare across their types; all else only with its own. */
const ordering: readonly FunctionEntry[] = (
  [
    ["_<_", (order: number) => order < 0],
    ["_<=_", (order: number) => order <= 0],
    ["_>_", (order: number) => order > 0],
    ["_>=_", (order: number) => order >= 0],
  ] as const
).flatMap(([name, holds]) => {
  const compare = (a: CelValue, b: CelValue): boolean => holds(compareCel(a, b));
  const cost = (type: string) =>
    type === "string" || type === "bytes" ? costs.compare : costs.one;
  const same = ordered.map((type): FunctionEntry => [
    `${name}(${type}, ${type}): bool`,
    compare,
    cost(type),
  ]);
  const mixed = numbers.flatMap((left) =>
    numbers
      .filter((right) => right !== left)
      .map((right): FunctionEntry => [`${name}(${left}, ${right}): bool`, compare]),
  );
  return [...same, ...mixed];
});

function item(list: readonly CelValue[], index: bigint | number | CelUint): CelValue {
  const at = index instanceof CelUint ? Number(index.value) : Number(index);
  if (!Number.isInteger(at)) throw new CelError("no such overload");
  if (at < 0 || at >= list.length) throw new CelError(`index out of bounds: ${at}`);
  return list[at];
}

function value(map: CelValue, key: CelValue): CelValue {
  const found = mapGet(map, key);
  if (found === undefined) throw new CelError(`no such key: ${String(key)}`);
  return found;
}

const optionally = (found: CelValue): CelOptional =>
  found === undefined ? noValue : new CelOptional(true, found);

const inside = ({ present, value: held }: CelOptional, key: CelValue): CelOptional => {
  if (!present) return noValue;
  return optionally(Array.isArray(held) ? held[Number(key)] : mapGet(held, key));
};

const access: readonly FunctionEntry[] = [
  ["_==_(T, T): bool", equalCel, costs.compare, costs.compareDeep],
  [
    "_!=_(T, T): bool",
    (a: CelValue, b: CelValue) => !equalCel(a, b),
    costs.compare,
    costs.compareDeep,
  ],
  [
    "_in_(T, list<T>): bool",
    (a: CelValue, list: readonly CelValue[]) => list.some((one) => equalCel(a, one)),
    costs.itemsOfLast,
    costs.searchDeep,
  ],
  ["_in_(K, map<K, V>): bool", (key: CelValue, map: CelValue) => mapGet(map, key) !== undefined],
  ["_[_](list<T>, int): T", item],
  ["_[_](map<K, V>, K): V", value],
  [
    "_[?_](list<T>, int): optional<T>",
    (list: readonly CelValue[], at: bigint) => optionally(list[Number(at)]),
  ],
  [
    "_[?_](map<K, V>, K): optional<V>",
    (map: CelValue, key: CelValue) => optionally(mapGet(map, key)),
  ],
  ["_[_](optional<list<T>>, int): optional<T>", inside],
  ["_[_](optional<map<K, V>>, K): optional<V>", inside],
  ["_[?_](optional<list<T>>, int): optional<T>", inside],
  ["_[?_](optional<map<K, V>>, K): optional<V>", inside],
  ...["size(", "."].flatMap((form): FunctionEntry[] => {
    const signature = (type: string): string =>
      form === "." ? `${type}.size(): int` : `size(${type}): int`;
    return [
      [signature("string"), (text: string) => BigInt(textSize(text)), costs.one, costs.scan],
      [signature("bytes"), (bytes: Uint8Array) => BigInt(bytes.length)],
      [signature("list<T>"), (list: readonly CelValue[]) => BigInt(list.length)],
      [signature("map<K, V>"), (map: CelValue) => BigInt(mapSize(map)), costs.one, costs.keys],
    ];
  }),
];

function toInt(number: number): bigint {
  const whole = Math.trunc(number);
  if (!(Math.abs(whole) < 2 ** 63)) throw new CelError("integer overflow");
  return BigInt(whole);
}

/** Far more than a number of 64 bits has. */
const maxDigits = 1_000;

function intFromText(text: string): bigint {
  if (text.length > maxDigits || !/^[-+]?\d+$/.test(text))
    throw new CelError(`strconv.ParseInt: parsing "${text}": invalid syntax`);
  return int64(BigInt(text.replace(/^\+/, "")));
}

function doubleFromText(text: string): number {
  const number = Number(text);
  if (text.trim() === "" || Number.isNaN(number))
    throw new CelError(`strconv.ParseFloat: parsing "${text}": invalid syntax`);
  return number;
}

function boolFromText(text: string): boolean {
  if (["true", "True", "TRUE", "t", "1"].includes(text)) return true;
  if (["false", "False", "FALSE", "f", "0"].includes(text)) return false;
  throw new CelError(`strconv.ParseBool: parsing "${text}": invalid syntax`);
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new CelError("invalid UTF-8 in bytes, cannot convert to string");
  }
}

/** No number or time takes more characters than this. */
const shortText: CostRule = () => ({ cost: exactly(1), size: { min: 1, max: 40 } });

const conversions: readonly FunctionEntry[] = [
  ["int(int): int", (a: bigint) => a],
  ["int(uint): int", (a: CelUint) => int64(a.value)],
  ["int(double): int", toInt],
  ["int(string): int", intFromText, costs.scan],
  ["int(timestamp): int", (a: CelTimestamp) => BigInt(Math.floor(a.ms / 1_000))],
  ["int(duration): int", (a: CelDuration) => a.nanos],
  ["uint(uint): uint", (a: CelUint) => a],
  ["uint(int): uint", uint64],
  ["uint(double): uint", (a: number) => uint64(toInt(a))],
  ["uint(string): uint", (a: string) => uint64(intFromText(a)), costs.scan],
  ["double(double): double", (a: number) => a],
  ["double(int): double", Number],
  ["double(uint): double", (a: CelUint) => Number(a.value)],
  ["double(string): double", doubleFromText, costs.scan],
  ["string(string): string", (a: string) => a],
  ["string(int): string", String, shortText],
  ["string(uint): string", (a: CelUint) => String(a.value), shortText],
  ["string(double): string", String, shortText],
  ["string(bool): string", String, shortText],
  ["string(bytes): string", utf8, costs.scan],
  ["string(timestamp): string", timestampText, shortText],
  ["string(duration): string", durationText, shortText],
  ["bytes(string): bytes", (a: string) => Buffer.from(a), costs.scan],
  ["bytes(bytes): bytes", (a: Uint8Array) => a],
  ["bool(bool): bool", (a: boolean) => a],
  ["bool(string): bool", boolFromText],
  ["dyn(T): dyn", (a: CelValue) => a],
  ["type(T): type", (a: CelValue) => new CelTypeValue(typeNameOf(a))],
  ["timestamp(timestamp): timestamp", (a: CelTimestamp) => a],
  ["timestamp(string): timestamp", timestampFromText, costs.one, costs.readText],
  ["timestamp(int): timestamp", (a: bigint) => new CelTimestamp(Number(a) * 1_000)],
  ["duration(duration): duration", (a: CelDuration) => a],
  ["duration(string): duration", durationFromText, costs.one, costs.readText],
];

const optionals: readonly FunctionEntry[] = [
  ["optional.of(T): optional<T>", (a: CelValue) => new CelOptional(true, a)],
  ["optional.none(): optional<T>", () => noValue],
  [
    "optional.ofNonZeroValue(T): optional<T>",
    (a: CelValue) => (isZero(a) ? noValue : new CelOptional(true, a)),
  ],
  ["optional<T>.hasValue(): bool", (a: CelOptional) => a.present],
  ["optional<T>.value(): T", valueOf],
  [
    "optional<T>.or(optional<T>): optional<T>",
    (a: CelOptional, b: CelOptional) => (a.present ? a : b),
  ],
  ["optional<T>.orValue(T): T", (a: CelOptional, b: CelValue) => (a.present ? a.value : b)],
];

function valueOf({ present, value: held }: CelOptional): CelValue {
  if (!present) throw new CelError("optional.none() dereference");
  return held;
}

function isZero(held: CelValue): boolean {
  if (held === null || held === false || held === 0n || held === 0 || held === "") return true;
  if (Array.isArray(held)) return held.length === 0;
  if (held instanceof Uint8Array) return held.length === 0;
  return typeNameOf(held) === "map" && mapSize(held) === 0;
}

/** What the language itself defines: operators, access, conversions, optional values. */
export const coreFunctions: readonly FunctionEntry[] = [
  ...arithmetic,
  ...ordering,
  ...access,
  ...conversions,
  ...optionals,
];
