import { expect, test } from "vitest";
import { completed, driveThrough, driveTo } from "../../test/kit/rollout-drive.ts";

test("planApplication() keeps versions to return to, however often changes fail", () => {
  const world = completed({ replicas: 1 }, { monitorMs: 0, minReadyMs: 0 });
  for (const hash of ["a", "b", "c", "d"]) {
    world.wish.hash = hash;
    driveTo(world, "Preparing");
    driveThrough(world, "Completed");
  }
  for (const hash of ["x1", "x2", "x3", "x4", "x5", "x6"]) {
    world.behaviours.set(hash, "crashes");
    world.wish.hash = hash;
    driveTo(world, "Preparing");
    driveThrough(world, "RolledBack");
  }
  expect(world.revisions.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
    "web-2 Completed",
    "web-3 Completed",
    "web-4 Completed",
    "web-5 Completed",
    "web-8 Failed",
    "web-9 Failed",
    "web-10 Failed",
    "web-11 Failed",
  ]);
});
