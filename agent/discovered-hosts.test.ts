import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { beacons, events, type Node, nodes, secrets } from "../api/machinery/resources.ts";
import { systemClock } from "../controllers/runtime/system-clock.ts";
import { annotation, label } from "../crds/labels.ts";
import type { Beacon, BeaconSpec } from "../crds/types.gen.ts";
import { type AgentRig, agentRig } from "../test/kit/agent-rig.ts";
import { type CloudApi, digitalOcean, startCloudApi } from "../test/kit/cloud-apis.ts";
import { eventually } from "../test/kit/eventually.ts";
import { httpServer } from "../test/kit/http-server.ts";
import { simulatedEngine } from "../test/kit/simulated-engine.ts";
import { digitalOceanProvider } from "./discovery/cloud/digitalocean.ts";
import { configProvider } from "./discovery/config.ts";
import type { OpenDrivers } from "./discovery/discovery.ts";
import type { SimulatedEngine } from "./simulated/simulated-engine.ts";

let dir: string;
let one: SimulatedEngine;
let two: SimulatedEngine;
let cloud: CloudApi;
let rig: AgentRig;

const drivers: OpenDrivers = ({ provider, providerConfig }, credentials) =>
  provider === "digitalocean"
    ? [
        digitalOceanProvider({
          config: providerConfig ?? {},
          engine: { scheme: "tcp" },
          credentials,
          apiUrl: cloud.url,
        }),
      ]
    : [configProvider({ path: join(dir, "hosts.yaml"), clock: systemClock })];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "discovered-"));
  one = await simulatedEngine({ name: "one" });
  two = await simulatedEngine({ name: "two" });
  cloud = await startCloudApi(digitalOcean);
  await hosts({ url: one.url }, { url: two.url });
  rig = await agentRig([], { drivers });
});
afterEach(async () => {
  await rig.close();
  for (const started of [one, two, cloud]) await started[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

const hosts = (...list: readonly object[]): Promise<void> =>
  writeFile(join(dir, "hosts.yaml"), JSON.stringify({ hosts: list }));
const nodeOf = (name: string): Node | undefined =>
  rig.api.all(nodes).find(({ metadata }) => metadata.name === name);
const ready = (name: string) =>
  nodeOf(name)?.status?.conditions?.find(({ type }) => type === "Ready");
const beacon = (): Beacon | undefined => rig.api.all(beacons)[0];
const condition = (type: string) =>
  beacon()?.status?.conditions?.find((each) => each.type === type);
const untilReady = (name: string, status = "True") =>
  eventually(`Node ${name} is Ready ${status}`, () => ready(name)?.status === status);

async function setSpec(spec: Partial<BeaconSpec>): Promise<void> {
  await rig.api.patch(beacons, { name: "local" }, { type: "merge", body: { spec } });
}

async function refresh(): Promise<void> {
  const body = { metadata: { annotations: { [annotation.refresh]: String(performance.now()) } } };
  await rig.api.patch(beacons, { name: "local" }, { type: "merge", body });
}

test("hosts of a file become Nodes, with the file's names, labels and taints", async () => {
  const taints = [{ key: "gpu", value: "a", effect: "NoSchedule" }];
  await hosts({ url: one.url, name: "alpha", labels: { disk: "ssd" }, taints }, { url: two.url });
  rig.start();
  await untilReady("alpha");
  await untilReady("two");
  expect(nodeOf("alpha")?.metadata.labels).toMatchObject({ disk: "ssd" });
  expect(nodeOf("alpha")?.spec?.taints).toEqual(taints);
  await eventually("the Beacon tells its provider", () => beacon()?.status?.provider === "config");
  expect(condition("Discovered")).toMatchObject({ status: "True", reason: "HostsFound" });
  await hosts({ url: one.url, name: "alpha", labels: { rack: "7" } }, { url: two.url });
  await eventually("an edit changes labels and taints, and restarts nothing", () => {
    const { labels = {} } = nodeOf("alpha")?.metadata ?? {};
    return labels["rack"] === "7" && labels["disk"] === undefined;
  });
  expect(nodeOf("alpha")?.spec?.taints ?? []).toEqual([]);
});

test("a bad edit is told with its line, and the last good set stays", async () => {
  rig.start();
  await untilReady("one");
  await untilReady("two");
  await writeFile(join(dir, "hosts.yaml"), "hosts:\n  - url: gopher://x\n");
  await eventually("the line is told", () => condition("Discovered")?.status === "False");
  expect(condition("Discovered")).toMatchObject({ reason: "ConfigInvalid" });
  expect(condition("Discovered")?.message).toContain("line 2");
  expect(ready("one")?.status).toBe("True");
  await hosts({ url: one.url }, { url: two.url });
  await eventually("it is good again", () => condition("Discovered")?.status === "True");
});

test("a host that vanishes turns Unknown at once, and comes back as the same Node", async () => {
  rig.start();
  await untilReady("one");
  await untilReady("two");
  const { uid } = nodeOf("two")?.metadata ?? {};
  await hosts({ url: one.url });
  await untilReady("two", "Unknown");
  expect(ready("two")).toMatchObject({ reason: "HostVanished" });
  await eventually("an Event tells it", () =>
    rig.api.all(events).some(({ reason }) => reason === "HostVanished"),
  );
  await hosts({ url: one.url }, { url: two.url });
  await untilReady("two");
  expect(nodeOf("two")?.metadata.uid).toBe(uid);
});

test("the Node of a vanished host goes by the policy of the Beacon, also after a restart", async () => {
  rig.start();
  await untilReady("two");
  await hosts({ url: one.url });
  await untilReady("two", "Unknown");
  await rig.stop();
  rig.start();
  await setSpec({ vanished: { policy: "Delete", after: "0s" } });
  await eventually("the Node is gone", () => nodeOf("two") === undefined);
  await untilReady("one");
});

test("a new provider of the spec is taken up without a restart; a rotated Secret counts at once", async () => {
  const secret = (token: string) => ({
    data: { token: Buffer.from(token).toString("base64") },
  });
  const metadata = { namespace: "lighthouse", name: "cloud" };
  rig.start();
  await untilReady("one");
  await setSpec({ provider: "digitalocean", credentialsRef: metadata, interval: "1h" });
  await eventually("the missing Secret is told", () =>
    condition("Discovered")?.reason === "CredentialsMissing" ? true : undefined,
  );
  expect(condition("Discovered")?.message).toContain("Secret lighthouse/cloud");
  expect(ready("one")?.status).toBe("True");
  await rig.api.create(secrets, { apiVersion: "v1", kind: "Secret", metadata, ...secret("old") });
  await refresh();
  await eventually(
    "the refusal is told",
    () => condition("Discovered")?.reason === "CredentialsRefused",
  );
  const body = secret("t0ken");
  await rig.api.patch(secrets, metadata, { type: "merge", body });
  await refresh();
  await eventually("the cloud's set counts", () => condition("Discovered")?.status === "True");
  expect(beacon()?.status?.provider).toBe("digitalocean");
  await untilReady("one", "Unknown");
});

test("a clone with the same Engine ID is named and not used, also after a restart", async () => {
  const original = await simulatedEngine({ name: "original", id: "SAME" });
  const clone = await simulatedEngine({ name: "clone", id: "SAME" });
  try {
    await hosts({ url: original.url });
    rig.start();
    await untilReady("original");
    await rig.stop();
    await hosts({ url: clone.url }, { url: original.url });
    rig.start();
    const told = await eventually("both are named", () => condition("DuplicateEngine"));
    expect(told).toMatchObject({ status: "True", reason: "SameEngineId" });
    expect(told.message).toContain(original.url);
    expect(told.message).toContain(clone.url);
    expect(rig.api.all(nodes)).toHaveLength(1);
    const { annotations } = nodeOf("original")?.metadata ?? {};
    expect(annotations?.[annotation.endpoint]).toBe(original.url);
    await eventually("an Event tells it", () =>
      rig.api.all(events).some(({ reason }) => reason === "SameEngineId"),
    );
    await hosts({ url: original.url });
    await eventually("it is over", () => condition("DuplicateEngine") === undefined);
  } finally {
    await clone[Symbol.asyncDispose]();
    await original[Symbol.asyncDispose]();
  }
});

test("a host that another beacon holds is refused, and its holder named", async () => {
  rig.start();
  await untilReady("one");
  await rig.stop();
  const body = { metadata: { labels: { [label.beacon]: "elsewhere" } } };
  await rig.api.patch(nodes, { name: "one" }, { type: "merge", body });
  const before = nodeOf("one")?.metadata;
  rig.start();
  await untilReady("two");
  const told = await eventually("the holder is named", () =>
    condition("Ready")?.message.includes('Node "one" of Beacon "elsewhere"'),
  );
  expect(told).toBe(true);
  expect(nodeOf("one")?.metadata).toEqual(before);
  await eventually("an Event tells it", () =>
    rig.api.all(events).some(({ reason }) => reason === "HostRefused"),
  );
});

test("taints that people set are left alone", async () => {
  const taints = [{ key: "gpu", effect: "NoSchedule" }];
  rig.start();
  await untilReady("one");
  const body = { spec: { taints } };
  await rig.api.patch(nodes, { name: "one" }, { type: "merge", body });
  await hosts({ url: one.url, taints, labels: { disk: "ssd" } }, { url: two.url });
  await eventually("the edit is there", () => nodeOf("one")?.metadata.labels?.["disk"] === "ssd");
  await hosts({ url: one.url }, { url: two.url });
  await eventually("so is the next", () => nodeOf("one")?.metadata.labels?.["disk"] === undefined);
  expect(nodeOf("one")?.spec?.taints).toEqual(taints);
});

test.each([
  ["is none", 200, "<html>", "NotADockerEngine"],
  [
    "lies about its version",
    400,
    "client version 1.41 is too new. Maximum is 1.40",
    "EngineVersion",
  ],
])("the Node of an engine that %s says so", async (_what, status, message, reason) => {
  rig.start();
  await untilReady("one");
  await one.stop();
  await using liar = await httpServer((request, response) => {
    response.setHeader("Api-Version", "1.41");
    const isPing = request.url.pathname === "/_ping";
    response.writeHead(isPing ? 200 : status).end(isPing ? "OK" : message);
  });
  await rig.stop();
  const url = liar.url.replace("http:", "tcp:");
  await rig.api.patch(
    nodes,
    { name: "one" },
    { type: "merge", body: { metadata: { annotations: { [annotation.endpoint]: url } } } },
  );
  await hosts({ url }, { url: two.url });
  rig.start();
  await eventually("the cause is told", () => ready("one")?.reason === reason);
  expect(ready("one")).toMatchObject({ status: "False" });
});
