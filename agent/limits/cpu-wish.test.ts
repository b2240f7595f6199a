import { expect, test } from "vitest";
import { buildPod } from "../../test/kit/pod-world.ts";
import { annotation } from "../../crds/labels.ts";
import { membersOf } from "../pods/containers.ts";
import { exclusiveCpusOf } from "./cpu-wish.ts";

const guaranteed = { limits: { cpu: "2", memory: "1Gi" } };

function wish(resources: object, options: { policy?: "None" | "Static"; asks?: boolean } = {}) {
  const { policy = "Static", asks = false } = options;
  const annotations = asks ? { [annotation.exclusiveCpus]: "true" } : {};
  const containers = [{ name: "app", image: "web:1", resources }];
  const pod = buildPod({ metadata: { annotations }, spec: { containers } });
  const [member] = membersOf(pod.spec);
  if (member === undefined) throw new Error("no member");
  return exclusiveCpusOf(pod, member, policy);
}

test.each([
  ["whole CPUs of a Guaranteed pod", guaranteed, 2],
  ["the same amount, said twice", { ...guaranteed, requests: { cpu: "2000m" } }, 2],
  ["a part of a CPU", { limits: { cpu: "1500m", memory: "1Gi" } }, 0],
  ["no limit of memory", { limits: { cpu: "2" } }, 0],
  ["a lower request", { ...guaranteed, requests: { cpu: "1" } }, 0],
  ["nothing", {}, 0],
])("exclusiveCpusOf() with %s, policy Static", (_what, resources, want) => {
  expect(wish(resources)).toBe(want);
  expect(wish(resources, { policy: "None" })).toBe(0);
});

test("exclusiveCpusOf() goes by the annotation where the host has no such policy", () => {
  expect(wish({ limits: { cpu: "1" } }, { policy: "None", asks: true })).toBe(1);
  expect(() => wish({ limits: { cpu: "1500m" } }, { policy: "None", asks: true })).toThrow(
    "Cannot give container app CPUs of its own: request and limit must be the same whole number of CPUs (request none, limit 1500m)",
  );
});
