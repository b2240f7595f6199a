import { equalJson } from "./equality.ts";
import type { StatusCause } from "./errors.ts";
import { forbiddenValue, invalidValue, requiredValue } from "./field-causes.ts";
import type { JsonSchemaProps, PatternCompiler } from "./schema-props.ts";
import { isJsonObject } from "./schema-value.ts";

/** A schema as it came in, and the causes found so far. */
type Look = {
  readonly at: string;
  readonly causes: StatusCause[];
  readonly pattern: PatternCompiler;
};

/** Where a schema stands decides how a missing type is worded, and what `metadata` may say. */
type Level = "root" | "item" | "field";

const missingType: Readonly<Record<Level, string>> = {
  root: "must not be empty at the root",
  item: "must not be empty for specified array items",
  field: "must not be empty for specified object fields",
};

/** Keywords that say what a value is: value validations may only narrow what is said outside. */
const structure: readonly (readonly [keyword: string, want: string])[] = [
  ["type", "empty"],
  ["additionalProperties", "undefined"],
  ["default", "undefined"],
  ["title", "empty"],
  ["description", "empty"],
  ["nullable", "false"],
  ["x-kubernetes-preserve-unknown-fields", "false"],
  ["x-kubernetes-embedded-resource", "false"],
  ["x-kubernetes-int-or-string", "false"],
  ["x-kubernetes-list-map-keys", "empty"],
  ["x-kubernetes-list-type", "undefined"],
  ["x-kubernetes-map-type", "undefined"],
  ["x-kubernetes-validations", "empty"],
];

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === false ||
  value === "" ||
  (Array.isArray(value) && value.length === 0);

const inside = (look: Look, path: string): Look => ({ ...look, at: `${look.at}.${path}` });

const say = ({ causes }: Look, ...more: StatusCause[]): void => {
  causes.push(...more);
};

const intOrString = [{ type: "integer" }, { type: "string" }];
const isIntOrString = (schema: JsonSchemaProps | undefined): boolean =>
  equalJson(schema?.anyOf, intOrString);

function checkPattern({ pattern }: JsonSchemaProps, look: Look): void {
  if (pattern === undefined || pattern === "") return;
  try {
    look.pattern(pattern);
  } catch (err) {
    const why = err instanceof Error ? err.message : String(err);
    const detail = `must be a valid regular expression, but isn't: ${why}`;
    say(look, invalidValue(`${look.at}.pattern`, pattern, detail));
  }
}

/** Inside of allOf, anyOf, oneOf and not, only conditions on what is described outside may stand. */
function checkBranch(branch: JsonSchemaProps, skipsAnyOf: boolean, look: Look): void {
  const { at } = look;
  checkConditions(branch, { anyOf: skipsAnyOf, allOf: false }, look);
  if (isJsonObject(branch.items)) checkBranch(branch.items, false, inside(look, "items"));
  for (const [name, inner] of Object.entries(branch.properties ?? {}))
    checkBranch(inner, false, inside(look, `properties[${name}]`));
  for (const [keyword, want] of structure)
    if (!isEmpty((branch as Readonly<Record<string, unknown>>)[keyword]))
      say(look, forbiddenValue(`${at}.${keyword}`, `must be ${want} to be structural`));
  if (branch.properties?.["metadata"] !== undefined)
    say(
      look,
      forbiddenValue(`${at}.properties[metadata]`, "must not be specified in a nested context"),
    );
}

type Skip = { readonly anyOf: boolean; readonly allOf: boolean };

function checkConditions(schema: JsonSchemaProps, skip: Skip, look: Look): void {
  const { anyOf = [], allOf = [], oneOf = [], not } = schema;
  if (!skip.anyOf)
    for (const [i, branch] of anyOf.entries())
      checkBranch(branch, false, inside(look, `anyOf[${i}]`));
  for (const [i, branch] of allOf.entries())
    checkBranch(branch, skip.allOf && i === 0, inside(look, `allOf[${i}]`));
  for (const [i, branch] of oneOf.entries())
    checkBranch(branch, false, inside(look, `oneOf[${i}]`));
  if (not !== undefined) checkBranch(not, false, inside(look, "not"));
  checkPattern(schema, look);
}

/** A field that a condition speaks of must also be described outside of it. */
function checkComplete(
  branch: JsonSchemaProps,
  whole: JsonSchemaProps,
  where: Look & { readonly wholeAt: string },
): void {
  const { at, wholeAt } = where;
  if (branch.items !== undefined) {
    if (whole.items === undefined)
      say(where, requiredValue(`${wholeAt}.items`, `because it is defined in ${at}.items`));
    else
      checkComplete(branch.items, whole.items, {
        ...where,
        at: `${at}.items`,
        wholeAt: `${wholeAt}.items`,
      });
  }
  for (const [name, inner] of Object.entries(branch.properties ?? {})) {
    const deeper = { at: `${at}.properties[${name}]`, wholeAt: `${wholeAt}.properties[${name}]` };
    const described = whole.properties?.[name];
    const detail = `because it is defined in ${deeper.at}`;
    if (described === undefined) say(where, requiredValue(deeper.wholeAt, detail));
    else checkComplete(inner, described, { ...where, ...deeper });
  }
  for (const [path, inner] of branchesOf(branch))
    checkComplete(inner, whole, { ...where, at: `${at}.${path}` });
}

function branchesOf(schema: JsonSchemaProps): readonly (readonly [string, JsonSchemaProps])[] {
  const found: [string, JsonSchemaProps][] = [];
  for (const junctor of ["allOf", "anyOf", "oneOf"] as const)
    for (const [i, branch] of (schema[junctor] ?? []).entries())
      found.push([`${junctor}[${i}]`, branch]);
  if (schema.not !== undefined) found.push(["not", schema.not]);
  return found;
}

