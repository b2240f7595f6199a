import { isObject } from "../kinds/fill.ts";
import type { JsonObject } from "../kinds/kind.ts";
import { type Field, fieldTable, type Message } from "./field-table.ts";
import { specialReaders, unions } from "./special-types.ts";
import { bytesOf, malformed, numberOf, textOf, WireReader, type WireValue } from "./wire.ts";

/** Only schemas contain themselves; none that people write is nearly as deep. */
const maxDepth = 128;

/** Reads a scalar that is a field of its own, or a value of a map. */
function scalarOf(type: string, value: WireValue): string | number | boolean {
  switch (type) {
    case "string":
      return textOf(value);
    case "bytes":
      return bytesOf(value).toString("base64");
    case "bool":
      return numberOf(value) !== 0;
    case "int32":
      return numberOf(value) | 0;
    case "double":
      return doubleOf(value);
    default:
      return numberOf(value);
  }
}

function doubleOf(value: WireValue): number {
  const number = value.type === "fixed64" ? value.bytes.readDoubleLE() : Number.NaN;
  if (Number.isFinite(number)) return number;
  throw malformed("a number is not finite");
}

const zeros: Readonly<Record<string, string | number | boolean>> = {
  bool: false,
  bytes: "",
  double: 0,
  int32: 0,
  int64: 0,
  string: "",
};
const isScalar = (type: string): boolean => Object.hasOwn(zeros, type);

/** Numbers of a list may be packed into one field. */
function packedNumbers(type: string, bytes: Buffer): readonly unknown[] {
  const numbers: unknown[] = [];
  for (const reader = new WireReader(bytes); reader.more;) {
    const value: WireValue =
      type === "double"
        ? { type: "fixed64", bytes: reader.take(8) }
        : { type: "varint", value: reader.varint() };
    numbers.push(scalarOf(type, value));
  }
  return numbers;
}

function listItems({ type }: Field, value: WireValue, depth: number): readonly unknown[] {
  const isPacked = value.type === "bytes" && isScalar(type) && typeof zeros[type] !== "string";
  if (isPacked) return packedNumbers(type, value.bytes);
  return [valueOf(type, value, undefined, depth) ?? null];
}

function readEntry(map: JsonObject, { type }: Field, entry: Buffer, depth: number): void {
  let key = "";
  let found: WireValue | undefined;
  for (const reader = new WireReader(entry); reader.more;) {
    const [number, value] = reader.field();
    if (number === 1) key = textOf(value);
    if (number === 2) found = value;
  }
  // Assigning to it would change the object's prototype.
  if (key === "__proto__") throw malformed('"__proto__" is no key');
  const empty: WireValue = { type: "bytes", bytes: Buffer.alloc(0) };
  const missing = isScalar(type) && found === undefined;
  const value = missing ? zeros[type] : valueOf(type, found ?? empty, undefined, depth);
  map[key] = value ?? null;
}

function containerIn(object: JsonObject, name: string): JsonObject {
  const before = object[name];
  if (isObject(before)) return before;
  const made: JsonObject = {};
  object[name] = made;
  return made;
}

function setSingle(object: JsonObject, field: Field, value: WireValue, depth: number): void {
  const { name, type, keepsZero } = field;
  const read = valueOf(type, value, object[name], depth);
  // Go always writes fields that are no pointers; JSON leaves their zeros out.
  const isZero = isScalar(type) && read === zeros[type] && !keepsZero;
  if (read === undefined || isZero) delete object[name];
  else object[name] = read;
}

function setField(object: JsonObject, field: Field, value: WireValue, depth: number): void {
  const { name, shape, type, inline } = field;
  if (inline) {
    readFields(object, messageOf(type), bytesOf(value), depth + 1);
  } else if (shape === "map") {
    readEntry(containerIn(object, name), field, bytesOf(value), depth);
  } else if (shape === "list") {
    const before = object[name];
    const list = Array.isArray(before) ? before : [];
    object[name] = list;
    for (const item of listItems(field, value, depth)) list.push(item);
  } else {
    setSingle(object, field, value, depth);
  }
}

function messageOf(definition: string): Message {
  const message = fieldTable().message(definition);
  if (message === undefined) throw new Error(`Cannot read ${definition}: it is in no table`);
  return message;
}

function readFields(object: JsonObject, message: Message, bytes: Buffer, depth: number): void {
  if (depth > maxDepth) throw malformed(`it is nested more than ${maxDepth} messages deep`);
  for (const reader = new WireReader(bytes); reader.more;) {
    const [number, value] = reader.field();
    const field = message.get(number);
    if (field !== undefined) setField(object, field, value, depth);
  }
}

/** A value of a type; a message that occurs again adds to the one before. */
function valueOf(type: string, value: WireValue, before: unknown, depth: number): unknown {
  if (isScalar(type)) return scalarOf(type, value);
  const special = specialReaders.get(type);
  if (special !== undefined) return special(bytesOf(value));
  const object = isObject(before) ? before : {};
  const message = messageOf(type);
  readFields(object, message, bytesOf(value), depth + 1);
  const [only] = message.values();
  if (only?.name === ".") return object["."] ?? [];
  const union = unions.get(type);
  return union === undefined ? object : union(object);
}

/**
 * Reads a message as the JSON that the same object would have had. Fields that are not in the
 * table are skipped.
 * @throws StatusError `BadRequest` for malformed bytes
 */
export function decodeMessage(definition: string, bytes: Buffer): JsonObject {
  const object: JsonObject = {};
  readFields(object, messageOf(definition), bytes, 0);
  return object;
}
