import type { StatusCause } from "../../machinery/errors.ts";
import { invalidValue } from "../../machinery/field-causes.ts";
import type { JsonSchemaProps } from "../../machinery/schema-props.ts";
import { structuralCauses } from "../../machinery/schema-structural.ts";
import { copyJson } from "../../machinery/schema-value.ts";
import { ruleCauses } from "./cel-check.ts";
import { compilePattern } from "./regex.ts";
import { compileStructural } from "./structural.ts";

function* nodes(schema: JsonSchemaProps, at: string): Generator<[JsonSchemaProps, string]> {
  yield [schema, at];
  for (const [name, inner] of Object.entries(schema.properties ?? {}))
    yield* nodes(inner, `${at}.properties[${name}]`);
  if (schema.items !== undefined) yield* nodes(schema.items, `${at}.items`);
  if (typeof schema.additionalProperties === "object")
    yield* nodes(schema.additionalProperties, `${at}.additionalProperties`);
  for (const junctor of ["allOf", "anyOf", "oneOf"] as const)
    for (const [i, branch] of (schema[junctor] ?? []).entries())
      yield* nodes(branch, `${at}.${junctor}[${i}]`);
  if (schema.not !== undefined) yield* nodes(schema.not, `${at}.not`);
}

function patternCauses({ pattern }: JsonSchemaProps, at: string): StatusCause[] {
  if (pattern === undefined) return [];
  try {
    compilePattern(pattern);
    return [];
  } catch (err) {
    const why = err instanceof Error ? err.message : String(err);
    return [invalidValue(`${at}.pattern`, pattern, `must be a valid regular expression: ${why}`)];
  }
}

/** A default must be what the schema would accept from a user, with nothing to prune. */
function defaultCauses(schema: JsonSchemaProps, at: string): StatusCause[] {
  if (schema.default === undefined) return [];
  const { "x-kubernetes-validations": _, ...plain } = schema;
  const holder = compileStructural({ type: "object", properties: { default: plain } });
  const object = { default: copyJson(schema.default) };
  const unknown = holder.prune(object);
  holder.setDefaults(object);
  const path = `${at}.default`;
  return [
    ...unknown.map(() => invalidValue(path, schema.default, "must not have unknown fields")),
    ...holder.validate(object).map((cause) => ({ ...cause, field: path })),
  ];
}

/**
 * Everything that keeps an `openAPIV3Schema` from being used: not structural, patterns that are not
 * RE2, defaults that are not valid, CEL rules that do not compile. A CRD with any is refused. `at`
 * is the path of the schema, e.g. `spec.versions[0].schema.openAPIV3Schema`.
 */
export function schemaCauses(schema: unknown, at: string): readonly StatusCause[] {
  const causes = structuralCauses(schema, at);
  if (causes.length > 0) return causes;
  const structural = schema as JsonSchemaProps;
  const wrong = [...nodes(structural, at)].flatMap(([node, place]) => patternCauses(node, place));
  if (wrong.length > 0) return wrong;
  const rules = ruleCauses(structural, at);
  if (rules.length > 0) return rules;
  return [...nodes(structural, at)].flatMap(([node, place]) => defaultCauses(node, place));
}
