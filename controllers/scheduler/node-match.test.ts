import { expect, test } from "vitest";
import { matchesNode, untoleratedTaint } from "./node-match.ts";
import type { NodeSeen, Toleration } from "./seen.ts";

const node: NodeSeen = {
  name: "a",
  labels: { disk: "ssd", cores: "8" },
  ready: true,
  unschedulable: false,
  taints: [],
  allocatable: new Map(),
};

test.each([
  ["disk", "In", ["hdd", "ssd"], true],
  ["disk", "In", ["hdd"], false],
  ["zone", "In", ["x"], false],
  ["disk", "NotIn", ["hdd"], true],
  ["disk", "NotIn", ["ssd"], false],
  ["zone", "NotIn", ["x"], true],
  ["disk", "Exists", [], true],
  ["zone", "Exists", [], false],
  ["zone", "DoesNotExist", [], true],
  ["disk", "DoesNotExist", [], false],
  ["cores", "Gt", ["7"], true],
  ["cores", "Gt", ["8"], false],
  ["cores", "Lt", ["9"], true],
  ["disk", "Lt", ["9"], false],
  ["zone", "Gt", ["0"], false],
  ["cores", "Gt", [], false],
  ["disk", "Like", ["s"], false],
])("matchesNode() takes %s %s %j as %s", (key, operator, values, want) => {
  const terms = [{ labels: [{ key, operator, values }], fields: [] }];
  expect(matchesNode({ labels: {}, terms }, node)).toBe(want);
});

test("matchesNode() knows one field", () => {
  const field = (key: string) => ({
    labels: {},
    terms: [{ labels: [], fields: [{ key, operator: "In", values: ["a"] }] }],
  });
  expect(matchesNode(field("metadata.name"), node)).toBe(true);
  expect(matchesNode(field("metadata.namespace"), node)).toBe(false);
});

test("matchesNode() needs every label of the selector and one of the terms", () => {
  const ssd = { labels: [{ key: "disk", operator: "Exists", values: [] }], fields: [] };
  const gpu = { labels: [{ key: "gpu", operator: "Exists", values: [] }], fields: [] };
  expect(matchesNode({ labels: { cores: "8" }, terms: [gpu, ssd] }, node)).toBe(true);
  expect(matchesNode({ labels: { cores: "4" }, terms: [ssd] }, node)).toBe(false);
  expect(matchesNode({ labels: {}, terms: [gpu] }, node)).toBe(false);
  expect(matchesNode({ labels: {}, terms: [] }, node)).toBe(false);
  expect(matchesNode({ labels: {} }, node)).toBe(true);
});

test.each<[string, Toleration, boolean]>([
  ["the same key and value", { key: "gpu", value: "yes", effect: "NoSchedule" }, true],
  ["another value", { key: "gpu", value: "no" }, false],
  ["another effect", { key: "gpu", value: "yes", effect: "NoExecute" }, false],
  ["another key", { key: "disk", operator: "Exists" }, false],
  ["the key alone", { key: "gpu", operator: "Exists" }, true],
  ["everything", { operator: "Exists" }, true],
  ["nothing by an empty key with Equal", { key: "", operator: "Equal", value: "yes" }, false],
  ["nothing by an unknown operator", { key: "gpu", operator: "Like", value: "yes" }, false],
])("untoleratedTaint() lets a toleration cover %s", (_what, toleration, covered) => {
  const taint = { key: "gpu", value: "yes", effect: "NoSchedule" };
  expect(untoleratedTaint([toleration], [taint]) === undefined).toBe(covered);
});
