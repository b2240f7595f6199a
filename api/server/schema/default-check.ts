import { equalJson } from "../../machinery/equality.ts";
import type { StatusCause } from "../../machinery/errors.ts";
import { invalidValue } from "../../machinery/field-causes.ts";
import type { JsonSchemaProps } from "../../machinery/schema-props.ts";
import { copyJson, isJsonObject } from "../../machinery/schema-value.ts";
import { CelCheckError } from "../cel/check-error.ts";
import { compileStructural, type StructuralSchema } from "./structural.ts";

/** A default must be what the schema would accept from a user, with nothing to prune. */
function ownCauses(schema: JsonSchemaProps, at: string): readonly StatusCause[] {
  if (schema.default === undefined) return [];
  const { default: value, ...plain } = schema;
  const holder = compiled({ type: "object", properties: { default: plain } });
  if (holder === undefined) return [];
  const object = { default: copyJson(value) };
  holder.prune(object);
  if (!equalJson(object.default, value))
    return [invalidValue(`${at}.default`, value, "must not have unknown fields")];
  // As if it had been there before, and as a new value: rules may look at either.
  const causes = holder.validate(object, { default: copyJson(value) });
  const all = causes.length > 0 ? causes : holder.validate(object);
  return all.map((cause) => ({ ...cause, field: `${at}.${cause.field ?? "default"}` }));
}

/** `undefined`: a rule cannot be used, which is complained of where it stands. */
function compiled(schema: JsonSchemaProps): StructuralSchema | undefined {
  try {
    return compileStructural(schema);
  } catch (err) {
    if (err instanceof CelCheckError) return undefined;
    throw err;
  }
}

/** Every default of a schema that the schema itself would refuse. `at` is the schema's path. */
export function defaultCauses(schema: JsonSchemaProps, at: string): readonly StatusCause[] {
  const causes = [...ownCauses(schema, at)];
  if (isJsonObject(schema.items)) causes.push(...defaultCauses(schema.items, `${at}.items`));
  for (const [name, inner] of Object.entries(schema.properties ?? {}))
    causes.push(...defaultCauses(inner, `${at}.properties[${name}]`));
  return causes;
}
