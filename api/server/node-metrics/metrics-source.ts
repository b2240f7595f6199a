import { annotation } from "../../../crds/labels.ts";
import type { Node, Pod } from "../../machinery/resources.ts";
import { formatTime } from "../../machinery/time.ts";
import { collectionPrefix, storeKey } from "../../store/keys.ts";
import type { NodeUsage, PodUsage, Usage } from "../../tunnel/node-usage.ts";
import type { JsonObject } from "../kinds/kind.ts";
import type { MetricsSource } from "../kinds/metrics.ts";
import type { Storage } from "../objects/storage.ts";
import type { NodeReadings } from "./node-readings.ts";

/** What is known of Nodes and Pods, and what their agents measure. */
export type MetricsWorld = {
  readonly storage: Pick<Storage, "cache">;
  readonly readings: NodeReadings;
};

const nodesKind = { group: "", plural: "nodes" } as const;
const podsKind = { group: "", plural: "pods" } as const;

const usageOf = ({ cpuNanoCores, memoryBytes }: Usage): JsonObject => ({
  cpu: `${cpuNanoCores}n`,
  memory: `${Math.floor(memoryBytes / 1024)}Ki`,
});

const measured = ({ atMs, windowMs }: Pick<Usage, "atMs" | "windowMs">): JsonObject => ({
  timestamp: formatTime(atMs),
  window: `${windowMs / 1000}s`,
});

function nodeMetrics({ metadata }: Node, usage: NodeUsage["node"]): readonly JsonObject[] {
  if (usage === undefined) return [];
  const { name, labels } = metadata;
  const about = {
    name,
    creationTimestamp: formatTime(usage.atMs),
    ...(labels === undefined ? {} : { labels }),
    annotations: { [annotation.measured]: usage.of },
  };
  return [{ metadata: about, ...measured(usage), usage: usageOf(usage) }];
}

function containerNames({ spec }: Pod): ReadonlySet<string> {
  const all = [
    ...spec.containers,
    ...(spec.initContainers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
  return new Set(all.map(({ name }) => name));
}

function podMetrics(pod: Pod, usage: PodUsage | undefined): readonly JsonObject[] {
  const names = containerNames(pod);
  const known = Object.entries(usage?.containers ?? {}).filter(([name]) => names.has(name));
  if (known.length === 0) return [];
  const atMs = Math.min(...known.map(([, one]) => one.atMs));
  const windowMs = Math.max(...known.map(([, one]) => one.windowMs));
  const { name, namespace, labels } = pod.metadata;
  const about = {
    name,
    namespace,
    creationTimestamp: formatTime(atMs),
    ...(labels === undefined ? {} : { labels }),
  };
  const containers = known.map(([container, one]) => ({ name: container, usage: usageOf(one) }));
  return [{ metadata: about, ...measured({ atMs, windowMs }), containers }];
}

function nodesIn({ cache }: MetricsWorld["storage"], name: string): readonly Node[] {
  if (name === "")
    return cache.list(collectionPrefix(nodesKind)).map(({ object }) => object as Node);
  const found = cache.get(storeKey(nodesKind, { name }));
  return found === undefined ? [] : [found.object];
}

function podsIn(
  { cache }: MetricsWorld["storage"],
  namespace: string,
  name: string,
): readonly Pod[] {
  if (name === "") {
    const prefix = collectionPrefix(podsKind, namespace === "" ? undefined : namespace);
    return cache.list(prefix).map(({ object }) => object as Pod);
  }
  const found = cache.get(storeKey(podsKind, { namespace, name }));
  return found === undefined ? [] : [found.object as Pod];
}

/**
 * Metrics from the agents of Nodes, asked side by side. Of an agent's answer counts only what is about
 * Pods that are bound to its Node; names and labels are those of the stored objects.
 */
export function metricsSource({ storage, readings }: MetricsWorld): MetricsSource {
  return {
    async nodes(name = "") {
      const nodes = nodesIn(storage, name);
      if (name === "") readings.keep(new Set(nodes.map(({ metadata }) => metadata.name)));
      const found = await Promise.all(
        nodes.map(async (node) => {
          const usage = await readings.of(node.metadata.name);
          return nodeMetrics(node, usage?.node);
        }),
      );
      return found.flat();
    },
    async pods(namespace, name = "") {
      const pods = podsIn(storage, namespace, name);
      const hosts = new Set(pods.flatMap(({ spec }) => spec.nodeName ?? []));
      const asked = await Promise.all(
        [...hosts].map(async (host) => {
          const usage = await readings.of(host);
          const byUid = new Map(usage?.pods.map((one) => [one.uid, one]));
          return [host, byUid] as const;
        }),
      );
      const byHost = new Map(asked);
      return pods.flatMap((pod) => {
        const usage = byHost.get(pod.spec.nodeName ?? "")?.get(pod.metadata.uid);
        return podMetrics(pod, usage);
      });
    },
  };
}
