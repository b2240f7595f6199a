import { isDeepStrictEqual } from "node:util";
import { compile } from "json-schema-to-typescript";
import { typeNameOf } from "./names.ts";

/** A node of an OpenAPI v3 schema as it stands in a CRD. */
export type SchemaNode = { readonly [keyword: string]: unknown };

/** One kind and the schema of its objects. */
export type KindSchema = { readonly kind: string; readonly schema: SchemaNode };

type Definitions = Map<string, SchemaNode>;

const isNode = (value: unknown): value is SchemaNode =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isStringList = (value: unknown): value is readonly string[] => Array.isArray(value);

/** Two uses of one name must mean one shape; words may differ. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (!isNode(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => key !== "description" || typeof inner !== "string")
      .map(([key, inner]) => [key, bare(inner)]),
  );
}

function define(found: Definitions, name: string, schema: SchemaNode): void {
  const before = found.get(name);
  if (before === undefined) found.set(name, schema);
  else if (!isDeepStrictEqual(bare(before), bare(schema)))
    throw new Error(`Cannot generate type ${name}: two different schemas have that name`);
}

const described = (schema: SchemaNode): SchemaNode =>
  typeof schema["description"] === "string" ? { description: schema["description"] } : {};

/** Properties that are read from the API: those with a default are always there. */
function objectOf(schema: SchemaNode, path: string, found: Definitions): SchemaNode {
  const properties = isNode(schema["properties"]) ? schema["properties"] : {};
  const listed = isStringList(schema["required"]) ? schema["required"] : [];
  const filled = Object.entries(properties).filter(([, p]) => isNode(p) && "default" in p);
  return {
    ...described(schema),
    type: "object",
    additionalProperties: false,
    required: [...new Set([...listed, ...filled.map(([name]) => name)])].sort(),
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, inner]) => [
        name,
        rewrite(isNode(inner) ? inner : {}, `${path}.${name}`, found),
      ]),
    ),
  };
}

function nameOf(path: string): string {
  const known = typeNameOf(path);
  if (known !== undefined) return known;
  throw new Error(`Cannot name the type of ${path}: add it to hack/types/names.ts`);
}

/**
 * The pre-pass: json-schema-to-typescript knows no Kubernetes extensions, and would repeat every
 * nested object in place. Objects become named definitions, maps and int-or-string plain types.
 */
function rewrite(schema: SchemaNode, path: string, found: Definitions): SchemaNode {
  const words = described(schema);
  if (schema["x-kubernetes-int-or-string"] === true) return { ...words, tsType: "number | string" };
  if (isNode(schema["properties"])) {
    const name = nameOf(path);
    // A named type starts a path of its own, so that what is inside is found under one name.
    define(found, name, objectOf(schema, name === "Probe" ? name : path, found));
    return { ...words, tsType: name };
  }
  if (isNode(schema["additionalProperties"])) {
    const value = rewrite(schema["additionalProperties"], `${path}{}`, found);
    return { ...words, type: "object", additionalProperties: value };
  }
  if (isNode(schema["items"])) {
    return { ...words, type: "array", items: rewrite(schema["items"], `${path}[]`, found) };
  }
  if (schema["type"] === "object") {
    const value = schema["x-kubernetes-preserve-unknown-fields"] === true;
    return { ...words, tsType: value ? "Record<string, unknown>" : "Record<string, never>" };
  }
  if (schema["enum"] === undefined) return { ...words, type: schema["type"] };
  const scalar = { ...words, type: schema["type"], enum: schema["enum"] };
  const name = typeNameOf(path);
  if (name === undefined) return scalar;
  define(found, name, scalar);
  return { ...words, tsType: name };
}

const metadataType = `/** Kubernetes ObjectMeta, the same as that of api/machinery/object.ts, which this folder cannot import. */
export type ObjectMeta = {
  name: string;
  generateName?: string;
  namespace?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  creationTimestamp: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Readonly<Record<string, string>>;
  annotations?: Readonly<Record<string, string>>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: ManagedFieldsEntry[];
};

/** A link from a dependent to its owner; matched by uid, never by name. */
export type OwnerReference = {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
};

/** What one manager set through server-side apply or update. */
export type ManagedFieldsEntry = {
  manager?: string;
  operation?: "Apply" | "Update";
  apiVersion?: string;
  time?: string;
  fieldsType?: string;
  fieldsV1?: Readonly<Record<string, unknown>>;
  subresource?: string;
};
`;

function kindSchema({ kind, schema }: KindSchema, found: Definitions): SchemaNode {
  const properties = isNode(schema["properties"]) ? schema["properties"] : {};
  const part = (name: string): SchemaNode => (isNode(properties[name]) ? properties[name] : {});
  const { properties: own, required } = objectOf(
    { properties: { spec: part("spec"), status: part("status") }, required: schema["required"] },
    kind,
    found,
  );
  return {
    ...described(schema),
    type: "object",
    additionalProperties: false,
    required: ["apiVersion", "kind", "metadata", ...(isStringList(required) ? required : [])],
    properties: {
      apiVersion: { ...described(part("apiVersion")), tsType: '"lighthouse.dev/v1"' },
      kind: { ...described(part("kind")), tsType: JSON.stringify(kind) },
      metadata: { ...described(part("metadata")), tsType: "ObjectMeta" },
      ...(isNode(own) ? own : {}),
    },
  };
}

/** Data is readonly here, and a type alias, unlike an interface, fits an index signature. */
function asReadonlyTypes(code: string): string {
  return code
    .replaceAll(/^export interface (\w+) \{$/gm, "export type $1 = {")
    .replaceAll(/^\}$/gm, "};")
    .replaceAll(/^( *\w+\??: )(.+)\[\];?$/gm, "$1readonly $2[];")
    .replaceAll(/^( *)(\w+\??: |\[k: string\]: )/gm, "$1readonly $2")
    .replaceAll(/\/\*\*\n *\* (.*)\n *\*\//g, "/** $1 */");
}

/**
 * TypeScript declarations of the kinds and all their parts, one exported type each. Fields with a
 * default are not optional: the API server fills them in before anyone reads the object.
 */
export async function declareTypes(kinds: readonly KindSchema[]): Promise<string> {
  const found: Definitions = new Map();
  for (const kind of kinds) define(found, kind.kind, kindSchema(kind, found));
  const parts: string[] = [];
  for (const [name, schema] of [...found].sort(([a], [b]) => (a < b ? -1 : 1))) {
    parts.push(
      await compile(schema, name, {
        bannerComment: "",
        format: false,
        ignoreMinAndMaxItems: true,
        unknownAny: true,
        additionalProperties: false,
      }),
    );
  }
  return asReadonlyTypes([metadataType, ...parts].join("\n"));
}
