import type { StatusCause } from "./errors.ts";
import { forbiddenValue, invalidValue, requiredValue, unsupportedValue } from "./field-causes.ts";
import type { JsonSchemaProps } from "./schema-props.ts";
import { isJsonObject } from "./schema-value.ts";

/** A schema as it came in, and the causes found so far. */
type Look = { readonly at: string; readonly causes: StatusCause[] };

const types = ["array", "boolean", "integer", "number", "object", "string"];
const listTypes = ["atomic", "map", "set"];

/** Keywords of OpenAPI that a structural schema must not use at all, and why. */
const forbidden: Readonly<Record<string, string>> = {
  $ref: "$ref is not supported",
  definitions: "definitions is not supported",
  dependencies: "dependencies is not supported",
  deprecated: "deprecated is not supported",
  discriminator: "discriminator is not supported",
  id: "id is not supported",
  patternProperties: "patternProperties is not supported",
  readOnly: "readOnly is not supported",
  writeOnly: "writeOnly is not supported",
  xml: "xml is not supported",
};

/** Keywords that say what a value is; value validations may only narrow what is said outside. */
const structure = [
  "type",
  "description",
  "title",
  "default",
  "nullable",
  "additionalProperties",
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-embedded-resource",
  "x-kubernetes-int-or-string",
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-map-type",
  "x-kubernetes-validations",
];

const isScalar = ({ type, ...schema }: JsonSchemaProps): boolean =>
  schema["x-kubernetes-int-or-string"] === true || (type !== "object" && type !== "array");

function checkType(schema: JsonSchemaProps, what: string, { at, causes }: Look): void {
  const { type } = schema;
  const either = schema["x-kubernetes-int-or-string"] === true;
  const free = schema["x-kubernetes-preserve-unknown-fields"] === true;
  if (type !== undefined && !types.includes(type))
    causes.push(unsupportedValue(`${at}.type`, type, types));
  else if (either && type !== undefined)
    causes.push(
      invalidValue(`${at}.type`, type, "must be empty if x-kubernetes-int-or-string is true"),
    );
  else if (type === undefined && !either && !free)
    causes.push(requiredValue(`${at}.type`, `must not be empty ${what}`));
  if (schema["x-kubernetes-embedded-resource"] === true && type !== "object")
    causes.push(
      invalidValue(
        `${at}.type`,
        type ?? "",
        "must be object if x-kubernetes-embedded-resource is true",
      ),
    );
}

function checkForbidden(schema: JsonSchemaProps, { at, causes }: Look): void {
  for (const [keyword, why] of Object.entries(forbidden))
    if (keyword in schema) causes.push(forbiddenValue(`${at}.${keyword}`, why));
  if (schema.uniqueItems === true)
    causes.push(
      forbiddenValue(
        `${at}.uniqueItems`,
        "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
      ),
    );
  if (schema.additionalProperties === false)
    causes.push(
      forbiddenValue(`${at}.additionalProperties`, "additionalProperties cannot be set to false"),
    );
  if (schema.properties !== undefined && schema.additionalProperties !== undefined)
    causes.push(
      forbiddenValue(
        `${at}.additionalProperties`,
        "additionalProperties and properties are mutual exclusive",
      ),
    );
  if (Array.isArray(schema.items))
    causes.push(forbiddenValue(`${at}.items`, "items must be a schema object and not an array"));
}

/** Whether every item of a list has this key: server-side apply finds items by it. */
function identifies(key: string, { properties, required }: JsonSchemaProps): boolean {
  const property = properties?.[key];
  if (property === undefined || !isScalar(property)) return false;
  return required?.includes(key) === true || property.default !== undefined;
}

function checkMapKeys(schema: JsonSchemaProps, { at, causes }: Look): void {
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const field = `${at}.x-kubernetes-list-map-keys`;
  if (keys.length === 0)
    causes.push(requiredValue(field, "must not be empty if x-kubernetes-list-type is map"));
  const detail = "must be a scalar property of the items, required or with a default";
  for (const [i, key] of keys.entries())
    if (!identifies(key, schema.items ?? {}))
      causes.push(invalidValue(`${field}[${i}]`, key, detail));
}

