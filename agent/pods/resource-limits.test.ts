import { expect, test } from "vitest";
import type { Member } from "./containers.ts";
import { resourcesOf } from "./resource-limits.ts";

const member = (resources: object): Member => ({
  name: "app",
  role: "main",
  spec: { name: "app", image: "web:1", resources },
});
const host = { cpus: 4, cpuManagerPolicy: "None", hasDiskQuota: true } as const;
const mi = 1024 ** 2;

test.each([
  ["nothing", {}, {}],
  [
    "all of it",
    { requests: { cpu: "250m", memory: "64Mi" }, limits: { cpu: "1", memory: "128Mi" } },
    {
      Memory: 128 * mi,
      MemorySwap: 128 * mi,
      MemoryReservation: 64 * mi,
      NanoCpus: 1e9,
      CpuShares: 256,
    },
  ],
  [
    "a promise below Docker's least",
    { requests: { memory: "1Mi" } },
    { MemoryReservation: 6 * mi },
  ],
  [
    "a fraction of a byte",
    { limits: { memory: "8000000000m" } },
    { Memory: 8_000_000, MemorySwap: 8_000_000 },
  ],
  ["more CPUs than there are", { limits: { cpu: "64" } }, { NanoCpus: 4e9, CpuShares: 65_536 }],
  ["less CPU than the kernel can tell", { limits: { cpu: "1m" } }, { NanoCpus: 1e7, CpuShares: 2 }],
  ["a huge request", { requests: { cpu: "1000000" } }, { CpuShares: 262_144 }],
  [
    "zero, which is no limit",
    { limits: { cpu: "0", memory: "0" } },
    { Memory: 0, MemorySwap: 0, CpuShares: 2 },
  ],
  ["disk", { limits: { "ephemeral-storage": "1Gi" } }, { StorageOpt: { size: "1073741824" } }],
])("resourcesOf() with %s", (_what, resources, want) => {
  expect(resourcesOf(member(resources), host)).toEqual(want);
});

test("resourcesOf() limits no disk where the engine cannot", () => {
  const resources = { limits: { "ephemeral-storage": "1Gi" } };
  expect(resourcesOf(member(resources), { ...host, hasDiskQuota: false })).toEqual({});
});

test("resourcesOf() names a limit that Docker does not take", () => {
  expect(() => resourcesOf(member({ limits: { memory: "4Mi" } }), host)).toThrow(
    "Cannot limit memory of container app to 4Mi: Docker takes 6Mi at least",
  );
});
