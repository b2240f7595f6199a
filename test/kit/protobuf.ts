import { isJsonObject, type JsonObject } from "../../api/machinery/equality.ts";
import { type Field, fieldTable, type Message } from "../../api/server/protobuf/field-table.ts";

function varint(value: number): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

const tag = (number: number, wire: number): Buffer => varint(number * 8 + wire);

/** A length-delimited field. */
export const delimited = (number: number, content: Buffer | string): Buffer => {
  const bytes = Buffer.from(content);
  return Buffer.concat([tag(number, 2), varint(bytes.length), bytes]);
};

/** A field that holds an integer. */
export const integer = (number: number, value: number): Buffer =>
  Buffer.concat([tag(number, 0), varint(value)]);

function double(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([tag(number, 1), bytes]);
}

function scalar(number: number, type: string, value: unknown): Buffer {
  switch (type) {
    case "string":
      return delimited(number, String(value));
    case "bytes":
      return delimited(number, Buffer.from(String(value), "base64"));
    case "double":
      return double(number, Number(value));
    default:
      return integer(number, Number(value));
  }
}

const lastPart = (type: string): string => type.slice(type.lastIndexOf(".") + 1);

function time(value: unknown): Buffer {
  const text = String(value);
  const micros = /\.(\d{6})Z$/.exec(text)?.[1] ?? "0";
  const seconds = Math.floor(Date.parse(text) / 1000);
  return Buffer.concat([integer(1, seconds), integer(2, Number(micros) * 1000)]);
}

function schemaOr(value: unknown, other: (value: unknown) => Buffer): Buffer {
  if (!isJsonObject(value)) return other(value);
  return delimited(1, content(`${extensions}.JSONSchemaProps`, value));
}

const extensions = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";

/** Content of the messages whose JSON is not an object of their fields. */
const special: Readonly<Record<string, (value: unknown) => Buffer>> = {
  Quantity: (value) => delimited(1, String(value)),
  IntOrString: (value) =>
    typeof value === "string"
      ? Buffer.concat([integer(1, 1), integer(2, 0), delimited(3, value)])
      : Buffer.concat([integer(1, 0), integer(2, Number(value)), delimited(3, "")]),
  Time: time,
  MicroTime: time,
  FieldsV1: (value) => delimited(1, JSON.stringify(value)),
  RawExtension: (value) => delimited(1, JSON.stringify(value)),
  JSON: (value) => delimited(1, JSON.stringify(value)),
  JSONSchemaPropsOrBool: (value) =>
    isJsonObject(value)
      ? Buffer.concat([
          integer(1, 1),
          delimited(2, content(`${extensions}.JSONSchemaProps`, value)),
        ])
      : integer(1, Number(value)),
  JSONSchemaPropsOrArray: (value) =>
    schemaOr(value, (list) => repeated(2, `${extensions}.JSONSchemaProps`, list)),
  JSONSchemaPropsOrStringArray: (value) => schemaOr(value, (list) => repeated(2, "string", list)),
};

const repeated = (number: number, type: string, list: unknown): Buffer =>
  Buffer.concat((Array.isArray(list) ? list : []).map((item) => one(number, type, item)));

function one(number: number, type: string, value: unknown): Buffer {
  return type.includes(".") ? delimited(number, content(type, value)) : scalar(number, type, value);
}

/** What Go writes for a field that JSON leaves out: zeros of everything that is no pointer. */
function absent(number: number, { type, shape, keepsZero }: Field): Buffer {
  const isPlain = shape === "single" && !type.includes(".") && !keepsZero;
  return isPlain ? scalar(number, type, type === "string" || type === "bytes" ? "" : 0) : none;
}

const none = Buffer.alloc(0);

function encodeField(number: number, field: Field, object: JsonObject): Buffer {
  const { name, type, shape, inline } = field;
  if (inline) return delimited(number, content(type, object));
  const value = object[name];
  if (value === undefined || value === null) return absent(number, field);
  if (shape === "list") return repeated(number, type, value);
  if (shape === "single") return one(number, type, value);
  const entries = Object.entries(value).map(([key, inner]) =>
    delimited(number, Buffer.concat([delimited(1, key), one(2, type, inner)])),
  );
  return Buffer.concat(entries);
}

function content(type: string, value: unknown): Buffer {
  const own = special[lastPart(type)];
  if (own !== undefined) return own(value);
  const message: Message = fieldTable().message(type) ?? new Map<number, Field>();
  // The message around a list has one field, which is the value itself.
  const object = isJsonObject(value) ? value : { ".": value };
  return Buffer.concat([...message].map(([number, field]) => encodeField(number, field, object)));
}

/** The envelope that every body begins with. */
export function envelope(apiVersion: string, kind: string, raw: Buffer): Buffer {
  const type = Buffer.concat([delimited(1, apiVersion), delimited(2, kind)]);
  const empty = [delimited(3, ""), delimited(4, "")];
  return Buffer.concat([
    Buffer.from("k8s\0", "latin1"),
    delimited(1, type),
    delimited(2, raw),
    ...empty,
  ]);
}

/** An object of a built-in kind as a client written in Go sends it. */
export function encodeObject(object: JsonObject): Buffer {
  const [apiVersion, kind] = [String(object["apiVersion"]), String(object["kind"])];
  const definition = fieldTable().definitionOf(apiVersion, kind);
  if (definition === undefined) throw new Error(`Cannot encode ${apiVersion} ${kind}`);
  return envelope(apiVersion, kind, content(definition, object));
}
