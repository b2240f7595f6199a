import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { ApiError } from "./api-error.ts";
import { type BehaviourRule, defaultRules } from "./behaviour.ts";
import { labelsOf, type SimulatedContainer } from "./container.ts";
import { containerRoutes } from "./container-routes.ts";
import {
  createFaults,
  type Fault,
  type Faults,
  type Injected,
  type OperationFault,
} from "./faults.ts";
import { hijack } from "./hijack.ts";
import { imageRoutes } from "./image-routes.ts";
import { ioRoutes } from "./io-routes.ts";
import { createListener } from "./listener.ts";
import { networkRoutes } from "./network-routes.ts";
import { operationOf, sufferFrom } from "./operation.ts";
import { barePath, findRoute, type Reply, type Route, toCall } from "./router.ts";
import { apiVersion, type Identity, systemRoutes } from "./system-routes.ts";
import { createWorld, type World } from "./world.ts";

/** How a simulated engine is made; everything but the socket has a default. */
export type SimulatedEngineOptions = Partial<Identity> & {
  /** Absolute path of at most 107 bytes; a socket that is left over there is replaced. */
  readonly socketPath: string;
  /** Rules that come before the default ones. */
  readonly rules?: readonly BehaviourRule[];
  /** Its clock, in milliseconds since the Unix epoch. Default: the system's. */
  readonly now?: () => number;
  /** Told of each change of a container that is still there, the moment it happens. */
  readonly onChange?: (change: ContainerChange) => void;
};

/** A container as it stands, for tests that look at an engine past its API. */
export type ContainerState = {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly imageId: string;
  readonly running: boolean;
};

/** What just happened to a container: `action` as in Docker's events, e.g. `die`. */
export type ContainerChange = { readonly action: string; readonly container: ContainerState };

/**
 * A Docker Engine that only pretends, in this process: it speaks the Engine API over a unix socket,
 * but its containers are timers. For tests, and for a look at Lighthouse where no Docker can run;
 * then the user must be told. Containers that serve do answer HTTP on addresses of 127.0.0.0/8.
 */
export interface SimulatedEngine extends AsyncDisposable {
  /** For `openEngine` and `DOCKER_HOST`. */
  readonly url: string;
  /** What was asked so far, e.g. `POST /containers/web/start`. */
  readonly requests: readonly string[];
  /** Lets the next matching requests go wrong. */
  inject(fault: Fault): void;
  /** Lets an operation on somebody's containers go wrong, see {@link OperationFault}. */
  fail(fault: OperationFault): Injected;
  /** Ends a container's process as if by itself; `oom` as if for lack of memory.
   * @throws ApiError 404 */
  exit(id: string, code: number, options?: { readonly oom?: boolean }): void;
  /** Stops answering and cuts all connections; containers go on. */
  stop(): Promise<void>;
  /** Like `stop`, and its containers end as they do when their host loses power: exit code 255, and
   * nobody is told. */
  crash(): Promise<void>;
  /** Answers again. */
  start(): Promise<void>;
  /** Keeps every request waiting from now on, as a process that is stopped by SIGSTOP. */
  freeze(): void;
  /** Answers what has come meanwhile, whether or not anybody still waits. */
  thaw(): void;
  /** All containers as they are now. */
  containers(): readonly ContainerState[];
}

/** What dockerd notes for a container whose end it did not see. */
const lostExitCode = 255;

const commonHeaders = {
  "Api-Version": apiVersion,
  "Docker-Experimental": "false",
  Ostype: "linux",
  Server: "Docker/simulated (linux)",
};

function refusal(err: unknown): { readonly status: number; readonly message: string } {
  if (err instanceof ApiError) return err;
  return { status: 500, message: err instanceof Error ? err.message : String(err) };
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const text = body === undefined ? "" : `${JSON.stringify(body)}\n`;
  response.writeHead(status, text === "" ? {} : { "Content-Type": "application/json" });
  response.end(text);
}

/** Does what the fault says. */
function fail(fault: Fault, response: ServerResponse): void {
  const { kind, status = 500, message = "injected fault" } = fault;
  if (kind === "refuse") sendJson(response, status, { message });
  else if (kind === "drop") response.destroy();
  else if (kind === "cut") {
    response.writeHead(200, { "Content-Type": "application/json" });
    response.write('{"half');
    setImmediate(() => response.destroy());
  }
}

async function perform(
  { routes, world, faults, kill, awake }: Hooks,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Reply | undefined> {
  const { method = "GET", url = "/" } = request;
  const path = barePath(url);
  const { handler, params } = findRoute(routes, method, path);
  const call = toCall(request, response, params);
  const frozen = awake();
  if (frozen !== undefined) {
    await call.body(); // the kernel holds what has come, also when the client is gone by then
    await frozen;
  }
  if (!faults.armed()) return handler(call);
  const operation = await operationOf(world, `${method} ${path}`, call);
  const mishap = operation === undefined ? undefined : faults.befall(operation);
  return mishap === undefined ? handler(call) : sufferFrom(mishap, call, { handler, kill });
}

async function answer(
  hooks: Hooks,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const reply = await perform(hooks, request, response);
    if (reply !== undefined) sendJson(response, reply.status, reply.body);
  } catch (err) {
    const { status, message } = refusal(err);
    sendJson(response, status, { message });
  }
}

