import { canonicalJson } from "./equality.ts";
import type { StatusCause } from "./errors.ts";
import {
  invalidValue,
  requiredValue,
  tooManyValues,
  unsupportedValue,
  wrongType,
} from "./field-causes.ts";
import { embeddedCheck } from "./schema-embedded.ts";
import { listChecks } from "./schema-list.ts";
import type { JsonSchemaProps, PatternCompiler } from "./schema-props.ts";
import { isUnchanged, itemFinder } from "./schema-ratchet.ts";
import { numberChecks, textChecks } from "./schema-scalar.ts";
import { isJsonObject, jsonType } from "./schema-value.ts";
import { all, type Check, descend, here, report, trial, type Finding } from "./schema-walk.ts";

const typeTests: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ["array", Array.isArray],
  ["boolean", (value: unknown) => typeof value === "boolean"],
  ["integer", Number.isInteger],
  ["number", (value: unknown) => typeof value === "number"],
  ["object", isJsonObject],
  ["string", (value: unknown) => typeof value === "string"],
]);

function typeCheck(wanted: readonly string[]): (value: unknown) => boolean {
  const tests = wanted.flatMap((type) => typeTests.get(type) ?? []);
  const [first, second] = tests;
  if (first === undefined) return () => false;
  return second === undefined ? first : (value) => tests.some((test) => test(value));
}

function wantedTypes(schema: JsonSchemaProps): readonly string[] {
  if (schema["x-kubernetes-int-or-string"] === true) return ["integer", "string"];
  return schema.type === undefined ? [] : [schema.type];
}

/** `anyOf: [{type: integer}, {type: string}]` only repeats what int-or-string says. */
function saysIntOrString(schema: JsonSchemaProps): boolean {
  const types = (schema.anyOf ?? []).map(({ type, ...rest }) =>
    Object.keys(rest).length === 0 ? type : undefined,
  );
  const repeats = types.length === 2 && types.includes("integer") && types.includes("string");
  return repeats && schema["x-kubernetes-int-or-string"] === true;
}

function enumCheck(values: readonly unknown[]): Check {
  const allowed = new Set(values);
  // Structures are rare in an enum, and their text is not cheap.
  const structures = new Set(
    values.filter((value) => typeof value === "object").map(canonicalJson),
  );
  return (value, walk) => {
    if (!allowed.has(value) && !structures.has(canonicalJson(value)))
      report(walk, unsupportedValue(here(walk), value, values));
  };
}

function requiredCheck(names: readonly string[]): Check {
  const missing: Check = (_value, walk) => {
    report(walk, requiredValue(here(walk)));
  };
  return (value, walk) => {
    if (!isJsonObject(value)) return;
    for (const name of names)
      if (!Object.hasOwn(value, name)) descend(walk, name, undefined, missing);
  };
}

function sizeChecks({ minProperties: min, maxProperties: max }: JsonSchemaProps): Check[] {
  const checks: Check[] = [];
  if (max !== undefined)
    checks.push((value, walk) => {
      const size = isJsonObject(value) ? Object.keys(value).length : 0;
      if (size > max) report(walk, tooManyValues(here(walk), size, max));
    });
  if (min !== undefined)
    checks.push((value, walk) => {
      const size = isJsonObject(value) ? Object.keys(value).length : min;
      if (size >= min) return;
      const path = here(walk);
      const detail = `${path} in body should have at least ${min} properties`;
      report(walk, invalidValue(path, size, detail));
    });
  return checks;
}

function fieldsCheck(schema: JsonSchemaProps, pattern: PatternCompiler): Check | undefined {
  const fields = Object.entries(schema.properties ?? {}).map(
    ([name, inner]) => [name, compileNode(inner, pattern)] as const,
  );
  const named = new Set(fields.map(([name]) => name));
  const extra = schema.additionalProperties;
  const other = typeof extra === "object" ? compileNode(extra, pattern) : undefined;
  if (fields.length === 0 && other === undefined) return undefined;
  return (value, walk) => {
    if (!isJsonObject(value)) return;
    for (const [name, check] of fields)
      if (Object.hasOwn(value, name)) descend(walk, name, value[name], check);
    if (other === undefined) return;
    for (const key of Object.keys(value))
      if (!named.has(key)) descend(walk, key, value[key], other);
  };
}

