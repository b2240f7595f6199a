import { expect, test } from "vitest";
import type { Application, ApplicationStatus, Condition } from "../crds/types.gen.ts";
import { verdictOf } from "./verdict.ts";

const is = (
  type: string,
  status: Condition["status"],
  over: Partial<Condition> = {},
): Condition => ({
  type,
  status,
  reason: "Because",
  message: "",
  lastTransitionTime: "2026-11-21T00:00:00Z",
  observedGeneration: 2,
  ...over,
});

function app(status: ApplicationStatus | undefined): Application {
  const object = {
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: {
      name: "web",
      uid: "u",
      resourceVersion: "9",
      generation: 2,
      creationTimestamp: "2026-11-21T00:00:00Z",
    },
    ...(status === undefined ? {} : { status }),
  };
  return object as Application; // the verdict never reads the spec
}

test.each<[why: string, status: ApplicationStatus | undefined, state: string, says: string]>([
  ["before any status", undefined, "Running", "waiting for the controller"],
  [
    "on the status of an older generation, however good",
    { observedGeneration: 1, conditions: [is("Ready", "True")], rollout: { phase: "Completed" } },
    "Running",
    "waiting for the controller",
  ],
  [
    "while batches go on",
    { observedGeneration: 2, ready: "1/3", rollout: { phase: "Rolling", progress: "2/3" } },
    "Running",
    "Rolling 2/3, 1/3 ready",
  ],
  [
    "while Ready but not final",
    { observedGeneration: 2, conditions: [is("Ready", "True")], rollout: { phase: "Verifying" } },
    "Running",
    "Verifying",
  ],
  [
    "with the first wait",
    {
      observedGeneration: 2,
      ready: "0/1",
      rollout: {
        phase: "Preparing",
        waits: [{ owner: "node/a", reason: "X", message: "pulls web:v1", since: "t" }],
      },
    },
    "Running",
    "Preparing, 0/1 ready, waiting for node/a: pulls web:v1",
  ],
  [
    "when complete and Ready",
    {
      observedGeneration: 2,
      ready: "3/3",
      conditions: [is("Ready", "True")],
      rollout: { phase: "Completed" },
    },
    "Succeeded",
    "Ready, Completed, 3/3 ready",
  ],
  [
    "when complete but Ready is of an older generation",
    {
      observedGeneration: 2,
      conditions: [is("Ready", "True", { observedGeneration: 1 })],
      rollout: { phase: "Completed" },
    },
    "Running",
    "Completed",
  ],
  [
    "when rolled back, even though the old version is Ready",
    {
      observedGeneration: 2,
      currentRevision: "web-1",
      failedRevision: { hash: "h", message: "exited with 1" },
      conditions: [is("RolledBack", "True")],
      rollout: { phase: "RolledBack" },
    },
    "Failed",
    "rolled back, web-1 runs again: exited with 1",
  ],
  [
    "when the first rollout failed",
    { observedGeneration: 2, rollout: { phase: "RolledBack" } },
    "Failed",
    "rolled back, nothing runs",
  ],
  [
    "when the rollback failed too",
    { observedGeneration: 2, rollout: { phase: "RollbackPaused" } },
    "Failed",
    "rollback paused",
  ],
  [
    "when a failure paused it",
    {
      observedGeneration: 2,
      conditions: [is("Paused", "True", { reason: "PausedByFailure", message: "slot 1" })],
      rollout: { phase: "Paused" },
    },
    "Failed",
    "paused by a failure: slot 1",
  ],
  [
    "while the user paused it",
    {
      observedGeneration: 2,
      conditions: [is("Paused", "True", { reason: "PausedByUser" })],
      rollout: { phase: "Paused" },
    },
    "Running",
    "Paused",
  ],
])("verdictOf() %s", (...row) => {
  const [, status, state, says] = row;
  const verdict = verdictOf(app(status));
  expect(verdict.state).toBe(state);
  expect(verdict.text).toContain(says);
});
