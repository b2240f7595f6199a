import { readDockerUrl } from "../../machinery/docker/docker-url.ts";
import { findOperation } from "../../machinery/docker/operations.ts";

/** What is asked of the proxy subresource of a Node. */
export type NodePath = {
  /** As it stands in the URL. */
  readonly rawName: string;
  /** Path and query behind `proxy` as they were sent, e.g. `/v1.41/info?a=b`; may be empty. */
  readonly rest: string;
};

const shape = /^\/api\/v1\/nodes\/([^/?]+)\/proxy(\/[^?]*)?(\?.*)?$/s;

/** Takes a URL apart that names the proxy subresource of a Node; `undefined` for any other. */
export function nodePathOf(url: string): NodePath | undefined {
  const found = shape.exec(url);
  if (found === null) return undefined;
  const [, rawName = "", path = "", query = ""] = found;
  return { rawName, rest: `${path.replace(/\/+$/, "")}${query}` };
}

/** A part of a Node that is not its Docker engine, in the words of the kubelet's own paths. */
export type NodePart = {
  readonly prefix: string;
  /** What RBAC calls it (KEP-2862), e.g. `nodes/metrics`. */
  readonly subresource: string;
  /** Before the rest of the path, for the agent. */
  readonly route: string;
};

/** They go before the Engine API, which has no such paths. */
const nodeParts: readonly NodePart[] = [
  { prefix: "/metrics", subresource: "metrics", route: "/stats/metrics" },
  { prefix: "/stats", subresource: "stats", route: "/stats" },
];

/** The part that a path below `proxy` belongs to; `undefined`: it is for Docker. */
export function nodePartOf(rest: string): NodePart | undefined {
  return nodeParts.find(({ prefix }) => new RegExp(`^${prefix}([/?]|$)`).test(rest));
}

/** A right on a Node. */
export type NodeRight = { readonly verb: "get" | "create"; readonly subresource: string };

/**
 * The right that a call behind `proxy` needs, finer than `nodes/proxy` itself; `undefined` for what
 * nobody knows. Reading by a stream that could also write would be `create`, as for `pods/exec`.
 */
export function nodeRightOf(method: string, url: string): NodeRight | undefined {
  const path = nodePathOf(url);
  if (path === undefined) return undefined;
  const part = nodePartOf(path.rest);
  if (part !== undefined) {
    return method === "GET" ? { verb: "get", subresource: part.subresource } : undefined;
  }
  try {
    const found = findOperation(method, readDockerUrl(path.rest).path);
    if (found === undefined) return undefined;
    // What is never answered is refused by the endpoint, in words for those who may do something.
    const access = found.operation.access ?? (method === "GET" ? "read" : "write");
    return { verb: access === "read" ? "get" : "create", subresource: `docker-${access}` };
  } catch {
    return undefined; // what cannot be read is refused by the endpoint, after `nodes/proxy` was asked
  }
}
