import { expect, test } from "vitest";
import type { Node } from "../api/machinery/resources.ts";
import { label } from "../crds/labels.ts";
import type { EngineInfo } from "./engine/engine.ts";
import {
  changedStatus,
  type HostFacts,
  liveStatus,
  lostStatus,
  nodeDraft,
  nodeNames,
  providerId,
  vanishedStatus,
} from "./node.ts";

const info: EngineInfo = {
  id: "ABCD:EFGH",
  name: "host-1",
  version: "20.10.24",
  apiVersion: "1.41",
  os: "linux",
  arch: "amd64",
  osImage: "Debian GNU/Linux 12 (bookworm)",
  kernel: "6.1.0",
  cpus: 2,
  memoryBytes: 4 * 1024 ** 3,
  labels: {},
  simulated: false,
};

const facts: HostFacts = {
  info,
  endpoint: "unix:///run/docker.sock",
  beacon: "lab",
  provider: "local",
  labels: { [label.zone]: "z1" },
  address: "10.0.0.7",
  version: "0.1.0",
  diskBytes: 1024 ** 3,
};

const nowMs = Date.UTC(2026, 10, 21, 12);
const node = (status?: Node["status"]): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "host-1", uid: "u", resourceVersion: "1", creationTimestamp: "" },
  ...(status === undefined ? {} : { status }),
});

test.each([
  ["host-1", "host-1"],
  ["Host_One", "host-one"],
  ["web.Example.COM", "web.example.com"],
  ["--x--", "x"],
  ["..", "docker"],
  ["", "docker"],
  ["ünïcode", "n-code"],
  ["a".repeat(80), "a".repeat(63)],
])("nodeNames() of host %j", (name, want) => {
  const [first, second] = nodeNames({ ...info, name });
  expect(first).toBe(want);
  expect(second).toMatch(/-[0-9a-f]{6}$/);
  expect(second.length).toBeLessThanOrEqual(63);
});

test("nodeNames() differ in their second choice between two engines of one host", () => {
  expect(nodeNames(info)[1]).not.toBe(nodeNames({ ...info, id: "OTHER" })[1]);
});

test("nodeDraft() says whose engine it is", () => {
  expect(nodeDraft("host-1", facts)).toMatchObject({
    metadata: {
      labels: {
        [label.zone]: "z1",
        [label.beacon]: "lab",
        [label.provider]: "local",
        [label.hostname]: "host-1",
        [label.os]: "linux",
        [label.arch]: "amd64",
      },
      annotations: { "lighthouse.dev/endpoint": "unix:///run/docker.sock" },
    },
    spec: { providerID: "docker://ABCD:EFGH" },
  });
  expect(providerId(info)).toBe("docker://ABCD:EFGH");
});

test("nodeDraft() marks a simulated engine", () => {
  const draft = nodeDraft("host-1", { ...facts, info: { ...info, simulated: true } });
  expect(draft.metadata.annotations).toMatchObject({ "lighthouse.dev/simulated": "true" });
});

test("liveStatus() tells capacity, addresses and versions", () => {
  expect(liveStatus("host-1", undefined, facts, nowMs)).toMatchObject({
    capacity: { cpu: "2", memory: "4194304Ki", pods: "250", "ephemeral-storage": "1048576Ki" },
    addresses: [
      { type: "InternalIP", address: "10.0.0.7" },
      { type: "Hostname", address: "host-1" },
    ],
    nodeInfo: { containerRuntimeVersion: "docker://20.10.24", kubeletVersion: "v0.1.0" },
    conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2026-11-21T12:00:00Z" }],
  });
});

test.each([
  ["tcp://10.0.0.7:2375", true, true],
  ["tcp://127.0.0.1:2375", true, false],
  ["unix:///run/docker.sock", false, false],
  ["tcp://10.0.0.7:2376", false, false],
])("liveStatus() warns of an open port at %s: %s", (endpoint, isPlain, want) => {
  const plain = { ...facts, endpoint, isPlain };
  const { conditions = [] } = liveStatus("host-1", undefined, plain, nowMs);
  expect(conditions.some(({ type }) => type === "InsecureEngine")).toBe(want);
});

