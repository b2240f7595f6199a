import { expect, test } from "vitest";
import { type Condition, findCondition, isConditionTrue, setCondition } from "./conditions.ts";

const ready: Condition = {
  type: "Ready",
  status: "True",
  reason: "AllReady",
  message: "",
  lastTransitionTime: "2026-11-21T09:30:00Z",
};
const later = "2026-11-21T10:00:00Z";

test("setCondition() adds to an absent list", () => {
  const { lastTransitionTime: _, ...draft } = ready;
  expect(setCondition(undefined, draft, later)).toEqual([{ ...draft, lastTransitionTime: later }]);
});

test("setCondition() moves the transition time only with the status, in place", () => {
  const paused: Condition = { ...ready, type: "Paused" };
  const same = { type: "Ready", status: "True", reason: "Other", message: "x" } as const;
  const list = setCondition([ready, paused], same, later);
  expect(list).toEqual([{ ...same, lastTransitionTime: ready.lastTransitionTime }, paused]);
  const turned = setCondition(list, { ...same, status: "False" }, later);
  expect(turned[0]?.lastTransitionTime).toBe(later);
});

test("findCondition() and isConditionTrue() take an absent list", () => {
  expect(findCondition([ready], "Ready")).toBe(ready);
  expect(findCondition(undefined, "Ready")).toBeUndefined();
  expect(isConditionTrue([ready], "Ready")).toBe(true);
  expect(isConditionTrue([{ ...ready, status: "Unknown" }], "Ready")).toBe(false);
  expect(isConditionTrue(undefined, "Ready")).toBe(false);
});