async function takeOver(
  world: World,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  socket.on("error", () => socket.destroy());
  try {
    await hijack(world, request, socket, head);
  } catch (err) {
    const { status, message } = refusal(err);
    const body = JSON.stringify({ message });
    const lines = [`HTTP/1.1 ${status} Refused`, "Content-Type: application/json"];
    const length = `Content-Length: ${Buffer.byteLength(body)}`;
    socket.end([...lines, length, "Connection: close", "", body].join("\r\n"));
  }
}

type Hooks = {
  readonly routes: readonly Route[];
  readonly world: World;
  /** Counts the request and gives the fault that hits it. */
  readonly note: (request: IncomingMessage) => Fault | undefined;
  readonly faults: Faults;
  /** Takes the engine away; with its containers when it is the `host`. */
  readonly kill: (host: boolean) => Promise<void>;
  /** Resolves when requests are answered; at once unless it is frozen. */
  readonly awake: () => Promise<void> | undefined;
};

function stateOf(container: SimulatedContainer): ContainerState {
  const { id, name, image, process } = container;
  const labels = labelsOf(container);
  return { id, name, labels, imageId: image.id, running: process !== undefined };
}

/** A gate for requests that can be closed for a while. */
function createFreezer(): Pick<SimulatedEngine, "freeze" | "thaw"> & Pick<Hooks, "awake"> {
  let frozen: PromiseWithResolvers<void> | undefined;
  return {
    awake: () => frozen?.promise,
    freeze: () => {
      frozen ??= Promise.withResolvers<void>();
    },
    thaw: () => {
      frozen?.resolve();
      frozen = undefined;
    },
  };
}

function createApi(hooks: Hooks): Server {
  const { world, note } = hooks;
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(commonHeaders)) response.setHeader(name, value);
    const fault = note(request);
    if (fault !== undefined) fail(fault, response);
    else void answer(hooks, request, response); // it answers its own errors
  });
  server.on("upgrade", (request, socket, head) => {
    if (note(request) !== undefined) socket.destroy();
    else void takeOver(world, request, socket, head); // likewise
  });
  return server;
}

function openWorld(
  { now = Date.now, onChange }: SimulatedEngineOptions,
  rules: readonly BehaviourRule[],
): World {
  const world = createWorld(rules, now);
  world.events.listen(({ Type, Action, id }) => {
    if (onChange === undefined || Type !== "container") return;
    const container = world.containers().find((one) => one.id === id);
    if (container !== undefined) onChange({ action: Action, container: stateOf(container) });
  });
  return world;
}

/** Starts a simulated engine. @throws Error when the socket cannot be made */
export async function startSimulatedEngine(
  options: SimulatedEngineOptions,
): Promise<SimulatedEngine> {
  const { socketPath } = options;
  const rules = [...(options.rules ?? []), ...defaultRules];
  const world = openWorld(options, rules);
  const id = options.id ?? `SIMULATED:${randomBytes(8).toString("hex").toUpperCase()}`;
  const identity: Identity = { ...options, id, name: options.name ?? "simulated" };
  const routes = [
    ...systemRoutes(world, identity),
    ...containerRoutes(world),
    ...imageRoutes(world, rules),
    ...ioRoutes(world),
    ...networkRoutes(world),
  ];
  const faults = createFaults();
  const requests: string[] = [];
  const note = ({ method = "GET", url = "/" }: IncomingMessage): Fault | undefined => {
    const request = `${method} ${decodeURIComponent(barePath(url))}`;
    requests.push(request);
    return faults.take(request);
  };
  const crash = (): Promise<void> => {
    const stopped = listener.stop(); // first, so that nobody hears of the ends
    for (const container of world.containers()) container.process?.exit(lostExitCode);
    return stopped;
  };
  const kill = (host: boolean): Promise<void> => (host ? crash() : listener.stop());
  const freezer = createFreezer();
  const hooks = { routes, world, note, faults, kill, awake: freezer.awake };
  const listener = createListener(socketPath, () => createApi(hooks));

  await listener.start();
  return {
    url: `unix://${socketPath}`,
    requests,
    inject: (fault) => faults.inject(fault),
    fail: (fault) => faults.fail(fault),
    exit: (containerId, code, { oom = false } = {}) => {
      const container = world.container(containerId);
      container.oomKilled = oom;
      container.process?.exit(code);
    },
    stop: listener.stop,
    crash,
    start: listener.start,
    freeze: freezer.freeze,
    thaw: freezer.thaw,
    containers: () => world.containers().map(stateOf),
    async [Symbol.asyncDispose]() {
      freezer.thaw();
      await listener.stop();
      for (const container of world.containers()) {
        container.stopped = true;
        container.process?.signal("SIGKILL");
      }
    },
  };
}
