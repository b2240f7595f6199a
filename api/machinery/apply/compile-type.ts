import { isJsonObject, type JsonObject } from "../equality.ts";
import {
  deduced,
  type FieldEntry,
  type FieldType,
  type ListType,
  type MapType,
  type ScalarType,
  untyped,
} from "./field-type.ts";

/** Finds the schema that a reference names, e.g. `io.k8s.api.core.v1.PodSpec`. */
export type SchemaSource = (definition: string) => JsonObject | undefined;

/** Makes field types of OpenAPI v3 schemas, each definition once. */
export interface TypeCompiler {
  /** The type of a schema; `$ref`s are looked up in the source. */
  compile(schema: JsonObject): FieldType;
  /** The type of a definition; unknown ones are untyped. */
  definition(name: string): FieldType;
}

type MutableType = { scalar?: ScalarType; list?: ListType; map?: MapType };

const quantity = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const rawExtension = "io.k8s.apimachinery.pkg.runtime.RawExtension";

/** What lies around a schema. */
type Around = { readonly preserve: boolean };

/** Opens a compiler over a source of definitions. */
export function typeCompiler(source: SchemaSource): TypeCompiler {
  const known = new Map<string, FieldType>([
    [quantity, { scalar: "untyped" }],
    [rawExtension, untyped],
  ]);
  const definition = (name: string): FieldType => {
    const found = known.get(name);
    if (found !== undefined) return found;
    const schema = source(name);
    if (schema === undefined) return untyped;
    const type: MutableType = {};
    known.set(name, type); // before it is complete: definitions refer to themselves
    return Object.assign(type, compileSchema(schema, { preserve: false }, definition));
  };
  return {
    definition,
    compile: (schema) => compileSchema(schema, { preserve: false }, definition),
  };
}

type ByName = (name: string) => FieldType;

/** The last part of a reference, also of one that stands alone in `allOf`. */
function referenced({ $ref, allOf }: JsonObject): string | undefined {
  if (typeof $ref === "string") return $ref.slice($ref.lastIndexOf("/") + 1);
  const only: unknown = Array.isArray(allOf) && allOf.length === 1 ? allOf[0] : undefined;
  return isJsonObject(only) ? referenced(only) : undefined;
}

function compileSchema(schema: JsonObject, around: Around, byName: ByName): FieldType {
  const name = referenced(schema);
  if (name !== undefined) return overridden(byName(name), schema["x-kubernetes-map-type"]);
  const preserve = around.preserve || schema["x-kubernetes-preserve-unknown-fields"] === true;
  const inner: Around = { preserve };
  switch (schema["type"]) {
    case "object":
      return { map: mapOf(schema, inner, byName) };
    case "array":
      return { list: listOf(schema, inner, byName) };
    case "string":
      return { scalar: stringType(schema["format"]) };
    case "integer":
    case "number":
      return { scalar: "numeric" };
    case "boolean":
      return { scalar: "boolean" };
    default:
      return {
        scalar: "untyped",
        list: listOf(schema, inner, byName),
        map: mapOf(schema, inner, byName),
      };
  }
}

/** A field may say that it owns its type in another way than the type itself does. */
function overridden(type: FieldType, mapType: unknown): FieldType {
  if (mapType === undefined || type.map === undefined) return type;
  return { ...type, map: { ...type.map, atomic: mapType === "atomic" } };
}

// Formatted texts may be written in more than one way.
const stringType = (format: unknown): ScalarType =>
  format === undefined || format === "" || format === "byte" ? "string" : "untyped";

function mapOf(schema: JsonObject, around: Around, byName: ByName): MapType {
  const fields = new Map<string, FieldEntry>();
  const { properties } = schema;
  for (const [name, inner] of Object.entries(isJsonObject(properties) ? properties : {})) {
    if (isJsonObject(inner)) fields.set(name, entryOf(inner, around, byName));
  }
  const element = elementOf(schema, around, byName);
  const map = { atomic: schema["x-kubernetes-map-type"] === "atomic", fields };
  return element === undefined ? map : { ...map, element };
}

function entryOf(schema: JsonObject, around: Around, byName: ByName): FieldEntry {
  const type = compileSchema(schema, around, byName);
  return schema["default"] === undefined ? { type } : { type, default: schema["default"] };
}

function elementOf(
  { properties, additionalProperties }: JsonObject,
  { preserve }: Around,
  byName: ByName,
): FieldType | undefined {
  if (isJsonObject(additionalProperties)) {
    return compileSchema(additionalProperties, { preserve }, byName);
  }
  if (additionalProperties !== undefined)
    return additionalProperties === true ? deduced : undefined;
  const free = !isJsonObject(properties) || Object.keys(properties).length === 0;
  return preserve || free ? deduced : undefined;
}

function listOf(schema: JsonObject, around: Around, byName: ByName): ListType {
  const { items } = schema;
  return {
    ...relationOf(schema),
    items: isJsonObject(items) ? compileSchema(items, around, byName) : untyped,
  };
}

function relationOf(schema: JsonObject): Pick<ListType, "relation" | "keys"> {
  const keys = textsOf(schema["x-kubernetes-list-map-keys"]);
  switch (schema["x-kubernetes-list-type"]) {
    case "set":
      return { relation: "set", keys: [] };
    case "map":
      return { relation: "map", keys: keys.toSorted() };
    case undefined:
      return patchRelation(schema);
    default:
      return { relation: "atomic", keys: [] };
  }
}

/** Lists of old kinds tell only how strategic patches treat them. */
function patchRelation(schema: JsonObject): Pick<ListType, "relation" | "keys"> {
  const strategy = schema["x-kubernetes-patch-strategy"];
  if (strategy !== "merge" && strategy !== "merge,retainKeys")
    return { relation: "atomic", keys: [] };
  const key = schema["x-kubernetes-patch-merge-key"];
  return typeof key === "string" ? { relation: "map", keys: [key] } : { relation: "set", keys: [] };
}

const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
