import { isJsonObject } from "../../machinery/equality.ts";
import type { JsonSchema } from "../kinds/kind.ts";
import { objectFields } from "./schemas.ts";

/** A `$ref` of OpenAPI v3 as one of v2. */
const toV2Ref = (ref: string): string => ref.replace("#/components/schemas/", "#/definitions/");

// Each promises nothing about the shape of a value, so a v2 reader loses only validation.
const unknownToV2: readonly string[] = ["allOf", "anyOf", "not", "nullable", "oneOf"];

const isOpen = (schema: JsonSchema): boolean =>
  schema["x-kubernetes-preserve-unknown-fields"] === true;
const isNullable = (schema: unknown): boolean =>
  isJsonObject(schema) && schema["nullable"] === true;

/**
 * Fields that must go. kubectl refuses what a schema with properties does not name, nulls where a
 * type is named, and arrays without a schema for items: there it must read "anything".
 */
function fieldsToDrop(schema: JsonSchema): ReadonlySet<string> {
  const dropped = new Set(unknownToV2);
  if (isOpen(schema) || isNullable(schema)) {
    for (const field of ["items", "properties", "type"]) dropped.add(field);
  }
  if (schema["type"] === "array" && schema["items"] === undefined) dropped.add("type");
  return dropped;
}

const members = (value: unknown): readonly JsonSchema[] =>
  Array.isArray(value) ? value.filter(isJsonObject) : [];

/** v3 wraps a reference to describe it, `allOf: [{$ref}]`; v2 allows a description beside it. */
function referenceOf(schema: JsonSchema): JsonSchema {
  const [only, ...others] = members(schema["allOf"]);
  const ref = schema["$ref"] ?? (others.length === 0 ? only?.["$ref"] : undefined);
  return typeof ref === "string" ? { $ref: toV2Ref(ref) } : {};
}

/** Quantities and ports of built-in kinds are a string or a number: v2 calls them strings. */
function typeOfUnion(schema: JsonSchema): JsonSchema {
  const types = members(schema["oneOf"]).map(({ type }) => type);
  return schema["type"] === undefined && types.includes("string") ? { type: "string" } : {};
}

/** Each schema of a map, converted. */
const toV2Schemas = (schemas: JsonSchema): JsonSchema =>
  Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [
      name,
      isJsonObject(schema) ? toV2Schema(schema) : schema,
    ]),
  );

/** Properties of the schema; an embedded object has those of all objects too. */
function propertiesOf(schema: JsonSchema): JsonSchema | undefined {
  const own = isJsonObject(schema["properties"]) ? schema["properties"] : undefined;
  if (schema["x-kubernetes-embedded-resource"] !== true) return own;
  return { ...own, ...objectFields };
}

/** v2 has no null, so a field that may be null cannot be required. */
function requiredOf(schema: JsonSchema): readonly unknown[] | undefined {
  const { required, properties, additionalProperties } = schema;
  if (!Array.isArray(required) || isNullable(additionalProperties)) return undefined;
  const nullable = (name: unknown): boolean =>
    isJsonObject(properties) && isNullable(properties[String(name)]);
  const kept: readonly unknown[] = required.filter((name) => !nullable(name));
  return kept.length === 0 ? undefined : kept;
}

/**
 * A schema of OpenAPI v3, or of a CustomResourceDefinition, as v2 can say it and kubectl can read it:
 * whatever the first accepts, the second accepts too. Defaults and extensions stay.
 */
export function toV2Schema(schema: JsonSchema): JsonSchema {
  const { items, additionalProperties } = schema;
  const properties = propertiesOf(schema);
  const required = requiredOf(schema);
  const { required: _, ...rest } = schema;
  const converted = {
    ...rest,
    ...(required && { required }),
    ...(isJsonObject(items) && { items: toV2Schema(items) }),
    ...(isJsonObject(additionalProperties) && {
      additionalProperties: toV2Schema(additionalProperties),
    }),
    ...(properties && { properties: toV2Schemas(properties) }),
    ...typeOfUnion(schema),
  };
  const dropped = fieldsToDrop(schema);
  return {
    ...Object.fromEntries(Object.entries(converted).filter(([field]) => !dropped.has(field))),
    ...referenceOf(schema),
  };
}
