import { parseFieldSelector, pinnedField } from "../../machinery/field-selector.ts";
import { nodeRightOf } from "../docker/node-path.ts";
import { parseQuery } from "../query-text.ts";

/** What a request is about, in the terms of RBAC. */
export type RequestInfo = {
  /** A verb of discovery on resources; the lower-case method on other paths. */
  readonly verb: string;
  /** Decoded path without query and without a trailing slash, e.g. `/healthz`. */
  readonly path: string;
  /** Absent when the path names no resource. */
  readonly resource?: ResourceInfo;
  /** Of a list or watch with selectors: what it is confined to. */
  readonly selectors?: Selectors;
};

/** Selectors as they stand in the query; empty when absent. */
export type Selectors = { readonly fields: string; readonly labels: string };

/** The resource a path names. Empty strings stand for "none". */
export type ResourceInfo = {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** What follows the subresource, e.g. the path behind `proxy`; without a leading slash. */
  readonly rest: string;
};

const writeVerb: Readonly<Record<string, string>> = {
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

// Parts of a Namespace itself: everything else below a namespace's name is a resource in it.
const namespaceParts = new Set(["", "status", "finalize"]);

/** Anything but `0` and `false` is true, and so is an empty value: as Kubernetes reads booleans. */
export function isTrue(value: string | undefined | null): boolean {
  if (value === undefined || value === null) return false;
  return value !== "0" && value.toLowerCase() !== "false";
}

const noQuery = new URLSearchParams();

/**
 * Reads method and URL as Kubernetes' authorizers do: a list or watch whose field selector pins
 * `metadata.name` counts as naming that object, `namespaces/X` is in namespace X. What is behind the proxy of a Node
 * needs finer rights than `nodes/proxy`, e.g. `nodes/docker-read`.
 */
export function requestInfo(method: string, url: string): RequestInfo {
  const info = readInfo(method, url);
  const { resource, path } = info;
  if (resource?.plural !== "nodes" || resource.subresource !== "proxy") return info;
  const right = nodeRightOf(method, url);
  if (right === undefined) return info;
  return { verb: right.verb, path, resource: { ...resource, subresource: right.subresource } };
}

function readInfo(method: string, url: string): RequestInfo {
  const mark = url.indexOf("?");
  const raw = (mark < 0 ? url : url.slice(0, mark)).replace(/\/+$/, "");
  const query = mark < 0 ? noQuery : parseQuery(url.slice(mark + 1));
  const found = parseResourcePath(raw);
  if (found === undefined) {
    return { verb: method.toLowerCase(), path: raw === "" ? "/" : decoded(raw) };
  }
  const { legacyWatch, ...resource } = found;
  const watching = legacyWatch || isTrue(query.get("watch"));
  const verb = opensStream(method, resource)
    ? "create"
    : verbOf(method, resource.name === "", watching);
  const many = verb === "list" || verb === "watch";
  const pins = resource.name === "" && many;
  const name = pins ? pinnedName(query.get("fieldSelector")) : resource.name;
  const selectors = many ? selectorsIn(query) : undefined;
  return {
    verb,
    path: decoded(raw),
    resource: { ...resource, name },
    ...(selectors === undefined ? {} : { selectors }),
  };
}

function selectorsIn(query: URLSearchParams): Selectors | undefined {
  const fields = query.get("fieldSelector") ?? "";
  const labels = query.get("labelSelector") ?? "";
  return fields === "" && labels === "" ? undefined : { fields, labels };
}

const streamParts = new Set(["attach", "exec", "portforward"]);

/**
 * WebSocket clients ask by GET for what lets them run commands: whoever may only read must not be
 * able to, so it is `create` for every client (KEP 4006 left this hole, a later gate closes it).
 */
function opensStream(method: string, { group, plural, subresource }: ResourceInfo): boolean {
  if (method !== "GET" && method !== "POST") return false;
  return group === "" && plural === "pods" && streamParts.has(subresource);
}

function verbOf(method: string, collection: boolean, watching: boolean): string {
  if (method === "GET" || method === "HEAD") {
    if (watching) return "watch";
    return collection ? "list" : "get";
  }
  if (method === "DELETE" && collection) return "deletecollection";
  return writeVerb[method] ?? method.toLowerCase();
}

function parseResourcePath(
  path: string,
): (ResourceInfo & { readonly legacyWatch: boolean }) | undefined {
  const segments = path.split("/").slice(1).map(decoded);
  const core = segments[0] === "api";
  if (!core && segments[0] !== "apis") return undefined;
  const [group, version] = core ? ["", segments[1]] : [segments[1], segments[2]];
  let parts = segments.slice(core ? 2 : 3);
  const legacyWatch = parts[0] === "watch";
  if (legacyWatch) parts = parts.slice(1);
  if (group === undefined || version === undefined || parts[0] === undefined) return undefined;
  return { group, version, ...placeOf(parts), legacyWatch };
}

function placeOf(parts: readonly string[]): Omit<ResourceInfo, "group" | "version"> {
  const [first = "", second = "", third = ""] = parts;
  if (first !== "namespaces" || second === "") return named("", parts);
  if (namespaceParts.has(third)) return named(second, parts);
  return named(second, parts.slice(2));
}

function named(
  namespace: string,
  parts: readonly string[],
): Omit<ResourceInfo, "group" | "version"> {
  const [plural = "", name = "", subresource = "", ...rest] = parts;
  return { plural, name, subresource, namespace, rest: rest.join("/") };
}

function decoded(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // not an encoding: no resource has this name, so it ends as NotFound
  }
}

/** By the parser that the list itself is confined by: what it cannot read pins nothing. */
function pinnedName(fieldSelector: string | null): string {
  if (fieldSelector === null) return "";
  try {
    return pinnedField(parseFieldSelector(fieldSelector), "metadata.name") ?? "";
  } catch {
    return "";
  }
}
