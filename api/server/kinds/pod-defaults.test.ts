import { expect, test } from "vitest";
import { tolerateLostNode } from "./pod-defaults.ts";

const both = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
const added = (key: string) => ({
  key,
  operator: "Exists",
  effect: "NoExecute",
  tolerationSeconds: 300,
});

test.each<[string, readonly object[], readonly string[]]>([
  ["adds what nothing is said about", [], both],
  ["leaves a Pod alone that tolerates everything", [{ operator: "Exists" }], []],
  [
    "leaves alone what a Pod says itself",
    [{ key: both[0], operator: "Exists", effect: "NoExecute", tolerationSeconds: 5 }],
    [both[1] ?? ""],
  ],
  ["adds to a toleration of another effect", [{ key: both[0], effect: "NoSchedule" }], both],
])("tolerateLostNode() %s", (_why, own, missing) => {
  const object = { metadata: {}, spec: { tolerations: [...own] } };
  tolerateLostNode(object as never);
  expect(object.spec.tolerations).toEqual([...own, ...missing.map(added)]);
});
