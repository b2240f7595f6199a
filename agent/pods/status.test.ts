import { expect, test } from "vitest";
import {
  buildFact,
  buildPod,
  buildSeen,
  createdFact,
  endedFact,
  endedHistory,
  noonMs,
} from "../../test/kit/pod-world.ts";
import { annotation } from "../../crds/labels.ts";
import { noHistory } from "./history.ts";
import type { Seen } from "./plan.ts";
import { podStatus, statusPatch, type StatusInput } from "./status.ts";

const input = (seen: Partial<Seen> = {}, over: Partial<StatusInput> = {}): StatusInput => ({
  seen: buildSeen(seen),
  verdicts: new Map(),
  imageName: (id, reference) => `${reference}@${id}`,
  pulling: () => undefined,
  hostIp: "10.0.0.7",
  nowMs: noonMs,
  ...over,
});

const conditions = (given: StatusInput): Record<string, string> =>
  Object.fromEntries(
    (podStatus(given).conditions ?? []).map(({ type, status, reason }) => [
      type,
      `${status} ${reason}`,
    ]),
  );

const prepared = buildPod({ metadata: { annotations: { [annotation.desiredState]: "Prepared" } } });
const probed = (probe: object) =>
  buildPod({ spec: { containers: [{ name: "app", image: "web:1", ...probe }] } });
const never = buildPod({ spec: { restartPolicy: "Never" } });

test("podStatus() of a running pod says where it is and what it is made of", () => {
  expect(podStatus(input())).toEqual({
    phase: "Running",
    conditions: expect.anything() as unknown,
    hostIP: "10.0.0.7",
    hostIPs: [{ ip: "10.0.0.7" }],
    podIP: "172.17.0.2",
    podIPs: [{ ip: "172.17.0.2" }],
    startTime: "2026-11-21T12:00:00Z",
    containerStatuses: [
      {
        name: "app",
        image: "web:1",
        imageID: "web:1@sha256:feed",
        containerID: "docker://id-app",
        ready: true,
        started: true,
        restartCount: 0,
        state: { running: { startedAt: "2026-11-21T11:59:00Z" } },
        lastState: {},
      },
    ],
  });
  expect(conditions(input())).toEqual({
    Initialized: "True InitContainersDone",
    ContainersReady: "True ContainersReady",
    Ready: "True ContainersReady",
  });
});

const trouble = { reason: "ErrImagePull", message: "no such host", failures: 1, retryAtMs: noonMs };
test.each<[string, Partial<Seen>, string, string]>([
  ["new", { containers: [], histories: new Map() }, "Pending", "ContainerCreating"],
  [
    "without its image",
    { containers: [], histories: new Map(), troubles: new Map([["app", trouble]]) },
    "Pending",
    "ErrImagePull",
  ],
  [
    "kept from its start by a neighbour",
    {
      containers: [createdFact()],
      histories: new Map(),
      troubles: new Map([["", { ...trouble, reason: "PortConflict" }]]),
    },
    "Pending",
    "PortConflict",
  ],
  [
    "prepared",
    { pod: prepared, desired: "Prepared", containers: [createdFact()], histories: new Map() },
    "Pending",
    "Prepared",
  ],
  [
    "stopped",
    {
      desired: "Stopped",
      containers: [endedFact()],
      histories: new Map([["app", endedHistory({ parked: true })]]),
    },
    "Pending",
    "Stopped",
  ],
  [
    "crashing",
    {
      containers: [endedFact()],
      histories: new Map([["app", endedHistory({ streak: 3, restarts: 3 })]]),
    },
    "Running",
    "CrashLoopBackOff",
  ],
  [
    "failed for good",
    { pod: never, containers: [endedFact()], histories: new Map([["app", endedHistory()]]) },
    "Failed",
    "Error",
  ],
])("podStatus() of a pod that is %s", (_why, seen, phase, reason) => {
  const status = podStatus(input(seen));
  const [container] = status.containerStatuses ?? [];
  expect(status.phase).toBe(phase);
  const { waiting, terminated } = container?.state ?? {};
  expect(waiting?.reason ?? terminated?.reason).toBe(reason);
  expect(container?.ready).toBe(false);
  expect(conditions(input(seen))["Ready"]).toMatch(/^False/);
});

test("podStatus() tells how a crashed container ended, and since when it waits", () => {
  const seen = {
    containers: [endedFact()],
    histories: new Map([["app", endedHistory({ streak: 1, restarts: 1 })]]),
  };
  const [container] = podStatus(input(seen, { nowMs: noonMs - 5_000 })).containerStatuses ?? [];
  expect(container?.restartCount).toBe(1);
  expect(container?.lastState?.terminated).toMatchObject({ exitCode: 1, reason: "Error" });
});

