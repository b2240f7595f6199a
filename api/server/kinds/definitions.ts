import { badRequest } from "../../machinery/errors.ts";
import { formatQuantity, parseQuantity } from "../../machinery/quantity.ts";
import type { BuiltInSchemas } from "./built-in.ts";
import type { JsonObject, JsonSchema } from "./kind.ts";
import { isObject } from "./fill.ts";
import { readBytes, readTime } from "./scalar-readers.ts";

/** Schemas by definition name; they refer to each other. */
export type Definitions = ReadonlyMap<string, JsonSchema>;

/** What reading one object has found. */
type Findings = { readonly unknown: string[] };

/** Reads a value in place, or returns what stands for it. */
type Reader = (value: unknown, path: string, findings: Findings) => unknown;

const refPrefix = "#/components/schemas/";
const quantity = "io.k8s.apimachinery.pkg.api.resource.Quantity";

/** Reads built-in kinds by their definitions: types are checked, unknown fields and nulls go. */
export function definitionSchemas(definitions: Definitions): BuiltInSchemas {
  const readers = new Map<string, Reader>();
  const byName = (name: string): Reader => {
    const known = readers.get(name);
    if (known !== undefined) return known;
    let compiled: Reader | undefined;
    // Definitions refer to themselves: look inside only when a value is there.
    const reader: Reader = (value, path, findings) => {
      compiled ??= compile(definitions.get(name) ?? {}, byName);
      return compiled(value, path, findings);
    };
    const chosen = unionReader(name, byName) ?? (name === quantity ? readQuantity : reader);
    readers.set(name, chosen);
    return chosen;
  };
  return {
    prune(definition, object) {
      const findings: Findings = { unknown: [] };
      // Metadata was read before, for all kinds alike.
      const { metadata } = object;
      delete (object as JsonObject)["metadata"];
      byName(definition)(object, "", findings);
      object.metadata = metadata;
      return findings.unknown;
    },
  };
}

const schemaProps = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";

/** The places of a CRD's schema where something else may stand instead of a schema. */
const schemaUnions: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  [`${schemaProps}OrBool`, (value: unknown): boolean => typeof value === "boolean"],
  [`${schemaProps}OrArray`, (value: unknown): boolean => Array.isArray(value)],
]);

/** Definitions have no word for such unions: without this, all below would go unread. */
function unionReader(name: string, byName: ByName): Reader | undefined {
  const isOther = schemaUnions.get(name);
  if (isOther === undefined) return undefined;
  const schema = byName(schemaProps);
  return (value, path, findings) => (isOther(value) ? value : schema(value, path, findings));
}

/**
 * Quantities are kept as Kubernetes writes them: `0.5` becomes `500m`. Else the same amount in
 * other words would be a change, which pods refuse and appliers fight over.
 */
function readQuantity(value: unknown, path: string): unknown {
  if (typeof value !== "number" && typeof value !== "string") {
    return expect(false, value, path, "quantity");
  }
  const parsed = parseQuantity(value);
  return parsed === undefined ? String(value) : formatQuantity(parsed); // validation refuses others
}

type ByName = (name: string) => Reader;

function compile(schema: JsonSchema, byName: ByName): Reader {
  const { $ref, allOf, oneOf, type } = schema;
  if (typeof $ref === "string") return byName($ref.slice(refPrefix.length));
  if (Array.isArray(allOf) && allOf.length === 1) return compile(allOf[0] as JsonSchema, byName);
  if (Array.isArray(oneOf)) return (value) => value;
  if (type === "object") return objectReader(schema, byName);
  if (type === "array") {
    return arrayReader(compile((schema["items"] ?? {}) as JsonSchema, byName));
  }
  return scalarReader(schema);
}

function scalarReader(schema: JsonSchema): Reader {
  const { type, format } = schema;
  switch (type) {
    case "integer":
      return format === "int32" ? readInt32 : readInteger;
    case "number":
      return (value, path) => expect(typeof value === "number", value, path, "number");
    case "string":
      return textReader(schema);
    case "boolean":
      return (value, path) => expect(typeof value === "boolean", value, path, "boolean");
    default:
      return (value) => value;
  }
}

function textReader({ format }: JsonSchema): Reader {
  return (value, path) => {
    if (typeof value !== "string") return expect(false, value, path, "string");
    if (format === "date-time") return readTime(value, path);
    return format === "byte" ? readBytes(value) : value;
  };
}

function readInteger(value: unknown, path: string): unknown {
  return expect(Number.isSafeInteger(value), value, path, "integer");
}

function readInt32(value: unknown, path: string): unknown {
  const fits = Number.isInteger(value) && Math.abs(Number(value)) < 2 ** 31;
  return expect(fits, value, path, "int32");
}

function expect(holds: boolean, value: unknown, path: string, type: string): unknown {
  if (holds) return value;
  throw badRequest(`json: cannot unmarshal ${nameOf(value)} into field ${path} of type ${type}`);
}

function nameOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}

function arrayReader(item: Reader): Reader {
  return (value, path, findings) => {
    if (!Array.isArray(value)) return expect(false, value, path, "array");
    for (const [index, inner] of value.entries()) {
      if (inner !== null) value[index] = item(inner, `${path}[${index}]`, findings);
    }
    return value;
  };
}

function objectReader(schema: JsonSchema, byName: ByName): Reader {
  const { properties, additionalProperties } = schema;
  if (isObject(properties)) {
    const fields = new Map(
      Object.entries(properties).map(([field, inner]) => [
        field,
        compile(inner as JsonSchema, byName),
      ]),
    );
    return fieldsReader((field) => fields.get(field));
  }
  if (!isObject(additionalProperties)) return (value) => value;
  const each = compile(additionalProperties, byName);
  return fieldsReader(() => each);
}

function fieldsReader(readerOf: (field: string) => Reader | undefined): Reader {
  return (value, path, findings) => {
    if (!isObject(value)) return expect(false, value, path, "object");
    for (const field of Object.keys(value)) {
      const inner = value[field];
      const reader = readerOf(field);
      const at = path === "" ? field : `${path}.${field}`;
      if (reader === undefined) findings.unknown.push(at);
      // A null is an absent value, as every decoder of these kinds reads it.
      if (reader === undefined || inner === null) delete value[field];
      else value[field] = reader(inner, at, findings);
    }
    return value;
  };
}
