import { collectionPath, type Gvk } from "../../machinery/gvk.ts";
import type { Kind, PatchType, Subresource, Verb } from "../kinds/kind.ts";
import { connectItem } from "./connect.ts";
import { listDefinition, refTo } from "./schemas.ts";

type Json = { readonly [field: string]: unknown };

/** What a path item needs to know. */
type Target = {
  readonly gvk: Gvk;
  /** Definition of what is sent and answered; absent: any object. */
  readonly definition: string | undefined;
  readonly patchTypes: readonly PatchType[];
};

const patchMediaTypes: Readonly<Record<PatchType, string>> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};

const text = (name: string, description: string): Json => ({
  name,
  in: "query",
  description,
  schema: { type: "string", uniqueItems: true },
});
const flag = (name: string, description: string): Json => ({
  ...text(name, description),
  schema: { type: "boolean", uniqueItems: true },
});
const count = (name: string, description: string): Json => ({
  ...text(name, description),
  schema: { type: "integer", uniqueItems: true },
});

// kubectl refuses to create or apply where a PATCH has no fieldValidation parameter.
const writing: readonly Json[] = [
  text("dryRun", "All: do everything but store the result."),
  text("fieldManager", "Name of the actor that makes the change."),
  text(
    "fieldValidation",
    "What to do with unknown and duplicate fields: Ignore, Warn (default) or Strict.",
  ),
];
const applying = flag("force", "Take over fields that other managers own; server-side apply only.");
const listing: readonly Json[] = [
  flag("allowWatchBookmarks", "Send events that only move the resource version."),
  text("continue", "Where the page before ended."),
  text("fieldSelector", "Select by fields, e.g. metadata.name=web."),
  text("labelSelector", "Select by labels, e.g. app=web,tier!=cache."),
  count("limit", "Largest number of objects in one page."),
  text("resourceVersion", "Which state to read, or from where to watch."),
  text("resourceVersionMatch", "How resourceVersion is meant: Exact or NotOlderThan."),
  flag("sendInitialEvents", "Begin a watch with the objects that exist."),
  count("timeoutSeconds", "How long a watch may last, in seconds."),
  flag("watch", "Send changes instead of a list."),
];
const pretty = text("pretty", "true: indent the answer.");

const inPath = (name: string, description: string): Json => ({
  name,
  in: "path",
  required: true,
  description,
  schema: { type: "string", uniqueItems: true },
});

const schemaOf = (definition: string | undefined): Json =>
  definition === undefined ? { type: "object" } : refTo(definition);

const content = (definition: string | undefined): Json => ({
  "application/json": { schema: schemaOf(definition) },
});

function operation(
  { gvk, definition }: Target,
  action: string,
  { parameters, request }: { readonly parameters?: readonly Json[]; readonly request?: Json },
): Json {
  return {
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": {
      group: gvk.group,
      version: gvk.version,
      kind: gvk.kind,
    },
    ...(parameters === undefined ? {} : { parameters }),
    ...(request === undefined ? {} : { requestBody: { required: true, content: request } }),
    responses: {
      "200": { description: "OK", content: content(definition) },
      "401": { description: "Unauthorized" },
    },
  };
}

function patchOperation(target: Target): Json {
  const parameters = target.patchTypes.includes("apply") ? [...writing, applying] : writing;
  const request = Object.fromEntries(
    target.patchTypes.map((type) => [
      patchMediaTypes[type],
      {
        schema: type === "json" ? { type: "array", items: { type: "object" } } : { type: "object" },
      },
    ]),
  );
  return operation(target, "patch", { parameters, request });
}

/** Operations on one object, or on one of its parts. */
function objectItem(target: Target, verbs: readonly Verb[]): Json {
  const has = (verb: Verb): boolean => verbs.includes(verb);
  const request = content(target.definition);
  const write = { parameters: writing, request };
  return {
    ...(has("get") && { get: operation(target, "get", {}) }),
    ...(has("create") && { post: operation(target, "post", write) }),
    ...(has("update") && { put: operation(target, "put", write) }),
    ...(has("patch") && { patch: patchOperation(target) }),
    ...(has("delete") && { delete: operation(target, "delete", {}) }),
  };
}

function collectionItem(kind: Kind, target: Target, everywhere: boolean): Json {
  const has = (verb: Verb): boolean => kind.verbs.includes(verb);
  const list = { ...target, definition: listDefinition(kind) };
  const reads = { parameters: listing };
  const get = has("list") && { get: operation(list, "list", reads) };
  if (everywhere) return { ...get };
  const write = { parameters: writing, request: content(target.definition) };
  return {
    ...get,
    ...(has("create") && { post: operation(target, "post", write) }),
    ...(has("deletecollection") && { delete: operation(target, "deletecollection", reads) }),
  };
}

/** The definition of what a subresource speaks. */
export type DefinitionOf = (gvk: Gvk) => string | undefined;

function subresourceItem(kind: Kind, part: Subresource, definitionOf: DefinitionOf): Json {
  const { responseKind } = part;
  const streams = connectItem(part);
  if (streams !== undefined) return streams;
  const own = responseKind.kind === kind.kind && responseKind.group === kind.group;
  const definition = own ? kind.definition : definitionOf(responseKind);
  const target = { gvk: responseKind, definition, patchTypes: kind.patchTypes };
  return objectItem(target, part.verbs);
}

/** A path with its operations; a kind without any there, e.g. a review, has no such path. */
function pathItem(path: string, item: Json, parameters: readonly Json[]): Record<string, Json> {
  return Object.keys(item).length === 0 ? {} : { [path]: { ...item, parameters } };
}

/** All paths of one kind, with their parameters. */
export function pathsOf(kind: Kind, definitionOf: DefinitionOf): Readonly<Record<string, Json>> {
  const target = { gvk: kind, definition: kind.definition, patchTypes: kind.patchTypes };
  const root = collectionPath(kind);
  // The placeholder must not be encoded, so it is put in afterwards.
  const base = collectionPath(kind, "-").replace("/namespaces/-/", "/namespaces/{namespace}/");
  const scope = kind.namespaced ? [inPath("namespace", "Namespace of the object.")] : [];
  const named = [...scope, inPath("name", `Name of the ${kind.kind}.`), pretty];
  const onOne = kind.verbs.filter((verb) => verb !== "create"); // new objects go to the collection
  const parts = kind.subresources.map((part): [string, Json] => [
    `${base}/{name}/${part.name}`,
    { ...subresourceItem(kind, part, definitionOf), parameters: named },
  ]);
  return {
    ...(kind.namespaced ? pathItem(root, collectionItem(kind, target, true), [pretty]) : {}),
    ...pathItem(base, collectionItem(kind, target, false), [...scope, pretty]),
    ...pathItem(`${base}/{name}`, objectItem(target, onOne), named),
    ...Object.fromEntries(parts),
  };
}
