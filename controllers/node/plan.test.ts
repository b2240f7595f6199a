import { array, assert, boolean, constantFrom, integer, property, record } from "fast-check";
import { expect, test } from "vitest";
import { graceMs, type NodeCondition, planNode, type Seen } from "./plan.ts";

const now = "2026-01-01T00:01:00Z";
const ready = (status: string): NodeCondition => ({ type: "Ready", status, reason: "AgentReady" });
const taint = (key: string, effect = "NoSchedule") => ({
  key: `node.kubernetes.io/${key}`,
  effect,
});
const both = (key: string) => [taint(key), taint(key, "NoExecute")];
const seen = (over: Partial<Seen>): Seen => ({
  conditions: [ready("True")],
  taints: [],
  unschedulable: false,
  silentMs: 0,
  ...over,
});

test.each<[string, Partial<Seen>, object]>([
  ["leaves a Node alone that is alive", { silentMs: 39_999 }, { requeueAfterMs: 1 }],
  [
    "does not wait longer than the Lease says, as after a farewell",
    { silentMs: 4_000, leaseMs: 10_000 },
    { requeueAfterMs: 6_000 },
  ],
  [
    "never waits longer than the grace",
    { silentMs: 39_000, leaseMs: 3_600_000 },
    { requeueAfterMs: 1_000 },
  ],
  [
    "turns a silent Node Unknown, first of all",
    { silentMs: graceMs },
    {
      step: {
        kind: "setConditions",
        conditions: [
          {
            type: "Ready",
            status: "Unknown",
            reason: "NodeStatusUnknown",
            message: "The agent of this Node does not answer",
            lastTransitionTime: now,
          },
        ],
      },
    },
  ],
  [
    "then taints it",
    { silentMs: graceMs, conditions: [ready("Unknown")], taints: [taint("other")] },
    {
      step: {
        kind: "setTaints",
        taints: [taint("other"), ...both("unreachable").map((one) => ({ ...one, timeAdded: now }))],
      },
    },
  ],
  [
    "then is done",
    { silentMs: graceMs, conditions: [ready("Unknown")], taints: both("unreachable") },
    {},
  ],
  [
    "takes the taint away when the agent is back",
    { taints: [...both("unreachable"), taint("unschedulable")], unschedulable: true },
    { step: { kind: "setTaints", taints: [taint("unschedulable")] }, requeueAfterMs: graceMs },
  ],
  [
    "taints a Node that is cordoned",
    { unschedulable: true, taints: [taint("other")] },
    {
      step: {
        kind: "setTaints",
        taints: [taint("other"), { ...taint("unschedulable"), timeAdded: now }],
      },
      requeueAfterMs: graceMs,
    },
  ],
  [
    "takes that taint away with the cordon",
    { taints: [taint("unschedulable"), taint("unschedulable", "NoExecute")] },
    {
      step: { kind: "setTaints", taints: [taint("unschedulable", "NoExecute")] },
      requeueAfterMs: graceMs,
    },
  ],
  [
    "waits for the agent's own word after a heartbeat",
    { conditions: [ready("Unknown")], taints: both("unreachable") },
    { requeueAfterMs: graceMs },
  ],
  [
    "taints a Node that says it is not ready",
    { conditions: [ready("False")], taints: both("unreachable") },
    {
      step: {
        kind: "setTaints",
        taints: both("not-ready").map((one) => ({ ...one, timeAdded: now })),
      },
      requeueAfterMs: graceMs,
    },
  ],
  [
    "gives a Node that was just created time to say something",
    { conditions: [], silentMs: 10_000 },
    { requeueAfterMs: 30_000 },
  ],
])("planNode() %s", (_why, over, want) => {
  expect(planNode(seen(over), now)).toEqual(want);
});

test("planNode() leaves conditions alone that need no agent", () => {
  const disk = { type: "DiskPressure", status: "False" };
  const own = { type: "example.com/Audited", status: "True" };
  const { step } = planNode(
    seen({ conditions: [ready("True"), disk, own], silentMs: graceMs }),
    now,
  );
  const after = step?.kind === "setConditions" ? step.conditions : [];
  expect(after.map(({ status }) => status)).toEqual(["Unknown", "Unknown", "True"]);
});

const worlds = record({
  ready: constantFrom("True", "False", "Unknown", "none"),
  taints: array(constantFrom(...both("unreachable"), ...both("not-ready"), taint("mine")), {
    maxLength: 4,
  }),
  silent: boolean(),
  ms: integer({ min: 0, max: graceMs - 1 }),
}).map(({ ready: status, taints, silent, ms }) =>
  seen({
    conditions: status === "none" ? [] : [ready(status)],
    taints,
    silentMs: silent ? graceMs + ms : ms,
  }),
);

test("planNode() settles within two writes and keeps foreign taints", () => {
  const settles = property(worlds, (world) => {
    let state = world;
    for (let writes = 0; ; writes += 1) {
      const { step } = planNode(state, now);
      if (step === undefined) break;
      expect(writes).toBeLessThan(2);
      state =
        step.kind === "setTaints"
          ? { ...state, taints: step.taints }
          : { ...state, conditions: step.conditions };
    }
    const mine = (one: Seen): number => one.taints.filter(({ key }) => key.endsWith("mine")).length;
    expect(mine(state)).toBe(mine(world));
  });
  assert(settles);
});
