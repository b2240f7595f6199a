import { methodNotAllowed, noSuchResource, notFound } from "../../machinery/errors.ts";
import type { Item } from "../../store/item.ts";
import type { App, Reply, Request } from "../http.ts";
import type { Authorizer, User } from "../access.ts";
import { refusal } from "../authz/denial.ts";
import type { Kind, Subresource } from "../kinds/kind.ts";
import type { Answer, Call, Query, Scope } from "./call.ts";
import { bodyLimitBytes, decodeBody } from "./codec.ts";
import { withDuplicates } from "./json-body.ts";
import { type JsonFromYaml, readLongYaml } from "./yaml-thread.ts";
import { createObject } from "./create.ts";
import { fencedStorage, fenceHeader } from "./fence.ts";
import { deleteCollection } from "./delete-collection.ts";
import { deleteObject } from "./delete.ts";
import { listObjects, reach, wantedRevision } from "./list.ts";
import { negotiate } from "./negotiate.ts";
import { patchObject } from "./patch.ts";
import { renderItem } from "./render.ts";
import type { RequestInfo } from "./request-info.ts";
import { sendAnswer } from "./send-answer.ts";
import { asScaleCall, patchScale, replaceScale, scaleItem } from "./scale.ts";
import { readItem } from "./storage.ts";
import { existing, keyOfCall, replaceObject } from "./update.ts";
import { upgradeOf } from "../streams/upgrade.ts";
import { sendWatchMessages } from "../streams/watch-socket.ts";
import { hasTables, virtualEndpoint } from "./virtual.ts";
import { addWarnings } from "./warnings.ts";
import { openWatch } from "./watch.ts";
import { sendWatch } from "./watch-response.ts";
import type { Watches } from "./watches.ts";

/** Answers one verb of an endpoint; `undefined` when it has sent the response itself. */
export type Handler = (
  call: Call,
  io: { readonly request: Request; readonly reply: Reply },
) => Promise<Answer | undefined>;

/** Handlers by verb. */
export type Endpoint = Readonly<Record<string, Handler>>;

/** What the object routes are made of. */
export type RouteOptions = {
  readonly scope: Scope;
  /** Asked again where one request does more than its verb says. */
  readonly authorizer: Authorizer;
  readonly watches: Watches;
  /** Endpoints of subresources that only some kinds have, by `pods/log`. */
  readonly subresources: ReadonlyMap<string, Endpoint>;
};

/** Serves every kind below /api and /apis; which kinds there are is asked for on each request. */
export function objectRoutes(app: App, options: RouteOptions): void {
  const serve = async (request: Request, reply: Reply): Promise<Reply> => {
    const warnings = new Set<string>();
    const yaml = await readLongYaml(request.headers["content-type"], bodyOf(request));
    const call = toCall(options, request, { warnings, yaml });
    if (call.kind.deprecation !== undefined) call.warn(call.kind.deprecation);
    const handler = handlerFor(call, request.info.verb, options);
    const answer = await handler(call, { request, reply });
    if (answer === undefined) return reply;
    addWarnings(reply, warnings);
    const acceptEncoding = request.headers["accept-encoding"];
    return sendAnswer(reply, answer, { rendering: call.rendering, acceptEncoding });
  };
  const method = ["GET", "POST", "PUT", "PATCH", "DELETE"];
  for (const url of ["/api/:version/*", "/apis/:group/:version/*"]) {
    app.route({ method, url, handler: serve, bodyLimit: bodyLimitBytes });
  }
}

const bodyOf = ({ body }: Request): Buffer | undefined =>
  Buffer.isBuffer(body) ? body : undefined;

type Prepared = { readonly warnings: Set<string>; readonly yaml: JsonFromYaml | undefined };

function toCall(
  { scope, authorizer }: RouteOptions,
  request: Request,
  { warnings, yaml }: Prepared,
): Call {
  const { info, user, headers } = request;
  const kind = servedKind(scope, info);
  const { namespace = "", name = "", subresource = "" } = info.resource ?? {};
  const rawBody = yaml?.body ?? bodyOf(request);
  const duplicates = yaml?.duplicates ?? [];
  const contentType = headers["content-type"];
  const fence = headers[fenceHeader];
  return {
    ...scope,
    storage: fencedStorage(scope.storage, typeof fence === "string" ? fence : undefined),
    kind,
    namespace: kind.namespaced ? namespace : "",
    name,
    subresource,
    query: queryOf(request.query),
    rendering: negotiate(headers.accept, {
      tables: hasTables(kind),
      stream: info.verb === "watch",
    }),
    contentType,
    rawBody,
    duplicates,
    body: () => withDuplicates(decodeBody(contentType, rawBody), duplicates),
    user: user satisfies User,
    userAgent: headers["user-agent"] ?? "",
    async mustAllow(verb) {
      const wanted = { ...info, verb };
      const { allowed, reason } = await authorizer.authorize(user, wanted);
      if (!allowed) throw refusal(user, wanted, reason);
    },
    warn: (text) => void warnings.add(text),
    annotate: (key, value) => void (request.auditAnnotations ??= new Map()).set(key, value),
  };
}

