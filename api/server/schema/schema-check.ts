import type { StatusCause } from "../../machinery/errors.ts";
import { schemaKeywordCauses } from "../../machinery/schema-keywords.ts";
import type { JsonSchemaProps } from "../../machinery/schema-props.ts";
import { structuralCauses } from "../../machinery/schema-structural.ts";
import { type RuleCheckOptions, ruleCauses } from "./cel-check.ts";
import { defaultCauses } from "./default-check.ts";
import { compilePattern } from "./regex.ts";

/** Defaults can be judged only by a schema that is sound itself. */
function soundnessCauses(schema: JsonSchemaProps, at: string): readonly StatusCause[] {
  const causes = structuralCauses(schema, at, compilePattern);
  return causes.length > 0 ? causes : defaultCauses(schema, at);
}

/**
 * Everything that keeps an `openAPIV3Schema` from being used: not structural, patterns that are not
 * RE2, defaults that are not valid, keywords that do not go together, CEL rules that do not compile
 * or may cost too much. A CRD with any is refused. `at` is the path of the schema, e.g.
 * `spec.versions[0].schema.openAPIV3Schema`.
 */
export function schemaCauses(
  schema: JsonSchemaProps,
  at: string,
  options: RuleCheckOptions = {},
): readonly StatusCause[] {
  const keywords = schemaKeywordCauses(schema, at);
  // Without sound keywords the rest would only repeat the same complaint in other words.
  const causes = [...soundnessCauses(schema, at), ...keywords];
  return causes.length > 0 ? distinct(causes) : ruleCauses(schema, at, options);
}

function distinct(causes: readonly StatusCause[]): readonly StatusCause[] {
  const seen = new Set<string>();
  return causes.filter(({ field = "", message }) => {
    const key = `${field}: ${message}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