function checkSetItems({ items }: JsonSchemaProps, { at, causes }: Look): void {
  if (items === undefined || isScalar(items)) return;
  const { "x-kubernetes-list-type": list, "x-kubernetes-map-type": map } = items;
  if (list === "atomic" || map === "atomic") return;
  causes.push(invalidValue(`${at}.items`, items.type ?? "", "must be atomic as items of a set"));
}

function checkList(schema: JsonSchemaProps, look: Look): void {
  const { at, causes } = look;
  const { type, "x-kubernetes-list-type": kind } = schema;
  if (type === "array" && schema.items === undefined)
    causes.push(requiredValue(`${at}.items`, "must be specified"));
  if (kind === undefined) return;
  const detail = "must be array if x-kubernetes-list-type is specified";
  if (!listTypes.includes(kind))
    causes.push(unsupportedValue(`${at}.x-kubernetes-list-type`, kind, listTypes));
  if (type !== "array") causes.push(invalidValue(`${at}.type`, type ?? "", detail));
  if (kind === "map") checkMapKeys(schema, look);
  if (kind === "set") checkSetItems(schema, look);
}

/** Inside of allOf, anyOf, oneOf and not, only conditions on what is described outside may stand. */
function checkBranch(branch: JsonSchemaProps, allowsType: boolean, { at, causes }: Look): void {
  if (!isJsonObject(branch)) {
    causes.push(invalidValue(at, branch, "must be a schema object"));
    return;
  }
  for (const keyword of structure)
    if (keyword in branch && !(keyword === "type" && allowsType))
      causes.push(forbiddenValue(`${at}.${keyword}`, "must be empty to be structural"));
  for (const [name, inner] of Object.entries(branch.properties ?? {}))
    checkBranch(inner, false, { at: `${at}.properties[${name}]`, causes });
  if (branch.items !== undefined) checkBranch(branch.items, false, { at: `${at}.items`, causes });
  checkBranches(branch, false, { at, causes });
}

function checkBranches(schema: JsonSchemaProps, allowsType: boolean, { at, causes }: Look): void {
  for (const junctor of ["allOf", "anyOf", "oneOf"] as const)
    for (const [i, branch] of [schema[junctor] ?? []].flat().entries())
      checkBranch(branch, allowsType, { at: `${at}.${junctor}[${i}]`, causes });
  if (schema.not !== undefined) checkBranch(schema.not, false, { at: `${at}.not`, causes });
}

function checkNode(schema: unknown, what: string, look: Look): void {
  const { at, causes } = look;
  if (!isJsonObject(schema)) {
    causes.push(invalidValue(at, schema, "must be a schema object"));
    return;
  }
  const node = schema as JsonSchemaProps;
  checkType(node, what, look);
  checkForbidden(node, look);
  checkList(node, look);
  // `anyOf: [{type: integer}, {type: string}]` is the customary companion of int-or-string.
  checkBranches(node, node["x-kubernetes-int-or-string"] === true, look);
  for (const [name, inner] of Object.entries(node.properties ?? {}))
    checkNode(inner, "for specified object fields", { at: `${at}.properties[${name}]`, causes });
  if (isJsonObject(node.items))
    checkNode(node.items, "for specified array items", { at: `${at}.items`, causes });
  if (isJsonObject(node.additionalProperties))
    checkNode(node.additionalProperties, "for specified object fields", {
      at: `${at}.additionalProperties`,
      causes,
    });
}

/**
 * Why a schema is not structural, in Kubernetes' words; such a CRD is refused. `at` is the path of
 * the schema in its CRD, e.g. `spec.versions[0].schema.openAPIV3Schema`.
 */
export function structuralCauses(schema: unknown, at: string): readonly StatusCause[] {
  const causes: StatusCause[] = [];
  checkNode(schema, "at the root", { at, causes });
  const field = `${at}.type`;
  if (isJsonObject(schema) && schema["type"] !== "object")
    if (!causes.some((cause) => cause.field === field))
      causes.push(invalidValue(field, schema["type"] ?? "", "must be object at the root"));
  return causes;
}
