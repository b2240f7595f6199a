import { afterEach, beforeEach, expect, test } from "vitest";
import { unavailable } from "../api/machinery/errors.ts";
import {
  beacons,
  configMaps,
  events as eventKind,
  leases,
  nodes,
  pods,
  secrets,
} from "../api/machinery/resources.ts";
import { podReason } from "../crds/conditions.ts";
import { label } from "../crds/labels.ts";
import {
  type AgentRig,
  agentRig,
  bindPod,
  containersOf,
  is,
  podOf,
  untilReady,
} from "../test/kit/agent-rig.ts";
import { eventually } from "../test/kit/eventually.ts";
import { testImages } from "../test/kit/images.ts";
import { simulatedEngine } from "../test/kit/simulated-engine.ts";
import type { SimulatedEngine } from "./simulated/simulated-engine.ts";
import { dockerName } from "./pods/translate.ts";

let simulated: SimulatedEngine;
let rig: AgentRig;
let node: string;

beforeEach(async () => {
  simulated = await simulatedEngine({ name: "host.example" });
  rig = await agentRig([simulated.url]);
  rig.start();
  node = await rig.node();
});
afterEach(async () => {
  await rig.close();
  await simulated[Symbol.asyncDispose]();
});

const waitingOf = async (name: string) =>
  (await podOf(rig.api, name))?.status?.containerStatuses?.[0]?.state?.waiting;

const readyOf = (name = node) => {
  const found = rig.api.all(nodes).find(({ metadata }) => metadata.name === name);
  return found?.status?.conditions?.find(({ type }) => type === "Ready");
};

test("a host becomes a Node with its identity, labels, capacity and heartbeat", async () => {
  const [found] = rig.api.all(nodes);
  expect(node).toBe("host.example");
  expect(found?.spec?.providerID).toMatch(/^docker:\/\/SIMULATED:/);
  expect(found?.metadata.labels).toMatchObject({
    [label.beacon]: "local",
    [label.provider]: "local",
    [label.hostname]: "host.example",
    [label.os]: "linux",
  });
  expect(found?.status?.capacity).toMatchObject({ pods: "250" });
  expect(found?.status?.nodeInfo?.kubeletVersion).toBe("v0.1.0");
  await eventually("the lease is there", () => rig.api.all(leases).length === 1);
  const beacon = await eventually("the Beacon is Ready", () => {
    const [one] = rig.api.all(beacons);
    return one?.status?.readyNodes === 1 ? one : undefined;
  });
  expect(beacon.status).toMatchObject({ nodes: 1, version: "0.1.0", provider: "local" });
});

test("a Node that somebody deletes comes back", async () => {
  const [before] = rig.api.all(nodes);
  await rig.api.delete(nodes, { name: node });
  await eventually("the Node is back", () => {
    const [after] = rig.api.all(nodes);
    return after !== undefined && after.metadata.uid !== before?.metadata.uid;
  });
});

test("a Node that was given up is ready again as soon as its agent hears of it", async () => {
  const condition = { type: "Ready", status: "Unknown", reason: "NodeStatusUnknown", message: "" };
  const patch = { type: "merge", body: { status: { conditions: [condition] } } } as const;
  await rig.api.patch(nodes, { name: node }, patch, { subresource: "status" });
  await rig.node();
});

test("one engine by two URLs is one Node; two engines of one name are two", async () => {
  const twin = await simulatedEngine({ name: "host.example" });
  await rig.stop();
  const path = simulated.url.slice("unix://".length);
  const other = await agentRig([simulated.url, path, twin.url], { api: rig.api });
  try {
    other.start();
    await eventually("both engines are Nodes", () => rig.api.all(nodes).length === 2);
    const names = rig.api.all(nodes).map(({ metadata }) => metadata.name);
    expect(names[0]).toBe("host.example");
    expect(names[1]).toMatch(/^host\.example-[0-9a-f]{6}$/);
    await eventually("the Beacon tells the twin", () => {
      const [beacon] = rig.api.all(beacons);
      const ready = beacon?.status?.conditions?.find(({ type }) => type === "Ready");
      return ready?.message.includes("same engine") === true;
    });
    expect(rig.api.all(nodes)).toHaveLength(2);
  } finally {
    await other.close();
    await twin[Symbol.asyncDispose]();
  }
});

test("an engine that is away is told at its Node, and its return too", async () => {
  await bindPod(rig.api, "web", { image: testImages.web, node });
  await untilReady(rig.api, "web");
  await simulated.stop();
  const lost = await eventually("the Node is not Ready", () =>
    readyOf()?.status === "False" ? readyOf() : undefined,
  );
  expect(lost).toMatchObject({ reason: "EngineUnreachable" });
  expect(lost.message).toContain(simulated.url);
  await bindPod(rig.api, "later", { image: testImages.web, node });
  await simulated.start();
  await untilReady(rig.api, "later");
  expect(readyOf()?.status).toBe("True");
  const web = await podOf(rig.api, "web");
  expect(web?.status?.containerStatuses?.[0]?.restartCount).toBe(0);
});

