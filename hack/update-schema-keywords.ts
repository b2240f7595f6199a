/**
 * Writes hack/schemas/keywords.gen.json, what Kubernetes says of its types beyond their fields: how
 * lists and maps are merged by server-side apply and by strategic patches. The package of models
 * that the schemas come from leaves these keywords out, and the document that has them is in no
 * package; so the facts are kept here, and refreshed by hand when Kubernetes moves on:
 *
 *     node hack/update-schema-keywords.ts swagger.json.unprocessed
 *
 * with that file of github.com/kubernetes-client/javascript (Apache-2.0), src/gen, at the release
 * that package.json names.
 */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { definitionName, packages } from "./schemas/packages.ts";

type Json = { readonly [field: string]: unknown };

const target = path.join(import.meta.dirname, "schemas/keywords.gen.json");
const [source] = process.argv.slice(2);
if (source === undefined) throw new Error("Usage: update-schema-keywords.ts SWAGGER-FILE");
const { definitions } = JSON.parse(await readFile(source, "utf8")) as {
  readonly definitions: Readonly<Record<string, Json>>;
};

function* refsIn(schema: unknown): Generator<string> {
  if (typeof schema !== "object" || schema === null) return;
  for (const [field, value] of Object.entries(schema)) {
    // A field of a type may be called $ref too.
    if (field === "$ref" && typeof value === "string") yield value.replace("#/definitions/", "");
    else yield* refsIn(value);
  }
}

/** Identity is in the package table already; the rest is kept as it stands. */
function keywordsOf(schema: Json): Json {
  const isList = schema["type"] === "array";
  return Object.fromEntries(
    Object.entries(schema).filter(
      ([field]) =>
        field.startsWith("x-kubernetes-") &&
        field !== "x-kubernetes-group-version-kind" &&
        // One map of Kubernetes carries keywords of a list, which nobody reads there.
        (isList || !/-list-|-patch-/.test(field)),
    ),
  );
}

const filled = (keywords: Json): boolean => Object.keys(keywords).length > 0;

/** Keywords of a type, and of its fields. */
function factsOf(schema: Json): Json {
  const properties = Object.entries((schema["properties"] ?? {}) as Readonly<Record<string, Json>>)
    .map(([field, property]): [string, Json] => [field, keywordsOf(property)])
    .filter(([, keywords]) => filled(keywords));
  return {
    ...keywordsOf(schema),
    ...(properties.length === 0 ? {} : { properties: Object.fromEntries(properties) }),
  };
}

const waiting = packages.flatMap(({ home, kinds }) =>
  kinds.map((model) => definitionName(model, home)),
);
const facts = new Map<string, Json>();
for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
  if (facts.has(name)) continue;
  const schema = definitions[name];
  if (schema === undefined) throw new Error(`Cannot find ${name} in ${source}`);
  facts.set(name, factsOf(schema));
  waiting.push(...refsIn(schema));
}

const types = [...facts]
  .filter(([, keywords]) => filled(keywords))
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, keywords]) => `${JSON.stringify(name)}: ${JSON.stringify(keywords)}`);
const header = `"x-generated": "by hack/update-schema-keywords.ts from Kubernetes' OpenAPI document, Copyright The Kubernetes Authors, Apache-2.0. Do not edit."`;
await writeFile(target, `{\n${header},\n"types": {\n${types.join(",\n")}\n}}\n`);
