import { isJsonObject } from "../../machinery/equality.ts";
import { apiVersionOf, type Gvk } from "../../machinery/gvk.ts";
import type { JsonSchema, Kind } from "../kinds/kind.ts";
import type { Definitions } from "./builtin.ts";

const refPrefix = "#/components/schemas/";
const metaPrefix = "io.k8s.apimachinery.pkg.apis.meta.v1.";

/** A reference to a definition of the same document. */
export const refTo = (definition: string): JsonSchema => ({ $ref: refPrefix + definition });

/** Definition names that a schema refers to, anywhere in it. */
function* refsIn(schema: unknown): Generator<string> {
  if (Array.isArray(schema)) {
    for (const item of schema) yield* refsIn(item);
  } else if (isJsonObject(schema)) {
    const { $ref } = schema;
    if (typeof $ref === "string") yield $ref.slice(refPrefix.length);
    for (const value of Object.values(schema)) yield* refsIn(value);
  }
}

/** The named definitions and everything they need, sorted by name. */
export function closure(
  names: Iterable<string>,
  own: Definitions,
  builtIn: Definitions,
): Readonly<Record<string, JsonSchema>> {
  const found = new Map<string, JsonSchema>();
  const waiting = [...names];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const schema = own.get(name) ?? builtIn.get(name);
    if (schema === undefined || found.has(name)) continue;
    found.set(name, schema);
    waiting.push(...refsIn(schema));
  }
  return Object.fromEntries([...found].sort(([left], [right]) => (left < right ? -1 : 1)));
}

const gvkList = ({ group, version, kind }: Gvk): JsonSchema => ({
  "x-kubernetes-group-version-kind": [{ group, version, kind }],
});

const typeFields: JsonSchema = {
  apiVersion: {
    description: "Version of the schema that this object follows, as GROUP/VERSION.",
    type: "string",
  },
  kind: {
    description: "Kind of the resource that this object stands for, in CamelCase.",
    type: "string",
  },
};

/** What every object has besides the fields of its kind. */
export const objectFields: JsonSchema = {
  ...typeFields,
  metadata: {
    description: "Standard metadata of all objects.",
    allOf: [refTo(`${metaPrefix}ObjectMeta`)],
  },
};

const mapSchemas = (schemas: unknown): unknown =>
  isJsonObject(schemas)
    ? Object.fromEntries(
        Object.entries(schemas).map(([name, inner]) => [name, named(inner)] as const),
      )
    : schemas;

const scalarOfTwo = refTo("io.k8s.apimachinery.pkg.util.intstr.IntOrString");

/**
 * A schema with its integers or strings called so: readers such as `kubectl explain` show the type
 * by its name, and know no other sign of it.
 */
function named(schema: unknown): unknown {
  if (!isJsonObject(schema)) return schema;
  const { properties, items, additionalProperties, type, allOf } = schema;
  const isNamed = schema["x-kubernetes-int-or-string"] === true && !(type ?? allOf);
  return {
    ...schema,
    ...(isNamed && { allOf: [scalarOfTwo] }),
    ...(properties === undefined ? {} : { properties: mapSchemas(properties) }),
    ...(items === undefined ? {} : { items: named(items) }),
    ...(additionalProperties === undefined
      ? {}
      : { additionalProperties: named(additionalProperties) }),
  };
}

/** The published schema of a custom kind: its own fields, and the metadata all objects have. */
function objectSchema(kind: Kind, schema: JsonSchema): JsonSchema {
  const published = named(schema) as JsonSchema;
  const properties = isJsonObject(published["properties"]) ? published["properties"] : {};
  return {
    ...published,
    type: "object",
    properties: { ...properties, ...objectFields },
    ...gvkList(kind),
  };
}

function listSchema(kind: Kind): JsonSchema {
  return {
    description: `A list of ${kind.kind} objects.`,
    type: "object",
    required: ["items"],
    properties: {
      ...typeFields,
      metadata: { allOf: [refTo(`${metaPrefix}ListMeta`)] },
      items: { type: "array", items: refTo(kind.definition) },
    },
    ...gvkList({ ...kind, kind: kind.listKind }),
  };
}

type Pair = { readonly object: JsonSchema; readonly list: JsonSchema };
const pairs = new WeakMap<Kind, Pair>();

/** Made once for each kind: what is rendered from them is kept as long as they are. */
function customPair(kind: Kind, schema: JsonSchema): Pair {
  let pair = pairs.get(kind);
  if (pair === undefined) {
    pair = { object: objectSchema(kind, schema), list: listSchema(kind) };
    pairs.set(kind, pair);
  }
  return pair;
}

/** Definitions of the custom kinds among `kinds`, each with its list. */
export function customDefinitions(kinds: readonly Kind[]): Definitions {
  const definitions = new Map<string, JsonSchema>();
  for (const kind of kinds) {
    if (kind.schema === undefined) continue;
    const { object, list } = customPair(kind, kind.schema);
    definitions.set(kind.definition, object);
    definitions.set(listDefinition(kind), list);
  }
  return definitions;
}

/** Name of the definition of a kind's list. */
export const listDefinition = ({ definition }: Pick<Kind, "definition">): string =>
  `${definition}List`;

const idOf = ({ group, version, kind }: Gvk): string => `${group}/${version} ${kind}`;

const indexes = new WeakMap<Definitions, ReadonlyMap<string, string>>();

/** Names of definitions by the kind that they alone stand for. */
function kindIndex(definitions: Definitions): ReadonlyMap<string, string> {
  let index = indexes.get(definitions);
  if (index === undefined) {
    const entries = [...definitions].flatMap(([name, schema]): [string, string][] => {
      const gvks = schema["x-kubernetes-group-version-kind"];
      return Array.isArray(gvks) && gvks.length === 1 ? [[idOf(gvks[0] as Gvk), name]] : [];
    });
    index = new Map(entries);
    indexes.set(definitions, index);
  }
  return index;
}

/** The definition of a kind that a subresource speaks, e.g. autoscaling/v1 Scale. */
export function definitionOf(gvk: Gvk, builtIn: Definitions): string | undefined {
  return kindIndex(builtIn).get(idOf(gvk));
}

/** Title of a document: the group and version it describes. */
export const titleOf = (group: string, version: string): string =>
  `Lighthouse ${apiVersionOf({ group, version })}`;
