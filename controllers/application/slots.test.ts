import { expect, test } from "vitest";
import { completed } from "../../test/kit/rollout-drive.ts";
import type { SimPod } from "../../test/kit/rollout-world.ts";
import { viewsOf } from "./slots.ts";

const old: Partial<SimPod> = { name: "web-1-0" };

test.each<readonly [string, Partial<SimPod>, Partial<SimPod>, boolean]>([
  ["while one pod serves", {}, { ready: false, desired: "Prepared" }, true],
  ["not while none is ready", { ready: false }, { ready: false, desired: "Prepared" }, false],
  ["not once the serving pod was told to stop", { desired: "Stopped" }, { ready: false }, false],
  ["not once its successor was told to start", {}, { ready: false, replaces: "web-1-0" }, false],
  ["not when its host does not answer", { offline: true }, { ready: false }, false],
  ["not by a pod that was deleted", { terminating: true }, { ready: false }, false],
  [
    "by the newer one while each claims the place of the other",
    { replaces: "web-2-0", ready: false },
    { replaces: "web-1-0" },
    true,
  ],
  [
    "not by the older one while each claims the place of the other",
    { replaces: "web-2-0" },
    { replaces: "web-1-0", ready: false },
    false,
  ],
])("viewsOf() calls a slot available %s", (_when, ofOld, ofNew, want) => {
  const seen = completed({ replicas: 1 }).seen();
  const [pod] = seen.pods;
  if (pod === undefined) throw new Error("Cannot find the pod of the first rollout");
  const fresh = {
    ...pod,
    name: "web-2-0",
    uid: "u2",
    revision: "web-2",
    createdAtMs: pod.createdAtMs + 1,
  };
  const pods = [
    { ...pod, ...old, ...ofOld },
    { ...fresh, ...ofNew },
  ];
  expect(viewsOf({ ...seen, pods }, "web-2")[0]?.available).toBe(want);
});
