import { type Condition, isConditionTrue, setCondition } from "../../api/machinery/conditions.ts";
import { isConflict, isNotFound } from "../../api/machinery/errors.ts";
import { isDeleting } from "../../api/machinery/finalizer.ts";
import { keyOf } from "../../api/machinery/object.ts";
import { type Node, nodes, type Pod, pods } from "../../api/machinery/resources.ts";
import { formatTime, parseTime } from "../../api/machinery/time.ts";
import type { BuildController, Context, Result } from "../runtime/reconciler.ts";
import { each, source } from "../runtime/sources.ts";
import { type EvictionSeen, isLoss, planEvictions } from "./eviction-plan.ts";
import type { NodeTaint } from "./plan.ts";

const nodeIndex = {
  "eviction.node": ({ spec }: Pod): readonly string[] =>
    spec.nodeName === undefined || spec.nodeName === "" ? [] : [spec.nodeName],
};

/** While no Node answers: look again. Milliseconds. */
const recheckMs = 5_000;

const taintsOf = (node: Node): readonly NodeTaint[] => node.spec?.taints ?? [];

const isBinding = ({ effect }: NodeTaint): boolean => effect === "NoExecute";

const isReady = ({ status }: Node): boolean =>
  isConditionTrue(status?.conditions as readonly Condition[] | undefined, "Ready");

/** Names of the volumes whose data stays on the host when the pod goes. */
const keptVolumes = ({ spec }: Pod): readonly string[] =>
  (spec.volumes ?? [])
    .filter((volume) => "hostPath" in volume || "persistentVolumeClaim" in volume)
    .map(({ name }) => name);

function eventOf(pod: Pod, node: string) {
  const { namespace = "", name } = pod.metadata;
  const kept = keptVolumes(pod);
  const volumes = kept.length === 0 ? "" : `; its volumes stay on Node ${node}: ${kept.join(", ")}`;
  const message = `Marking for deletion Pod ${namespace}/${name}${volumes}`;
  return { type: "Normal", reason: "TaintManagerEviction", message } as const;
}

/** Its agent cannot say so: a pod that nobody hears of does not count as ready beside its successor. */
async function markNotReady(pod: Pod, node: string, { client, clock }: Context): Promise<void> {
  const conditions = pod.status?.conditions as readonly Condition[] | undefined;
  if (!isConditionTrue(conditions, "Ready")) return;
  const message = `Node ${node} does not answer`;
  const draft = { type: "Ready", status: "False", reason: "NodeLost", message } as const;
  const { resourceVersion } = pod.metadata;
  const status = { conditions: setCondition(conditions, draft, formatTime(clock.nowMs())) };
  // Lists are replaced whole: the version guards what others wrote into this one.
  const patch = { type: "merge", body: { metadata: { resourceVersion }, status } } as const;
  await client.patch(pods, keyOf(pod), patch, { subresource: "status" });
}

async function evict(pod: Pod, node: Node, context: Context): Promise<void> {
  const { name } = node.metadata;
  const { uid } = pod.metadata;
  try {
    if (!isReady(node)) await markNotReady(pod, name, context);
    await context.client.delete(pods, keyOf(pod), { preconditions: { uid } });
  } catch (err) {
    // Gone, or changed: a newer version is on its way to us, and with it the next pass.
    if (isNotFound(err) || isConflict(err)) return;
    throw err;
  }
  context.recorder.event(pod, eventOf(pod, name));
}

/** Since when taints are there. */
type TaintTimes = {
  sinceMs(node: string, taint: NodeTaint, nowMs: number): number;
  /** The Node has none any more. */
  forget(node: string): void;
};

/** Taints of users do not say since when: then it is when we first saw them, as in Kubernetes. */
function createTaintTimes(): TaintTimes {
  const firstSeenMs = new Map<string, number>();
  return {
    sinceMs(node, { key, value = "", timeAdded }, nowMs) {
      const told = timeAdded === undefined ? undefined : parseTime(timeAdded);
      if (told !== undefined) return told;
      const id = `${node} ${key}=${value}`;
      const known = firstSeenMs.get(id) ?? nowMs;
      firstSeenMs.set(id, known);
      return known;
    },
    forget(node) {
      for (const id of firstSeenMs.keys()) if (id.startsWith(`${node} `)) firstSeenMs.delete(id);
    },
  };
}

type View = {
  readonly node: Node;
  readonly residents: readonly Pod[];
  readonly fleet: readonly Node[];
};

function toSeen({ node, residents, fleet }: View, times: TaintTimes, nowMs: number): EvictionSeen {
  const taints = taintsOf(node).filter(isBinding);
  return {
    taints,
    sinceMs: taints.map((taint) => times.sinceMs(node.metadata.name, taint, nowMs)),
    ready: isReady(node),
    fleetAnswers: fleet.some(isReady),
    pods: residents.map(({ metadata: { uid }, spec: { tolerations = [] } }) => ({
      uid,
      tolerations,
    })),
  };
}

/** When to look again, in milliseconds from now. */
function requeueAfter(
  { fleetAnswers, taints }: EvictionSeen,
  nextInMs: number | undefined,
): Result {
  if (!fleetAnswers && taints.some(isLoss)) return { requeueAfterMs: recheckMs };
  return nextInMs === undefined ? {} : { requeueAfterMs: Math.max(1, nextInMs) };
}

/**
 * Deletes pods from Nodes whose `NoExecute` taints they do not tolerate, or not for so long. The
 * taints of a lost Node are the node controller's, all others users'.
 */
export const buildTaintEviction: BuildController = (context) => {
  const { caches, client, clock, log } = context;
  const podCache = caches.of(pods, nodeIndex);
  const nodeCache = caches.of(nodes);
  const times = createTaintTimes();
  /** Whether the Node is as the cache shows it: only the server itself can say so. */
  const isCurrent = async ({ metadata }: Node, signal: AbortSignal): Promise<boolean> => {
    const live = await client.get(nodes, { name: metadata.name }, signal);
    return live?.metadata.resourceVersion === metadata.resourceVersion;
  };
  return {
    name: "taint-eviction",
    owns: ["pods/existence[taints]", "pods/status.conditions[Ready, node lost]"],
    sources: [
      each(nodes),
      source(pods, (pod) => nodeIndex["eviction.node"](pod).map((name) => ({ name }))),
    ],
    reconciler: {
      async reconcile({ name }, signal) {
        const node = nodeCache.get({ name });
        if (node === undefined || !taintsOf(node).some(isBinding)) {
          times.forget(name);
          return {};
        }
        const nowMs = clock.nowMs();
        const residents = podCache.by("eviction.node", name).filter((pod) => !isDeleting(pod));
        const seen = toSeen({ node, residents, fleet: nodeCache.list() }, times, nowMs);
        const { evict: doomed, nextAtMs } = planEvictions(seen, nowMs);
        if (doomed.length > 0 && !(await isCurrent(node, signal))) {
          return { requeueAfterMs: recheckMs / 10 };
        }
        for (const pod of residents.filter(({ metadata }) => doomed.includes(metadata.uid))) {
          await evict(pod, node, context);
          log.info({ pod: pod.metadata.name, node: name }, "evicted a pod from a tainted node");
        }
        return requeueAfter(seen, nextAtMs === undefined ? undefined : nextAtMs - nowMs);
      },
    },
  };
};
