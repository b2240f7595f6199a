import type { ServerHttp2Stream } from "node:http2";
import type { TLSSocket } from "node:tls";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import { unauthorized } from "../machinery/errors.ts";
import type { Auditing } from "./audit/audit.ts";
import type { Authenticator, Authorizer, Credentials, User } from "./access.ts";
import { onAnswered } from "./answered.ts";
import { checkPage, ofPage } from "./authn/same-origin.ts";
import { refusal } from "./authz/denial.ts";
import { followAccess } from "./authz/follow-access.ts";
import { serveNodeProxy } from "./docker/endpoint.ts";
import { answerRefusal, mapErrors } from "./errors.ts";
import { drainOnClose, limitConnections } from "./connections.ts";
import type { Fairness } from "./fairness/fairness.ts";
import type { App, Request } from "./http.ts";
import type { Kind } from "./kinds/kind.ts";
import {
  endIdleSessions,
  endNoisySessions,
  endSlowHandshakes,
  listenerLimits,
} from "./listener.ts";
import { type LiveRequests, liveRequests } from "./live-requests.ts";
import type { Scope } from "./objects/call.ts";
import { bodyLimitBytes } from "./objects/codec.ts";
import { requestInfo } from "./objects/request-info.ts";
import { type Endpoint, objectRoutes } from "./objects/routes.ts";
import { Watches } from "./objects/watches.ts";
import { answerPlainHttp } from "./plain-http.ts";
import type { NodeStreams } from "./pods/pod-streams.ts";
import { queryRecord } from "./query-text.ts";
import { servePodProxy } from "./pods/proxy.ts";
import {
  answerUnreadable,
  limitRequests,
  maxHeaderBytes,
  sessionLimits,
} from "./request-limits.ts";
import { acceptUpgrades, checkUpgrade } from "./streams/upgrade.ts";
import { cutSlowReaders } from "./slow-readers.ts";
import { boundStrangers } from "./strangers.ts";
import { subresourceEndpoints } from "./subresources.ts";

/** Everything the app is made of; nothing is opened or listened on here. */
export type AppOptions = {
  readonly scope: Scope;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  /** Absent: silent. */
  readonly log?: FastifyBaseLogger;
  /** PEM. With it the app speaks HTTP/2 and HTTP/1.1 over TLS, without it plain HTTP for tests. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca: string };
  /** Who streams logs for which node. */
  readonly nodes: NodeStreams;
  /** Routes that everybody may call, e.g. health. */
  readonly publicRoutes?: (app: App) => void;
  /** Endpoints of further subresources, by `plural/subresource`. */
  readonly endpoints?: ReadonlyMap<string, Endpoint>;
  /** Further routes behind authentication and authorization, e.g. discovery. */
  readonly routes?: (app: App) => void;
  /** Told of events that were queued for watchers. */
  readonly onWatchEvents?: (kind: Kind, count: number) => void;
  /** Calls back when who is known has changed other than by objects. */
  readonly onAccessChange?: (listener: () => void) => void;
  /** Told of requests that no hook sees, and of each once its sender is known. */
  readonly auditing?: Pick<Auditing, "onKnown" | "onUnrouted">;
  /** Addresses and CIDRs of proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies?: readonly string[];
  /** Who may do how much at once. Absent: everybody everything. */
  readonly fairness?: Fairness;
  /** Between two bookmarks of a watch, in milliseconds. Default one minute. */
  readonly bookmarkMs?: number;
  /** What is being answered when the app closes gets so long, in milliseconds. Default 10 s. */
  readonly graceMs?: number;
};

const nobody: User = { name: "", groups: [] };

/** Builds the API server without listening. Close it to end all watches. */
export function buildApp(options: AppOptions): App {
  const app = createApp(options);
  const live = liveRequests({ judge: judgeOf(options, { ongoing: true }) });
  const { nodes, onWatchEvents } = options;
  const watches = new Watches(onWatchEvents === undefined ? {} : { onEvents: onWatchEvents });
  const ticker = setInterval(() => watches.tick(), options.bookmarkMs ?? 60_000);
  ticker.unref();
  const stop = (): void => {
    clearInterval(ticker);
    live.stop();
  };
  // Before all others: whoever is told of an answer reads them, also when a hook of ours refused.
  app.decorateRequest("info");
  app.decorateRequest("user");
  app.addHook("onRequest", (request, _reply, done) => {
    introduce(request);
    request.judgedAt = live.changes;
    done();
  });
  endWithRights(app, live, options);
  drainOnClose(app, { stop, graceMs: options.graceMs ?? 10_000 });
  acceptAnyBody(app);
  acceptUpgrades(app);
  const judge = judgeOf(options);
  mapErrors(app);
  options.publicRoutes?.(app);
  limitRequests(app); // what it refuses is logged and recorded like the rest
  judgeUnserved(app, judge);
  void app.register(async (inner) => {
    inner.addHook("onRequest", judge);
    options.fairness?.guard(inner);
    options.routes?.(inner);
    const { storage } = options.scope;
    const { imagePolicy: images } = options.scope;
    serveNodeProxy(inner, { nodes, storage, authorizer: options.authorizer, images });
    servePodProxy(inner, { nodes, storage });
    objectRoutes(inner, {
      scope: options.scope,
      authorizer: options.authorizer,
      watches,
      subresources: new Map([
        ...subresourceEndpoints(nodes, watches),
        ...(options.endpoints ?? []),
      ]),
    });
  }); // registered plugins are awaited by app.ready()
  return app;
}