/** @throws StatusError `NotFound` for an unknown kind, or one of the other scope */
function servedKind({ kinds }: Scope, { resource }: RequestInfo): Kind {
  if (resource === undefined) throw noSuchResource();
  const { group, version, plural, namespace, name } = resource;
  const kind = kinds.find(group, version, plural);
  if (kind === undefined) throw noSuchResource();
  const inNamespace = namespace !== "" && plural !== "namespaces";
  if (inNamespace && !kind.namespaced) throw noSuchResource();
  if (kind.namespaced && namespace === "" && resource.subresource !== "") throw noSuchResource();
  if (name.includes("/")) throw notFound(kind, name);
  return kind;
}

function queryOf(raw: unknown): Query {
  const values = raw as Readonly<Record<string, string | readonly string[]>>;
  return {
    get(name) {
      const value = values[name];
      return typeof value === "object" ? value[0] : value;
    },
  };
}

/** @throws StatusError `NotFound` for an unknown subresource, `MethodNotAllowed` */
function handlerFor(call: Call, verb: string, options: RouteOptions): Handler {
  const endpoint =
    call.subresource === ""
      ? objectEndpoint(call, verb, options)
      : partEndpoint(call, verb, options);
  const handler = endpoint[verb];
  if (handler === undefined) throw refused(call, verb);
  return handler;
}

function refused({ kind, subresource }: Call, verb: string): Error {
  const path = subresource === "" ? kind.plural : `${kind.plural}/${subresource}`;
  return methodNotAllowed(verb, path, kind.unservedReason);
}

const needsName = new Set(["get", "update", "patch", "delete"]);
const onOneObject = new Set(["create", "deletecollection", ...needsName]);

function objectEndpoint(call: Call, verb: string, options: RouteOptions): Endpoint {
  const { kind, namespace, name } = call;
  const placeless = kind.namespaced && namespace === "" && onOneObject.has(verb);
  const known = kind.verbs.some((served) => served === verb);
  const misplaced = verb === "create" ? name !== "" : name === "" && needsName.has(verb);
  if (!known || placeless || misplaced) throw refused(call, verb);
  return kind.virtual === undefined ? objectHandlers(options) : virtualEndpoint(kind.virtual);
}

function partEndpoint(call: Call, verb: string, { subresources }: RouteOptions): Endpoint {
  const { kind, subresource } = call;
  const found: Subresource | undefined = kind.subresources.find(({ name }) => name === subresource);
  if (found === undefined) throw noSuchResource();
  if (!found.verbs.some((served) => served === verb)) throw refused(call, verb);
  const own = subresources.get(`${kind.plural}/${subresource}`);
  return own ?? (subresource === "scale" ? scaleEndpoint : statusEndpoint);
}

/** How long an answer waits for the server's own cache, in milliseconds. */
const settleMs = 5_000;

const patched: Handler = async (call) => {
  const { item, created } = await patchObject(call);
  if (call.kind.settles === true) await call.storage.cache.reach(item.at, settleMs);
  return { code: created ? 201 : 200, body: renderItem(call, item) };
};

const shown =
  (does: (call: Call) => Promise<Item>, code = 200): Handler =>
  async (call) => {
    const item = await does(call);
    if (call.kind.settles === true) await call.storage.cache.reach(item.at, settleMs);
    return { code, body: renderItem(call, item) };
  };

async function getItem(call: Call): Promise<Item> {
  const revision = wantedRevision(call);
  if (revision === undefined) return existing(call, await readItem(call.storage, keyOfCall(call)));
  await reach(call, revision);
  return existing(call, call.storage.cache.get(keyOfCall(call)));
}

const statusEndpoint: Endpoint = {
  get: shown(getItem),
  update: shown(replaceObject),
  patch: patched,
};

const scaled =
  (does: (call: Call) => Promise<Item>): Handler =>
  async (call) => ({ code: 200, body: renderItem(asScaleCall(call), await does(call)) });

const scaleEndpoint: Endpoint = {
  get: scaled(async (call) => scaleItem(call, await getItem(call))),
  update: scaled(replaceScale),
  patch: scaled(patchScale),
};

const plainHandlers: Endpoint = {
  get: shown(getItem),
  list: listObjects,
  create: shown(createObject, 201),
  update: shown(replaceObject),
  patch: patched,
  delete: deleteObject,
  deletecollection: deleteCollection,
};

function objectHandlers({ watches }: RouteOptions): Endpoint {
  return {
    ...plainHandlers,
    async watch(call, io) {
      const watch = await openWatch(call, watches);
      io.request.releaseSeats?.();
      const upgrade = upgradeOf(io.request);
      if (upgrade?.kind === "websocket") await sendWatchMessages(io, upgrade, watch);
      else await sendWatch(io, watch);
      return undefined;
    },
  };
}
