import { expect, test } from "vitest";
import { buildPod, endedFact, endedHistory, noonMs } from "../../test/kit/pod-world.ts";
import { advanceAll, memoryOf, newerPod } from "./pod-memory.ts";
import { noHistory } from "./history.ts";

const look = { desired: "Running" as const, nowMs: noonMs, exitCode: () => undefined };

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

test("newerPod() takes our own write until the watch has caught up", () => {
  const at = (resourceVersion: string, uid = "u") =>
    buildPod({ metadata: { resourceVersion, uid } });
  expect(newerPod(at("9"), at("10")).metadata.resourceVersion).toBe("10");
  expect(newerPod(at("11"), at("10")).metadata.resourceVersion).toBe("11");
  expect(newerPod(at("9"), at("10", "other")).metadata.resourceVersion).toBe("9");
  expect(newerPod(at("9"), undefined).metadata.resourceVersion).toBe("9");
});
