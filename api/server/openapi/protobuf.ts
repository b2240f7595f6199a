import { isJsonObject } from "../../machinery/equality.ts";

/**
 * Writes one field of a message, its tag included; nothing where the value does not fit, as
 * protobuf has no way to say so. The value is as JSON has it.
 */
export type FieldEncoder = (value: unknown) => Buffer;

/** How the fields of a JSON object are written, by their names in JSON. */
export type MessageTable = Readonly<Record<string, FieldEncoder>>;

/** Writes the content of a message, without tag and length. */
export type MessageEncoder = (value: unknown) => Buffer;

const nothing = Buffer.alloc(0);
const wireType = { varint: 0, fixed64: 1, bytes: 2 } as const;

/** An integer from 0 to 2^53 - 1 in base 128, lowest digits first. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

const tag = (field: number, type: keyof typeof wireType): Buffer =>
  varint(field * 8 + wireType[type]);

const delimited = (field: number, content: Buffer): Buffer =>
  Buffer.concat([tag(field, "bytes"), varint(content.length), content]);

/** A string; the empty one is left out, as proto3 does. */
export const text =
  (field: number): FieldEncoder =>
  (value) =>
    typeof value === "string" && value !== "" ? delimited(field, Buffer.from(value)) : nothing;

/** A bool; false is left out. */
export const flag =
  (field: number): FieldEncoder =>
  (value) =>
    value === true ? Buffer.concat([tag(field, "varint"), varint(1)]) : nothing;

/** An int64 that is not negative; 0 is left out. */
export const count =
  (field: number): FieldEncoder =>
  (value) =>
    Number.isSafeInteger(value) && Number(value) > 0
      ? Buffer.concat([tag(field, "varint"), varint(Number(value))])
      : nothing;

/** A double; 0 is left out. */
export const double =
  (field: number): FieldEncoder =>
  (value) => {
    if (typeof value !== "number" || value === 0) return nothing;
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    return Buffer.concat([tag(field, "fixed64"), bytes]);
  };

/** A message, also an empty one: that it is there may mean something. */
export const message =
  (field: number, encode: MessageEncoder): FieldEncoder =>
  (value) =>
    delimited(field, encode(value));

/** Each item of an array as a field of its own. */
export const repeated =
  (encode: FieldEncoder): FieldEncoder =>
  (value) =>
    Array.isArray(value) ? Buffer.concat(value.map(encode)) : nothing;

/** Each entry of an object as a message with the name in field 1 and the value in field 2. */
export const named =
  (field: number, encode: FieldEncoder): FieldEncoder =>
  (value) =>
    isJsonObject(value)
      ? Buffer.concat(
          Object.entries(value).map(([name, inner]) =>
            delimited(field, Buffer.concat([text(1)(name), encode(inner)])),
          ),
        )
      : nothing;

/**
 * A message with the fields of a table; others are given to `others`, or left out. The table is
 * asked for when it is needed, as messages may contain themselves.
 */
export const fields =
  (table: () => MessageTable, others?: (name: string, value: unknown) => Buffer): MessageEncoder =>
  (value) => {
    if (!isJsonObject(value)) return nothing;
    const known = table();
    return Buffer.concat(
      Object.entries(value).map(([name, inner]) => {
        if (inner === undefined) return nothing;
        // A property may be called like a method of all objects.
        return Object.hasOwn(known, name)
          ? (known[name]?.(inner) ?? nothing)
          : (others?.(name, inner) ?? nothing);
      }),
    );
  };
