import type { StatusCause } from "./errors.ts";
import { forbiddenValue, invalidValue, requiredValue, unsupportedValue } from "./field-causes.ts";
import type { JsonSchemaProps } from "./schema-props.ts";
import { isJsonObject } from "./schema-value.ts";

const listTypes = ["atomic", "set", "map"];

function itemsOf({ items }: JsonSchemaProps): JsonSchemaProps | undefined {
  return isJsonObject(items) ? items : undefined;
}

function typeCauses(schema: JsonSchemaProps, at: string): StatusCause[] {
  const { type = "", "x-kubernetes-list-type": listType } = schema;
  if (listType === undefined) return [];
  const causes: StatusCause[] = [];
  const detail = "must be array if x-kubernetes-list-type is specified";
  if (type === "") causes.push(requiredValue(`${at}.type`, detail));
  else if (type !== "array") causes.push(invalidValue(`${at}.type`, type, detail));
  else if (listType === "set") causes.push(...setCauses(itemsOf(schema), `${at}.items`));
  if (!listTypes.includes(listType))
    causes.push(unsupportedValue(`${at}.x-kubernetes-list-type`, listType, listTypes));
  return causes;
}

/** Items of a set are compared as a whole, so they must be whole. */
function setCauses(items: JsonSchemaProps | undefined, at: string): StatusCause[] {
  const detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
  const { "x-kubernetes-list-type": list = "atomic", "x-kubernetes-map-type": map = "" } =
    items ?? {};
  if (items?.type === "array" && list !== "atomic")
    return [invalidValue(`${at}.x-kubernetes-list-type`, list, detail)];
  if (items?.type === "object" && map !== "atomic")
    return [invalidValue(`${at}.x-kubernetes-map-type`, map, detail)];
  return [];
}

function keyCauses(schema: JsonSchemaProps, at: string): StatusCause[] {
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const listType = schema["x-kubernetes-list-type"];
  const field = `${at}.x-kubernetes-list-type`;
  const detail = "must be map if x-kubernetes-list-map-keys is non-empty";
  if (keys.length > 0 && listType === undefined) return [requiredValue(field, detail)];
  if (keys.length > 0 && listType !== "map") return [invalidValue(field, listType, detail)];
  return [];
}

function mapCauses(schema: JsonSchemaProps, at: string): StatusCause[] {
  if (schema["x-kubernetes-list-type"] !== "map") return [];
  const causes: StatusCause[] = [];
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const field = `${at}.x-kubernetes-list-map-keys`;
  if (keys.length === 0)
    causes.push(requiredValue(field, "must not be empty if x-kubernetes-list-type is map"));
  if (schema.items === undefined)
    causes.push(
      requiredValue(`${at}.items`, "must have a schema if x-kubernetes-list-type is map"),
    );
  const items = itemsOf(schema);
  if (items === undefined) return causes;
  if (items.type !== "object") {
    const detail = "must be object if parent array's x-kubernetes-list-type is map";
    return [...causes, invalidValue(`${at}.items.type`, items.type ?? "", detail)];
  }
  return [...causes, ...keyNameCauses(keys, items, at)];
}

function keyNameCauses(keys: readonly string[], items: JsonSchemaProps, at: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const field = `${at}.x-kubernetes-list-map-keys`;
  for (const [i, key] of keys.entries()) {
    const type = items.properties?.[key]?.type;
    if (items.properties?.[key] === undefined)
      causes.push(invalidValue(field, keys, "entries must all be names of item properties"));
    else if (type === "array" || type === "object")
      causes.push(
        invalidValue(
          `${at}.items.properties[${key}].type`,
          items.type,
          "must be a scalar type if parent array's x-kubernetes-list-type is map",
        ),
      );
    if (keys.indexOf(key) < i)
      causes.push(invalidValue(field, keys, "must not contain duplicate entries"));
  }
  return causes;
}

/** Items are found again by their keys: neither they nor the keys may be null or missing. */
function presenceCauses(schema: JsonSchemaProps, at: string): StatusCause[] {
  const listType = schema["x-kubernetes-list-type"];
  const items = itemsOf(schema);
  if (items === undefined || (listType !== "set" && listType !== "map")) return [];
  const causes: StatusCause[] = [];
  if (items.nullable === true)
    causes.push(
      forbiddenValue(
        `${at}.items.nullable`,
        `cannot be nullable when x-kubernetes-list-type is ${listType}`,
      ),
    );
  return listType === "set" ? causes : [...causes, ...keyPresenceCauses(schema, items, at)];
}

function keyPresenceCauses(
  schema: JsonSchemaProps,
  items: JsonSchemaProps,
  at: string,
): StatusCause[] {
  const causes: StatusCause[] = [];
  const said = "this property is in x-kubernetes-list-map-keys, so it";
  for (const key of schema["x-kubernetes-list-map-keys"] ?? []) {
    const property = items.properties?.[key];
    if (property === undefined) continue;
    const path = `${at}.items.properties[${key}]`;
    if (items.required?.includes(key) !== true && property.default === undefined)
      causes.push(
        requiredValue(`${path}.default`, `${said} must have a default or be a required property`),
      );
    if (property.nullable === true)
      causes.push(forbiddenValue(`${path}.nullable`, `${said} cannot be nullable`));
  }
  return causes;
}

/** What is wrong with `x-kubernetes-list-type` and the keys of a list, in Kubernetes' words. */
export function listTypeCauses(schema: JsonSchemaProps, at: string): readonly StatusCause[] {
  return [
    ...typeCauses(schema, at),
    ...keyCauses(schema, at),
    ...mapCauses(schema, at),
    ...presenceCauses(schema, at),
  ];
}
