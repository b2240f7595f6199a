import { expect, test } from "vitest";
import type { Pod } from "../../machinery/resources.ts";
import { podColumns, podRowConditions, podStatusText } from "./pod-columns.ts";

type Status = NonNullable<Pod["status"]>;
type Container = NonNullable<Status["containerStatuses"]>[number];

const container = (over: Partial<Container> = {}): Container => ({
  name: "a",
  image: "a:1",
  imageID: "",
  ready: false,
  restartCount: 0,
  ...over,
});

function pod(status: Partial<Status>, spec: Partial<Pod["spec"]> = {}, deleting = false): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "p",
      uid: "u",
      resourceVersion: "1",
      creationTimestamp: "2026-01-01T00:00:00Z",
      ...(deleting ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
    },
    spec: { containers: [{ name: "a", image: "a:1" }], ...spec },
    status,
  };
}

const initSpec = {
  initContainers: [
    { name: "i", image: "i" },
    { name: "j", image: "j" },
  ],
};
const init = (state: Container["state"]): Container =>
  container({ name: "i", ...(state === undefined ? {} : { state }) });
const done = { terminated: { exitCode: 0 } };
const ready = [{ type: "Ready", status: "True" }];

test.each([
  ["the phase", pod({ phase: "Running" }), "Running"],
  ["nothing yet", pod({}), "Unknown"],
  ["the reason of the whole", pod({ phase: "Failed", reason: "Evicted" }), "Evicted"],
  [
    "why a container waits",
    pod({
      phase: "Pending",
      containerStatuses: [container({ state: { waiting: { reason: "ImagePullBackOff" } } })],
    }),
    "ImagePullBackOff",
  ],
  [
    "how a container ended",
    pod({ containerStatuses: [container({ state: { terminated: { exitCode: 3 } } })] }),
    "ExitCode:3",
  ],
  [
    "by which signal it ended",
    pod({
      containerStatuses: [container({ state: { terminated: { exitCode: 137, signal: 9 } } })],
    }),
    "Signal:9",
  ],
  [
    "the container that still serves beside a completed one",
    pod({
      conditions: ready,
      containerStatuses: [
        container({ state: { terminated: { exitCode: 0, reason: "Completed" } } }),
        container({ name: "b", ready: true, state: { running: {} } }),
      ],
    }),
    "Running",
  ],
  [
    "that the rest is not ready",
    pod({
      containerStatuses: [
        container({ state: { terminated: { exitCode: 0, reason: "Completed" } } }),
        container({ name: "b", ready: true, state: { running: {} } }),
      ],
    }),
    "NotReady",
  ],
  [
    "how far the init containers are",
    pod({ initContainerStatuses: [init(undefined)] }, initSpec),
    "Init:0/2",
  ],
  [
    "the second init container",
    pod(
      { initContainerStatuses: [init(done), init({ waiting: { reason: "PodInitializing" } })] },
      initSpec,
    ),
    "Init:1/2",
  ],
  [
    "how an init container ended",
    pod({ initContainerStatuses: [init({ terminated: { exitCode: 1 } })] }, initSpec),
    "Init:ExitCode:1",
  ],
  [
    "why an init container waits",
    pod({ initContainerStatuses: [init({ waiting: { reason: "CrashLoopBackOff" } })] }, initSpec),
    "Init:CrashLoopBackOff",
  ],
  [
    "past a sidecar that has started",
    pod(
      { phase: "Running", initContainerStatuses: [container({ name: "i", started: true })] },
      { initContainers: [{ name: "i", image: "i", restartPolicy: "Always" }] },
    ),
    "Running",
  ],
  [
    "that it may not be scheduled yet",
    pod({
      phase: "Pending",
      conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }],
    }),
    "SchedulingGated",
  ],
  ["that it is going", pod({ phase: "Running" }, {}, true), "Terminating"],
  ["that nobody knows", pod({ phase: "Running", reason: "NodeLost" }, {}, true), "Unknown"],
  ["its end, also while it is going", pod({ phase: "Succeeded" }, {}, true), "Succeeded"],
])("podStatusText() tells %s", (_what, object, want) => {
  expect(podStatusText(object)).toBe(want);
});

const cellOf = (name: string, object: Pod): unknown =>
  podColumns.find((column) => column.name === name)?.cell(object, Date.UTC(2026, 0, 1, 1));

test("restarts tell how long ago the last one was", () => {
  const lastState = { terminated: { exitCode: 1, finishedAt: "2026-01-01T00:50:00Z" } };
  const statuses = [container({ restartCount: 2, lastState }), container({ restartCount: 1 })];
  expect(cellOf("Restarts", pod({ containerStatuses: statuses }))).toBe("3 (10m ago)");
  expect(cellOf("Restarts", pod({ containerStatuses: [container({ restartCount: 1 })] }))).toBe(
    "1",
  );
});

const running = { running: {} };
const withSidecar = {
  initContainers: [
    { name: "i", image: "i" },
    { name: "proxy", image: "p", restartPolicy: "Always" },
  ],
};

test("sidecars count like containers", () => {
  const initContainerStatuses = [
    init(done),
    container({ name: "proxy", ready: true, started: true, state: running, restartCount: 2 }),
  ];
  const containerStatuses = [container({ ready: true, state: running, restartCount: 1 })];
  const status = { phase: "Running", initContainerStatuses, containerStatuses };
  expect(cellOf("Ready", pod(status, withSidecar))).toBe("2/2");
  expect(cellOf("Restarts", pod(status, withSidecar))).toBe("3");
});

test("restarts are those of init containers until they are done", () => {
  const failing = init({ waiting: { reason: "CrashLoopBackOff" } });
  const initContainerStatuses = [{ ...failing, restartCount: 4 }];
  const containerStatuses = [container({ restartCount: 9 })];
  const object = pod({ initContainerStatuses, containerStatuses }, initSpec);
  expect([cellOf("Ready", object), cellOf("Restarts", object)]).toEqual(["0/1", "4"]);
});

test("readiness gates are counted", () => {
  const gates = { readinessGates: [{ conditionType: "x" }, { conditionType: "Ready" }] };
  expect(cellOf("Readiness Gates", pod({ conditions: ready }, gates))).toBe("1/2");
});

test("podRowConditions() marks what has ended", () => {
  const reasons = ["Running", "Succeeded", "Failed"].map((phase) =>
    podRowConditions(pod({ phase })).map(({ reason }) => reason),
  );
  expect(reasons).toEqual([[], ["Succeeded"], ["Failed"]]);
});
