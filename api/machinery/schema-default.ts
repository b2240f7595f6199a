import type { JsonSchemaProps } from "./schema-props.ts";
import { copyJson, isJsonObject } from "./schema-value.ts";

type Filler = (value: unknown) => void;

const nothing: Filler = () => {};

/** What takes the place of a null; `undefined` stands for: the field goes. */
const replacement = (schema: JsonSchemaProps): unknown => copyJson(schema.default);

function compileList(items: JsonSchemaProps): Filler {
  const fill = compileNode(items);
  const replaces = items.nullable !== true && items.default !== undefined;
  if (fill === nothing && !replaces) return nothing;
  return (value) => {
    if (!Array.isArray(value)) return;
    for (let i = 0; i < value.length; i += 1) {
      if (value[i] === null && replaces) value[i] = replacement(items);
      fill(value[i]);
    }
  };
}

/** One field of an object: null and absence first, then what is inside. */
function compileField(name: string, schema: JsonSchemaProps): (object: unknown) => void {
  const fill = compileNode(schema);
  const hasDefault = schema.default !== undefined;
  return (object) => {
    if (!isJsonObject(object)) return;
    const value = Object.hasOwn(object, name) ? object[name] : undefined;
    if (value === undefined) {
      if (!hasDefault) return;
      object[name] = replacement(schema);
    } else if (value === null && schema.nullable !== true) {
      if (hasDefault) object[name] = replacement(schema);
      else delete object[name];
    }
    fill(object[name]);
  };
}

function compileMap(schema: JsonSchemaProps): Filler {
  const fill = compileNode(schema);
  return (value) => {
    if (!isJsonObject(value)) return;
    for (const key of Object.keys(value)) {
      if (value[key] === null && schema.nullable !== true) {
        if (schema.default === undefined) delete value[key];
        else value[key] = replacement(schema);
      }
      fill(value[key]);
    }
  };
}

function compileNode(schema: JsonSchemaProps): Filler {
  if (schema.items !== undefined) return compileList(schema.items);
  if (typeof schema.additionalProperties === "object")
    return compileMap(schema.additionalProperties);
  const fields = Object.entries(schema.properties ?? {})
    .filter(([name]) => name !== "__proto__") // an assignment would change the prototype
    .map(([name, inner]) => compileField(name, inner));
  if (fields.length === 0) return nothing;
  return (value) => {
    for (const field of fields) field(value);
  };
}

/**
 * A function that fills in defaults as Kubernetes does: where a field is absent, or null though
 * null is not allowed; such nulls without a default are dropped. `metadata` is left alone.
 */
export function compileDefaults(schema: JsonSchemaProps): (object: unknown) => void {
  const { metadata: _, ...properties } = schema.properties ?? {};
  return compileNode({ ...schema, properties });
}
