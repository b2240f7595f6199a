import type { StatusCause } from "./errors.ts";
import { compileDefaults } from "./schema-default.ts";
import type { JsonSchemaProps, PatternCompiler } from "./schema-props.ts";
import { compilePrune } from "./schema-prune.ts";
import { compileValidation } from "./schema-validate.ts";

/** A structural schema turned into functions once, to be run on many objects. */
export type CompiledSchema = {
  /** Removes what the schema does not know; returns the paths in order, e.g. `spec.replica`. */
  readonly prune: (object: unknown) => string[];
  /** Drops nulls that are neither allowed nor defaulted, and fills in absent fields. In place. */
  readonly setDefaults: (object: unknown) => void;
  /**
   * Every field that breaks the schema, in the order of the schema; empty when it is valid. With the
   * object `before` an update, fields that it leaves as they are may be what they were.
   */
  readonly validate: (object: unknown, before?: unknown) => StatusCause[];
};

/**
 * Compiles the schema of whole objects: `apiVersion`, `kind` and the known fields of `metadata`
 * are kept even when the schema does not name them. CEL rules are not evaluated here.
 * @throws Error when a `pattern` does not compile
 */
export function compileSchema(schema: JsonSchemaProps, pattern: PatternCompiler): CompiledSchema {
  return {
    prune: compilePrune(schema),
    setDefaults: compileDefaults(schema),
    validate: compileValidation(schema, pattern),
  };
}
