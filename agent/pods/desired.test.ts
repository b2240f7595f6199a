import { expect, test } from "vitest";
import { buildPod } from "../../test/kit/pod-world.ts";
import { annotation } from "../../crds/labels.ts";
import { askedState, effectiveState, replacedBy } from "./desired.ts";

const pod = (name: string, asks: { state?: string; replaces?: string; born?: string } = {}) =>
  buildPod({
    metadata: {
      name,
      uid: name,
      ...(asks.born === undefined ? {} : { creationTimestamp: asks.born }),
      annotations: {
        ...(asks.state === undefined ? {} : { [annotation.desiredState]: asks.state }),
        ...(asks.replaces === undefined ? {} : { [annotation.replaces]: asks.replaces }),
      },
    },
  });

test.each([
  [undefined, "Running"],
  ["Prepared", "Prepared"],
  ["Stopped", "Stopped"],
  ["Running", "Running"],
  ["running!", "Running"],
])("askedState() of %s", (state, want) => {
  expect(askedState(pod("web", state === undefined ? {} : { state }))).toBe(want);
});

test("replacedBy() ignores a pod that names itself", () => {
  expect(replacedBy(pod("web", { replaces: "web" }))).toBeUndefined();
  expect(replacedBy(pod("web", { replaces: "old" }))).toBe("old");
});

const older = "2026-11-21T10:00:00Z";
test.each([
  ["nobody takes over", pod("a"), [], "Running"],
  ["a running successor", pod("a"), [pod("b", { replaces: "a" })], "Stopped"],
  ["a prepared successor", pod("a"), [pod("b", { replaces: "a", state: "Prepared" })], "Running"],
  ["a stopped successor", pod("a"), [pod("b", { replaces: "a", state: "Stopped" })], "Running"],
  [
    "each replaces the other: the newer stays",
    pod("a", { replaces: "b", born: older }),
    [pod("b", { replaces: "a" })],
    "Stopped",
  ],
  [
    "each replaces the other: the newer runs",
    pod("a", { replaces: "b" }),
    [pod("b", { replaces: "a", born: older })],
    "Running",
  ],
  ["it is asked to stop anyway", pod("a", { state: "Stopped" }), [], "Stopped"],
])("effectiveState() when %s", (_why, one, successors, want) => {
  expect(effectiveState(one, successors)).toBe(want);
});

test("effectiveState() does not yield to a successor that goes or has ended", () => {
  const going = pod("b", { replaces: "a" });
  const deleted = { ...going, metadata: { ...going.metadata, deletionTimestamp: older } };
  const ended = { ...going, status: { phase: "Failed" } };
  expect(effectiveState(pod("a"), [deleted, ended])).toBe("Running");
});
