import type { Pod } from "../../api/machinery/resources.ts";
import { podCondition } from "../../crds/conditions.ts";
import { annotation, type DesiredState, label } from "../../crds/labels.ts";
import type { Application, ApplicationStatus, Rollout } from "../../crds/types.gen.ts";

/** The moment at which the sights of tests are taken: everything in them is told in seconds from it. */
export const sightMs = Date.parse("2026-11-21T12:00:00Z");

/** RFC 3339 time so many seconds before {@link sightMs}; negative: after it. */
export const ago = (seconds: number): string => new Date(sightMs - seconds * 1000).toISOString();

type Spec = Partial<Application["spec"]>;
type Over = {
  readonly spec?: Spec;
  readonly status?: ApplicationStatus;
  readonly rollout?: Partial<Rollout>;
  readonly annotations?: Readonly<Record<string, string>>;
};

/** An Application of six slots on its way from web-1 to web-2, two at a time. */
export function sightedApp({ spec, status, rollout, annotations = {} }: Over = {}): Application {
  const object = {
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: {
      name: "web",
      namespace: "shop",
      uid: "app-uid",
      resourceVersion: "9",
      generation: 2,
      creationTimestamp: ago(900),
      annotations,
    },
    spec: {
      replicas: 6,
      paused: false,
      placement: { perNode: false, nodes: [] },
      strategy: {
        batch: 2,
        canary: { count: 0, approve: "Automatic" },
        minReadySeconds: 5,
        monitorSeconds: 30,
        pauseBetweenBatchesSeconds: 0,
        onFailure: "Rollback",
      },
      template: { spec: { containers: [{ name: "web", image: "web:v2" }] } },
      ...spec,
    },
    status: {
      observedGeneration: 2,
      replicas: 6,
      readyReplicas: 5,
      ready: "5/6",
      currentRevision: "web-1",
      targetRevision: "web-2",
      rollout: {
        phase: "Rolling",
        revision: "web-2",
        fromRevision: "web-1",
        batch: 2,
        batches: 3,
        startedAt: ago(41),
        phaseStartedAt: ago(30),
        steps: [
          {
            name: "batch-1-replace",
            action: "Replace",
            batch: 1,
            passed: [{ items: "0-1", time: ago(12) }],
          },
        ],
        ...rollout,
      },
      ...status,
    },
  };
  return object as unknown as Application; // the parts that views read
}

/** How a container of a sighted pod is. */
export type SightedState = {
  readonly desired?: DesiredState;
  readonly prepared?: boolean;
  /** Seconds since it was ready; absent: it is not. */
  readonly readyFor?: number;
  readonly running?: boolean;
  readonly waiting?: { readonly reason: string; readonly message?: string };
  readonly ended?: { readonly exitCode: number; readonly message?: string };
  readonly restarts?: number;
  readonly node?: string;
};

type Container = { readonly state: object; readonly lastState: object };

function containerOf({ readyFor, running = false, waiting, ended }: SightedState): Container {
  if (ended !== undefined) {
    const terminated = { reason: "Error", ...ended };
    const isAgain = waiting !== undefined;
    return isAgain
      ? { state: { waiting }, lastState: { terminated } }
      : { state: { terminated }, lastState: {} };
  }
  const isUp = running || readyFor !== undefined;
  return { state: isUp ? { running: { startedAt: ago(20) } } : { waiting }, lastState: {} };
}

/** A pod of a slot in a Revision. */
export function sightedPod(revision: string, slot: string, state: SightedState = {}): Pod {
  const { desired = "Running", prepared = true, readyFor, restarts = 0 } = state;
  const { node = `host-${slot}` } = state;
  const name = `${revision}-${slot}`;
  const ready = readyFor === undefined ? "False" : "True";
  const object = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "shop",
      uid: name,
      resourceVersion: "1",
      creationTimestamp: ago(60),
      labels: {
        [label.application]: "web",
        [label.revision]: revision,
        [label.slot]: slot,
      },
      annotations: { [annotation.desiredState]: desired },
    },
    spec: { ...(node === "" ? {} : { nodeName: node }), containers: [{ name: "web" }] },
    status: {
      conditions: [
        { type: "Ready", status: ready, lastTransitionTime: ago(readyFor ?? 0) },
        { type: podCondition.prepared, status: prepared ? "True" : "False" },
      ],
      containerStatuses: [{ name: "web", restartCount: restarts, ...containerOf(state) }],
    },
  };
  return object as unknown as Pod; // the parts that views read
}

/** The pods of {@link sightedApp} in the middle of its second batch. */
export function sightedPods(): readonly Pod[] {
  return [
    sightedPod("web-2", "0", { readyFor: 20 }),
    sightedPod("web-2", "1", { readyFor: 19 }),
    sightedPod("web-2", "2", { readyFor: 2 }),
    sightedPod("web-2", "3", {
      waiting: { reason: "CrashLoopBackOff", message: "Waiting 10s to start container web" },
      ended: { exitCode: 1, message: "reading /etc/web.conf\ncannot open configuration\n" },
      restarts: 2,
    }),
    sightedPod("web-2", "4", { desired: "Prepared" }),
    sightedPod("web-2", "5", { desired: "Prepared" }),
    ...["4", "5"].map((slot) => sightedPod("web-1", slot, { readyFor: 600 })),
  ];
}
