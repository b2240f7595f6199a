import { pathText } from "./schema-path.ts";
import type { JsonSchemaProps } from "./schema-props.ts";
import { isJsonObject, type MutableObject } from "./schema-value.ts";

type Walk = { readonly path: (string | number)[]; readonly unknown: string[] };
type Pruner = (value: unknown, walk: Walk) => void;

/** Fields of meta/v1 ObjectMeta; what else stands in `metadata` is unknown. */
const metadataFields: ReadonlySet<string> = new Set([
  "name",
  "generateName",
  "namespace",
  "selfLink",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "labels",
  "annotations",
  "finalizers",
  "ownerReferences",
  "managedFields",
]);

function drop(object: MutableObject, key: string, { path, unknown }: Walk): void {
  delete object[key];
  unknown.push(pathText([...path, key]));
}

const pruneMetadata: Pruner = (value, walk) => {
  if (!isJsonObject(value)) return;
  for (const key of Object.keys(value)) if (!metadataFields.has(key)) drop(value, key, walk);
};

const keep: Pruner = () => {};

function at(walk: Walk, segment: string | number, value: unknown, prune: Pruner): void {
  walk.path.push(segment);
  prune(value, walk);
  walk.path.pop();
}

function compileList(items: JsonSchemaProps): Pruner {
  const item = compileNode(items, false);
  if (item === keep) return keep;
  return (value, walk) => {
    if (!Array.isArray(value)) return;
    for (let i = 0; i < value.length; i += 1) at(walk, i, value[i], item);
  };
}

function knownFields(schema: JsonSchemaProps, whole: boolean): Map<string, Pruner> {
  const known = new Map<string, Pruner>();
  for (const [name, inner] of Object.entries(schema.properties ?? {}))
    known.set(name, compileNode(inner, false));
  if (!whole) return known;
  return known.set("apiVersion", keep).set("kind", keep).set("metadata", pruneMetadata);
}

function compileObject(schema: JsonSchemaProps, whole: boolean): Pruner {
  const known = knownFields(schema, whole);
  const extra = schema.additionalProperties;
  const keepsUnknown = schema["x-kubernetes-preserve-unknown-fields"] === true || extra === true;
  const other = typeof extra === "object" ? compileNode(extra, false) : keep;
  const drops = !keepsUnknown && typeof extra !== "object";
  if (!drops && other === keep && [...known.values()].every((prune) => prune === keep)) return keep;
  return (value, walk) => {
    if (!isJsonObject(value)) return;
    for (const key of Object.keys(value)) {
      const prune = known.get(key);
      if (prune === undefined && drops) drop(value, key, walk);
      else if ((prune ?? other) !== keep) at(walk, key, value[key], prune ?? other);
    }
  };
}

/** `whole`: the value is an object of its own, with apiVersion, kind and metadata. */
function compileNode(schema: JsonSchemaProps, whole: boolean): Pruner {
  if (schema.items !== undefined) return compileList(schema.items);
  const isObject = schema.type === "object" || schema.properties !== undefined;
  if (!isObject && schema.additionalProperties === undefined) return keep;
  return compileObject(schema, whole || schema["x-kubernetes-embedded-resource"] === true);
}

/** A function that removes unknown fields from a whole object and returns their paths. */
export function compilePrune(schema: JsonSchemaProps): (object: unknown) => string[] {
  const prune = compileNode(schema, true);
  return (object) => {
    const walk: Walk = { path: [], unknown: [] };
    prune(object, walk);
    return walk.unknown;
  };
}
