import type { JsonSchemaProps } from "../../machinery/schema-props.ts";
import { isJsonObject } from "../../machinery/schema-value.ts";
import type { CelValue } from "./cel-library.ts";

type Converter = (value: unknown) => CelValue;

const reserved = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return var void while".split(
    " ",
  ),
);

/** The name by which rules call a field: CEL has no quoted identifiers. */
export function celName(field: string): string {
  if (reserved.has(field)) return `__${field}__`;
  return field
    .replaceAll("__", "__underscores__")
    .replaceAll(".", "__dot__")
    .replaceAll("-", "__dash__")
    .replaceAll("/", "__slash__");
}

/** A value of which no schema says more: whole numbers are taken for integers. */
function convertUnknown(value: unknown): CelValue {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(convertUnknown);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, convertUnknown(v)]));
}

const toDouble: Converter = (value) => value;

function listConverter(items: JsonSchemaProps): Converter {
  const item = compileConverter(items);
  return (value) => (Array.isArray(value) ? value.map(item) : value);
}

function mapConverter(schema: JsonSchemaProps): Converter {
  const inner = compileConverter(schema);
  return (value) =>
    isJsonObject(value)
      ? Object.fromEntries(Object.entries(value).map(([key, v]) => [key, inner(v)]))
      : value;
}

function objectConverter(properties: Readonly<Record<string, JsonSchemaProps>>): Converter {
  const fields = Object.entries(properties).map(
    ([name, schema]) => [name, celName(name), compileConverter(schema)] as const,
  );
  return (value) => {
    if (!isJsonObject(value)) return value;
    const object: Record<string, CelValue> = {};
    for (const [name, called, convert] of fields)
      if (Object.hasOwn(value, name)) object[called] = convert(value[name]);
    return object;
  };
}

const toTime: Converter = (value) => {
  if (typeof value !== "string") return value;
  const time = new Date(value);
  return Number.isNaN(time.getTime()) ? value : time;
};

function textConverter(format: string | undefined): Converter {
  if (format === "date" || format === "date-time") return toTime;
  return (value) => value;
}

/**
 * A function from JSON values to the values that rules see: integers become bigint, times become
 * timestamps, and objects keep only the fields that the schema declares.
 */
export function compileConverter(schema: JsonSchemaProps): Converter {
  if (schema.items !== undefined) return listConverter(schema.items);
  if (typeof schema.additionalProperties === "object")
    return mapConverter(schema.additionalProperties);
  if (schema.properties !== undefined) return objectConverter(schema.properties);
  if (schema.type === "number") return toDouble;
  return schema.type === "string" ? textConverter(schema.format) : convertUnknown;
}

/** Whether two values that rules see are the same; the order of fields does not count. */
export function equalCel(left: CelValue, right: CelValue): boolean {
  if (left instanceof Date && right instanceof Date) return left.getTime() === right.getTime();
  if (Array.isArray(left) && Array.isArray(right))
    return left.length === right.length && left.every((item, i) => equalCel(item, right[i]));
  if (!isJsonObject(left) || !isJsonObject(right)) return left === right;
  const fields = Object.keys(left);
  return (
    fields.length === Object.keys(right).length &&
    fields.every((name) => Object.hasOwn(right, name) && equalCel(left[name], right[name]))
  );
}
