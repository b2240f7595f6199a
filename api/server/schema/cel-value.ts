import type { JsonSchemaProps } from "../../machinery/schema-props.ts";
import { isJsonObject } from "../../machinery/schema-value.ts";
import { durationFromText } from "../cel/time.ts";
import { CelError, CelTimestamp, type CelValue, keyedList } from "../cel/value.ts";
import { escapedName } from "./cel-names.ts";
import { withTypeAndNames } from "./cel-types.ts";

type Converter = (value: unknown) => CelValue;

/** A value of which no schema says more: whole numbers are taken for integers. */
function convertUnknown(value: unknown): CelValue {
  return typeof value === "number" && Number.isInteger(value) ? BigInt(value) : value;
}

/** A JSON value as expressions see it that know no schema: whole numbers are integers. */
export function convertDeep(value: unknown): CelValue {
  if (Array.isArray(value)) return value.map(convertDeep);
  if (!isJsonObject(value)) return convertUnknown(value);
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, convertDeep(v)]));
}

const same: Converter = (value) => value;

function listConverter(schema: JsonSchemaProps, items: JsonSchemaProps): Converter {
  const item = compileConverter(items);
  const { "x-kubernetes-list-type": type, "x-kubernetes-list-map-keys": keys = [] } = schema;
  const called = type === "map" ? keys.map((key) => escapedName(key) ?? key) : [];
  if (type === "set" || type === "map")
    return (value) => (Array.isArray(value) ? keyedList(value.map(item), called) : value);
  return (value) => (Array.isArray(value) ? value.map(item) : value);
}

function mapConverter(schema: JsonSchemaProps): Converter {
  const inner = compileConverter(schema);
  return (value) =>
    isJsonObject(value)
      ? Object.fromEntries(Object.entries(value).map(([key, v]) => [key, inner(v)]))
      : value;
}

/** Before the name of a field that rules cannot see, but that makes objects differ. */
const unseen = "\u0000";

function objectConverter(
  properties: Readonly<Record<string, JsonSchemaProps>>,
  keepsUnknown = false,
): Converter {
  const fields = Object.entries(properties).flatMap(([name, schema]) => {
    const called = escapedName(name);
    return called === undefined ? [] : [[name, called, compileConverter(schema)] as const];
  });
  return (value) => {
    if (!isJsonObject(value)) return value;
    const object: Record<string, CelValue> = {};
    for (const [name, called, convert] of fields) {
      // A field that is null is the same as one that is absent.
      const inner = Object.hasOwn(value, name) ? value[name] : null;
      if (inner !== null) object[called] = convert(inner);
    }
    if (keepsUnknown)
      for (const [name, inner] of Object.entries(value))
        if (!Object.hasOwn(properties, name)) object[unseen + name] = convertDeep(inner);
    return object;
  };
}

const toTime: Converter = (value) => {
  if (typeof value !== "string") return value;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? value : new CelTimestamp(ms);
};

const toDuration: Converter = (value) => {
  if (typeof value !== "string") return value;
  try {
    return durationFromText(value);
  } catch (err) {
    if (err instanceof CelError) return value;
    throw err;
  }
};

const toBytes: Converter = (value) =>
  typeof value === "string" ? Buffer.from(value, "base64") : value;

const textConverters: Readonly<Record<string, Converter>> = {
  date: toTime,
  "date-time": toTime,
  duration: toDuration,
  byte: toBytes,
};

function convertInteger(value: unknown): CelValue {
  return typeof value === "number" && Number.isSafeInteger(value)
    ? BigInt(value)
    : convertUnknown(value);
}

/**
 * A function from JSON values to the values that rules see: integers become bigint, times become
 * timestamps, and objects keep only the fields that the schema declares.
 */
export function compileConverter(schema: JsonSchemaProps): Converter {
  if (schema["x-kubernetes-int-or-string"] === true) return convertUnknown;
  const keepsUnknown = schema["x-kubernetes-preserve-unknown-fields"] === true;
  if (schema["x-kubernetes-embedded-resource"] === true)
    return objectConverter(withTypeAndNames(schema).properties ?? {}, keepsUnknown);
  if (schema.items !== undefined) return listConverter(schema, schema.items);
  if (typeof schema.additionalProperties === "object")
    return mapConverter(schema.additionalProperties);
  if (schema.type === "object") return objectConverter(schema.properties ?? {}, keepsUnknown);
  if (schema.type === "integer") return convertInteger;
  return schema.type === "string" ? (textConverters[schema.format ?? ""] ?? same) : same;
}