function itemsCheck(items: JsonSchemaProps, pattern: PatternCompiler): Check {
  const item = compileNode(items, pattern);
  return (value, walk) => {
    if (!Array.isArray(value)) return;
    for (let i = 0; i < value.length; i += 1) descend(walk, i, value[i], item);
  };
}

/** Adds `said` and, of the branches that fail, the causes of the one that comes nearest. */
function blame(said: string, failures: readonly (readonly Finding[])[]): Check {
  return (_value, walk) => {
    const path = here(walk);
    report(walk, invalidValue(path, "", `"${path}" ${said}`));
    const [nearest] = failures.toSorted((a, b) => a.length - b.length);
    walk.findings.push(...(nearest ?? []));
  };
}

function branchChecks(schema: JsonSchemaProps, pattern: PatternCompiler): Check[] {
  const compile = (branches: readonly JsonSchemaProps[]): Check[] =>
    branches.map((branch) => compileNode(branch, pattern));
  const checks = compile(schema.allOf ?? []);
  const { anyOf, oneOf, not } = schema;
  if (anyOf !== undefined && !saysIntOrString(schema)) {
    const branches = compile(anyOf);
    checks.push((value, walk) => {
      const failures = branches.map((branch) => trial(value, walk, branch));
      if (failures.every((found) => found.length > 0))
        blame("must validate at least one schema (anyOf)", failures)(value, walk);
    });
  }
  if (oneOf !== undefined) {
    const branches = compile(oneOf);
    checks.push((value, walk) => {
      const failures = branches.map((branch) => trial(value, walk, branch));
      const valid = failures.filter((found) => found.length === 0).length;
      const found = valid === 0 ? "Found none valid" : `Found ${valid} valid alternatives`;
      const said = `must validate one and only one schema (oneOf). ${found}`;
      if (valid !== 1) blame(said, valid === 0 ? failures : [])(value, walk);
    });
  }
  if (not !== undefined) {
    const branch = compileNode(not, pattern);
    checks.push((value, walk) => {
      if (trial(value, walk, branch).length === 0)
        blame("must not validate the schema (not)", [])(value, walk);
    });
  }
  return checks;
}

function keywordChecks(schema: JsonSchemaProps, pattern: PatternCompiler): Check[] {
  const checks = [...numberChecks(schema), ...textChecks(schema, pattern)];
  if (schema.enum !== undefined) checks.push(enumCheck(schema.enum));
  checks.push(...listChecks(schema), ...sizeChecks(schema));
  if (schema["x-kubernetes-embedded-resource"] === true) checks.push(embeddedCheck);
  if (schema.required !== undefined) checks.push(requiredCheck(schema.required));
  const fields = fieldsCheck(schema, pattern);
  if (fields !== undefined) checks.push(fields);
  if (schema.items !== undefined) checks.push(itemsCheck(schema.items, pattern));
  return [...checks, ...branchChecks(schema, pattern)];
}

function compileNode(schema: JsonSchemaProps, pattern: PatternCompiler): Check {
  const wanted = wantedTypes(schema);
  const hasType = typeCheck(wanted);
  const rest = all(keywordChecks(schema, pattern));
  return (value, walk) => {
    if (value === null && schema.nullable === true) return;
    if (wanted.length > 0 && !hasType(value)) {
      const path = here(walk);
      const have = jsonType(value);
      const detail = `${path} in body must be of type ${wanted.join(",")}: "${have}"`;
      report(walk, wrongType(path, have, detail));
      return; // the other keywords are about values of that type
    }
    rest(value, walk);
  };
}

/**
 * A function that lists every breach of the schema by a whole object, in Kubernetes' words. With
 * the object before, breaches by values that an update leaves as they are do not count: a schema
 * that became stricter must not lock the objects that are there.
 * @throws Error when a `pattern` does not compile
 */
export function compileValidation(
  schema: JsonSchemaProps,
  pattern: PatternCompiler,
): (object: unknown, before?: unknown) => StatusCause[] {
  const check = compileNode(schema, pattern);
  return (object, before) => {
    const findings: Finding[] = [];
    check(object, { path: [], findings });
    const find = itemFinder();
    const isOld = (path: Finding["path"]): boolean =>
      before !== undefined && isUnchanged(schema, path, [object, before], find);
    return findings.filter(({ path }) => !isOld(path)).map(({ cause }) => cause);
  };
}
