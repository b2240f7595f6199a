import { Environment } from "@marcbachmann/cel-js";
import type { StatusCause } from "../../machinery/errors.ts";
import { invalidValue, requiredValue } from "../../machinery/field-causes.ts";
import type { JsonSchemaProps, ValidationRule } from "../../machinery/schema-props.ts";
import { addLibrary } from "./cel-library.ts";
import { celLimits, compileRule, firstLine } from "./cel-rule.ts";
import { celName } from "./cel-value.ts";

/** A rule, the place it stands at, and the CEL type of `self` there. */
type Site = { readonly rule: ValidationRule; readonly at: string; readonly type: string };

type Look = { readonly environment: Environment; readonly sites: Site[]; objects: number };

const time = "google.protobuf.Timestamp";
const scalarTypes: Readonly<Record<string, string>> = {
  boolean: "bool",
  integer: "int",
  number: "double",
  string: "string",
};

/** Declares the type of an object by those of its fields, and that two of them compare. */
function objectType(fields: Readonly<Record<string, string>>, look: Look): string {
  look.objects += 1;
  const name = `Object${look.objects}`;
  look.environment
    .registerType(name, { fields })
    .registerOperator(`${name} == ${name}`, () => true);
  return name;
}

function structureType(schema: JsonSchemaProps, at: string, look: Look): string | undefined {
  const { items, properties, additionalProperties: values } = schema;
  if (items !== undefined) return `list<${typeOf(items, `${at}.items`, look)}>`;
  if (typeof values === "object")
    return `map<string, ${typeOf(values, `${at}.additionalProperties`, look)}>`;
  if (properties === undefined) return undefined;
  const fields = Object.entries(properties).map(
    ([name, inner]) => [celName(name), typeOf(inner, `${at}.properties[${name}]`, look)] as const,
  );
  return objectType(Object.fromEntries(fields), look);
}

function scalarType({ type = "", format = "" }: JsonSchemaProps): string {
  if (type === "string" && (format === "date" || format === "date-time")) return time;
  return scalarTypes[type] ?? "dyn";
}

/** The CEL type of values of a schema; notes the rules of it and of all below. */
function typeOf(schema: JsonSchemaProps, at: string, look: Look): string {
  const exact = structureType(schema, at, look) ?? scalarType(schema);
  // What may be null, or hold fields that nobody declared, has no one type.
  const free = schema.nullable === true || schema["x-kubernetes-preserve-unknown-fields"] === true;
  const type = free ? "dyn" : exact;
  for (const [i, rule] of (schema["x-kubernetes-validations"] ?? []).entries())
    look.sites.push({ rule, at: `${at}.x-kubernetes-validations[${i}]`, type });
  return type;
}

/** Why an expression does not yield a `want`; `undefined` when it does. */
function complaint(environment: Environment, text: string, want: string): string | undefined {
  const { valid, type, error } = environment.check(text);
  if (!valid) return `compilation failed: ${firstLine(error)}`;
  return type === want || type === "dyn" ? undefined : `must evaluate to a ${want}, not ${type}`;
}

function siteCauses({ rule, at, type }: Site, base: Environment): StatusCause[] {
  if (rule.rule.trim() === "") return [requiredValue(`${at}.rule`, "rule is not specified")];
  const old = rule.optionalOldSelf === true ? `optional<${type}>` : type;
  const environment = base.clone().registerVariable("self", type).registerVariable("oldSelf", old);
  const wrong = complaint(environment, rule.rule, "bool");
  if (wrong !== undefined) return [invalidValue(`${at}.rule`, rule.rule, wrong)];
  const text = rule.messageExpression;
  const mute = text === undefined ? undefined : complaint(environment, text, "string");
  if (mute !== undefined) return [invalidValue(`${at}.messageExpression`, text, mute)];
  try {
    compileRule(rule);
    return [];
  } catch (err) {
    return [invalidValue(`${at}.rule`, rule.rule, firstLine(err))];
  }
}

/**
 * Why the CEL rules of a structural schema cannot be used: each is checked against the types that
 * the schema declares, so that a misspelt field is found before any object is. `at` is the path of
 * the schema in its CRD.
 */
export function ruleCauses(schema: JsonSchemaProps, at: string): readonly StatusCause[] {
  const environment = addLibrary(new Environment({ enableOptionalTypes: true, limits: celLimits }));
  const look: Look = { environment, sites: [], objects: 0 };
  const string: JsonSchemaProps = { type: "string" };
  const metadata: JsonSchemaProps = {
    type: "object",
    properties: { name: string, generateName: string },
  };
  const properties = { apiVersion: string, kind: string, ...schema.properties, metadata };
  typeOf({ ...schema, properties }, at, look);
  return look.sites.flatMap((site) => siteCauses(site, environment));
}