/** What is wrong with the type of a value that is an object of its own, if it is. */
function embeddedType(type: string, at: string): StatusCause | undefined {
  const detail = "must be object if x-kubernetes-embedded-resource is true";
  if (type === "") return requiredValue(at, detail);
  return type === "object" ? undefined : invalidValue(at, type, detail);
}

function plainType(schema: JsonSchemaProps, level: Level, at: string): StatusCause | undefined {
  const { type = "" } = schema;
  const either = schema["x-kubernetes-int-or-string"] === true;
  if (either && type !== "")
    return invalidValue(at, type, "must be empty if x-kubernetes-int-or-string is true");
  const free = schema["x-kubernetes-preserve-unknown-fields"] === true;
  return type !== "" || either || free ? undefined : requiredValue(at, missingType[level]);
}

function checkType(schema: JsonSchemaProps, level: Level, look: Look): void {
  const { type = "" } = schema;
  const at = `${look.at}.type`;
  const embedded = schema["x-kubernetes-embedded-resource"] === true;
  const cause = embedded ? embeddedType(type, at) : plainType(schema, level, at);
  if (cause !== undefined) say(look, cause);
  if (level === "root" && type !== "object" && type !== "")
    say(look, invalidValue(at, type, "must be object at the root"));
}

function checkExtensions(schema: JsonSchemaProps, look: Look): void {
  if (schema["x-kubernetes-int-or-string"] === true)
    for (const other of [
      "x-kubernetes-preserve-unknown-fields",
      "x-kubernetes-embedded-resource",
    ] as const)
      if (schema[other] === true)
        say(
          look,
          invalidValue(
            `${look.at}.${other}`,
            true,
            "must be false if x-kubernetes-int-or-string is true",
          ),
        );
  if (schema["x-kubernetes-embedded-resource"] !== true) return;
  const { additionalProperties, properties = {} } = schema;
  if (additionalProperties !== undefined)
    say(
      look,
      forbiddenValue(
        `${look.at}.additionalProperties`,
        "must not be used if x-kubernetes-embedded-resource is set",
      ),
    );
  const free = schema["x-kubernetes-preserve-unknown-fields"] === true;
  if (!free && Object.keys(properties).length === 0)
    say(
      look,
      requiredValue(
        `${look.at}.properties`,
        "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
      ),
    );
}

/** Of the metadata, a schema may only restrict the names: the rest is the server's. */
function saysMore(metadata: JsonSchemaProps): boolean {
  const { type: _, default: _default, properties = {}, ...rest } = metadata;
  const names = new Set(["name", "generateName"]);
  return Object.keys(rest).length > 0 || Object.keys(properties).some((name) => !names.has(name));
}

function checkOwnFields(schema: JsonSchemaProps, level: Level, look: Look): void {
  if (level !== "root" && schema["x-kubernetes-embedded-resource"] !== true) return;
  const { properties = {} } = schema;
  for (const name of ["kind", "apiVersion"]) {
    const field = properties[name];
    if (field !== undefined && field.type !== "string")
      say(
        look,
        invalidValue(`${look.at}.properties[${name}].type`, field.type ?? "", "must be string"),
      );
  }
  const { metadata } = properties;
  if (metadata !== undefined) checkMetadata(metadata, level, look);
}

function checkMetadata(metadata: JsonSchemaProps, level: Level, look: Look): void {
  const at = `${look.at}.properties[metadata]`;
  if (metadata.type !== "object")
    say(look, invalidValue(`${at}.type`, metadata.type ?? "", "must be object"));
  if (level === "root" && saysMore(metadata))
    say(
      look,
      forbiddenValue(
        at,
        "must not specify anything other than name and generateName, but metadata is implicitly specified",
      ),
    );
}

function checkNode(schema: JsonSchemaProps, level: Level, look: Look): void {
  const { items, properties = {}, additionalProperties: extra } = schema;
  if (schema.type === "array" && items === undefined)
    say(look, requiredValue(`${look.at}.items`, "must be specified"));
  if (isJsonObject(items)) checkNode(items, "item", inside(look, "items"));
  for (const [name, inner] of Object.entries(properties))
    checkNode(inner, "field", inside(look, `properties[${name}]`));
  if (extra !== undefined && level === "root")
    say(look, forbiddenValue(`${look.at}.additionalProperties`, "must not be used at the root"));
  if (typeof extra === "object") checkNode(extra, "field", inside(look, "additionalProperties"));
  checkExtensions(schema, look);
  const skip = { anyOf: isIntOrString(schema), allOf: isIntOrString(schema.allOf?.[0]) };
  checkConditions(schema, skip, look);
  checkType(schema, level, look);
  checkOwnFields(schema, level, look);
  for (const [path, branch] of branchesOf(schema))
    checkComplete(branch, schema, { ...look, at: `${look.at}.${path}`, wholeAt: look.at });
}

/**
 * Why a schema is not structural, in Kubernetes' words; such a CRD is refused. `at` is the path of
 * the schema in its CRD, e.g. `spec.versions[0].schema.openAPIV3Schema`. The value must have the
 * shape of a schema: that is for `schema-shape.ts` to find out.
 */
export function structuralCauses(
  schema: JsonSchemaProps,
  at: string,
  pattern: PatternCompiler,
): readonly StatusCause[] {
  const causes: StatusCause[] = [];
  checkNode(schema, "root", { at, causes, pattern });
  return causes;
}
