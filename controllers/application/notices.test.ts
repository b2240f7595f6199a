import { expect, test } from "vitest";
import { passOver, updating } from "../../test/kit/rollout-drive.ts";
import type { RolloutWorld } from "../../test/kit/rollout-world.ts";
import { spanText } from "./notices.ts";

/** Everything that the Events tell until the phase is reached, each once. */
function eventsUntil(world: RolloutWorld, phase: string): readonly string[] {
  const told: string[] = [];
  for (let round = 0; round < 200 && world.memory.rollout?.phase !== phase; round += 1) {
    world.settleAgents();
    const before = JSON.stringify(world.memory);
    const { notices, steps, requeueAfterMs } = passOver(world);
    told.push(...notices.map(({ type, reason, message }) => `${type} ${reason}: ${message}`));
    if (steps.length > 0 || before !== JSON.stringify(world.memory)) continue;
    world.nowMs += requeueAfterMs ?? 1_000;
  }
  return told;
}

test("planApplication() tells of batches and of the end, and how long it took", () => {
  const world = updating({ batch: 2 }, { replicas: 4 });
  expect(eventsUntil(world, "Completed")).toEqual([
    "Normal BatchStarted: Batch 1 of 2 of web-2 begins",
    "Normal BatchStarted: Batch 2 of 2 of web-2 begins",
    "Normal Completed: web-2 runs in every slot, after 40 s",
  ]);
});

test("planApplication() tells of the canary, of its approval, of a pause and of its end", () => {
  const world = updating({ canary: 1, manualApproval: true, batch: 2 });
  expect(eventsUntil(world, "Waiting")).toEqual([
    "Normal BatchStarted: Batch 1 of 2, the canary, of web-2 begins",
    "Normal WaitingForApproval: The canary of web-2 is good and waits for an approval: lighthouse rollout approve web",
  ]);
  world.wish.paused = true;
  expect(eventsUntil(world, "Paused")).toEqual([
    "Normal PausedByUser: web-2 is paused in Waiting by spec.paused",
  ]);
  world.wish.paused = false;
  expect(eventsUntil(world, "Waiting")).toEqual([
    "Normal Resumed: web-2 goes on in Canary",
    "Normal WaitingForApproval: The canary of web-2 is good and waits for an approval: lighthouse rollout approve web",
  ]);
  world.wish.approved = "web-2";
  expect(eventsUntil(world, "Verifying")).toEqual([
    "Normal CanaryApproved: The canary of web-2 is approved",
    "Normal BatchStarted: Batch 2 of 2 of web-2 begins",
  ]);
});

test("planApplication() tells which slot failed on which host, with its last words, and what followed", () => {
  const world = updating({ tolerated: 1 });
  eventsUntil(world, "Rolling");
  const fail = (name: string): void => {
    const pod = world.pods.get(name);
    const trouble = { reason: "Error", message: "container web ended with exit code 3: no config" };
    if (pod !== undefined) Object.assign(pod, { ended: true, ready: false, trouble });
  };
  passOver(world);
  fail("web-2-0");
  const { notices } = passOver(world);
  expect(notices[0]).toEqual({
    type: "Warning",
    reason: "SlotsFailed",
    message: "slots 0 of web-2 failed, 1 of 1 tolerated",
  });
  fail("web-2-1");
  expect(eventsUntil(world, "RolledBack")).toEqual([
    "Warning ContainerFailed: web-2 failed, going back to web-1: slot 1: pod web-2-1 on node-1 " +
      "ended: container web ended with exit code 3: no config",
    expect.stringMatching(/^Warning RolledBack: web-2 failed, web-1 runs: slot 1: /) as string,
  ]);
});

test("planApplication() tells that Nodes are awaited, and that they are back", () => {
  const world = updating({ offlineNodes: "Wait" });
  eventsUntil(world, "Rolling");
  world.offline.add("node-2");
  expect(eventsUntil(world, "Waiting")).toEqual([
    "Warning WaitingForNodes: web-2 waits: Some nodes do not answer",
  ]);
  world.offline.clear();
  expect(eventsUntil(world, "Rolling")).toEqual([
    "Normal Resumed: web-2 goes on: The nodes answer again",
  ]);
});

test.each([
  [0, "0 s"],
  [59_600, "1 min"],
  [95_000, "1 min 35 s"],
  [3_600_000, "1 h"],
  [3_900_000, "1 h 5 min"],
])("spanText() says %d ms as %s", (ms, want) => {
  expect(spanText(ms)).toBe(want);
});
