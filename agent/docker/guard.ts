import { Readable } from "node:stream";
import { type DockerUrl, queryValue } from "../../api/machinery/docker/docker-url.ts";
import { type FoundOperation, withName } from "../../api/machinery/docker/operations.ts";
import type { NodeCall } from "../../api/tunnel/node-link.ts";
import type { PassedAnswer } from "../engine/pass-through.ts";
import type { RouteWorld } from "../node-route.ts";
import { readAnswer } from "./ask-engine.ts";
import { guardBody } from "./guard-body.ts";
import { keepOurs } from "./prune-filter.ts";
import {
  changeableContainer,
  changeableNetwork,
  changeableVolume,
  confinedContainer,
  enterableContainer,
  enterableExec,
  type FoundContainer,
  type Lookup,
} from "./references.ts";

/** A call that the caller has the right to. */
export type AskedCall = {
  readonly call: NodeCall;
  readonly url: DockerUrl;
  readonly found: FoundOperation;
};

/** What goes to the engine, or the engine's own answer that it cannot. */
export type GuardedCall =
  | {
      readonly url: DockerUrl;
      /** Instead of those that the call came with. */
      readonly headers: Readonly<Record<string, string>>;
      readonly body?: Readable;
      /** What is acted on. */
      readonly container?: FoundContainer;
      /** What a container is made from. */
      readonly image?: string;
    }
  | { readonly refusal: PassedAnswer };

type Resolved =
  | { readonly name: string; readonly container?: FoundContainer }
  | { readonly refusal: PassedAnswer };

async function resolveTarget(
  lookup: Lookup,
  { operation, name }: FoundOperation,
): Promise<Resolved> {
  switch (operation.target) {
    case "container": {
      const find = operation.access === "exec" ? enterableContainer : changeableContainer;
      const asked = await find(lookup, name);
      return "refusal" in asked ? asked : { name: asked.value.id, container: asked.value };
    }
    case "exec": {
      const asked = await enterableExec(lookup, name);
      return "refusal" in asked ? asked : { name, container: asked.value };
    }
    case "network": {
      const asked = await changeableNetwork(lookup, name);
      return "refusal" in asked ? asked : { name: asked.value };
    }
    case "volume": {
      const asked = await changeableVolume(lookup, name);
      return "refusal" in asked ? asked : { name };
    }
    default:
      return { name };
  }
}

function replaced(url: DockerUrl, name: string, value: string): DockerUrl {
  const query = url.query.map(([one, old]) => [one, one === name ? value : old] as const);
  return { ...url, query };
}

/** `POST /commit` names its container in the query. */
async function guardQuery(lookup: Lookup, { url, found }: AskedCall): Promise<GuardedCall> {
  const { pattern } = found.operation;
  if (pattern.endsWith("/prune")) {
    const { cluster } = lookup.world.host;
    return { url: keepOurs(url, pattern, { cluster, override: lookup.override }), headers: {} };
  }
  const given = pattern === "/commit" ? queryValue(url.query, "container") : undefined;
  if (given === undefined) return { url, headers: {} };
  const asked = await changeableContainer(lookup, given);
  if ("refusal" in asked) return asked;
  return { url: replaced(url, "container", asked.value.id), headers: {} };
}

async function withGuardedBody(
  lookup: Lookup,
  { call, found }: AskedCall,
  guarded: Exclude<GuardedCall, { refusal: unknown }>,
): Promise<GuardedCall> {
  const { headers, body } = call;
  if (body === undefined) return { ...guarded, headers };
  if (found.operation.body !== "json") return { ...guarded, headers, body };
  const sent: unknown = JSON.parse((await readAnswer(body)).toString("utf8"));
  const checked = await guardBody(lookup, found.operation, sent);
  if ("refusal" in checked) return checked;
  const bytes = Buffer.from(JSON.stringify(checked.value));
  const { Image: image } = (checked.value ?? {}) as { readonly Image?: unknown };
  return {
    ...guarded,
    ...(typeof image === "string" ? { image } : {}),
    headers: { ...headers, "content-length": String(bytes.length) },
    body: Readable.from([bytes], { objectMode: false }),
  };
}

/** What only reads goes on as it is, but for files: out of some containers they are those of the host. */
async function guardRead(lookup: Lookup, asked: AskedCall): Promise<GuardedCall> {
  const { url, found } = asked;
  const { operation, name } = found;
  if (operation.access !== "exec") return withGuardedBody(lookup, asked, { url, headers: {} });
  const target = await confinedContainer(lookup, name);
  if ("refusal" in target) return target;
  const path = withName(operation, target.value.id);
  return withGuardedBody(lookup, asked, { url: { ...url, path }, headers: {} });
}

/**
 * Resolves every name in a call to what it means now, and refuses what would touch what is ours. Reads
 * go on as they are.
 * @throws StatusError `Forbidden` naming the Pod and the way out
 */
export async function guardCall(
  world: RouteWorld,
  asked: AskedCall,
  signal: AbortSignal,
): Promise<GuardedCall> {
  const { call, url, found } = asked;
  const { operation } = found;
  const version = url.version === "" ? "" : `/v${url.version}`;
  const lookup: Lookup = { world, version, override: call.caller.verb === "override", signal };
  if (operation.keeps) return guardRead(lookup, asked);
  const target = await resolveTarget(lookup, found);
  if ("refusal" in target) return target;
  const { name, container } = target;
  const path = operation.target === undefined ? url.path : withName(operation, name);
  const guarded = await guardQuery(lookup, { ...asked, url: { ...url, path } });
  if ("refusal" in guarded) return guarded;
  return withGuardedBody(lookup, asked, {
    ...guarded,
    ...(container === undefined ? {} : { container }),
  });
}
