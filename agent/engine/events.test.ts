import { expect, test } from "vitest";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import { unavailable } from "../../api/machinery/errors.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import { followEvents, toEvent } from "./events.ts";

const wire = {
  Type: "container",
  Action: "start",
  Actor: { ID: "ab", Attributes: { name: "web" } },
  time: 5,
  timeNano: 5_123_456_789,
};

test("toEvent() takes arguments off the action", () => {
  expect(toEvent(wire)).toEqual({
    type: "container",
    action: "start",
    id: "ab",
    attributes: { name: "web" },
    atMs: 5123,
  });
  expect(toEvent({ ...wire, Action: "health_status: healthy" })).toMatchObject({
    action: "health_status",
    attributes: { name: "web", health: "healthy" },
  });
  expect(toEvent({ ...wire, Action: "exec_start: sh -c a: b" })).toMatchObject({
    action: "exec_start",
    attributes: { name: "web" },
  });
  expect(toEvent({ ...wire, Type: "network" })).toBeUndefined();
});

test("followEvents() waits longer after each failure, up to 5 s, and says each loss", async () => {
  const pauses: number[] = [];
  const controller = new AbortController();
  const clock: Clock = {
    nowMs: () => systemClock.nowMs(),
    sleep: async (ms) => {
      pauses.push(ms);
      if (pauses.length === 8) controller.abort();
    },
  };
  const refuse = () => Promise.reject(unavailable("away"));
  const seen = await Array.fromAsync(followEvents(refuse, clock, controller.signal));
  expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  expect(seen.map(({ type }) => type)).toEqual(pauses.map(() => "lost"));
});
