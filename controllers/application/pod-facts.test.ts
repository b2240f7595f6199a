import { expect, test } from "vitest";
import type { Pod, PodStatus } from "../../api/machinery/resources.ts";
import { podCondition } from "../../crds/conditions.ts";
import { desiredOf, podSeen, slotOf } from "./pod-facts.ts";

const healthy = { offline: false, misplaced: false, fits: true };
const digest = `sha256:${"b".repeat(64)}`;
type ContainerStatus = NonNullable<PodStatus["containerStatuses"]>[number];

const container = (over: Partial<ContainerStatus>): ContainerStatus => ({
  name: "web",
  image: "web:1",
  imageID: "",
  ready: false,
  restartCount: 0,
  ...over,
});

const pod = (status: PodStatus, over: Partial<Pod["metadata"]> = {}, nodeName = "a"): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "web-1-0",
    uid: "u",
    resourceVersion: "1",
    creationTimestamp: "2026-01-01T00:00:01Z",
    labels: { "lighthouse.dev/slot": "0", "lighthouse.dev/revision": "web-1" },
    ...over,
  },
  spec: {
    containers: [{ name: "web", image: "web:1" }],
    ...(nodeName === "" ? {} : { nodeName }),
  },
  status,
});

const condition = (type: string, status: string, reason = "", message = "") => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: "2026-01-01T00:00:05Z",
});

const ended = { exitCode: 3, reason: "Error", startedAt: "", finishedAt: "" };

test.each<readonly [string, Pod, object]>([
  [
    "a pod without status",
    pod({}),
    {
      desired: "Running",
      prepared: false,
      up: false,
      ready: false,
      ended: false,
      restarts: 0,
      createdAtMs: Date.UTC(2026, 0, 1, 0, 0, 1),
    },
  ],
  [
    "one that serves",
    pod({
      phase: "Running",
      conditions: [condition("Ready", "True"), condition("lighthouse.dev/Prepared", "True")],
      containerStatuses: [
        container({ state: { running: {} }, imageID: `docker.io/web@${digest}` }),
      ],
    }),
    {
      up: true,
      ready: true,
      prepared: true,
      digests: [{ image: "web:1", digest }],
    },
  ],
  [
    "no digest of an image that never was in a registry",
    pod({ containerStatuses: [container({ imageID: digest })] }),
    { digests: [] },
  ],
  [
    "one that no Node takes",
    pod({ conditions: [condition("PodScheduled", "False", "Unschedulable", "0/1 nodes")] }, {}, ""),
    { trouble: { reason: "Unschedulable", message: "0/1 nodes" } },
  ],
  [
    "one whose image cannot be fetched",
    pod({
      containerStatuses: [
        container({ state: { waiting: { reason: "ErrImagePull", message: "no such host" } } }),
      ],
    }),
    { trouble: { reason: "ErrImagePull", message: "ErrImagePull: no such host" }, ended: false },
  ],
  [
    "one whose container ends again and again",
    pod({
      containerStatuses: [
        container({
          restartCount: 2,
          state: { waiting: { reason: "CrashLoopBackOff", message: "back-off" } },
          lastState: { terminated: ended },
        }),
      ],
    }),
    {
      ended: true,
      restarts: 2,
      trouble: { message: "CrashLoopBackOff: container web ended with exit code 3" },
    },
  ],
  [
    "one whose container runs again after it failed",
    pod({
      containerStatuses: [
        container({
          restartCount: 1,
          state: { running: {} },
          lastState: { terminated: { ...ended, message: "loading\ncannot open config\n" } },
        }),
      ],
    }),
    {
      ended: false,
      restarts: 1,
      trouble: {
        reason: "Error",
        message: "container web ended with exit code 3: cannot open config",
      },
    },
  ],
  [
    "one whose container ended for good",
    pod({
      phase: "Failed",
      containerStatuses: [container({ state: { terminated: { ...ended, message: "oops" } } })],
    }),
    {
      ended: true,
      finished: true,
      succeeded: false,
      trouble: { reason: "Error", message: "container web ended with exit code 3: oops" },
    },
  ],
  [
    "no failure in an end that came with the host's",
    pod({
      containerStatuses: [
        container({
          state: { waiting: { reason: "ContainerCreating" } },
          lastState: { terminated: { ...ended, exitCode: 137, reason: "HostRestarted" } },
        }),
      ],
    }),
    { ended: false, hostRestarted: true, restarts: 0 },
  ],
  [
    "no failure in a container that its host took down and nobody has started again",
    pod({
      containerStatuses: [
        container({ state: { terminated: { ...ended, reason: "HostRestarted" } } }),
      ],
    }),
    { ended: false, hostRestarted: true },
  ],
  ["one that ended well", pod({ phase: "Succeeded" }), { finished: true, succeeded: true }],
  [
    "one that cannot be prepared",
    pod({ conditions: [condition("lighthouse.dev/Prepared", "False", "PortConflict", "port 80")] }),
    { prepared: false, trouble: { reason: "PortConflict", message: "PortConflict: port 80" } },
  ],
  [
    "nothing wrong while it is made",
    pod({
      conditions: [condition("lighthouse.dev/Prepared", "False", "ContainerCreating")],
      containerStatuses: [container({ state: { waiting: { reason: "ContainerCreating" } } })],
    }),
    { prepared: false },
  ],
  [
    "orders and their end",
    pod(
      {},
      {
        deletionTimestamp: "2026-01-01T00:00:02Z",
        annotations: {
          "lighthouse.dev/desired-state": "Prepared",
          "lighthouse.dev/replaces": "web-0-0",
        },
      },
    ),
    { desired: "Prepared", replaces: "web-0-0", terminating: true },
  ],
])("podSeen() sees %s", (_what, of, want) => {
  expect(podSeen(of, healthy)).toMatchObject(want);
});

