import { StatusError } from "../../api/machinery/errors.ts";
import type { NodeCall, NodeHandler } from "../../api/tunnel/node-link.ts";
import type { NodeRoute, RouteWorld } from "../node-route.ts";
import { cadvisorFamilies } from "./cadvisor.ts";
import { exposition, expositionType } from "./exposition.ts";
import { createMeter, type Meter } from "./meter.ts";
import { answerPage, type Page } from "./page.ts";
import { resourceFamilies } from "./resource-metrics.ts";
import { createSampler, type Sampler } from "./sampler.ts";
import { toSummary } from "./summary.ts";
import { toUsage } from "./usage.ts";
import { createUsageBook } from "./usage-book.ts";

const json = (value: unknown): Page => ({
  type: "application/json",
  text: JSON.stringify(value),
});

const shown = (text: string): Page => ({ type: expositionType, text });

/** Makes what one path says. */
type Reader = (signal: AbortSignal) => Promise<Page>;

/** What is measured of one host. */
type Measuring = { readonly sampler: Sampler; readonly meter: Meter };

function pagesOf(
  { nodeName, host, metrics }: RouteWorld,
  { sampler, meter }: Measuring,
): ReadonlyMap<string, Reader> {
  const { engine } = host;
  return new Map<string, Reader>([
    ["/stats/usage", async (signal) => json(toUsage(await sampler.measure(signal)))],
    ["/stats/summary", async (signal) => json(toSummary(nodeName, await sampler.measure(signal)))],
    ["/stats/metrics", async () => shown(metrics.render() + exposition(meter.families()))],
    [
      "/stats/metrics/resource",
      async (signal) => shown(exposition(resourceFamilies(await sampler.sample(signal)))),
    ],
    [
      "/stats/metrics/cadvisor",
      async (signal) => {
        const [sample, info] = await Promise.all([sampler.sample(signal), engine.info(signal)]);
        const facts = { cpus: info.cpus, memoryBytes: info.memoryBytes, engineId: info.id };
        return shown(exposition(cadvisorFamilies(sample, facts)));
      },
    ],
  ]);
}

/** As the kubelet asks for them (KEP 2862): a right of its own for each part, or the one to all. */
function mayRead({ verb, resource }: NodeCall["caller"], path: string): boolean {
  const own = path.startsWith("/stats/metrics") ? "nodes/metrics" : "nodes/stats";
  return verb === "get" && (resource === own || resource === "nodes/proxy");
}

function check({ method, caller }: NodeCall, path: string): void {
  if (method !== "GET")
    throw new StatusError("MethodNotAllowed", `Cannot ${method} ${path}: it can only be read`);
  if (mayRead(caller, path)) return;
  const right = `${caller.verb} ${caller.resource}`;
  throw new StatusError(
    "Forbidden",
    `Cannot read ${path}: the right to ${right} does not cover it`,
  );
}

/** Everything below `/stats` of a Node: what it and its containers use. */
export const statsRoute: NodeRoute = (world): NodeHandler => {
  const { host, clock, signal } = world;
  const sampler = createSampler({ engine: host.engine, cluster: host.cluster, clock, signal });
  host.onEvent((event) => sampler.take(event));
  const meter = createMeter({
    ...world,
    sampler,
    book: createUsageBook(world.client, world.nodeName),
    hasPods: () => host.inventory.keys().length > 0,
  });
  void meter.run(signal); // never rejects
  const pages = pagesOf(world, { sampler, meter });
  return async (call, ended) => {
    const [path = ""] = call.path.split("?", 1);
    const read = pages.get(path.replace(/\/+$/, ""));
    if (read === undefined)
      throw new StatusError(
        "NotFound",
        `Cannot answer ${path}: there is ${[...pages.keys()].join(", ")}`,
      );
    check(call, path);
    return answerPage(call, await read(ended));
  };
};
