import { expect, test } from "vitest";
import { buildFact, buildPod, endedFact, endedHistory, noonMs } from "../../test/kit/pod-world.ts";
import { advanceAll, forgetDone, forgetStops, memoryOf, newerPod } from "./pod-memory.ts";
import { noHistory } from "./history.ts";

const look = {
  desired: "Running" as const,
  nowMs: noonMs,
  exitCode: () => undefined,
  fell: () => false,
};

test("memoryOf() continues what the status tells of each container", () => {
  const status = {
    containerStatuses: [
      { name: "app", image: "", imageID: "", ready: false, restartCount: 4, state: {} },
    ],
  };
  const { histories } = memoryOf(buildPod({ status }));
  expect(histories.get("app")).toMatchObject({ restarts: 4 });
  expect(memoryOf(buildPod()).histories.get("app")).toEqual(noHistory);
});

test("advanceAll() does not hold against a container that it ended with its engine", () => {
  const memory = {
    ...memoryOf(buildPod()),
    histories: new Map([["app", endedHistory({ streak: 3 })]]),
  };
  const streak = (liveSinceMs: number) =>
    advanceAll(memory, buildPod(), [endedFact()], { ...look, liveSinceMs }).get("app")?.streak;
  expect(streak(noonMs - 60_000)).toBe(3);
  expect(streak(noonMs - 1_000)).toBe(0);
});

const runningHistory = { ...noHistory, id: "id-app", startedAtMs: noonMs - 60_000 };
const fallen = { ...look, liveSinceMs: noonMs, fell: (id: string) => id === "id-app" };

test.each([
  ["whose end the agent saw none of", runningHistory, { lostAtMs: noonMs }, "HostRestarted"],
  ["that survived", runningHistory, { fell: () => false }, "Error"],
  [
    "stopped by the engine's own shutdown",
    endedHistory({ endedSeenAtMs: noonMs - 10_000 }),
    { lostAtMs: noonMs - 5_000 },
    "HostRestarted",
  ],
  ["that had ended before", endedHistory(), { lostAtMs: noonMs + 60_000 }, "Error"],
  ["that had ended before an earlier agent went", endedHistory(), {}, "Error"],
  ["that was stopped as asked", endedHistory({ parked: true }), { lostAtMs: noonMs }, "Error"],
])("advanceAll() on a container %s while its engine was away", (_why, history, parts, want) => {
  const memory = { ...memoryOf(buildPod()), histories: new Map([["app", history]]) };
  const [after] = advanceAll(memory, buildPod(), [endedFact()], { ...fallen, ...parts }).values();
  expect(after?.ending?.reason).toBe(want);
});

test.each([
  [0, "HostRestarted"],
  [137, "HostRestarted"],
  [143, "HostRestarted"],
  [255, "HostRestarted"],
  [1, "Error"],
  [139, "Error"],
])("advanceAll() on a container that ended with %i while its agent was away", (exitCode, want) => {
  const memory = { ...memoryOf(buildPod()), histories: new Map([["app", runningHistory]]) };
  const [after] = advanceAll(memory, buildPod(), [endedFact({ exitCode })], fallen).values();
  expect(after?.ending?.reason).toBe(want);
});

test("advanceAll() counts no restart for a container that fell with its host", () => {
  const memory = memoryOf(buildPod());
  memory.histories = new Map([["app", runningHistory]]);
  memory.histories = advanceAll(memory, buildPod(), [endedFact({ exitCode: 255 })], fallen);
  expect(memory.histories.get("app")).toMatchObject({ restarts: 0, streak: 0 });
  const again = [buildFact({ startedAtMs: noonMs })];
  expect(advanceAll(memory, buildPod(), again, fallen).get("app")).toMatchObject({
    restarts: 0,
    last: { reason: "HostRestarted", exitCode: 255 },
  });
});

test("newerPod() takes our own write until the watch has caught up", () => {
  const at = (resourceVersion: string, uid = "u") =>
    buildPod({ metadata: { resourceVersion, uid } });
  expect(newerPod(at("9"), at("10")).metadata.resourceVersion).toBe("10");
  expect(newerPod(at("11"), at("10")).metadata.resourceVersion).toBe("11");
  expect(newerPod(at("9"), at("10", "other")).metadata.resourceVersion).toBe("9");
  expect(newerPod(at("9"), undefined).metadata.resourceVersion).toBe("9");
});

test.each([
  ["create", "created", true],
  ["pull", "created", true],
  ["start", "created", false],
  ["start", "running", true],
  ["create", "removing", false],
] as const)("forgetDone() of a failed %s when the container is %s: %s", (step, state, gone) => {
  const memory = memoryOf(buildPod());
  const trouble = { step, reason: "", message: "", failures: 1, retryAtMs: noonMs };
  memory.troubles.set("app", { ...trouble, notedAtMs: noonMs });
  forgetDone(memory, [buildFact({ state })]);
  expect(memory.troubles.has("app")).toBe(!gone);
});

test("forgetStops() keeps the failure to stop a predecessor for as long as one is up", () => {
  const memory = memoryOf(buildPod());
  const trouble = {
    step: "stop",
    reason: "",
    message: "",
    failures: 1,
    retryAtMs: noonMs,
  } as const;
  memory.troubles.set("", { ...trouble, notedAtMs: noonMs });
  forgetStops(memory, [{ pod: buildPod(), up: [buildFact()] }]);
  expect(memory.troubles.size).toBe(1);
  forgetStops(memory, [{ pod: buildPod(), up: [] }]);
  expect(memory.troubles.size).toBe(0);
});
