import { expect, test } from "vitest";
import { buildPod } from "../../test/kit/pod-world.ts";
import { type ResourceReference, resourceValue } from "./resource-field.ts";
import { ConfigProblem } from "./sources.ts";

const { spec } = buildPod({
  spec: {
    containers: [
      {
        name: "app",
        image: "web:1",
        resources: { limits: { cpu: "500m", memory: "64Mi" }, requests: { cpu: "100m" } },
      },
      { name: "other", image: "web:1" },
    ],
  },
});

test.each<[ResourceReference, string]>([
  [{ resource: "limits.cpu" }, "1"],
  [{ resource: "limits.cpu", divisor: "1m" }, "500"],
  [{ resource: "limits.memory" }, "67108864"],
  [{ resource: "limits.memory", divisor: "1Mi" }, "64"],
  [{ resource: "limits.memory", divisor: "0" }, "67108864"],
  [{ resource: "limits.memory", divisor: "1Gi" }, "1"],
  [{ resource: "requests.cpu", divisor: "1m" }, "100"],
  [{ resource: "requests.memory", divisor: "1Mi" }, "64"],
  [{ resource: "requests.cpu", containerName: "other" }, "0"],
])("resourceValue(%j) is %s", (reference, want) => {
  expect(resourceValue(spec, reference, "app")).toBe(want);
});

test.each<[ResourceReference, string | undefined]>([
  [{ resource: "limits.memory", containerName: "other" }, "app"],
  [{ resource: "limits.ephemeral-storage" }, "app"],
  [{ resource: "requests.cpu", containerName: "none" }, "app"],
  [{ resource: "requests.cpu" }, undefined],
])("resourceValue(%j) of container %s is refused", (reference, own) => {
  expect(() => resourceValue(spec, reference, own)).toThrow(ConfigProblem);
});
