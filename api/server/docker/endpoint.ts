import { Readable } from "node:stream";
import { bodyHeader } from "../../machinery/docker/body-header.ts";
import { dockerUrlText, readDockerUrl } from "../../machinery/docker/docker-url.ts";
import {
  findOperation,
  type FoundOperation,
  refusedOperation,
} from "../../machinery/docker/operations.ts";
import { internal, methodNotAllowed, noSuchResource, notFound } from "../../machinery/errors.ts";
import type { ImagePolicy } from "../../machinery/images/image-policy.ts";
import { storeKey } from "../../store/keys.ts";
import type { NodeAnswer, NodeCall } from "../../tunnel/node-link.ts";
import type { Authorizer } from "../access.ts";
import { annotate } from "../audit/annotate.ts";
import type { App, Reply, Request } from "../http.ts";
import type { Storage } from "../objects/storage.ts";
import type { NodeStreams } from "../pods/pod-streams.ts";
import { liftBodyDeadline } from "../request-limits.ts";
import { checkOrigin, requiredUpgrade, type Upgrade, upgradeOf } from "../streams/upgrade.ts";
import { callerOf } from "../tunnel/caller.ts";
import { execCommandOf } from "./exec-command.ts";
import { headersForNode } from "./headers.ts";
import { hideValues } from "./hide-values.ts";
import { nodePartOf, nodePathOf } from "./node-path.ts";
import { keepNeededImage } from "./needed-images.ts";
import { judgeCall } from "./policy.ts";
import { relayAnswer, relayUpgraded } from "./relay.ts";
import { readSmallBody } from "./small-body.ts";

/** What the proxy subresource of Nodes is made of. */
export type NodeProxyOptions = {
  readonly nodes: NodeStreams;
  readonly storage: Pick<Storage, "cache">;
  /** Asked for `override`, besides what was asked before. */
  readonly authorizer: Authorizer;
  /** Where images may come from. */
  readonly images: ImagePolicy;
};

const nodesKind = { group: "", plural: "nodes" } as const;

/** Serves `/api/v1/nodes/NAME/proxy/…`: the Docker Engine API of that host, and its metrics. */
export function serveNodeProxy(app: App, options: NodeProxyOptions): void {
  void app.register(async (inner) => {
    // Bodies are streams here: a build context is no object.
    inner.removeAllContentTypeParsers();
    inner.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
    const method = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"];
    const handler = async (request: Request, reply: Reply): Promise<Reply> => {
      await serve(options, request, reply);
      return reply;
    };
    for (const url of ["/api/v1/nodes/:name/proxy", "/api/v1/nodes/:name/proxy/*"])
      inner.route({ method, url, handler });
  }); // registered plugins are awaited by app.ready()
}

async function serve(options: NodeProxyOptions, request: Request, reply: Reply): Promise<void> {
  const path = nodePathOf(request.url);
  const name = request.info.resource?.name ?? "";
  if (path === undefined) throw noSuchResource();
  if (options.storage.cache.get(storeKey(nodesKind, { name })) === undefined)
    throw notFound(nodesKind, name);
  const part = nodePartOf(path.rest);
  if (part === undefined) return serveDocker(options, { request, reply, name, rest: path.rest });
  if (request.method !== "GET") throw methodNotAllowed(request.method, request.info.path);
  const call: NodeCall = {
    method: "GET",
    path: `${part.route}${path.rest.slice(part.prefix.length)}`,
    headers: headersForNode(request.headers),
    caller: { ...callerOf(request, reply), verb: "get" },
  };
  await pass(options, { request, reply, name, call });
}

type Io = { readonly request: Request; readonly reply: Reply; readonly name: string };

async function mayOverride(
  { authorizer }: NodeProxyOptions,
  { user, info }: Request,
): Promise<boolean> {
  const { resource } = info;
  if (resource === undefined) return false;
  const wanted = { ...resource, subresource: "docker-write" };
  const asked = { ...info, verb: "override", resource: wanted };
  return (await authorizer.authorize(user, asked)).allowed;
}

/** The row of the table, if it is the one whose right was asked for. @throws StatusError `Forbidden` */
function authorisedOperation({ method, info }: Request, path: string): FoundOperation {
  const found = findOperation(method, path);
  const access = found?.operation.access;
  // What was authorised is what is done, however the two came to be read.
  const authorised = info.resource?.subresource === `docker-${access ?? "nothing"}`;
  if (found === undefined || !authorised) throw refusedOperation(method, path, found);
  return found;
}

