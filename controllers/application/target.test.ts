import { expect, test } from "vitest";
import { RolloutWorld } from "../../test/kit/rollout-world.ts";
import type { Memory, RevisionSeen } from "./seen.ts";
import { completed } from "../../test/kit/rollout-drive.ts";
import { resolveTarget } from "./target.ts";

const revision = (
  number: number,
  hash: string,
  over: Partial<RevisionSeen> = {},
): RevisionSeen => ({
  name: `web-${number}`,
  uid: `r${number}`,
  number,
  hash,
  images: [],
  ...over,
});

const rollout = (name: string): Memory => ({
  rollout: {
    phase: "Rolling",
    revision: name,
    hash: "v1",
    reason: "",
    message: "",
    batch: 0,
    batches: 1,
    failedSlots: [],
    startedAtMs: 0,
    phaseStartedAtMs: 0,
    progressedAtMs: 0,
    steps: [],
    instances: [],
  },
});

test.each<readonly [string, readonly RevisionSeen[], Memory, string]>([
  ["the first number for a first template", [], {}, "new web-1"],
  ["the next number for a new one", [revision(4, "v0")], {}, "new web-5"],
  ["what is rolled out already", [revision(1, "v1"), revision(2, "v0")], rollout("web-1"), "web-1"],
  ["the last good one", [revision(1, "v1"), revision(2, "v0")], { current: "web-1" }, "web-1"],
  ["one made just before a crash", [revision(1, "v0"), revision(2, "v1")], {}, "web-2"],
  ["no older one that never began", [revision(1, "v1"), revision(2, "v0")], {}, "new web-3"],
  [
    "no newest one that came to an end",
    [revision(1, "v1", { outcome: "Failed" })],
    {},
    "new web-2",
  ],
])("resolveTarget() takes %s", (_what, revisions, memory, want) => {
  const seen = { ...new RolloutWorld({ hash: "v1" }).seen(), revisions, memory };
  const { name, steps } = resolveTarget(seen);
  expect(steps.length > 0 ? `new ${name}` : name).toBe(want);
});

test("resolveTarget() restarts the last good version with the images it has, wherever its tags point to now", () => {
  const of = (number: number, hash: string, content: string) => ({
    name: `web-${number}`,
    uid: `r${number}`,
    number,
    hash,
    content,
    images: [{ image: "web:1", digest: `sha256:${number}` }],
  });
  const seen = {
    ...completed().seen(),
    hash: "new",
    content: "same",
    memory: { current: "web-1" },
  };
  const revisions = [of(1, "a", "same"), of(2, "b", "same"), of(3, "c", "other")];
  expect(resolveTarget({ ...seen, revisions })).toMatchObject({
    name: "web-4",
    images: [{ digest: "sha256:1" }],
    steps: [{ kind: "createRevision", number: 4 }],
  });
  expect(resolveTarget({ ...seen, revisions, memory: {} }).images).toEqual(revisions[1]?.images);
  expect(resolveTarget({ ...seen, revisions, content: "none" }).images).toEqual([]);
});

test("resolveTarget() takes the Revision that an undo names among those of the same template", () => {
  const of = (number: number) => ({
    name: `web-${number}`,
    uid: `r${number}`,
    number,
    hash: number === 3 ? "other" : "same",
    outcome: "Completed" as const,
    images: [{ image: "web:1", digest: `sha256:${number}` }],
  });
  const seen = { ...completed().seen(), hash: "same", memory: { current: "web-3" } };
  const revisions = [of(1), of(2), of(3)];
  const named = resolveTarget({ ...seen, revisions, rollbackTo: 1 });
  expect(named).toMatchObject({ images: [{ digest: "sha256:1" }], steps: [{ sameAs: 1 }] });
  // An annotation that is left from an earlier undo, to another template, says nothing.
  const left = resolveTarget({ ...seen, revisions, rollbackTo: 3 });
  expect(left).toMatchObject({ images: [{ digest: "sha256:2" }], steps: [{ sameAs: 2 }] });
});

test("resolveTarget() leaves names alone that an Application before has left behind", () => {
  const seen = { ...completed().seen(), hash: "new", freeNumber: 7 };
  expect(resolveTarget(seen)).toMatchObject({ name: "web-7", steps: [{ number: 7 }] });
});