test("an engine that is away when the agent starts is told at the Node it had", async () => {
  await rig.stop();
  await simulated.stop();
  rig.start();
  await eventually("the Node is not Ready", () => readyOf()?.status === "False");
  await simulated.start();
  await rig.node();
  expect(rig.api.all(nodes)).toHaveLength(1);
});

test("an API that is away stops nothing, and hears everything when it is back", async () => {
  await bindPod(rig.api, "web", { image: testImages.web, node });
  const pod = await untilReady(rig.api, "web");
  let away = true;
  rig.api.before(({ verb }) => {
    if (away && verb !== "watch") throw unavailable("Cannot reach the API server");
  });
  const [row] = await containersOf(rig.engine, pod);
  simulated.exit(row?.id ?? "", 3);
  await eventually("the container runs again without the API", async () => {
    const detail = await rig.engine.containers.inspect(row?.id ?? "");
    return detail?.state.phase === "running" && detail.state.startedAtMs !== undefined;
  });
  away = false;
  const after = await eventually("the restart is told", async () => {
    const seen = await podOf(rig.api, "web");
    return seen?.status?.containerStatuses?.[0]?.restartCount === 1 ? seen : undefined;
  });
  const [status] = after.status?.containerStatuses ?? [];
  expect(status?.lastState?.terminated?.exitCode).toBe(3);
});

test("an agent that is stopped says farewell, and its successor takes the word back", async () => {
  const untilVouched = (seconds: number) =>
    eventually(`the lease holds for ${seconds} s`, () => {
      return rig.api.all(leases)[0]?.spec?.leaseDurationSeconds === seconds;
    });
  await untilVouched(40);
  await rig.stop();
  await untilVouched(10);
  rig.start();
  await untilVouched(40);
});

test("a foreign container that holds the name survives and is named", async () => {
  const draft = await bindPod(rig.api, "web", { image: testImages.web, node: "" });
  const name = dockerName(draft, "app");
  const foreign = await rig.engine.containers.create(name, { Image: testImages.silent });
  const body = { spec: { nodeName: node } };
  await rig.api.patch(pods, { namespace: "shop", name: "web" }, { type: "merge", body });
  const waiting = await eventually("the clash is told", async () => {
    const state = await waitingOf("web");
    return state?.reason === podReason.nameConflict ? state : undefined;
  });
  expect(waiting.message).toContain(foreign.slice(0, 12));
  expect((await rig.engine.containers.inspect(foreign))?.labels).toEqual({});
  await rig.engine.containers.rename(foreign, "out-of-the-way");
  await untilReady(rig.api, "web");
  expect(await rig.engine.containers.inspect(foreign)).toBeDefined();
});

test.each([
  ["an image that no registry has", "reg.test/absent:1", podReason.imageUnknown],
  ["a registry that is away", "127.0.0.1:1/web:1", podReason.pullFailed],
])("%s is told", async (_why, image, reason) => {
  await bindPod(rig.api, "none", { image, node });
  const waiting = await eventually("the failed pull is told", async () => {
    const state = await waitingOf("none");
    return state?.reason === reason ? state : undefined;
  });
  expect(waiting.message).toContain(image.split(":")[0] ?? "");
});

test("an image that may not be pulled and is not there is told", async () => {
  const container = { imagePullPolicy: "Never" };
  await bindPod(rig.api, "none", { image: "reg.test/none:1", node, container });
  await eventually(
    "the absent image is told",
    async () => (await waitingOf("none"))?.reason === podReason.neverPull,
  );
});

test("a refused create is told with the engine's words and tried again", async () => {
  const message = "no space left on device";
  simulated.inject({ on: /^POST \/containers\/create/, kind: "refuse", status: 500, message });
  await bindPod(rig.api, "web", { image: testImages.web, node });
  const waiting = await eventually("the refusal is told", async () => {
    const state = await waitingOf("web");
    return state?.reason === podReason.createError ? state : undefined;
  });
  expect(waiting.message).toContain("no space left on device");
  await untilReady(rig.api, "web");
});

test("a create whose answer got lost leaves no twin", async () => {
  simulated.inject({ on: /^POST \/containers\/create/, kind: "cut" });
  await bindPod(rig.api, "web", { image: testImages.web, node });
  const pod = await untilReady(rig.api, "web");
  expect(await containersOf(rig.engine, pod)).toHaveLength(1);
});

test("a missing ConfigMap holds the pod until it is there; its keys arrive", async () => {
  const container = {
    env: [{ name: "COLOR", valueFrom: { configMapKeyRef: { name: "cfg", key: "color" } } }],
  };
  await bindPod(rig.api, "web", { image: testImages.web, node, container });
  const waiting = await eventually("the missing ConfigMap is told", async () => {
    const state = await waitingOf("web");
    return state?.reason === podReason.configError ? state : undefined;
  });
  expect(waiting.message).toContain('ConfigMap "cfg"');
  await rig.api.create(configMaps, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: "shop", name: "cfg" },
    data: { color: "blue" },
  });
  await untilReady(rig.api, "web");
});