test("liveStatus() takes the warning back once the engine is protected", () => {
  const endpoint = "tcp://10.0.0.7:2376";
  const before = node(
    liveStatus("host-1", undefined, { ...facts, endpoint, isPlain: true }, nowMs),
  );
  expect(liveStatus("host-1", before, { ...facts, endpoint }, nowMs).conditions).toMatchObject([
    { type: "Ready", status: "True" },
    { type: "InsecureEngine", status: "False", reason: "Protected" },
  ]);
});

test("nodeDraft() carries name, taints and what of them is discovery's", () => {
  const taints = [{ key: "gpu", value: "a", effect: "NoSchedule" }] as const;
  const draft = nodeDraft("box", { ...facts, taints });
  expect(nodeNames(info, "box")[0]).toBe("box");
  expect(draft.spec?.taints).toEqual(taints);
  expect(draft.metadata.annotations).toMatchObject({
    "lighthouse.dev/discovered-labels": label.zone,
    "lighthouse.dev/discovered-taints": "gpu:NoSchedule",
  });
});

test("vanishedStatus() turns Ready Unknown and says why", () => {
  const before = node(liveStatus("host-1", undefined, facts, nowMs));
  expect(vanishedStatus(before, "gone", nowMs + 1).conditions).toMatchObject([
    { type: "Ready", status: "Unknown", reason: "HostVanished", message: "gone" },
  ]);
});

test("lostStatus() changes the verdict once, and keeps conditions of others", () => {
  const other = {
    type: "DiskPressure",
    status: "False",
    lastTransitionTime: "2026-11-21T11:00:00Z",
  };
  const refused = { reason: "EngineUnreachable", message: "connection refused" };
  const live = liveStatus("host-1", node({ conditions: [other] }), facts, nowMs);
  const before = node(live);
  const lost = lostStatus(before, refused, nowMs + 5_000);
  expect(lost.conditions).toMatchObject([
    other,
    { type: "Ready", status: "False", reason: "EngineUnreachable", message: "connection refused" },
  ]);
  const after = node({ ...live, ...lost });
  const again = lostStatus(after, refused, nowMs + 9_000);
  expect(changedStatus(after, again)).toBeUndefined();
});

test("changedStatus() names only the fields that differ", () => {
  const live = liveStatus("host-1", undefined, facts, nowMs);
  expect(changedStatus(node(live), live)).toBeUndefined();
  expect(changedStatus(node(live), { ...live, capacity: { cpu: "4" } })).toEqual({
    capacity: { cpu: "4" },
  });
});

test("liveStatus() tells what the owner lends out, images, and what runs short", () => {
  const pressure = {
    type: "DiskPressure",
    status: "True",
    reason: "KubeletHasDiskPressure",
    message: "agent sees disk pressure",
  } as const;
  const images = [{ names: ["web:1"], sizeBytes: 9 }];
  const report = { images, pressures: [pressure], pulledImages: "{}" };
  const here = { matchLabels: { [label.hostname]: "host-1" }, offer: { cpu: "500m" } };
  const seen = { ...facts, report, offers: { offer: { memory: "1Gi" }, offers: [here] } };
  const status = liveStatus("host-1", undefined, seen, nowMs);
  expect(status).toMatchObject({ capacity: { cpu: "2" }, images });
  expect(status.allocatable).toMatchObject({ cpu: "500m", memory: "1Gi" });
  expect(status.conditions).toMatchObject([{ type: "Ready" }, pressure]);
  expect(changedStatus(node(status), liveStatus("host-1", node(status), seen, nowMs + 1))).toBe(
    undefined,
  );
  expect(nodeDraft("host-1", seen).metadata.annotations).toMatchObject({
    "lighthouse.dev/pulled-images": "{}",
  });
});
