import { expect, test } from "vitest";
import type { PlannedSlot, RolloutPlan } from "../crds/rollout-plan.ts";
import { planLines, slotTable } from "./plan-text.ts";

const slot = (name: string, over: Partial<PlannedSlot> = {}): PlannedSlot => ({
  slot: name,
  item: Number(name),
  batch: 1,
  placement: "Kept",
  node: `host-${name}`,
  fromNode: `host-${name}`,
  pod: `web-5-${name}`,
  ...over,
});

const plan = (over: Partial<RolloutPlan> = {}): RolloutPlan => ({
  kind: "RolloutPlan",
  apiVersion: "lighthouse.dev/v1",
  metadata: { name: "web", namespace: "shop" },
  summary: ["web-5 replaces web-4 on 3 slots in 2 batches, StopFirst"],
  action: "Rollout",
  revision: "web-5",
  isNewRevision: true,
  fromRevision: "web-4",
  order: "StopFirst",
  isOrderDerived: true,
  slots: [
    slot("0"),
    slot("1", { batch: 2 }),
    slot("2", { batch: 2, node: "host-9", placement: "Moved" }),
  ],
  batches: [
    { number: 1, slots: ["0"], isCanary: true, waitsForApproval: true },
    { number: 2, slots: ["1", "2"], isCanary: false, waitsForApproval: false },
  ],
  images: [{ image: "web:v5", present: ["host-1"], pull: ["host-0", "host-9"], unknown: [] }],
  refusals: [],
  ...over,
});

const lines = (one: RolloutPlan): readonly string[] => planLines(one).map(({ text }) => text);

test("planLines() tells batches, moves and pulls", () => {
  expect(lines(plan())).toEqual([
    "web-5 replaces web-4 on 3 slots in 2 batches, StopFirst",
    "batch 1, canary: slot 0 on host-0; then it waits for an approval",
    "batch 2: slots 1-2 on host-1, host-9",
    "slot 2 moves from host-2 to host-9",
    "image web:v5: pulled on host-0, host-9; there on host-1",
  ]);
});

test("planLines() marks what would be refused", () => {
  const refusals = [
    { slot: "1", reason: "Unschedulable", message: "0/2 nodes are available" },
    { reason: "PortConflict", message: "two hold port 80" },
  ];
  expect(planLines(plan({ refusals })).filter(({ isRefusal }) => isRefusal)).toEqual([
    { text: "refused: slot 1: Unschedulable: 0/2 nodes are available", isRefusal: true },
    { text: "refused: PortConflict: two hold port 80", isRefusal: true },
  ]);
});

test("planLines() folds many batches, slots and Nodes", () => {
  const slots = Array.from({ length: 1000 }, (_, number) => slot(String(number)));
  const batches = Array.from({ length: 100 }, (_, index) => ({
    number: index + 1,
    slots: slots.slice(index * 10, index * 10 + 10).map((one) => one.slot),
    isCanary: false,
    waitsForApproval: false,
  }));
  const text = lines(plan({ slots, batches, images: [] }));
  expect(text).toHaveLength(8);
  expect(text[1]).toBe(
    "batch 1: slots 0-9 on host-0, host-1, host-2, host-3, host-4, host-5 and 4 more",
  );
  expect(text[6]).toBe("… 94 more batches");
});

test("planLines() is short when nothing would change", () => {
  const none = plan({ action: "None", summary: ["Nothing would change"], batches: [], slots: [] });
  expect(lines(none)).toEqual(["Nothing would change"]);
});

test("slotTable() shows every slot", () => {
  const { slots } = plan();
  const homeless = slot("3", { placement: "None", message: "no room" });
  const { node: _node, batch: _batch, ...nowhere } = homeless;
  const table = slotTable(plan({ slots: [...slots, nowhere] }));
  expect(table.split("\n")).toHaveLength(6);
  expect(table).toMatch(/^2\s+2\s+Moved\s+host-9\s+host-2\s+web-5-2$/m);
  expect(table).toMatch(/^3\s+<none>\s+None\s+<none>\s+host-3\s+web-5-3\s+no room$/m);
});
