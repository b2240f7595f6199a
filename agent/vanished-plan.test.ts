import { expect, test } from "vitest";
import { type KnownNode, planVanished, type Seen } from "./vanished-plan.ts";

const node = (name: string, more: Partial<KnownNode> = {}): KnownNode => ({
  name,
  endpoint: `tcp://${name}:2376`,
  isTold: false,
  sinceMs: 0,
  ...more,
});
const seen = (nodes: readonly KnownNode[], more: Partial<Seen> = {}): Seen => ({
  nodes,
  shown: new Set(),
  running: new Set(),
  isSettled: true,
  ...more,
});
const nothing = { tell: [], remove: [] };

test.each([
  ["a host that is shown", seen([node("a")], { shown: new Set(["tcp://a:2376"]) }), nothing],
  ["a host that has moved", seen([node("a")], { running: new Set(["a"]) }), nothing],
  ["a Node that no agent registered", seen([{ name: "a", isTold: false, sinceMs: 0 }]), nothing],
  ["a host that may have moved", seen([node("a")], { isSettled: false }), nothing],
  ["a host that is gone", seen([node("a")]), { tell: ["a"], remove: [] }],
  ["a host that was told, under Keep", seen([node("a", { isTold: true })]), nothing],
])("planVanished() of %s", (_what, facts, want) => {
  expect(planVanished(facts, 1_000)).toEqual(want);
});

test("planVanished() deletes a Node that was told, when its time has come", () => {
  const nodes = [node("a", { isTold: true, sinceMs: 400 }), node("b", { isTold: true }), node("c")];
  const facts = seen(nodes, { deleteAfterMs: 1_000 });
  expect(planVanished(facts, 1_000)).toEqual({ tell: ["c"], remove: ["b"], againMs: 400 });
});

test("planVanished() never deletes what was not told first", () => {
  expect(planVanished(seen([node("a")], { deleteAfterMs: 0 }), 1_000)).toEqual({
    tell: ["a"],
    remove: [],
  });
});
