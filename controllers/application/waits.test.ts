import { expect, test } from "vitest";
import { driveTo, passOver, updating } from "../../test/kit/rollout-drive.ts";
import type { RolloutWorld, SimPod } from "../../test/kit/rollout-world.ts";
import { conditionsOf } from "./conditions.ts";
import { planApplication } from "./plan.ts";
import type { Seen, Strategy } from "./seen.ts";
import type { Wait } from "./step.ts";

type Row = {
  readonly name: string;
  readonly strategy?: Partial<Strategy>;
  /** From the beginning of an update to the wait. */
  readonly go: (world: RolloutWorld) => void;
  readonly want: Partial<Wait>;
};

const edit = (world: RolloutWorld, name: string, over: Partial<SimPod>): void => {
  const pod = world.pods.get(name);
  if (pod === undefined) throw new Error(`Cannot find pod ${name}`);
  Object.assign(pod, over);
};

const settle = (world: RolloutWorld): void => {
  passOver(world);
  world.settleAgents();
  passOver(world);
};

const rows: readonly Row[] = [
  {
    name: "the API server, that has to make a pod",
    go: () => undefined,
    want: { owner: "api-server", message: "slot 0: the pod is being made", slot: "0" },
  },
  {
    name: "the scheduler, in its words",
    go: (world) => {
      passOver(world);
      const trouble = { reason: "Unschedulable", message: "0/4 nodes are available" };
      for (const pod of world.pods.values()) {
        if (pod.revision === "web-2") Object.assign(pod, { trouble }, { node: undefined });
      }
      for (const pod of world.pods.values()) if (pod.revision === "web-2") delete pod.node;
    },
    want: {
      owner: "scheduler",
      reason: "Unschedulable",
      message: "slot 0: pod web-2-0 has no Node: 0/4 nodes are available",
    },
  },
  {
    name: "a host that pulls, in the words of its registry",
    go: (world) => {
      world.behaviours.set("v2", "unpullable");
      settle(world);
      edit(world, "web-2-0", { trouble: { reason: "ErrImagePull", message: "no such host" } });
    },
    want: {
      owner: "node/node-0",
      reason: "ImagePullFailed",
      message: "slot 0: pod web-2-0 on node-0 is not prepared: no such host",
    },
  },
  {
    name: "a container that does not get ready, and its last words",
    go: (world) => {
      world.behaviours.set("v2", "hangs");
      driveTo(world, "Rolling");
      settle(world);
      const trouble = { reason: "NotReady", message: "GET /healthz answered 503" };
      edit(world, "web-2-0", { trouble });
    },
    want: {
      owner: "node/node-0",
      reason: "WaitingForReady",
      message: "slot 0: pod web-2-0 on node-0 is not ready: GET /healthz answered 503",
    },
  },
  {
    name: "the clock, until a slot is good",
    go: (world) => {
      driveTo(world, "Rolling");
      settle(world);
    },
    want: {
      owner: "clock",
      reason: "WaitingForReady",
      message: "slot 0: pod web-2-0 on node-0 is ready, and not yet for minReadySeconds",
    },
  },
  {
    name: "an old container that has not stopped",
    strategy: { order: "StartFirst", monitorMs: 0 },
    go: (world) => {
      for (const name of ["web-1-0", "web-1-1", "web-1-2"]) edit(world, name, { misplaced: false });
      driveTo(world, "Rolling");
      for (let batch = 0; batch < 3; batch += 1) {
        passOver(world);
        const pod = world.pods.get(`web-2-${batch}`);
        if (pod !== undefined) Object.assign(pod, { up: true, ready: true });
        passOver(world);
        world.nowMs += 5_000;
        passOver(world);
      }
      passOver(world);
    },
    want: { owner: "node/node-0", message: "slot 0: pod web-1-0 on node-0 has not stopped" },
  },
  {
    name: "a person, to approve the canary",
    strategy: { canary: 1, manualApproval: true },
    go: (world) => driveTo(world, "Waiting"),
    want: { owner: "user", reason: "WaitingForApproval" },
  },
  {
    name: "a person, to end a pause",
    go: (world) => {
      world.wish.paused = true;
      passOver(world);
    },
    want: { owner: "user", reason: "PausedByUser" },
  },
  {
    name: "a person, after a failure that pauses",
    strategy: { onFailure: "Pause" },
    go: (world) => {
      world.behaviours.set("v2", "crashes");
      driveTo(world, "Paused");
    },
    want: { owner: "user", reason: "PausedByFailure" },
  },
  {
    name: "the clock, between batches",
    strategy: { pauseMs: 60_000 },
    go: (world) => driveTo(world, "Waiting"),
    want: { owner: "clock", reason: "WaitingBetweenBatches" },
  },
  {
    name: "the clock, while the version is watched",
    go: (world) => driveTo(world, "Verifying"),
    want: { owner: "clock", reason: "Monitoring" },
  },
  {
    name: "a host that is away",
    strategy: { offlineNodes: "Wait" },
    go: (world) => {
      driveTo(world, "Rolling");
      world.offline.add("node-2");
      passOver(world);
    },
    want: { owner: "node/node-2", reason: "HostOffline", slot: "2" },
  },
  {
    name: "a host that has to start the last good version",
    go: (world) => {
      world.behaviours.set("v2", "crashes");
      driveTo(world, "RollingBack");
      world.behaviours.set("v1", "hangs");
      settle(world);
    },
    want: { owner: "node/node-0", message: "slot 0: pod web-1-0 on node-0 is not ready" },
  },
];

test.each(rows)(
  "planApplication() says that it waits for $name (G12)",
  ({ strategy, go, want }) => {
    const world = updating(strategy ?? {});
    go(world);
    const { waits } = planApplication(world.seen(), world.nowMs);
    expect(waits).toContainEqual(expect.objectContaining(want));
    for (const { owner, reason, message, sinceMs } of waits) {
      expect([owner, reason, message]).not.toContain("");
      expect(sinceMs).toBeGreaterThan(0);
      expect(sinceMs).toBeLessThanOrEqual(world.nowMs);
    }
  },
);

test("planApplication() names a Node that does not exist, and fails the rollout for it in time (G12)", () => {
  const world = updating({}, { replicas: 1 });
  const slots = [{ id: "db-9", node: "db-9" }];
  const seen = (): Seen => ({ ...world.seen(), slots, unknownNodes: new Set(["db-9"]) });
  const plan = planApplication(seen(), world.nowMs);
  expect(plan.waits[0]).toMatchObject({
    owner: "user",
    reason: "Unschedulable",
    message: "slot db-9: there is no Node db-9",
  });
  const about = { generation: 1, nowMs: world.nowMs };
  expect(conditionsOf([], seen(), plan, about)).toContainEqual(
    expect.objectContaining({
      type: "Scheduled",
      status: "False",
      message: "there is no Node db-9",
    }),
  );
  passOver(world);
  world.memory = planApplication(seen(), world.nowMs).memory;
  world.nowMs += 600_000;
  expect(planApplication(seen(), world.nowMs).memory.rollout?.phase).toBe("RollingBack");
});
