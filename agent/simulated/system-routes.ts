import { ApiError } from "./api-error.ts";
import { arch, cpus, freemem, release, totalmem } from "node:os";
import type { ServerResponse } from "node:http";
import { simulatedLabel } from "../engine/dockerode.ts";
import type { WireEvent } from "./event-hub.ts";
import { filtersOf, type Handler, route, type Route } from "./router.ts";
import type { World } from "./world.ts";

/** The API version that the simulated engine speaks. */
export const apiVersion = "1.41";
const version = "20.10.0-simulated";

/** Who the simulated engine is. */
export type Identity = {
  readonly id: string;
  readonly name: string;
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly labels?: Readonly<Record<string, string>>;
};

const machine = (): string => (arch() === "arm64" ? "aarch64" : "x86_64");

function info(world: World, identity: Identity): object {
  const containers = world.containers();
  const running = containers.filter(({ phase }) => phase === "running").length;
  const labels = { ...identity.labels, [simulatedLabel]: "true" };
  return {
    ID: identity.id,
    Name: identity.name,
    ServerVersion: version,
    Containers: containers.length,
    ContainersRunning: running,
    ContainersPaused: 0,
    ContainersStopped: containers.length - running,
    Images: world.images.list().length,
    Driver: "simulated",
    DriverStatus: [],
    DockerRootDir: "",
    OSType: "linux",
    OperatingSystem: "Lighthouse simulated engine",
    Architecture: machine(),
    KernelVersion: release(),
    NCPU: identity.cpus ?? cpus().length,
    MemTotal: identity.memoryBytes ?? totalmem(),
    MemFree: freemem(),
    Labels: Object.entries(labels).map(([key, value]) => `${key}=${value}`),
    Warnings: ["This engine only pretends: no container runs"],
  };
}

function versions(): object {
  return {
    Version: version,
    ApiVersion: apiVersion,
    MinAPIVersion: "1.24",
    Os: "linux",
    Arch: arch() === "x64" ? "amd64" : arch(),
    KernelVersion: release(),
    Platform: { Name: "Lighthouse simulated engine" },
    Components: [],
  };
}

/** Follows a source until the client goes away. */
export function untilClosed(response: ServerResponse, stop: () => void): Promise<undefined> {
  return new Promise((resolve) => {
    response.once("close", () => {
      stop();
      resolve(undefined);
    });
  });
}

function wanted(
  filters: ReadonlyMap<string, readonly string[]>,
  { Type, Action, Actor }: WireEvent,
): boolean {
  const has = (name: string, ...values: readonly string[]): boolean => {
    const list = filters.get(name);
    return list === undefined || list.some((value) => values.includes(value));
  };
  const labels = filters.get("label") ?? [];
  return (
    has("type", Type) &&
    has("event", Action, Action.split(":")[0] ?? "") &&
    has("container", Actor.ID, Actor.Attributes["name"] ?? "") &&
    labels.every((label) => {
      const [key = "", value] = label.split("=");
      const have = Actor.Attributes[key];
      return have !== undefined && (value === undefined || have === value);
    })
  );
}

const events =
  (world: World): Handler =>
  async ({ query, response }) => {
    const filters = filtersOf(query);
    response.writeHead(200, { "Content-Type": "application/json" });
    response.flushHeaders();
    const stop = world.events.listen((event) => {
      if (wanted(filters, event)) response.write(`${JSON.stringify(event)}\n`);
    });
    return untilClosed(response, stop);
  };

const removeVolume =
  (world: World): Handler =>
  async ({ params: [name = ""] }) => {
    const users = world
      .containers()
      .filter(({ spec }) => (spec.HostConfig?.Mounts ?? []).some(({ Source }) => Source === name));
    const [user] = users;
    if (user !== undefined)
      throw new ApiError(409, `remove ${name}: volume is in use - [${user.id}]`);
    return { status: 204 };
  };

/** Identity, events and volumes. */
export function systemRoutes(world: World, identity: Identity): readonly Route[] {
  const pong: Handler = async ({ request, response }) => {
    response.writeHead(200, { "Content-Type": "text/plain; charset=utf-8" });
    response.end(request.method === "HEAD" ? undefined : "OK");
    return undefined;
  };
  return [
    route("GET", "/_ping", pong),
    route("HEAD", "/_ping", pong),
    route("GET", "/version", async () => ({ status: 200, body: versions() })),
    route("GET", "/info", async () => ({ status: 200, body: info(world, identity) })),
    route("GET", "/events", events(world)),
    route("DELETE", "/volumes/:name", removeVolume(world)),
  ];
}
