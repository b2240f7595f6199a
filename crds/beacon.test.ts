import { expect, test } from "vitest";
import { compileStructural } from "../api/server/schema/structural.ts";
import { crds } from "./crds.ts";

const crd = crds.find(({ spec }) => spec.names.kind === "Beacon");
const schema = compileStructural(crd?.spec.versions[0]?.schema.openAPIV3Schema ?? {});

function beacon(spec?: object, name = "here"): Record<string, unknown> {
  const object = { apiVersion: "lighthouse.dev/v1", kind: "Beacon", metadata: { name } };
  return spec === undefined ? object : { ...object, spec };
}

function breaches(object: unknown): string[] {
  expect(schema.prune(object)).toEqual([]);
  schema.setDefaults(object);
  return schema.validate(object).map(({ field, message }) => `${field}: ${message}`);
}

test("a Beacon needs no spec and is not paused", () => {
  const object = beacon();
  expect(breaches(object)).toEqual([]);
  expect(object["spec"]).toEqual({ paused: false });
});

test("a Beacon takes a full spec and status", () => {
  const offer = { cpu: "1.5", memory: "8Gi", pods: 20, reserved: { cpu: "500m" } };
  const spec = {
    description: "cellar",
    paused: true,
    nodeLabels: { room: "2" },
    provider: "ec2",
    providerConfig: {
      scope: "shop-42",
      regions: ["eu-west-1"],
      labels: { docker: "yes" },
      tags: ["docker"],
      nic: "eth1",
      subnet: "10.0.0.0/8",
      publicAddress: false,
    },
    engine: { scheme: "ssh", port: 2222, user: "ops" },
    interval: "5m",
    credentialsRef: { namespace: "lighthouse", name: "aws" },
    vanished: { policy: "Delete", after: "30m" },
    offer: { ...offer, cpuManagerPolicy: "Static", onShortage: "Evict" },
    offers: [{ matchLabels: { "kubernetes.io/hostname": "attic" }, offer }],
    storage: { checkSeconds: 5, imageHighPercent: 70, imageLowPercent: 60 },
  };
  const condition = {
    type: "Connected",
    status: "True",
    reason: "TunnelOpen",
    message: "",
    lastTransitionTime: "2026-01-01T00:00:00Z",
    observedGeneration: 1,
  };
  const status = {
    observedGeneration: 1,
    version: "0.1.0",
    provider: "local",
    hostname: "cellar",
    address: "[::1]:443",
    nodes: 2,
    readyNodes: 1,
    lastSeen: "2026-01-01T00:00:00Z",
    certificateExpiresAt: "2026-02-01T00:00:00Z",
    conditions: [condition],
  };
  expect(breaches({ ...beacon(spec), status })).toEqual([]);
});

test.each([
  [
    "an offer that is no quantity",
    beacon({ offer: { cpu: "-1" } }),
    'spec.offer.cpu: Invalid value: "-1": spec.offer.cpu in body should match',
  ],
  [
    "thresholds that cross",
    beacon({ storage: { imageHighPercent: 70 } }),
    'spec.storage: Invalid value: "object": imageLowPercent must be less than imageHighPercent',
  ],
  [
    "more pods than an engine can hold",
    beacon({ offer: { pods: 251 } }),
    "spec.offer.pods: Invalid value: 251: spec.offer.pods in body should be less than or equal to 250",
  ],
  [
    "an unknown provider",
    beacon({ provider: "aws" }),
    'spec.provider: Unsupported value: "aws": supported values: "auto", "local", "config"',
  ],
  [
    "an interval that is too short",
    beacon({ interval: "4s" }),
    'spec.interval: Invalid value: "4s": must lie between 5s and 24h',
  ],
  [
    "credentials without a name",
    beacon({ credentialsRef: { namespace: "lighthouse" } }),
    "spec.credentialsRef.name: Required value",
  ],
  [
    "a policy that is none",
    beacon({ vanished: { policy: "Forget" } }),
    'spec.vanished.policy: Unsupported value: "Forget": supported values: "Keep", "Delete"',
  ],
])("a Beacon with %s is refused", (_what, object, message) => {
  expect(breaches(object)).toEqual([expect.stringContaining(message)]);
});

test.each([
  [
    "a label of Lighthouse",
    beacon({ nodeLabels: { "lighthouse.dev/beacon": "x" } }),
    'spec.nodeLabels: Invalid value: "object": labels under lighthouse.dev/ and kubernetes.io/ are set by the agent alone',
  ],
  [
    "a name that is no label value",
    beacon({}, "a".repeat(64)),
    ': Invalid value: "object": metadata.name must be no more than 63 characters, as it becomes the value of a label',
  ],
])("a Beacon must not have %s", (_why, object, want) => {
  expect(breaches(object)).toEqual([want]);
});
