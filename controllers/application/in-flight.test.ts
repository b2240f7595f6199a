import { expect, test } from "vitest";
import { driveTo, next, passOver, updating } from "../../test/kit/rollout-drive.ts";
import { inFlightForMs } from "./in-flight.ts";

/** The first slot was told to swap its pods when its host went away. */
function interrupted(order: "StopFirst" | "StartFirst") {
  const world = updating({ order, batch: 1 });
  driveTo(world, "Rolling");
  world.settleAgents();
  passOver(world);
  const [first] = [...world.pods.values()].filter(({ desired, revision }) => {
    return desired === "Running" && revision === "web-2";
  });
  world.offline.add(first?.node ?? "");
  return world;
}

test("planApplication() waits for a host that went away in the middle of a swap, and not for long", () => {
  const world = interrupted("StopFirst");
  expect(next(world)).toBe("Rolling: ");
  const { requeueAfterMs = 0 } = passOver(world);
  expect(requeueAfterMs).toBeLessThanOrEqual(inFlightForMs);
  world.nowMs += inFlightForMs;
  expect(next(world)).toBe("Rolling: web-2-1=Running(for web-1-1) then web-1-1=Stopped");
});

test("planApplication() does not wait where the old pod goes on until the new one is ready", () => {
  expect(next(interrupted("StartFirst"))).toBe("Rolling: web-2-1=Running");
});
