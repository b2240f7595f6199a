import { expect, test } from "vitest";
import { type EvictionSeen, planEvictions, type Toleration } from "./eviction-plan.ts";

const nowMs = 1_000_000;
const unreachable = { key: "node.kubernetes.io/unreachable", effect: "NoExecute" };
const own = { key: "maintenance", value: "yes", effect: "NoExecute" };
const for300: Toleration = {
  key: unreachable.key,
  operator: "Exists",
  effect: "NoExecute",
  tolerationSeconds: 300,
};
const seen = (tolerations: readonly Toleration[], over: Partial<EvictionSeen> = {}) => ({
  taints: [unreachable],
  sinceMs: [nowMs - 300_000],
  ready: false,
  fleetAnswers: true,
  pods: [{ uid: "u", tolerations }],
  ...over,
});

test.each<[string, EvictionSeen, object]>([
  ["takes who does not tolerate it at once", seen([]), { evict: ["u"] }],
  ["takes who tolerated it for long enough", seen([for300]), { evict: ["u"] }],
  [
    "waits for the end of a toleration",
    seen([for300], { sinceMs: [nowMs - 299_000] }),
    { evict: [], nextAtMs: nowMs + 1_000 },
  ],
  [
    "leaves who tolerates it for ever",
    seen([{ key: unreachable.key, operator: "Exists" }]),
    { evict: [] },
  ],
  ["leaves who tolerates everything", seen([{ operator: "Exists" }]), { evict: [] }],
  [
    "takes the shortest of several tolerations",
    seen([{ operator: "Exists" }, { ...for300, tolerationSeconds: 10 }]),
    { evict: ["u"] },
  ],
  [
    "takes who tolerates one taint and not the other",
    seen([{ key: unreachable.key, operator: "Exists" }], {
      taints: [unreachable, own],
      sinceMs: [nowMs, nowMs],
    }),
    { evict: ["u"] },
  ],
  [
    "heeds the value",
    seen([{ key: "maintenance", value: "no" }], { taints: [own], sinceMs: [nowMs] }),
    { evict: ["u"] },
  ],
  [
    "leaves all on a Node that is tainted otherwise",
    seen([], { taints: [{ ...own, effect: "NoSchedule" }] }),
    { evict: [] },
  ],
  ["takes nobody from a Node that is back", seen([], { ready: true }), { evict: [] }],
  ["takes nobody when no Node answers", seen([], { fleetAnswers: false }), { evict: [] }],
  [
    "takes whom a user's taint drives out, also when no Node answers",
    seen([], { taints: [own], sinceMs: [nowMs], fleetAnswers: false, ready: true }),
    { evict: ["u"] },
  ],
])("planEvictions() %s", (_why, world, want) => {
  expect(planEvictions(world, nowMs)).toEqual(want);
});