test("files of Secrets are in the container before it starts", async () => {
  await rig.api.create(secrets, {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { namespace: "shop", name: "login" },
    data: { password: Buffer.from("open sesame").toString("base64") },
  });
  const spec = {
    volumes: [{ name: "login", secret: { secretName: "login", defaultMode: 0o400 } }],
  };
  const container = { volumeMounts: [{ name: "login", mountPath: "/run/login" }] };
  await bindPod(rig.api, "web", { image: testImages.web, node, container, spec });
  await untilReady(rig.api, "web");
  const asked = simulated.requests.filter((one) => /archive|start/.test(one));
  expect(asked.map((one) => one.split("/").at(-1))).toEqual(["archive", "start"]);
});

test("a pre-stop hook runs before the stop, and a failed one does not keep it", async () => {
  const container = { lifecycle: { preStop: { exec: { command: ["true"] } } } };
  await bindPod(rig.api, "web", { image: testImages.web, node, container });
  await untilReady(rig.api, "web");
  simulated.inject({ on: /\/exec$/, kind: "refuse" });
  await rig.api.delete(pods, { namespace: "shop", name: "web" });
  await eventually("the pod is gone", async () => (await podOf(rig.api, "web")) === undefined);
  const asked = simulated.requests.map((one) => one.split("/").at(-1));
  expect(asked.indexOf("exec")).toBeGreaterThan(0);
  expect(asked.indexOf("stop")).toBeGreaterThan(asked.indexOf("exec"));
});

test("a post-start hook runs beside the process; one that fails stops it, and is told", async () => {
  const lifecycle = (command: readonly string[]) => ({ postStart: { exec: { command } } });
  const touch = { lifecycle: lifecycle(["touch", "/tmp/begun"]) };
  await bindPod(rig.api, "web", { image: testImages.silent, node, container: touch });
  const [row] = await containersOf(rig.engine, await untilReady(rig.api, "web"));
  const session = await rig.engine.io.exec(row?.id ?? "", { command: ["cat", "/tmp/begun"] });
  for await (const output of session.output) void output;
  expect(await session.exitCode()).toBe(0);
  const spec = { restartPolicy: "Never" as const };
  const fail = { lifecycle: lifecycle(["false"]) };
  await bindPod(rig.api, "sick", { image: testImages.silent, node, container: fail, spec });
  const events = await eventually("the failure is told", () => {
    const found = rig.api.all(eventKind).filter(({ reason }) => reason === "PostStartHookError");
    return found.length > 0 ? found : undefined;
  });
  expect(events[0]?.message).toBe("Post-start hook of container app failed: command exited with 1");
  await eventually("its container has ended", async () => {
    const [status] = (await podOf(rig.api, "sick"))?.status?.containerStatuses ?? [];
    return status?.state?.terminated !== undefined;
  });
});

test("a paused Beacon keeps the agent's hands still", async () => {
  const body = { spec: { paused: true }, metadata: { generation: 2 } };
  await rig.api.patch(beacons, { name: "local" }, { type: "merge", body });
  await eventually("the agent has heard of it", () =>
    rig.api.all(beacons).some(({ status }) => status?.observedGeneration === 2),
  );
  await bindPod(rig.api, "web", { image: testImages.web, node });
  await eventually("the pod is told to wait", async () => {
    const pod = await podOf(rig.api, "web");
    return pod?.status?.phase === "Pending";
  });
  expect(await rig.engine.containers.list()).toEqual([]);
});

test("labels of the Beacon reach the Node", async () => {
  const body = { spec: { nodeLabels: { rack: "r1" } }, metadata: { generation: 2 } };
  await rig.api.patch(beacons, { name: "local" }, { type: "merge", body });
  await eventually(
    "the label is there",
    () => rig.api.all(nodes)[0]?.metadata.labels?.["rack"] === "r1",
  );
});

test("thirty pods take one status write each, one look at the image, and no list", async () => {
  await bindPod(rig.api, "first", { image: testImages.silent, node });
  await untilReady(rig.api, "first");
  const writes: string[] = [];
  rig.api.before(({ type, key, subresource }) => {
    if (type.kind === "Pod" && subresource === "status") writes.push(key?.name ?? "");
  });
  const before = simulated.requests.length;
  const names = Array.from({ length: 30 }, (_, index) => `web-${index}`);
  for (const name of names) await bindPod(rig.api, name, { image: testImages.web, node });
  await eventually("all are Ready", () => rig.api.all(pods).every((pod) => is(pod, "Ready")));
  const asked = simulated.requests.slice(before);
  const count = (pattern: RegExp): number => asked.filter((one) => pattern.test(one)).length;
  expect(writes.toSorted()).toEqual(names.toSorted());
  expect(count(/^GET \/images/)).toBe(1);
  expect(count(/^GET \/containers\/json/)).toBe(0);
  expect(count(/^POST \/containers\/create/)).toBe(30);
  // An event that arrives in the middle of a look asks for another one.
  expect(count(/^GET \/containers\/\w+\/json/)).toBeLessThan(40);
});
