import { expect, test } from "vitest";
import type { Node } from "../api/machinery/resources.ts";
import type { HostFacts } from "./node.ts";
import { withdrawals } from "./node-marks.ts";

const node = (annotations: Record<string, string>, taints?: object[]): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "n", uid: "u", resourceVersion: "1", creationTimestamp: "", annotations },
  ...(taints === undefined ? {} : { spec: { taints: taints as never } }),
});
const facts = (more: Pick<HostFacts, "labels" | "taints">): HostFacts =>
  ({ info: { id: "E" }, ...more }) as HostFacts;

const discovered = {
  "lighthouse.dev/discovered-labels": "disk,rack",
  "lighthouse.dev/discovered-taints": "gpu:NoSchedule",
};

test("withdrawals() takes back labels that discovery set and shows no more", () => {
  const gone = withdrawals(node(discovered), facts({ labels: { disk: "ssd" } }));
  expect(gone).toMatchObject({
    isNeeded: true,
    labels: { rack: null },
    annotations: { "lighthouse.dev/discovered-taints": null },
  });
});

test("withdrawals() changes taints of discovery alone", () => {
  const others = [{ key: "mine", effect: "NoExecute" }];
  const before = node(discovered, [{ key: "gpu", value: "a", effect: "NoSchedule" }, ...others]);
  const taints = [{ key: "disk", effect: "NoSchedule" }] as const;
  expect(withdrawals(before, facts({ labels: {}, taints })).taints).toEqual([...others, ...taints]);
});

test("withdrawals() leaves a taint that stands there with its time", () => {
  const added = { key: "gpu", value: "a", effect: "NoSchedule", timeAdded: "2026-01-01T00:00:00Z" };
  const taints = [{ key: "gpu", value: "a", effect: "NoSchedule" }] as const;
  const gone = withdrawals(node(discovered, [added]), facts({ labels: {}, taints }));
  expect(gone).not.toHaveProperty("taints");
});