function introduce(request: Request): void {
  request.info = requestInfo(request.method, request.url);
  request.user = nobody;
}

function createApp({ log, tls, auditing, trustedProxies = [] }: AppOptions): App {
  const common = {
    trustProxy: trustedProxies.length === 0 ? false : [...trustedProxies],
    ...(log === undefined ? { logger: false } : { loggerInstance: log }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyLimitBytes,
    routerOptions: {
      maxParamLength: 4_096,
      ignoreTrailingSlash: true,
      querystringParser: queryRecord,
    },
    return503OnClosing: false,
    frameworkErrors(err: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
      introduce(request);
      auditing?.onUnrouted(request, reply);
      answerRefusal(err, request, reply);
    },
    clientErrorHandler: answerUnreadable,
  };
  if (tls === undefined) return Fastify({ ...common, http: { maxHeaderSize: maxHeaderBytes } });
  const client = { requestCert: true, rejectUnauthorized: false } as const;
  const limits = { ...listenerLimits, ...sessionLimits, maxHeaderSize: maxHeaderBytes };
  const https = { ...limits, ...tls, ...client, allowHTTP1: true };
  // Typed as the plain one: the HTTP/2 instance has other raw types, which share all that we use.
  const http2 = { http2: true, https, http2SessionTimeout: 0 };
  const secure: typeof common = { ...common, ...http2 };
  const app = Fastify(secure);
  answerPlainHttp(app.server);
  endSlowHandshakes(app.server);
  endIdleSessions(app.server);
  limitConnections(app.server);
  endNoisySessions(app.server);
  boundStrangers(app);
  cutSlowReaders(app);
  return app;
}

/** Bodies are read as bytes: our own decoders see duplicate fields and all media types. */
function acceptAnyBody(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  // HTTP/2 sends bodies with neither length nor type; fastify then takes them for none, unread.
  app.addHook("onRequest", ({ headers, raw }, _reply, done) => {
    const { stream } = raw as { readonly stream?: ServerHttp2Stream };
    if (stream?.endAfterHeaders === false) headers["content-type"] ??= "application/json";
    done();
  });
}

/** Nobody learns that a path is not served, nor has a body read for it, who has no right to it. */
function judgeUnserved(app: App, judge: (request: Request) => Promise<void>): void {
  app.addHook("onRequest", async (request) => {
    if (request.is404) await judge(request);
  });
}

/** Ends what goes on once it would be refused. */
function endWithRights(app: App, live: LiveRequests, { scope, onAccessChange }: AppOptions): void {
  app.decorateRequest("judgedAt", 0);
  app.decorateRequest("ending", function (this: Request) {
    return live.endingOf(this);
  });
  onAnswered(app, (request) => live.forget(request));
  followAccess(scope.storage.cache, (concerns) => live.reconsider(concerns));
  onAccessChange?.(() => live.reconsider());
}

/** Refuses who is not known, and what they may not do; of what goes on, what was taken away. */
function judgeOf(
  { authenticator, authorizer, auditing }: AppOptions,
  again: Pick<Credentials, "ongoing"> = {},
): (request: Request) => Promise<void> {
  return async (request) => {
    const onImpersonation = (caller: User): void => {
      if (again.ongoing === true) return;
      request.user = caller;
      request.decision = { allowed: false, reason: "impersonation" }; // unless it goes on
    };
    const credentials = { ...ofPage(credentialsOf(request)), ...again, onImpersonation };
    if (again.ongoing !== true) {
      checkUpgrade(request);
      checkPage(credentials);
    }
    const user = await authenticator.authenticate(credentials);
    if (user === undefined) throw unauthorized();
    if (again.ongoing !== true) {
      request.user = user;
      await auditing?.onKnown(request);
    }
    const decision = await authorizer.authorize(user, request.info);
    request.decision = decision;
    if (!decision.allowed) throw refusal(user, request.info, decision.reason);
  };
}

const certificates = new WeakMap<object, Uint8Array | undefined>();

function credentialsOf({ headers, method, raw }: Request): Credentials {
  // Over HTTP/2 the stream has a stand-in of its own: only the session's lives as long as it.
  const { stream } = raw as { readonly stream?: ServerHttp2Stream };
  const socket = stream?.session?.socket ?? raw.socket;
  const tls = socket as Partial<TLSSocket>;
  const certificate = certificateOf(tls);
  const plain = { headers, method };
  if (certificate === undefined) return plain;
  return tls.authorized === true ? { ...plain, certificate } : { ...plain, expired: certificate };
}

/** What TLS says of a certificate that has ended, or of whose root it knows nothing (any more). */
const notNow: ReadonlySet<string> = new Set([
  "CERT_HAS_EXPIRED",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

// Typed as an error, it is the code of one.
const isLapsed = ({ authorizationError }: Partial<TLSSocket>): boolean =>
  notNow.has(String(authorizationError));

/** The client certificate if it is verified, or may have been once; read once per connection. */
function certificateOf(socket: Partial<TLSSocket>): Uint8Array | undefined {
  if (socket.authorized !== true && !isLapsed(socket)) return undefined;
  if (socket.getPeerX509Certificate === undefined) return undefined;
  if (!certificates.has(socket)) certificates.set(socket, socket.getPeerX509Certificate()?.raw);
  return certificates.get(socket);
}