/** The body that an operation may have, as a stream or whole. */
async function bodyOf(
  { operation }: FoundOperation,
  { raw }: Request,
  upgrade: Upgrade | undefined,
): Promise<Readable | Buffer> {
  return operation.body === "stream" ? raw : readSmallBody(upgrade ?? raw);
}

async function serveDocker(
  options: NodeProxyOptions,
  { request, reply, name, rest }: Io & { readonly rest: string },
): Promise<void> {
  checkOrigin(request.raw, "call Docker");
  const sent = readDockerUrl(rest);
  const found = authorisedOperation(request, sent.path);
  const upgrade = upgradeOf(request) === undefined ? undefined : requiredUpgrade(request);
  const override = await mayOverride(options, request);
  const contentType = request.headers["content-type"];
  const body = await bodyOf(found, request, upgrade);
  const command = execCommandOf(sent.path, body);
  if (command !== undefined) annotate(request, "lighthouse.dev/command", command);
  const judged = judgeCall({
    found,
    url: sent,
    override,
    contentType,
    body,
    images: options.images,
  });
  const call: NodeCall = {
    method: request.method,
    path: `/docker${dockerUrlText(judged.url)}`,
    caller: { ...callerOf(request, reply), ...(override && { verb: "override" }) },
    ...(upgrade === undefined ? {} : { upgrade: upgrade.protocol }),
    ...withBody(headersForNode(request.headers), judged.body, upgrade),
  };
  const keepsNeeded = found.operation.target === "image" && !found.operation.keeps && !override;
  const looks = override ? undefined : found.operation.pattern;
  await pass(options, { request, reply, name, call, upgrade, keepsNeeded, looks });
}

/** A body, and the headers that describe it. */
function withBody(
  headers: NodeCall["headers"],
  body: Readable | Buffer | undefined,
  upgrade: Upgrade | undefined,
): Pick<NodeCall, "headers" | "body"> {
  if (body !== undefined && !Buffer.isBuffer(body)) return { headers, body };
  const { "content-length": _length, "content-type": _type, ...rest } = headers;
  if (body === undefined) return { headers: rest };
  const length = String(body.length);
  const sent = { ...rest, "content-type": "application/json", "content-length": length };
  // The stream of an upgrade is the connection that is to come: a body has no place in it.
  if (upgrade !== undefined) return { headers: { ...sent, [bodyHeader]: body.toString("base64") } };
  return { headers: sent, body: Readable.from([body], { objectMode: false }) };
}

type Passed = Io & {
  readonly call: NodeCall;
  readonly upgrade?: Upgrade | undefined;
  /** It would remove an image, which a Revision may need. */
  readonly keepsNeeded?: boolean;
  /** `pattern` of an operation whose caller may not see values of Pods. Absent: may. */
  readonly looks?: string | undefined;
};

/** One for all: an error of its own for each call that ends would be the dearest part of a short one. */
const clientIsGone = new Error("the client is gone");

/** Calls the agent of a Node and hands back what it answers, as it comes. */
async function pass(options: NodeProxyOptions, passed: Passed): Promise<void> {
  const { nodes, storage } = options;
  const { request, reply, name, call, upgrade } = passed;
  const gone = new AbortController();
  (upgrade?.socket ?? reply.raw).once("close", () => gone.abort(clientIsGone));
  liftBodyDeadline(request.raw); // a build context takes as long as it takes
  const signal = AbortSignal.any([gone.signal, request.ending()]);
  try {
    const handler = nodes.handler(name);
    if (passed.keepsNeeded === true)
      await keepNeededImage(storage.cache, handler, { call, signal });
    const answer = await handler(call, signal);
    request.releaseSeats?.();
    const pattern = passed.looks;
    const shown =
      pattern === undefined ? answer : await hideValues({ handler, pattern, call, signal }, answer);
    await relay(passed, shown, signal);
  } catch (err) {
    if (!gone.signal.aborted) throw err;
    reply.hijack(); // nobody is there to be told
    reply.raw.destroy();
  }
}

async function relay(
  { reply, upgrade }: Passed,
  answer: NodeAnswer,
  signal: AbortSignal,
): Promise<void> {
  const { upgraded } = answer;
  if (upgraded === undefined) return relayAnswer(reply, answer);
  if (upgrade !== undefined) return relayUpgraded(reply, upgrade, { answer, upgraded, signal });
  upgraded.destroy();
  throw internal("The engine switched protocols unasked");
}
