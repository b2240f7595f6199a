import { expect, test } from "vitest";
import { RolloutWorld } from "../../test/kit/rollout-world.ts";
import type { Memory, RevisionSeen } from "./seen.ts";
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