test.each([
  { why: "no probe, no health check", want: true },
  { why: "a health check that goes well", fact: { health: "healthy" }, want: true },
  { why: "a health check that is young", fact: { health: "starting" }, want: false },
  { why: "a probe that was not answered", probe: { readinessProbe: {} }, want: false },
  {
    why: "a probe that was answered",
    probe: { readinessProbe: {} },
    verdict: { ready: true },
    want: true,
  },
  {
    why: "a probe instead of a health check",
    probe: { readinessProbe: {} },
    fact: { health: "unhealthy" },
    verdict: { ready: true },
    want: true,
  },
  {
    why: "a startup probe that waits",
    probe: { startupProbe: {} },
    verdict: { started: false },
    want: false,
  },
  { why: "a paused process", fact: { state: "paused" }, want: false },
] as const)("podStatus() readiness with $why", (given) => {
  const { probe, fact, verdict, want } = { probe: {}, fact: {}, verdict: undefined, ...given };
  const status = podStatus(
    input(
      { pod: probed(probe), containers: [buildFact(fact)] },
      { verdicts: new Map(verdict === undefined ? [] : [["app", verdict]]) },
    ),
  );
  expect(status.containerStatuses?.[0]?.ready).toBe(want);
});

test("podStatus() says Prepared only to who asked for it", () => {
  expect(conditions(input())).not.toHaveProperty("lighthouse.dev/Prepared");
  const seen = { pod: prepared, desired: "Prepared" as const, histories: new Map() };
  expect(conditions(input({ ...seen, containers: [createdFact()] }))).toMatchObject({
    "lighthouse.dev/Prepared": "True ContainersCreated",
  });
  const troubles = new Map([["", { ...trouble, reason: "PortConflict" }]]);
  expect(conditions(input({ ...seen, containers: [createdFact()], troubles }))).toMatchObject({
    "lighthouse.dev/Prepared": "False PortConflict",
  });
});

test("podStatus() keeps the conditions of others and the time of what did not change", () => {
  const lastTransitionTime = "2026-11-21T11:00:00Z";
  const kept = {
    type: "PodScheduled",
    status: "True",
    reason: "",
    message: "",
    lastTransitionTime,
  };
  const ready = { ...kept, type: "Ready", reason: "ContainersReady" };
  const pod = buildPod({ status: { conditions: [kept, ready] } });
  const list = podStatus(input({ pod })).conditions ?? [];
  expect(list.slice(0, 2)).toEqual([kept, ready]);
});

test("podStatus() waits for readiness gates", () => {
  const spec = { readinessGates: [{ conditionType: "shop/Warm" }] };
  expect(conditions(input({ pod: buildPod({ spec }) }))["Ready"]).toBe(
    "False ReadinessGatesNotReady",
  );
});

test("podStatus() shows init containers first and the mains as waiting for them", () => {
  const spec = {
    initContainers: [{ name: "init", image: "web:1" }],
    containers: [{ name: "app", image: "web:1" }],
  };
  const seen = {
    pod: buildPod({ spec }),
    containers: [buildFact({ name: "init" }), createdFact()],
    histories: new Map([["init", { ...noHistory, id: "id-init", startedAtMs: noonMs }]]),
  };
  const status = podStatus(input(seen));
  expect(status.phase).toBe("Pending");
  expect(status.initContainerStatuses?.[0]?.state).toHaveProperty("running");
  expect(status.containerStatuses?.[0]?.state?.waiting?.reason).toBe("PodInitializing");
});

test("statusPatch() holds what changed, and null for what went", () => {
  const before = podStatus(input());
  expect(
    statusPatch(before, podStatus(input({ pod: buildPod({ status: before }) }))),
  ).toBeUndefined();
  const { podIP: _podIP, podIPs: _podIPs, ...after } = before;
  expect(statusPatch({ ...before, qosClass: "BestEffort" }, after)).toEqual({
    podIP: null,
    podIPs: null,
  });
});

test("podStatus() says what the readiness probe of a container said, and not all of it", () => {
  const why = `Readiness probe failed: ${"x".repeat(1_000)}`;
  const verdicts = new Map([["app", { started: true, ready: false, why }]]);
  const status = podStatus(
    input({ pod: probed({ readinessProbe: {} }), containers: [buildFact({})] }, { verdicts }),
  );
  const ready = status.conditions?.find(({ type }) => type === "Ready");
  expect(ready).toMatchObject({ status: "False", reason: "ReadinessProbeFailed" });
  expect(ready?.message).toBe(`container app: ${why.slice(0, 256)}`);
});
