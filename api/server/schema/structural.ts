import type { StatusCause } from "../../machinery/errors.ts";
import { compileSchema } from "../../machinery/schema.ts";
import type { JsonSchemaProps } from "../../machinery/schema-props.ts";
import { compileCelRules } from "./cel.ts";
import { compilePattern } from "./regex.ts";

/** The schema of a kind at work. All functions are synchronous and need no I/O. */
export interface StructuralSchema {
  /** Removes unknown fields in place; returns their paths, e.g. `spec.replica`. */
  prune(object: unknown): string[];
  /** Drops nulls that mean nothing and fills in defaults, in place. */
  setDefaults(object: unknown): void;
  /**
   * Every breach of the schema; only when there is none, of its CEL rules. `before` is the stored
   * object on an update: rules about `oldSelf` are about it, and what it breaks already does not
   * count as long as the update leaves that as it is.
   */
  validate(object: unknown, before?: unknown): StatusCause[];
}

/**
 * Compiles the `openAPIV3Schema` of a CRD version. Takes a few milliseconds: once per version.
 * @throws Error when a pattern or a rule of the schema is not valid
 */
export function compileStructural(schema: JsonSchemaProps): StructuralSchema {
  const { prune, setDefaults, validate } = compileSchema(schema, compilePattern);
  const checkRules = compileCelRules(schema);
  return {
    prune,
    setDefaults,
    validate(object, before) {
      const causes = validate(object, before);
      // Rules may rely on types and limits that the schema promises.
      return causes.length > 0 ? causes : checkRules(object, before);
    },
  };
}
