import { type Duplex, duplexPair, Readable } from "node:stream";
import {
  badRequest,
  forbidden,
  methodNotAllowed,
  noSuchResource,
  notFound,
} from "../api/machinery/errors.ts";
import { type Pod, pods } from "../api/machinery/resources.ts";
import type { Caller, NodeAnswer, NodeCall, NodeHandler } from "../api/tunnel/node-link.ts";
import { type PodPart, type PodRequest, readPodPath } from "../api/tunnel/pod-paths.ts";
import { portProtocol, processProtocol } from "../api/tunnel/process-frames.ts";
import type { NodeRoute, RouteWorld } from "./node-route.ts";
import { converse } from "./pod-process.ts";
import { createStreams, type LogQuery, type Streams } from "./serve.ts";
import type { ProcessQuery, ReadyProcess } from "./serve-process.ts";

const isTrue = (query: URLSearchParams, name: string): boolean => query.get(name) === "true";

function numberIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw badRequest(`Cannot read ${name}: it is "${text}", expected a whole number`);
}

function containerIn(query: URLSearchParams): string {
  const container = query.get("container") ?? "";
  if (container === "") throw badRequest("Cannot choose a container: the request names none");
  return container;
}

function logQuery(query: URLSearchParams): LogQuery {
  const sinceSeconds = numberIn(query, "sinceSeconds");
  const tailLines = numberIn(query, "tailLines");
  const limitBytes = numberIn(query, "limitBytes");
  const sinceTime = query.get("sinceTime");
  return {
    container: containerIn(query),
    follow: isTrue(query, "follow"),
    previous: isTrue(query, "previous"),
    timestamps: isTrue(query, "timestamps"),
    ...(sinceTime === null ? {} : { sinceTime }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  };
}

function processQuery(query: URLSearchParams): ProcessQuery {
  const [stdin, tty] = [isTrue(query, "stdin"), isTrue(query, "tty")];
  return { container: containerIn(query), stdin, tty };
}

/** Where pods are looked up, and of which Node. */
export type PodWorld = Pick<RouteWorld, "client" | "nodeName"> & {
  readonly host: Pick<RouteWorld["host"], "pod">;
};

/** The pod, if it is one of this node and still the one that was meant. @throws StatusError `NotFound` */
async function podOf(
  { client, nodeName, host }: PodWorld,
  { namespace, name, uid }: PodRequest,
  signal: AbortSignal,
): Promise<Pod> {
  const known = host.pod({ namespace, name });
  // The API is asked only for what was bound a moment ago.
  const pod =
    known?.metadata.uid === uid ? known : await client.get(pods, { namespace, name }, signal);
  if (pod?.metadata.uid === uid && pod.spec.nodeName === nodeName) return pod;
  throw notFound(pods, name);
}

const switched = (upgraded: Duplex, headers: NodeAnswer["headers"] = {}): NodeAnswer => ({
  status: 101,
  headers,
  body: Readable.from([]),
  upgraded,
});

/** Both ends of a connection in memory: what breaks one breaks the other. */
function connection(signal: AbortSignal): readonly [Duplex, Duplex] {
  const [near, far] = duplexPair({ allowHalfOpen: true });
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    one.on("error", () => {}); // "close" follows
    one.once("close", () => {
      if (!one.readableEnded || !one.writableFinished) other.destroy();
    });
  }
  const cut = (): void => void near.destroy();
  signal.addEventListener("abort", cut, { once: true });
  near.once("close", () => signal.removeEventListener("abort", cut));
  return [near, far];
}

function serveProcess(ready: ReadyProcess, signal: AbortSignal): NodeAnswer {
  const [near, far] = connection(signal);
  void converse(near, ready); // never rejects; ends with the connection
  return switched(far, { tty: String(ready.tty) });
}

function wants({ upgrade, path }: NodeCall, protocol: string): void {
  if (upgrade !== protocol)
    throw badRequest(`Cannot answer ${path.split("?", 1)[0]}: it needs an upgrade to ${protocol}`);
}

/** What the API server must have granted for each part of a pod. */
const rights: Readonly<Record<PodPart, Pick<Caller, "verb" | "resource">>> = {
  log: { verb: "get", resource: "pods/log" },
  exec: { verb: "create", resource: "pods/exec" },
  attach: { verb: "create", resource: "pods/attach" },
  portforward: { verb: "create", resource: "pods/portforward" },
};

/**
 * Whether the right that was granted is the one that the request needs: a server that was talked into
 * asking for something else is not obeyed.
 * @throws StatusError `Forbidden`
 */
function checkRight(caller: Caller, { part, namespace, name }: PodRequest): void {
  const { verb, resource } = rights[part];
  // HTTP to a port has a right of its own, with the verb of its method.
  const proxied = part === "portforward" && caller.resource === "pods/proxy";
  const granted = proxied || (caller.verb === verb && caller.resource === resource);
  if (granted && caller.namespace === namespace && caller.name === name) return;
  const place = `${caller.namespace ?? ""}/${caller.name ?? ""}`;
  throw forbidden(
    pods,
    name,
    `the agent needs the right to ${verb} ${resource} of ${namespace}/${name}, the API server granted to ${caller.verb} ${caller.resource} of ${place}`,
  );
}

async function answer(
  streams: Streams,
  world: PodWorld,
  call: NodeCall,
  signal: AbortSignal,
): Promise<NodeAnswer> {
  const request = readPodPath(call.path);
  if (request === undefined) throw noSuchResource();
  const { part, query } = request;
  const method = part === "log" ? "GET" : "POST";
  if (call.method !== method) throw methodNotAllowed(call.method, call.path);
  checkRight(call.caller, request);
  const pod = await podOf(world, request, signal);
  if (part === "log") {
    const chunks = streams.logs(pod, logQuery(query), signal);
    const body = Readable.from(chunks, { objectMode: false });
    return { status: 200, headers: { "content-type": "text/plain" }, body };
  }
  if (part === "portforward") {
    wants(call, portProtocol);
    return switched(await streams.dial(pod, numberIn(query, "port") ?? 0, signal));
  }
  wants(call, processProtocol);
  const options = processQuery(query);
  const ready =
    part === "exec"
      ? await streams.exec(pod, { ...options, command: query.getAll("command") }, signal)
      : await streams.attach(pod, options, signal);
  return serveProcess(ready, signal);
}

/** Answers `/pods/NAMESPACE/NAME/{log,exec,attach,portforward}` by these streams. */
export function podHandler(streams: Streams, world: PodWorld): NodeHandler {
  return (call, signal) => answer(streams, world, call, signal);
}

/** Answers for the pods of a Node by what its host streams. */
export const podRoute: NodeRoute = (world) =>
  podHandler(
    createStreams(world.host, () => world.clock.nowMs()),
    world,
  );
