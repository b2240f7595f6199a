/**
 * Writes api/server/openapi/builtin.gen.json, the schemas of the built-in kinds: `npm run update`.
 * With `--check` it writes nothing and exits with 1 when the file differs.
 *
 * The source is the models of @kubernetes/client-node (Apache-2.0), themselves generated from
 * Kubernetes' OpenAPI: field types from the JavaScript, descriptions and required fields from the
 * declarations. Those models lack merge keys and the like: see schemas/keywords.ts. Writes
 * api/machinery/patch-types.gen.ts too, what strategic merge patches need of it.
 */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { readKeywords } from "./schemas/keywords.ts";
import { metricsDefinitions } from "./schemas/metrics.ts";
import { core, definitionName, homeOf, packages, shortName } from "./schemas/packages.ts";
import { patchTypesSource } from "./schemas/patch-types.ts";

type Json = { readonly [field: string]: unknown };
type Attribute = { readonly name: string; readonly baseName: string } & Typed;
type Typed = { readonly type: string; readonly format: string };
type Declared = { readonly description: string; readonly required: boolean };

const root = path.join(import.meta.dirname, "..");
const models = path.join(root, "node_modules/@kubernetes/client-node/dist/gen/models");
const target = "api/server/openapi/builtin.gen.json";
const patchTarget = "api/machinery/patch-types.gen.ts";
const keywords = await readKeywords();

const quantity = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const intOrString = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";

/** The models write quantities as strings; these fields of core types are quantities. */
const quantityFields = new Set([
  "allocatable",
  "allocatedResources",
  "capacity",
  "divisor",
  "limits",
  "overhead",
  "requests",
  "resources",
  "sizeLimit",
]);

const scalars: Readonly<Record<string, Json>> = {
  string: { type: "string" },
  boolean: { type: "boolean" },
  number: { type: "integer" },
  Date: { type: "string", format: "date-time" },
  V1MicroTime: { type: "string", format: "date-time" },
  any: { "x-kubernetes-preserve-unknown-fields": true },
  object: { type: "object" },
};

const schemas = new Map<string, Json>([
  [
    quantity,
    {
      description: "An amount such as 500m, 2Gi or 1e3.",
      oneOf: [{ type: "string" }, { type: "number" }],
    },
  ],
  [
    intOrString,
    {
      description: "An integer, or a string such as a percentage or a port name.",
      format: "int-or-string",
      oneOf: [{ type: "integer" }, { type: "string" }],
    },
  ],
]);

const refTo = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

async function attributesOf(model: string): Promise<readonly Attribute[]> {
  const text = await readFile(path.join(models, `${model}.js`), "utf8");
  const list = /\.attributeTypeMap = (\[[\s\S]*?\n\]);/.exec(text)?.[1];
  if (list === undefined) throw new Error(`Cannot find the fields of ${model}`);
  return JSON.parse(list) as readonly Attribute[];
}

const plainText = (comment: string): string =>
  comment
    .split("\n")
    .map((line) => line.replace(/^\s*\*? ?/, "").trimEnd())
    .join("\n")
    .trim()
    .replaceAll(/\\(["'])/g, "$1")
    .replaceAll("*_/", "*/");

async function declarationsOf(model: string) {
  const text = await readFile(path.join(models, `${model}.d.ts`), "utf8");
  const fields = new Map<string, Declared>();
  const pattern = /\/\*\*\n((?:(?!\*\/)[\s\S])*)\*\/\s+'([^']+)'(\?)?:/g;
  for (const [, comment = "", name = "", optional] of text.matchAll(pattern)) {
    fields.set(name, { description: plainText(comment), required: optional === undefined });
  }
  for (const [, name = "", optional] of text.matchAll(/^ {4}'([^']+)'(\?)?:/gm)) {
    if (!fields.has(name)) fields.set(name, { description: "", required: optional === undefined });
  }
  const own = /\/\*\*\n((?:(?!\*\/)[\s\S])*)\*\/\nexport declare class/.exec(text)?.[1] ?? "";
  return { description: plainText(own), fields };
}

