import type { StatusCause } from "./errors.ts";
import { forbiddenValue, invalidValue, requiredValue, unsupportedValue } from "./field-causes.ts";
import { listTypeCauses } from "./schema-list-type.ts";
import type { JsonSchemaProps } from "./schema-props.ts";
import { isJsonObject } from "./schema-value.ts";

/** The schema of a CRD with the keywords of OpenAPI that are refused. */
type AnySchema = JsonSchemaProps & { readonly [keyword: string]: unknown };

/** What is known on the way down. */
type Context = {
  readonly at: string;
  readonly isRoot: boolean;
  /** Why there must be no default here; empty: there may be one. */
  readonly noDefault: string;
  /** Whether this is inside of apiVersion, kind or metadata of an object. */
  readonly inMetadata: boolean;
};

const types = ["array", "boolean", "integer", "number", "object", "string"];
const forbidden = [
  "id",
  "additionalItems",
  "patternProperties",
  "definitions",
  "dependencies",
  "$ref",
];
const ownFields: ReadonlySet<string> = new Set(["metadata", "kind", "apiVersion"]);

function isSet(value: unknown): boolean {
  return value !== undefined && value !== "" && value !== false;
}

function keywordCauses(schema: AnySchema, context: Context): StatusCause[] {
  const { at, noDefault } = context;
  const { type = "" } = schema;
  const causes: StatusCause[] = [];
  if (type !== "" && !types.includes(type))
    causes.push(unsupportedValue(`${at}.type`, type, types));
  if (schema.default !== undefined && noDefault !== "")
    causes.push(forbiddenValue(`${at}.default`, `must not be set ${noDefault}`));
  for (const keyword of forbidden)
    if (isSet(schema[keyword]))
      causes.push(forbiddenValue(`${at}.${keyword}`, `${keyword} is not supported`));
  if (type === "null")
    causes.push(
      forbiddenValue(`${at}.type`, "type cannot be set to null, use nullable as an alternative"),
    );
  return [...causes, ...structureCauses(schema, context)];
}

function structureCauses(schema: AnySchema, { at, inMetadata }: Context): StatusCause[] {
  const causes: StatusCause[] = [];
  if (Array.isArray(schema.items))
    causes.push(forbiddenValue(`${at}.items`, "items must be a schema object and not an array"));
  if (inMetadata && schema["x-kubernetes-embedded-resource"] === true)
    causes.push(
      forbiddenValue(
        `${at}.x-kubernetes-embedded-resource`,
        "must not be used inside of resource meta",
      ),
    );
  if (schema.uniqueItems === true)
    causes.push(
      forbiddenValue(
        `${at}.uniqueItems`,
        "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
      ),
    );
  return causes;
}

function objectCauses(schema: AnySchema, at: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const extra = schema.additionalProperties;
  const closed = extra === false || typeof extra === "object";
  if (closed && Object.keys(schema.properties ?? {}).length > 0)
    causes.push(
      forbiddenValue(
        `${at}.additionalProperties`,
        "additionalProperties and properties are mutual exclusive",
      ),
    );
  if (extra === false)
    causes.push(
      forbiddenValue(`${at}.additionalProperties`, "additionalProperties cannot be set to false"),
    );
  if (schema["x-kubernetes-preserve-unknown-fields"] === false)
    causes.push(
      invalidValue(
        `${at}.x-kubernetes-preserve-unknown-fields`,
        false,
        "must be true or undefined",
      ),
    );
  return [...causes, ...mapTypeCauses(schema, at)];
}

function mapTypeCauses(schema: AnySchema, at: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const { type = "", "x-kubernetes-map-type": mapType } = schema;
  const wantsObject = "must be object if x-kubernetes-map-type is specified";
  if (mapType !== undefined && type === "") causes.push(requiredValue(`${at}.type`, wantsObject));
  else if (mapType !== undefined && type !== "object")
    causes.push(invalidValue(`${at}.type`, type, wantsObject));
  if (mapType !== undefined && mapType !== "atomic" && mapType !== "granular")
    causes.push(unsupportedValue(`${at}.x-kubernetes-map-type`, mapType, ["atomic", "granular"]));
  return causes;
}

type Child = readonly [JsonSchemaProps, Context];

/** The fields of an object; those that every object has are told apart. */
function fieldsOf(schema: AnySchema, context: Context): Child[] {
  const { at, isRoot } = context;
  const isWhole = isRoot || schema["x-kubernetes-embedded-resource"] === true;
  return Object.entries(schema.properties ?? {}).map(([name, field]): Child => {
    const own = isWhole && ownFields.has(name);
    const noDefault = own && isRoot ? `in top-level ${name}` : context.noDefault;
    const inMetadata = own || context.inMetadata;
    const place = { isRoot: false, at: `${at}.properties[${name}]`, noDefault, inMetadata };
    return [field, place];
  });
}

function conditionsOf(schema: AnySchema, context: Context): Child[] {
  const { at } = context;
  const inner: Context = { ...context, isRoot: false };
  const found = (["allOf", "oneOf", "anyOf"] as const).flatMap((junctor) =>
    (schema[junctor] ?? []).map((branch, i): Child => [
      branch,
      { ...inner, at: `${at}.${junctor}[${i}]` },
    ]),
  );
  const { not } = schema;
  return not === undefined ? found : [...found, [not, { ...inner, at: `${at}.not` }]];
}

function children(schema: AnySchema, context: Context): Child[] {
  const { at } = context;
  const inner: Context = { ...context, isRoot: false };
  const found: Child[] = [];
  const extra = schema.additionalProperties;
  if (typeof extra === "object") {
    const noDefault = context.inMetadata
      ? "inside additionalProperties applying to object metadata"
      : context.noDefault;
    found.push([extra, { ...inner, noDefault, at: `${at}.additionalProperties` }]);
  }
  found.push(...fieldsOf(schema, context), ...conditionsOf(schema, context));
  if (isJsonObject(schema.items)) found.push([schema.items, { ...inner, at: `${at}.items` }]);
  return found;
}

function nodeCauses(schema: JsonSchemaProps, context: Context): StatusCause[] {
  const any = schema as AnySchema;
  const causes = [
    ...keywordCauses(any, context),
    ...objectCauses(any, context.at),
    ...listTypeCauses(schema, context.at),
  ];
  for (const [inner, deeper] of children(any, context)) causes.push(...nodeCauses(inner, deeper));
  return causes;
}

/**
 * Why keywords of a schema cannot be used in a CRD, or not together, in Kubernetes' words. `at` is
 * the path of the schema, e.g. `spec.versions[0].schema.openAPIV3Schema`.
 */
export function schemaKeywordCauses(schema: JsonSchemaProps, at: string): readonly StatusCause[] {
  return nodeCauses(schema, { at, isRoot: true, noDefault: "", inMetadata: false });
}
