import type { JsonSchemaProps } from "../../machinery/schema-props.ts";
import { celTypes, type CelType, listOf, mapOf } from "../cel/types.ts";
import { escapedName } from "./cel-names.ts";

/** A CEL type, and how few bytes a value of it takes as JSON: that bounds how many there can be. */
export type SchemaType = { readonly type: CelType; readonly minBytes: number };

/** Largest body of a request, in bytes. */
const maxRequestBytes = 3 * 1024 * 1024;
const minStringBytes = 2;
/** As JSON, quotes included: `"0s"`, a date, a date with a time. */
const duration = { min: 3, max: 32 };
const date = { min: 12, max: 12 };
const dateTime = { min: 21, max: 37 };
/** Code points take at most four bytes. */
const bytesPerCharacter = 4;
const maxNameLength = 253;

const sized = (type: CelType, max: number): CelType => ({ ...type, max });

function textMax({ maxLength, enum: values }: JsonSchemaProps): number {
  if (maxLength !== undefined) return Math.max(0, maxLength) * bytesPerCharacter;
  if (values === undefined || values.length === 0) return maxRequestBytes - 2;
  return Math.max(0, ...values.map((value) => (typeof value === "string" ? value.length : 0)));
}

function textType(schema: JsonSchemaProps): SchemaType {
  switch (schema.format) {
    case "byte": {
      const max = schema.maxLength ?? maxRequestBytes - 2;
      return { type: sized(celTypes.bytes, Math.max(0, max)), minBytes: minStringBytes };
    }
    case "duration":
      return { type: sized(celTypes.duration, duration.max), minBytes: duration.min };
    case "date":
      return { type: sized(celTypes.timestamp, date.max), minBytes: date.min };
    case "date-time":
      return { type: sized(celTypes.timestamp, dateTime.max), minBytes: dateTime.min };
    default:
      return { type: sized(celTypes.string, textMax(schema)), minBytes: minStringBytes };
  }
}

function listType(schema: JsonSchemaProps): SchemaType | undefined {
  const { items, maxItems } = schema;
  const inner = items === undefined ? undefined : schemaType(items);
  if (inner === undefined) return undefined;
  const most = Math.floor((maxRequestBytes - 2) / (inner.minBytes + 1));
  return { type: listOf(inner.type, Math.max(0, maxItems ?? most)), minBytes: 2 };
}

function mapType(
  values: JsonSchemaProps,
  { maxProperties }: JsonSchemaProps,
): SchemaType | undefined {
  const inner = schemaType(values);
  if (inner === undefined) return undefined;
  const most = Math.floor((maxRequestBytes - 2) / (inner.minBytes + 6));
  const max = Math.max(0, maxProperties ?? most);
  return { type: mapOf(sized(celTypes.string, 0), inner.type, max), minBytes: 2 };
}

function objectType(schema: JsonSchemaProps): SchemaType {
  const fields = new Map<string, CelType>();
  let minBytes = 2;
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const field = schemaType(property);
    if (field === undefined) continue;
    const called = escapedName(name);
    if (called !== undefined) fields.set(called, field.type);
    const isThere = schema.required?.includes(name) === true && property.default === undefined;
    if (isThere) minBytes += name.length + field.minBytes + 4;
  }
  return { type: { name: "object", args: [], fields, max: 0 }, minBytes };
}

const text: JsonSchemaProps = { type: "string" };
const nameText: JsonSchemaProps = { type: "string", maxLength: maxNameLength };

/** The schema of a whole object as rules see it: of the metadata no more than the names. */
export function withTypeAndNames(schema: JsonSchemaProps): JsonSchemaProps {
  const metadata: JsonSchemaProps = {
    type: "object",
    properties: { name: nameText, generateName: nameText },
  };
  const properties = { ...schema.properties, apiVersion: text, kind: text, metadata };
  return { ...schema, properties };
}

function eitherType({ maxLength }: JsonSchemaProps): SchemaType {
  const max = maxLength === undefined ? maxRequestBytes - 2 : maxLength * bytesPerCharacter;
  return { type: sized(celTypes.dyn, max), minBytes: 1 };
}

/**
 * The CEL type of the values of a schema; `undefined` where a schema says too little to give one:
 * rules cannot see such values. `isRoot`: the schema is that of a whole object.
 */
export function schemaType(schema: JsonSchemaProps, isRoot = false): SchemaType | undefined {
  if (schema["x-kubernetes-int-or-string"] === true) return eitherType(schema);
  const { type, additionalProperties: values } = schema;
  switch (type) {
    case "array":
      return listType(schema);
    case "object": {
      const whole = isRoot || schema["x-kubernetes-embedded-resource"] === true;
      if (typeof values === "object") return mapType(values, schema);
      return objectType(whole ? withTypeAndNames(schema) : schema);
    }
    case "string":
      return textType(schema);
    case "boolean":
      return { type: sized(celTypes.bool, 0), minBytes: 4 };
    case "number":
      return { type: sized(celTypes.double, 0), minBytes: 1 };
    case "integer":
      return { type: sized(celTypes.int, 0), minBytes: 1 };
    default:
      return undefined;
  }
}

/** How often a value can occur in one request when nothing else bounds it. */
export function mostOccurrences({ minBytes }: SchemaType): number {
  return Math.floor(maxRequestBytes / (minBytes + 1));
}
