import { expect, test } from "vitest";
import { planScheduling } from "./plan.ts";
import type { NodeSeen, PodSeen } from "./seen.ts";

const node = (name: string, labels: Readonly<Record<string, string>>): NodeSeen => ({
  name,
  labels,
  ready: true,
  unschedulable: false,
  taints: [],
  allocatable: new Map(),
});
const wish = (weight: number, key: string, value: string) => ({
  weight,
  term: { labels: [{ key, operator: "In", values: [value] }], fields: [] },
});
const pod = (wishes: PodSeen["wishes"]): PodSeen => ({
  namespace: "shop",
  name: "p",
  uid: "p",
  createdAt: "",
  priority: 0,
  group: "p",
  runs: true,
  requests: new Map(),
  ports: [],
  constraints: { labels: {} },
  tolerations: [],
  ...(wishes === undefined ? {} : { wishes }),
});
const nodes = [
  node("a", { disk: "ssd" }),
  node("b", { disk: "ssd", zone: "x" }),
  node("c", { zone: "x" }),
];

test.each<[string, PodSeen["wishes"], string]>([
  ["adds weights up", [wish(60, "disk", "ssd"), wish(50, "zone", "x")], "b"],
  ["prefers the heavier one", [wish(10, "disk", "hdd"), wish(1, "zone", "x")], "b"],
  ["goes without when no Node is like that", [wish(100, "disk", "tape")], "a"],
  ["wishes for nothing", undefined, "a"],
])("planScheduling() %s", (_why, wishes, want) => {
  const seen = { nodes, bound: [], pending: [pod(wishes)], spreads: new Map() };
  expect(planScheduling(seen).bindings.map((one) => one.node)).toEqual([want]);
});
