import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { NodeCall } from "../../api/tunnel/node-link.ts";
import { readNodeUsage } from "../../api/tunnel/node-usage.ts";
import { createMetrics } from "../../controllers/runtime/metrics.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import { containerLabel } from "../../crds/labels.ts";
import { testImages } from "../../test/kit/images.ts";
import { memoryApi } from "../../test/kit/memory-api.ts";
import { readExposition } from "../../test/kit/prometheus-text.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import { openEngine } from "../engine/dockerode.ts";
import type { Engine } from "../engine/engine.ts";
import { createNodeHandler } from "../node-routes.ts";
import { createInventory } from "../pods/inventory.ts";

const never = new AbortController().signal;
const end = new AbortController();
const rules = [
  { image: testImages.web, behaviour: { cpus: 0.5, memoryBytes: 50 << 20 } },
  { image: testImages.silent, behaviour: { cpus: 0.25, memoryBytes: 20 << 20 } },
];
const stack = new AsyncDisposableStack();
let engine: Engine | undefined;

function handler() {
  if (engine === undefined) throw new Error("the engine did not start");
  const inventory = createInventory(engine, "c-1");
  const metrics = createMetrics();
  metrics.count("lighthouse_test_total", { kind: "x" });
  const recorder = { event() {} };
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const world = { nodeName: "n1", clock: systemClock, metrics, signal: end.signal, log, recorder };
  const host = {
    engine,
    inventory,
    cluster: "c-1",
    pod: () => undefined,
    onEvent: () => undefined,
  };
  return createNodeHandler({ ...world, host, client: memoryApi() });
}

async function get(path: string, resource: string, method = "GET"): Promise<string> {
  const caller = { user: "ann", groups: [], verb: "get", resource, auditId: "a1" };
  const call: NodeCall = { method, path, headers: {}, caller };
  return text((await handler()(call, never)).body);
}

beforeAll(async () => {
  const simulated = stack.use(await simulatedEngine({ rules }));
  engine = stack.use(openEngine(simulated.url));
  const Labels = {
    [containerLabel.cluster]: "c-1",
    [containerLabel.podUid]: "u1",
    [containerLabel.podNamespace]: "shop",
    [containerLabel.podName]: "web-0",
    [containerLabel.container]: "app",
  };
  const HostConfig = { Memory: 64 << 20 };
  const own = await engine.containers.create("own", { Image: testImages.web, Labels, HostConfig });
  const foreign = await engine.containers.create("foreign", { Image: testImages.silent });
  await engine.containers.start(own);
  await engine.containers.start(foreign);
});

afterAll(async () => {
  end.abort();
  await stack.disposeAsync();
});

test("/stats/usage tells Pods, and the sum of all containers of a machine elsewhere", async () => {
  const { node, pods } = readNodeUsage(JSON.parse(await get("/stats/usage", "nodes/stats")));
  expect(node?.of).toBe("containers");
  expect(node?.memoryBytes).toBe(70 << 20);
  expect(node?.cpuNanoCores).toBeCloseTo(0.75e9, -7);
  expect(pods.map(({ uid }) => uid)).toEqual(["u1"]);
  expect(pods[0]?.containers["app"]).toMatchObject({ memoryBytes: 50 << 20 });
  expect(pods[0]?.containers["app"]?.cpuNanoCores).toBeCloseTo(0.5e9, -7);
});

test("/stats/metrics/cadvisor is read by Prometheus, and counters only grow", async () => {
  const read = async () => readExposition(await get("/stats/metrics/cadvisor", "nodes/metrics"));
  const before = await read();
  const cpu = (all: typeof before, name: string): number | undefined =>
    all.find(
      (one) => one.name === "container_cpu_usage_seconds_total" && one.labels["name"] === name,
    )?.value;
  const limits = before.filter(({ name }) => name === "container_spec_memory_limit_bytes");
  expect(limits.map(({ labels, value }) => [labels["pod"], value])).toEqual(
    expect.arrayContaining([
      ["web-0", 64 << 20],
      [undefined, 0],
    ]),
  );
  const after = await read();
  for (const name of ["own", "foreign"])
    expect(cpu(after, name)).toBeGreaterThan(cpu(before, name) ?? Infinity);
});

test("/stats/metrics is what the agent counts, /stats/metrics/resource and /stats/summary are the kubelet's", async () => {
  expect(await get("/stats/metrics?x=1", "nodes/proxy")).toContain(
    'lighthouse_test_total{kind="x"} 1',
  );
  const resource = readExposition(await get("/stats/metrics/resource/", "nodes/metrics"));
  expect(resource.map(({ name }) => name)).toContain("container_memory_working_set_bytes");
  const summary = JSON.parse(await get("/stats/summary", "nodes/stats")) as {
    readonly pods: readonly { readonly podRef: object }[];
  };
  expect(summary.pods.map(({ podRef }) => podRef)).toEqual([
    { name: "web-0", namespace: "shop", uid: "u1" },
  ]);
});

test.each([
  ["/stats/metrics", "nodes/stats", "GET", "the right to get nodes/stats does not cover it"],
  ["/stats/usage", "nodes/docker-read", "GET", "the right to get nodes/docker-read does not cover"],
  ["/stats/usage", "nodes/stats", "POST", "Cannot POST /stats/usage: it can only be read"],
  ["/stats/other", "nodes/stats", "GET", "Cannot answer /stats/other: there is /stats/usage"],
])("%s for %s by %s is refused", async (path, resource, method, why) => {
  await expect(get(path, resource, method)).rejects.toThrow(why);
});
