import { expect, test } from "vitest";
import { planNamespace, type Remaining, type Seen } from "./plan.ts";

const now = "2026-01-01T00:00:00Z";
const seen = (over: Partial<Seen>): Seen => ({
  deleting: true,
  finalizers: ["kubernetes"],
  conditions: [],
  remaining: [],
  ...over,
});
const pods = (over: Partial<Remaining> = {}): Remaining => ({
  resource: "pods",
  living: 0,
  finalizers: new Map(),
  total: 2,
  ...over,
});

test.each<[string, Partial<Seen>, object]>([
  ["leaves a living namespace alone", { deleting: false, remaining: [pods()] }, { empty: [] }],
  ["leaves alone what others hold", { finalizers: ["example.com/mine"] }, { empty: [] }],
  ["lets an empty namespace go", {}, { empty: [], finalize: [] }],
  [
    "takes out its own finalizer only",
    { finalizers: ["kubernetes", "example.com/mine"] },
    { empty: [], finalize: ["example.com/mine"] },
  ],
])("planNamespace() %s", (_why, over, want) => {
  expect(planNamespace(seen(over), now)).toEqual(want);
});

test("planNamespace() empties kinds once and reports each state once", () => {
  const first = planNamespace(seen({ remaining: [pods({ living: 2 })] }), now);
  expect(first.empty).toEqual(["pods"]);
  expect(first.conditions?.map(({ type, status }) => `${type}=${status}`)).toEqual([
    "NamespaceContentRemaining=True",
    "NamespaceFinalizersRemaining=False",
  ]);
  const conditions = first.conditions ?? [];
  expect(planNamespace(seen({ conditions, remaining: [pods()] }), now)).toEqual({ empty: [] });
  const held = pods({ finalizers: new Map([["example.com/mine", 1]]) });
  const third = planNamespace(seen({ conditions, remaining: [held] }), now);
  expect(third.conditions?.[1]).toMatchObject({ status: "True", reason: "SomeFinalizersRemain" });
});
