import { expect, test } from "vitest";
import { buildPod, buildSeen, endedFact, endedHistory, noonMs } from "../../test/kit/pod-world.ts";
import { formatTime } from "../../api/machinery/time.ts";
import { overdueOf } from "./deadline.ts";
import { planPod } from "./plan.ts";
import { podStatus } from "./status.ts";

const podSince = (seconds: number, status: object = {}) =>
  buildPod({
    spec: { activeDeadlineSeconds: 60 },
    status: { phase: "Running", startTime: formatTime(noonMs - seconds * 1_000), ...status },
  });

test("overdueOf() is the kubelet's word once the deadline has passed, and stays", () => {
  expect(overdueOf(buildPod(), noonMs)).toBeUndefined();
  expect(overdueOf(buildPod({ spec: { activeDeadlineSeconds: 60 } }), noonMs)).toBeUndefined();
  expect(overdueOf(podSince(59), noonMs)).toBeUndefined();
  expect(overdueOf(podSince(60), noonMs)).toMatchObject({ reason: "DeadlineExceeded" });
  const said = podSince(0, { phase: "Failed", reason: "DeadlineExceeded" });
  expect(overdueOf(said, noonMs)).toMatchObject({ reason: "DeadlineExceeded" });
  expect(overdueOf(podSince(90, { phase: "Succeeded" }), noonMs)).toBeUndefined();
});

test("planPod() looks again when the deadline passes, and stops what runs then", () => {
  expect(planPod(buildSeen({ pod: podSince(20) }), noonMs)).toEqual({
    steps: [],
    requeueAfterMs: 40_000,
  });
  const pod = podSince(60);
  const evicted = overdueOf(pod, noonMs);
  expect(planPod(buildSeen({ pod, evicted }), noonMs).steps).toMatchObject([{ kind: "stop" }]);
});

test("podStatus() of an overdue pod is Failed, and no disruption", () => {
  const pod = podSince(60);
  const status = podStatus({
    seen: buildSeen({
      pod,
      evicted: overdueOf(pod, noonMs),
      containers: [endedFact()],
      histories: new Map([["app", endedHistory()]]),
    }),
    verdicts: new Map(),
    imageName: (_imageId, reference) => reference,
    pulling: () => undefined,
    hostIp: "10.0.0.7",
    nowMs: noonMs,
  });
  expect(status).toMatchObject({ phase: "Failed", reason: "DeadlineExceeded" });
  expect((status.conditions ?? []).map(({ type }) => type)).not.toContain("DisruptionTarget");
});
