import { expect, test } from "vitest";
import { buildPod } from "../../test/kit/pod-world.ts";
import { deliveriesOf } from "./deliveries.ts";

const sum = "a".repeat(64);
const annotations = { "data.lighthouse.dev/in": `https://files.example/a#sha256=${sum}` };
const mounting = (name: string, more: object = {}) => ({
  name,
  image: "registry.example/a",
  volumeMounts: [{ name: "in", mountPath: `/${name}`, ...more }],
});

test("deliveriesOf() takes the first container that may write", () => {
  const pod = buildPod({
    metadata: { annotations },
    spec: {
      volumes: [{ name: "in", emptyDir: {} }],
      initContainers: [mounting("look", { readOnly: true })],
      containers: [mounting("one"), mounting("two")],
    },
  });
  expect(deliveriesOf(pod, "one")).toEqual([
    {
      source: { volume: "in", url: "https://files.example/a", sha256: sum },
      mountPath: "/one",
    },
  ]);
  expect(["look", "two", "absent"].flatMap((name) => deliveriesOf(pod, name))).toEqual([]);
});
