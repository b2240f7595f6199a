import { expect, test } from "vitest";
import { completed } from "../../test/kit/rollout-drive.ts";
import { departureNotice } from "./departure.ts";
import type { Subject } from "./observe.ts";

function subject(volumes: readonly object[]): Subject {
  const world = completed({ replicas: 1 });
  world.drain("node-0");
  const template = { spec: { containers: [], volumes } };
  const templates = new Map([["web-1", template]]);
  return { application: {}, seen: world.seen(), templates } as unknown as Subject;
}
const goes = { kind: "deletePod", name: "web-1-0", uid: "u1" } as const;

test("departureNotice() names the Node that a slot leaves, and the data that stays there", () => {
  const volumes = [
    { name: "cache", emptyDir: {} },
    { name: "data", hostPath: { path: "/data" } },
    { name: "db", persistentVolumeClaim: { claimName: "db" } },
  ];
  expect(departureNotice(subject(volumes), goes)).toEqual({
    type: "Normal",
    reason: "MovingSlot",
    message: "Slot 0 leaves Node node-0, which is drained; its volumes stay there: data, db",
  });
  expect(departureNotice(subject([]), goes)?.message).toBe(
    "Slot 0 leaves Node node-0, which is drained",
  );
});

test("departureNotice() says nothing of other pods and other steps", () => {
  expect(departureNotice(subject([]), { ...goes, uid: "another" })).toBeUndefined();
  const order = { kind: "order", slot: "0", orders: [] } as const;
  expect(departureNotice(subject([]), order)).toBeUndefined();
});
