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
    "NamespaceDeletionDiscoveryFailure=False",
    "NamespaceDeletionGroupVersionParsingFailure=False",
    "NamespaceDeletionContentFailure=False",
    "NamespaceContentRemaining=True",
    "NamespaceFinalizersRemaining=False",
  ]);
  const conditions = first.conditions ?? [];
  expect(planNamespace(seen({ conditions, remaining: [pods()] }), now)).toEqual({ empty: [] });
  const held = pods({ finalizers: new Map([["example.com/mine", 1]]) });
  const third = planNamespace(seen({ conditions, remaining: [held] }), now);
  expect(third.conditions?.[4]).toMatchObject({ status: "True", reason: "SomeFinalizersRemain" });
});

test("planNamespace() lets nothing go that it could not look at", () => {
  const failure = { of: "Discovery", message: "no answer" } as const;
  const { conditions = [], finalize } = planNamespace(seen({ failure }), now);
  expect(finalize).toBeUndefined();
  expect(conditions).toHaveLength(3);
  expect(conditions[0]).toMatchObject({
    type: "NamespaceDeletionDiscoveryFailure",
    status: "True",
    reason: "DiscoveryFailed",
    message: "no answer",
  });
});

test("planNamespace() says what could not be deleted", () => {
  const failure = { of: "Content", message: "forbidden" } as const;
  const { conditions = [] } = planNamespace(seen({ failure, remaining: [pods()] }), now);
  expect(conditions.map(({ status }) => status)).toEqual([
    "False",
    "False",
    "True",
    "True",
    "False",
  ]);
});
