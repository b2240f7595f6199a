import { expect, test } from "vitest";
import {
  buildFact,
  buildPod,
  buildSeen,
  endedFact,
  endedHistory,
  noonMs,
} from "../../test/kit/pod-world.ts";
import { planPod, type Seen } from "./plan.ts";
import { podStatus, statusPatch } from "./status.ts";

const evicted = { message: "too much" };
const over: Partial<Seen> = {
  evicted,
  containers: [endedFact()],
  histories: new Map([["app", endedHistory()]]),
};

const statusOf = (seen: Partial<Seen>) =>
  podStatus({
    seen: buildSeen(seen),
    verdicts: new Map(),
    imageName: (_imageId, reference) => reference,
    pulling: () => undefined,
    hostIp: "10.0.0.7",
    nowMs: noonMs,
  });

test("planPod() stops an evicted pod with its grace, and starts nothing of it again", () => {
  const pod = buildPod({ spec: { terminationGracePeriodSeconds: 7 } });
  const running = buildSeen({ pod, evicted, containers: [buildFact()] });
  expect(planPod(running, noonMs).steps).toEqual([
    { kind: "stop", targets: [{ id: "id-app", name: "app" }], graceSeconds: 7 },
  ]);
  expect(planPod(buildSeen({ pod, ...over }), noonMs)).toEqual({ steps: [] });
});

test("podStatus() of an evicted pod is Failed for good, whatever its restart policy", () => {
  const status = statusOf(over);
  expect(status).toMatchObject({ phase: "Failed", reason: "Evicted", message: "too much" });
  expect(status.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(1);
  const found = (status.conditions ?? []).map(({ type, status: is, reason }) => [type, is, reason]);
  expect(found).toContainEqual(["DisruptionTarget", "True", "TerminationByKubelet"]);
  expect(found).toContainEqual(["Ready", "False", "PodFailed"]);
  const again = statusOf({ ...over, pod: buildPod({ status }) });
  expect(statusPatch(status, again)).toBeUndefined();
});

test("statusPatch() leaves alone why others say that a pod is as it is", () => {
  const status = statusOf({});
  const lost = { ...status, reason: "NodeLost", message: "its node does not answer" };
  expect(statusPatch(lost, status)).toBeUndefined();
  expect(statusPatch(lost, statusOf(over))).toMatchObject({ reason: "Evicted" });
});