test("podSeen() has no trouble to tell of a pod that is merely on its way", () => {
  const making = container({ state: { waiting: { reason: "Stopped" } } });
  expect(podSeen(pod({ containerStatuses: [making] }), healthy)).not.toHaveProperty("trouble");
});

test("slotOf() prefers the full name of a Node, and desiredOf() takes unknown words for none", () => {
  const annotations = {
    "lighthouse.dev/slot-node": "host.example",
    "lighthouse.dev/desired-state": "Odd",
  };
  expect(slotOf(pod({}, { annotations }))).toBe("host.example");
  expect(desiredOf(pod({}, { annotations }))).toBe("Running");
  expect(slotOf(pod({}, { labels: {} }))).toBe("");
});

test.each([
  {
    what: "not ready since before",
    prepared: "True",
    ready: "False",
    time: "12:00:00",
    want: true,
  },
  { what: "not ready since after", prepared: "True", ready: "False", time: "12:00:05" },
  { what: "not even prepared", prepared: "False", ready: "False", time: "12:00:01", want: true },
  { what: "ready", prepared: "True", ready: "True", time: "12:00:05" },
])("podSeen() of a pod that is $what", ({ prepared, ready, time, want }) => {
  const at = (clock: string): string => `2026-01-01T${clock}Z`;
  const conditions = [
    { type: podCondition.prepared, status: prepared, lastTransitionTime: at("12:00:01") },
    { type: "Ready", status: ready, lastTransitionTime: at(time) },
  ].map((one) => ({ ...one, reason: "x", message: "" }));
  expect(podSeen(pod({ conditions }), healthy).neverReady).toBe(want);
});

test("podSeen() of a pod that no agent has reported on was never ready", () => {
  expect(podSeen(pod({}), healthy)).toMatchObject({ ready: false, neverReady: true });
});

test("podSeen() tells what a readiness probe said", () => {
  const said = condition("Ready", "False", "ReadinessProbeFailed", "container web: HTTP 503");
  expect(podSeen(pod({ conditions: [said] }), healthy).trouble).toEqual({
    reason: "ReadinessProbeFailed",
    message: "container web: HTTP 503",
  });
});
