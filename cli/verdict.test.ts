import { expect, test } from "vitest";
import type { Application, ApplicationStatus, Condition, RolloutPhase } from "../crds/types.gen.ts";
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
  const spec = { strategy: { offlineNodes: "Skip" } };
  return { ...object, spec } as unknown as Application; // all of the spec that a verdict reads
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
    "when all but hosts that do not answer run it, as the strategy says",
    {
      observedGeneration: 2,
      conditions: [is("Ready", "True", { reason: "HostsSkipped", message: "2 of 3 slots run" })],
      rollout: { phase: "Completed" },
    },
    "Succeeded",
    "Completed; 2 of 3 slots run: they converge when they are back",
  ],
  [
    "while hosts that count do not answer",
    {
      observedGeneration: 2,
      conditions: [is("Ready", "False", { reason: "HostOffline", message: "2 of 3 slots run" })],
      rollout: { phase: "Completed" },
    },
    "Running",
    "Completed",
  ],
  [
    "while slots on hosts that answer are not ready",
    {
      observedGeneration: 2,
      conditions: [is("Ready", "False", { reason: "SlotsNotReady" })],
      rollout: { phase: "Completed" },
    },
    "Running",
    "Completed",
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

test("verdictOf() waits for a retry that the controller has not seen", () => {
  const failedAt = "2026-11-21T00:00:00.5Z";
  const retried = (at: string, phase: RolloutPhase): Application => {
    const failedRevision = { hash: "h", failedAt };
    const failed = app({ observedGeneration: 2, failedRevision, rollout: { phase } });
    const annotations = { "lighthouse.dev/retry": at };
    return { ...failed, metadata: { ...failed.metadata, annotations } };
  };
  expect(verdictOf(retried(failedAt, "RolledBack")).state).toBe("Running");
  expect(verdictOf(retried("2026-11-20T00:00:00Z", "RolledBack")).state).toBe("Failed");
  expect(verdictOf(retried(failedAt, "RollbackPaused")).state).toBe("Failed");
});
