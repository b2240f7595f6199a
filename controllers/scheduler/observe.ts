import type { Cache } from "../../api/client/informer.ts";
import { isDeleting } from "../../api/machinery/finalizer.ts";
import { type Node, type Pod } from "../../api/machinery/resources.ts";
import type { Application } from "../../crds/types.gen.ts";
import { label } from "../../crds/labels.ts";
import { rolloutOrder } from "../../crds/rollout-order.ts";
import { podFacts, toAmounts } from "./pod-facts.ts";
import type { BoundPod, NodeSeen, PodSeen, Seen, Spread } from "./seen.ts";

/** The caches that the scheduler reads. */
export type SchedulerCaches = {
  readonly pods: Cache<Pod>;
  readonly nodes: Cache<Node>;
  readonly applications: Cache<Application>;
};

/** Index of pods by whether they wait for us; see {@link waitsForUs}. */
export const pendingIndex = {
  pending: (pod: Pod): readonly string[] => (waitsForUs(pod) ? ["yes"] : []),
};

const defaultSchedulers: ReadonlySet<string> = new Set(["", "default-scheduler"]);

const isFinished = ({ status }: Pod): boolean =>
  status?.phase === "Succeeded" || status?.phase === "Failed";

/** Whether the pod has no Node and nobody else, and no gate, is to see to it. */
export function waitsForUs(pod: Pod): boolean {
  const { nodeName = "", schedulerName = "", schedulingGates = [] } = pod.spec;
  const ours = defaultSchedulers.has(schedulerName) && schedulingGates.length === 0;
  return nodeName === "" && ours && !isDeleting(pod) && !isFinished(pod);
}

function toNode({ metadata, spec, status }: Node): NodeSeen {
  const taints = (spec?.taints ?? []).map(({ key, value = "", effect }) => ({
    key,
    value,
    effect,
  }));
  const isReady = status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
  return {
    name: metadata.name,
    labels: { [label.hostname]: metadata.name, ...metadata.labels },
    ready: isReady && metadata.deletionTimestamp === undefined,
    unschedulable: spec?.unschedulable === true,
    taints,
    allocatable: toAmounts(status?.allocatable ?? status?.capacity),
  };
}

function spreadsOf(
  pending: readonly PodSeen[],
  applications: Cache<Application>,
): ReadonlyMap<string, Spread> {
  const spreads = new Map<string, Spread>();
  for (const { application, namespace } of pending) {
    if (application === undefined || spreads.has(application)) continue;
    const name = application.slice(namespace.length + 1);
    const placement = applications.get({ namespace, name })?.spec.placement;
    spreads.set(application, {
      by: placement?.spreadBy ?? [label.beacon, label.hostname],
      maxPerNode: placement?.maxPerNode ?? 0,
    });
  }
  return spreads;
}

/**
 * Pods of slots that change with StartFirst run side by side for a while, and may again on the way
 * back: each of them counts in full, so that there is room when its turn comes.
 */
function sideBySide(applications: Cache<Application>): (pod: PodSeen) => PodSeen {
  const known = new Map<string, boolean>();
  const isStartFirst = ({ application = "", namespace }: PodSeen): boolean => {
    const before = known.get(application);
    if (before !== undefined) return before;
    const name = application.slice(namespace.length + 1);
    const found = applications.get({ namespace, name });
    const answer = found !== undefined && rolloutOrder(found) === "StartFirst";
    known.set(application, answer);
    return answer;
  };
  return (pod) =>
    pod.application === undefined || pod.runs || !isStartFirst(pod) ? pod : { ...pod, runs: true };
}

/**
 * Reads the caches; `undefined` when no pod waits. `assumed` are Nodes, by pod uid, of bindings
 * that the caches may not show yet: without them a Node would be given away twice.
 */
export function observe(
  caches: SchedulerCaches,
  assumed: ReadonlyMap<string, string>,
): Seen | undefined {
  const counted = sideBySide(caches.applications);
  const waiting = caches.pods.by("pending", "yes").map((pod) => counted(podFacts(pod)));
  const pending = waiting.filter(({ uid }) => !assumed.has(uid));
  if (pending.length === 0) return undefined;
  const bound = caches.pods
    .list()
    .filter((pod) => !isFinished(pod))
    .map((pod) => counted(podFacts(pod)))
    .flatMap((pod): readonly BoundPod[] => {
      const node = pod.node ?? assumed.get(pod.uid);
      return node === undefined ? [] : [{ ...pod, node }];
    });
  const nodes = caches.nodes.list().map(toNode);
  return { nodes, bound, pending, spreads: spreadsOf(pending, caches.applications) };
}
