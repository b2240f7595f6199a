import { keyOf } from "../../api/machinery/object.ts";
import { type Node, nodes, type Pod, pods } from "../../api/machinery/resources.ts";
import type { BuildController } from "../runtime/reconciler.ts";
import { source } from "../runtime/sources.ts";

/** An agent that lost its Node registers it again; so long nothing is deleted. */
const quarantineMs = 40_000;

const nodeIndex = {
  "stranded.node": ({ spec }: Pod): readonly string[] =>
    spec.nodeName === undefined || spec.nodeName === "" ? [] : [spec.nodeName],
};

/**
 * Removes pods whose Node was removed: no agent is left to stop them and to say so. Work goes by
 * Node, absent ones included.
 */
export const buildStrandedPods: BuildController = ({ client, caches, clock, log, recorder }) => {
  const podCache = caches.of(pods, nodeIndex);
  const nodeCache = caches.of(nodes);
  /** Since when each Node is known to be absent; a new process only waits once more. */
  const absentSinceMs = new Map<string, number>();
  const remove = async (pod: Pod, node: string): Promise<void> => {
    const { uid } = pod.metadata;
    await client.delete(pods, keyOf(pod), { gracePeriodSeconds: 0, preconditions: { uid } });
    log.info({ pod: pod.metadata.name, node }, "removed a pod whose node is gone");
    const message = `Node ${node} is gone, and with it whoever could stop this pod`;
    recorder.event(pod, { type: "Warning", reason: "NodeGone", message });
  };
  return {
    name: "stranded-pods",
    owns: ["pods/existence[node gone]"],
    sources: [
      source(nodes, ({ metadata }: Node) => [{ name: metadata.name }]),
      source(pods, (pod) => nodeIndex["stranded.node"](pod).map((name) => ({ name }))),
    ],
    workers: 1,
    reconciler: {
      async reconcile({ name }, signal) {
        const stranded = podCache.by("stranded.node", name);
        if (stranded.length === 0 || nodeCache.get({ name }) !== undefined) {
          absentSinceMs.delete(name);
          return {};
        }
        const nowMs = clock.nowMs();
        const sinceMs = absentSinceMs.get(name) ?? nowMs;
        absentSinceMs.set(name, sinceMs);
        const leftMs = sinceMs + quarantineMs - nowMs;
        if (leftMs > 0) return { requeueAfterMs: leftMs };
        // Only the server itself can say that a Node is gone.
        if ((await client.get(nodes, { name }, signal)) !== undefined) return {};
        for (const pod of stranded) await remove(pod, name);
        return {};
      },
    },
  };
};