/** Types that are no models, or that the models write as something else. */
function leafOf({ type, format }: Typed, isQuantity: boolean): Json | undefined {
  if (type === "IntOrString") return refTo(intOrString);
  if (type === "string" && isQuantity) return refTo(quantity);
  if (type === "number" && format === "double") return { type: "number", format };
  const scalar = scalars[type];
  if (scalar === undefined || format === "" || "format" in scalar) return scalar;
  return { ...scalar, format };
}

/** The schema of one type; the models it refers to are added to `seen`. */
function schemaOf({ type, format }: Typed, field: string, home: string, seen: Set<string>): Json {
  const inner = (nested: string): Json => schemaOf({ type: nested, format }, field, home, seen);
  const item = /^Array<(.+)>$/.exec(type)?.[1];
  if (item !== undefined) return { type: "array", items: inner(item) };
  const value = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1];
  if (value !== undefined) return { type: "object", additionalProperties: inner(value) };
  const leaf = leafOf({ type, format }, home === core && quantityFields.has(field));
  if (leaf !== undefined) return leaf;
  seen.add(type);
  return refTo(definitionName(type, home));
}

/** A reference cannot carry anything beside it: with a description it is wrapped. */
function described(schema: Json, description: string, extra: Json): Json {
  const words = description === "" ? {} : { description };
  const wraps = "$ref" in schema && (description !== "" || Object.keys(extra).length > 0);
  return wraps ? { allOf: [schema], ...words, ...extra } : { ...words, ...schema, ...extra };
}

async function addModel(model: string, home: string, gvk?: Json): Promise<void> {
  const name = definitionName(model, home);
  if (schemas.has(name)) return;
  schemas.set(name, {}); // types may contain themselves
  const [attributes, declared] = [await attributesOf(model), await declarationsOf(model)];
  const own = homeOf(model, home);
  const seen = new Set<string>();
  const properties = attributes.map((attribute): [string, Json] => {
    const { baseName } = attribute;
    const description = declared.fields.get(attribute.name)?.description ?? "";
    const schema = schemaOf(attribute, baseName, own, seen);
    return [baseName, described(schema, description, keywords.ofField(name, baseName))];
  });
  const required = attributes
    .filter((attribute) => declared.fields.get(attribute.name)?.required === true)
    .map(({ baseName }) => baseName);
  schemas.set(name, {
    description: declared.description,
    type: "object",
    properties: Object.fromEntries(properties),
    ...(required.length === 0 ? {} : { required }),
    ...keywords.ofType(name),
    ...(gvk === undefined ? {} : { "x-kubernetes-group-version-kind": [gvk] }),
  });
  for (const below of seen) await addModel(below, own);
}

for (const { home, group, kinds } of packages) {
  for (const model of kinds) {
    await addModel(model, home, { group, version: "v1", kind: shortName(model) });
  }
}

for (const [name, schema] of Object.entries(metricsDefinitions)) schemas.set(name, schema);

/** The models drop what is said of a field that holds another model: that model must speak for it. */
function describeReferences(schema: Json): Json {
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, Json>);
  if (properties.length === 0) return schema;
  const completed = properties.map(([field, property]): [string, Json] => {
    const { $ref } = property;
    if (typeof $ref !== "string") return [field, property];
    const description = schemas.get($ref.replace("#/components/schemas/", ""))?.["description"];
    if (typeof description !== "string") return [field, property];
    return [field, described(property, description, {})];
  });
  return { ...schema, properties: Object.fromEntries(completed) };
}
for (const [name, schema] of schemas) schemas.set(name, describeReferences(schema));

const { version } = JSON.parse(
  await readFile(path.join(models, "../../../package.json"), "utf8"),
) as { version: string };
const sorted = Object.fromEntries([...schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
const text = `${JSON.stringify(
  {
    "x-generated": `by hack/update-builtin-schemas.ts from @kubernetes/client-node ${version}, Copyright The Kubernetes Authors, Apache-2.0. Do not edit.`,
    schemas: sorted,
  },
  undefined,
  1,
)}\n`;
for (const [file, content] of [
  [target, text],
  [patchTarget, patchTypesSource(sorted)],
] as const) {
  const place = path.join(root, file);
  const before = await readFile(place, "utf8").catch(() => "");
  if (!process.argv.includes("--check")) await writeFile(place, content);
  else if (before !== content) {
    process.stderr.write(`${file} is stale: run npm run update\n`);
    process.exitCode = 1;
  }
}
