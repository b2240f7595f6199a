import type { ContainerSpec } from "../engine/container-spec.ts";
import { labelsOf, type SimulatedContainer, toInspect, toRow, writtenBytes } from "./container.ts";
import { filtersOf, flag, type Handler, type Reply, route, type Route } from "./router.ts";
import {
  killContainer,
  removeContainer,
  startContainer,
  stopContainer,
  untilExit,
} from "./runtime.ts";
import type { World } from "./world.ts";

const done: Reply = { status: 204 };
const alreadyDone: Reply = { status: 304 };

function matches(
  container: SimulatedContainer,
  filters: ReadonlyMap<string, readonly string[]>,
): boolean {
  const labels = labelsOf(container);
  const has = (name: string, test: (value: string) => boolean): boolean => {
    const values = filters.get(name);
    return values === undefined || values.some(test);
  };
  const hasLabel = (wanted: string): boolean => {
    const [key = "", ...value] = wanted.split("=");
    const have = labels[key];
    return have !== undefined && (!wanted.includes("=") || have === value.join("="));
  };
  return (
    (filters.get("label") ?? []).every(hasLabel) &&
    has("status", (status) => status === container.phase) &&
    has("name", (name) => container.name.includes(name.replace(/^\//, ""))) &&
    has("id", (id) => container.id.startsWith(id)) &&
    has("ancestor", (image) => image === container.spec.Image || image === container.image.id)
  );
}

const list =
  (world: World): Handler =>
  async ({ query }) => {
    const filters = filtersOf(query);
    const all = flag(query, "all") || filters.has("status");
    const rows = world
      .containers()
      .filter((one) => (all || one.phase === "running") && matches(one, filters))
      .sort((a, b) => b.createdAtMs - a.createdAtMs)
      .map(toRow);
    return { status: 200, body: rows };
  };

const inspect =
  (world: World): Handler =>
  async ({ params: [id = ""], query }) => {
    const container = world.container(id);
    const size = flag(query, "size") ? { SizeRw: writtenBytes(container) } : {};
    return { status: 200, body: { ...toInspect(container), ...size } };
  };

/** Of all that Docker can change, the CPUs alone. */
const update =
  (world: World): Handler =>
  async (call) => {
    const { CpusetCpus = "" } = (await call.json()) as { readonly CpusetCpus?: string };
    const container = world.container(call.params[0] ?? "");
    if (CpusetCpus !== "") container.cpus = CpusetCpus;
    return { status: 200, body: { Warnings: [] } };
  };

const create =
  (world: World): Handler =>
  async (call) => {
    const spec = (await call.json()) as ContainerSpec;
    const name = call.query.get("name") || `simulated-${Date.now().toString(36)}`;
    const { id } = world.create(name.replace(/^\//, ""), spec);
    return { status: 201, body: { Id: id, Warnings: [] } };
  };

const start =
  (world: World): Handler =>
  async ({ params: [id = ""] }) => {
    const container = world.container(id);
    try {
      return (await startContainer(world, container)) ? done : alreadyDone;
    } catch (err) {
      container.error = err instanceof Error ? err.message : String(err);
      throw err;
    }
  };

const stop =
  (world: World): Handler =>
  async ({ params: [id = ""], query }) => {
    const container = world.container(id);
    const grace = Number(query.get("t") ?? container.spec.StopTimeout ?? 10);
    return (await stopContainer(world, container, grace)) ? done : alreadyDone;
  };

const restart =
  (world: World): Handler =>
  async ({ params: [id = ""], query }) => {
    const container = world.container(id);
    await stopContainer(world, container, Number(query.get("t") ?? 10));
    await startContainer(world, container);
    return done;
  };

const wait =
  (world: World): Handler =>
  async ({ params: [id = ""], query, response }) => {
    const container = world.container(id);
    const condition = query.get("condition") || "not-running";
    response.writeHead(200, { "Content-Type": "application/json" });
    response.flushHeaders();
    if (condition === "removed")
      await new Promise<void>((resolve) => container.onRemoved.add(() => resolve()));
    else if (condition === "next-exit" || container.process !== undefined)
      await untilNextExit(container);
    response.end(JSON.stringify({ StatusCode: container.exitCode, Error: null }));
    return undefined;
  };

function untilNextExit(container: SimulatedContainer): Promise<void> {
  if (container.process !== undefined) return untilExit(container);
  return new Promise((resolve) => container.onExit.add(() => resolve()));
}

/** The lifecycle of containers. */
export function containerRoutes(world: World): readonly Route[] {
  return [
    route("GET", "/containers/json", list(world)),
    route("POST", "/containers/create", create(world)),
    route("GET", "/containers/:id/json", inspect(world)),
    route("POST", "/containers/:id/update", update(world)),
    route("POST", "/containers/:id/start", start(world)),
    route("POST", "/containers/:id/stop", stop(world)),
    route("POST", "/containers/:id/restart", restart(world)),
    route("POST", "/containers/:id/wait", wait(world)),
    route("POST", "/containers/:id/kill", async ({ params: [id = ""], query }) => {
      killContainer(world, world.container(id), query.get("signal") || "SIGKILL");
      return done;
    }),
    route("POST", "/containers/:id/rename", async ({ params: [id = ""], query }) => {
      world.rename(world.container(id), query.get("name") ?? "");
      return done;
    }),
    route("DELETE", "/containers/:id", async ({ params: [id = ""], query }) => {
      await removeContainer(world, world.container(id), flag(query, "force"));
      return done;
    }),
  ];
}
