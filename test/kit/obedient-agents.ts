import { keyOf } from "../../api/machinery/object.ts";
import { applications, nodes, type Pod, pods } from "../../api/machinery/resources.ts";
import { formatTime } from "../../api/machinery/time.ts";
import { desiredOf } from "../../controllers/application/pod-facts.ts";
import type { Application } from "../../crds/types.gen.ts";
import type { MemoryApi } from "./memory-api.ts";

/** An Application before the API server has seen it. */
export type ApplicationDraft = Omit<Application, "metadata"> & {
  readonly metadata: Partial<Application["metadata"]>;
};

/** An Application with all defaults, of two slots in the namespace `shop`. */
export function draftApplication(
  name: string,
  image: string,
  annotations: Readonly<Record<string, string>> = {},
): ApplicationDraft {
  return {
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: { namespace: "shop", name, generation: 1, annotations },
    spec: {
      replicas: 2,
      placement: { perNode: false, nodes: [], nodeSelector: {}, spreadBy: [], maxPerNode: 0 },
      runState: "Running",
      paused: false,
      revisionHistoryLimit: 10,
      strategy: {
        batch: 1,
        order: "StopFirst",
        canary: { count: 0, approve: "Automatic" },
        prepare: true,
        minReadySeconds: 5,
        monitorSeconds: 30,
        pauseBetweenBatchesSeconds: 0,
        progressDeadlineSeconds: 600,
        tolerateFailures: 0,
        onFailure: "Rollback",
        offlineNodes: "Skip",
      },
      template: {
        spec: {
          containers: [{ name: "web", image }],
          restartPolicy: "Always",
          terminationGracePeriodSeconds: 30,
        },
      },
    },
  };
}

type ContainerStatus = NonNullable<NonNullable<Pod["status"]>["containerStatuses"]>[number];

function containerStatus(pod: Pod, isBad: boolean, now: string): ContainerStatus {
  const image = pod.spec.containers[0]?.image ?? "";
  const isUp = desiredOf(pod) === "Running" && !isBad;
  const idle = { waiting: { reason: isBad ? "CrashLoopBackOff" : desiredOf(pod) } };
  const ended = { exitCode: 3, reason: "Error", finishedAt: now, startedAt: now };
  return {
    name: "web",
    image,
    imageID: `${image.split(":")[0] ?? ""}@sha256:${"a".repeat(64)}`,
    ready: isUp,
    started: isUp,
    restartCount: isBad ? 1 : 0,
    state: isUp ? { running: { startedAt: now } } : idle,
    lastState: isBad ? { terminated: ended } : {},
  };
}

/** What an agent would say of a pod by now. Containers end at once whose pod or image is called `bad`. */
function statusOf(pod: Pod, bad: string, now: string): Pod["status"] {
  const isBad = `${pod.metadata.name} ${pod.spec.containers[0]?.image ?? ""}`.includes(bad);
  const container = containerStatus(pod, isBad && desiredOf(pod) === "Running", now);
  const past = pod.status?.conditions?.find(({ type }) => type === "Ready");
  const is = container.ready ? "True" : "False";
  const at = past?.status === is ? (past.lastTransitionTime ?? now) : now;
  const said = { reason: "", message: "" };
  return {
    phase: container.ready ? "Running" : "Pending",
    conditions: [
      { type: "Ready", status: is, lastTransitionTime: at, ...said },
      { type: "lighthouse.dev/Prepared", status: "True", lastTransitionTime: now, ...said },
    ],
    containerStatuses: [container],
  };
}

/** Does what agents and scheduler would: all on `host-1`, at once. Containers end
 * at once whose pod or image is called `bad`, in part. */
export async function actAsAgents(api: MemoryApi, nowMs: number, bad = "none"): Promise<void> {
  const now = formatTime(nowMs);
  for (const pod of api.all(pods)) {
    if (pod.spec.nodeName === undefined) {
      const body = { spec: { nodeName: "host-1" } };
      await api.patch(pods, keyOf(pod), { type: "merge", body });
    }
    const body = { status: statusOf(pod, bad, now) };
    await api.patch(pods, keyOf(pod), { type: "merge", body }, { subresource: "status" });
  }
}

/** The one host that {@link actAsAgents} knows. */
export async function addHost(api: MemoryApi): Promise<void> {
  await api.create(nodes, {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "host-1" },
    status: { conditions: [{ type: "Ready", status: "True" }] },
  });
}

/** Asks for another image, as a user does. */
export async function setImage(api: MemoryApi, name: string, image: string): Promise<void> {
  const { spec } = draftApplication(name, image);
  const key = { namespace: "shop", name };
  const generation = 1 + ((await api.get(applications, key))?.metadata.generation ?? 0);
  const body = { spec: { template: spec.template }, metadata: { generation } };
  await api.patch(applications, key, { type: "merge", body });
}
