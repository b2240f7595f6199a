import { expect, test } from "vitest";
import { type SightedState, sightedPod, sightMs } from "../../test/kit/rollout-sight.ts";
import { failureOf, slotView, type SlotView } from "./slot-view.ts";

const course = {
  goal: "web-2",
  minReadyMs: 5000,
  failedSlots: new Set<string>(),
  offlineSlots: new Set<string>(),
  nowMs: sightMs,
};

test.each<[why: string, state: SightedState, want: Partial<SlotView>]>([
  [
    "is created",
    { desired: "Prepared", prepared: false, waiting: { reason: "ContainerCreating" } },
    { phase: "preparing", text: "" },
  ],
  ["waits for its batch", { desired: "Prepared" }, { phase: "prepared", text: "" }],
  ["runs and is not ready", { running: true }, { phase: "starting", text: "runs, not ready yet" }],
  [
    "is ready for too short a time",
    { readyFor: 2 },
    { phase: "proving", goodAtMs: sightMs + 3000 },
  ],
  ["is ready for long enough", { readyFor: 5 }, { phase: "good" }],
  [
    "has a name that a host's container holds",
    { waiting: { reason: "NameConflict", message: "the name web is taken\nby nginx" } },
    { phase: "starting", text: "NameConflict: the name web is taken by nginx" },
  ],
])("slotView() of a slot that %s", (_why, state, want) => {
  expect(slotView("0", [sightedPod("web-2", "0", state)], course)).toMatchObject(want);
});

test("slotView() tells where a slot is whose turn has not come", () => {
  const old = sightedPod("web-1", "0", { readyFor: 60, node: "host-7" });
  expect(slotView("0", [old], course)).toEqual({
    slot: "0",
    node: "host-7",
    phase: "ahead",
    text: "",
  });
});

test("slotView() believes the controller about failures and hosts that are away", () => {
  const pod = sightedPod("web-2", "0", { readyFor: 60 });
  const set = new Set(["0"]);
  expect(slotView("0", [pod], { ...course, failedSlots: set }).phase).toBe("failed");
  expect(slotView("0", [pod], { ...course, offlineSlots: set }).phase).toBe("offline");
  expect(slotView("0", [], { ...course, failedSlots: set }).phase).toBe("failed");
});

test.each<[why: string, state: SightedState, want: string | undefined]>([
  ["that never ended", { running: true }, undefined],
  ["that ended well", { ended: { exitCode: 0 } }, undefined],
  [
    "that ended well, and again",
    { ended: { exitCode: 0 }, restarts: 1 },
    "exit code 0, restarted once",
  ],
  [
    "that was killed",
    { ended: { exitCode: 137 }, restarts: 3 },
    "exit code 137, restarted 3 times",
  ],
])("failureOf() a container %s", (_why, state, want) => {
  const failure = failureOf(sightedPod("web-2", "0", state));
  expect(failure?.summary).toBe(
    want === undefined ? undefined : `container web ended with ${want}`,
  );
});
