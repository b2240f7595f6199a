import { expect, test } from "vitest";
import { StatusError } from "../../api/machinery/errors.ts";
import { buildPod, noonMs } from "../../test/kit/pod-world.ts";
import { podReason } from "../../crds/conditions.ts";
import { forgetBefore, memoryOf } from "./pod-memory.ts";
import { ConfigProblem } from "./sources.ts";
import { failureReason, note, StepFailure } from "./trouble.ts";

const refused = (reason: ConstructorParameters<typeof StatusError>[0]) =>
  new StatusError(reason, "no");

test.each([
  ["pull" as const, refused("NotFound"), podReason.pullFailed],
  ["create" as const, refused("AlreadyExists"), podReason.nameConflict],
  ["create" as const, refused("Invalid"), podReason.createError],
  ["create" as const, new ConfigProblem("no"), podReason.configError],
  ["start" as const, refused("Conflict"), podReason.portConflict],
  ["start" as const, refused("InternalError"), podReason.runError],
  ["start" as const, refused("Timeout"), podReason.engineOverdue],
  ["create" as const, refused("Timeout"), podReason.engineOverdue],
])("failureReason() of a %s that failed with %s", (kind, err, want) => {
  expect(failureReason(kind, err)).toBe(want);
});

function waits(reason: string, count: number): number[] {
  const failure = new StepFailure("app", reason, new Error("no"));
  let noted = note(undefined, "pull", failure, 0);
  const all = [noted.retryAtMs];
  for (let index = 1; index < count; index += 1) {
    noted = note(noted, "pull", failure, 0);
    all.push(noted.retryAtMs);
  }
  return all;
}

test("note() waits for registries with patience, for people and engines less", () => {
  expect(waits(podReason.pullFailed, 7).map((ms) => ms / 1000)).toEqual([
    10, 20, 40, 80, 160, 300, 300,
  ]);
  expect(waits(podReason.imageUnknown, 2).map((ms) => ms / 1000)).toEqual([10, 20]);
  expect(waits(podReason.runError, 3)).toEqual([2_000, 4_000, 8_000]);
  expect(waits(podReason.portConflict, 7)).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
});

test("note() calls a repeated failure of a pull a back-off, and begins anew with another step", () => {
  const failure = new StepFailure("app", podReason.pullFailed, new Error("no"));
  const first = note(undefined, "pull", failure, 0);
  const second = note(first, "pull", failure, 0);
  expect([first.reason, second.reason]).toEqual([podReason.pullFailed, podReason.pullBackOff]);
  expect(note(second, "create", failure, 0).failures).toBe(1);
});

test("note() keeps the reason of an image that is unknown, however often it is asked for", () => {
  const failure = new StepFailure("app", podReason.imageUnknown, new Error("no"));
  const first = note(undefined, "pull", failure, 0);
  expect(note(first, "pull", failure, 0).reason).toBe(podReason.imageUnknown);
});

test("forgetBefore() drops what failed while the engine was about to go", () => {
  const memory = memoryOf(buildPod());
  const failure = new StepFailure("app", podReason.runError, new Error("no"));
  memory.troubles.set("app", note(undefined, "start", failure, noonMs));
  forgetBefore(memory, noonMs - 1);
  expect(memory.troubles.size).toBe(1);
  forgetBefore(memory, noonMs + 1);
  expect(memory.troubles.size).toBe(0);
});
