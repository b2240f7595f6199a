import { type ClientRequest, type IncomingMessage, request as send } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { connect as secured } from "node:tls";
import { notFound, unavailable } from "../../machinery/errors.ts";
import type { Pod } from "../../machinery/resources.ts";
import { storeKey } from "../../store/keys.ts";
import type { NodeAnswer } from "../../tunnel/node-link.ts";
import { headersForNode } from "../docker/headers.ts";
import { relayAnswer, relayUpgraded } from "../docker/relay.ts";
import type { App, Reply, Request } from "../http.ts";
import { readItem, type Storage } from "../objects/storage.ts";
import { liftBodyDeadline } from "../request-limits.ts";
import { requiredUpgrade, type Upgrade, upgradeOf } from "../streams/upgrade.ts";
import { callerOf } from "../tunnel/caller.ts";
import { nodeOf } from "./container-choice.ts";
import type { NodeStreams } from "./pod-streams.ts";
import { portOf, proxyTarget, type ProxyTarget } from "./proxy-target.ts";

/** What the proxy subresource of Pods is made of. */
export type PodProxyOptions = {
  readonly nodes: NodeStreams;
  readonly storage: Storage;
};

const podsKind = { group: "", plural: "pods" } as const;

/** Serves `.../pods/[SCHEME:]NAME[:PORT]/proxy/PATH`: HTTP to a container, through its agent. */
export function servePodProxy(app: App, options: PodProxyOptions): void {
  void app.register(async (inner) => {
    inner.removeAllContentTypeParsers();
    inner.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
    const method = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
    const handler = async (request: Request, reply: Reply): Promise<Reply> => {
      await serve(options, request, reply);
      return reply;
    };
    const base = "/api/v1/namespaces/:namespace/pods/:name/proxy";
    for (const url of [base, `${base}/*`]) inner.route({ method, url, handler });
  }); // registered plugins are awaited by app.ready()
}

async function serve(options: PodProxyOptions, request: Request, reply: Reply): Promise<void> {
  const { nodes, storage } = options;
  const target = proxyTarget(request.url);
  const { namespace, pod: name } = target;
  const item = await readItem(storage, storeKey(podsKind, { namespace, name }));
  if (item === undefined) throw notFound(podsKind, name);
  const pod = item.object as Pod;
  const port = portOf(pod, target);
  const upgrade = upgradeOf(request) === undefined ? undefined : requiredUpgrade(request);
  const gone = new AbortController();
  (upgrade?.socket ?? reply.raw).once("close", () => gone.abort());
  liftBodyDeadline(request.raw);
  const signal = AbortSignal.any([gone.signal, request.ending()]);
  const socket = await nodes
    .of(nodeOf(pod), { ...callerOf(request, reply), name })
    .dial(pod, port, signal);
  const answer = await exchange({ request, target, upgrade, signal }, socket, `${name}:${port}`);
  request.releaseSeats?.();
  const { upgraded } = answer;
  if (upgraded === undefined) return relayAnswer(reply, answer, ownOrigin);
  if (upgrade !== undefined) return relayUpgraded(reply, upgrade, { answer, upgraded, signal });
  upgraded.destroy();
  throw unavailable(`pod ${name}:${port} switched protocols unasked`);
}

type Asked = {
  readonly request: Request;
  readonly target: ProxyTarget;
  readonly upgrade: Upgrade | undefined;
  readonly signal: AbortSignal;
};

/** Where a container believes to be asked; and nothing of who asks. */
function headersFor({ request, upgrade }: Asked, host: string): Readonly<Record<string, string>> {
  const proxied = /^.*?\/proxy(?=[/?]|$)/s.exec(request.url)?.[0] ?? "";
  return {
    ...headersForNode(request.headers),
    host,
    "x-forwarded-uri": proxied,
    "x-forwarded-host": request.headers.host ?? "",
    ...(upgrade === undefined ? {} : { connection: "Upgrade", upgrade: upgrade.protocol }),
  };
}

async function exchange(asked: Asked, socket: Duplex, host: string): Promise<NodeAnswer> {
  const { request, target, signal } = asked;
  // Containers have no certificate that anybody here could know: so does Kubernetes.
  const line = target.secure ? secured({ socket, rejectUnauthorized: false }) : socket;
  const outgoing = send({
    createConnection: () => line,
    method: request.method,
    path: target.rest,
    headers: headersFor(asked, host),
    setHost: false,
    signal,
  });
  const answering = answerOf(outgoing, host);
  // What a container does not read is no error of the request: it may answer all the same.
  if (asked.upgrade === undefined) pipeline(request.raw, outgoing).catch(() => undefined);
  else outgoing.end();
  return relocated(await answering, target, request.url);
}

function answerOf(outgoing: ClientRequest, host: string): Promise<NodeAnswer> {
  const toAnswer = (response: IncomingMessage, upgraded?: Duplex): NodeAnswer => ({
    status: response.statusCode ?? 502,
    headers: response.headers as NodeAnswer["headers"],
    body: response,
    ...(upgraded === undefined ? {} : { upgraded }),
  });
  return new Promise((resolve, reject) => {
    outgoing.once("response", (response) => resolve(toAnswer(response)));
    outgoing.once("upgrade", (response, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      resolve(toAnswer(response, socket));
    });
    outgoing.on("error", (cause) =>
      reject(unavailable(`error trying to reach pod ${host}: ${cause.message}`, { cause })),
    );
  });
}

/**
 * Pages of containers come from the API server's address. They are kept in an origin of their own, so that
 * no script of theirs uses the credentials that a browser holds for the API.
 */
const ownOrigin = "sandbox allow-scripts allow-forms allow-popups";

/** Where a container leads to on itself, it leads to through here. */
function relocated(answer: NodeAnswer, { rest }: ProxyTarget, url: string): NodeAnswer {
  const { location } = answer.headers;
  if (typeof location !== "string" || !/^\/(?!\/)/.test(location)) return answer;
  const prefix = url.slice(0, url.length - (rest === "/" && !url.endsWith("/") ? 0 : rest.length));
  return { ...answer, headers: { ...answer.headers, location: `${prefix}${location}` } };
}
