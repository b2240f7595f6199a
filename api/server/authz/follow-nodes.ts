import { collectionPrefix } from "../../store/keys.ts";
import type { WatchCache } from "../../store/watch-cache.ts";
import { type GraphPlural, NodeGraph } from "./node-graph.ts";

const types: readonly { readonly group: string; readonly plural: GraphPlural }[] = [
  { group: "", plural: "nodes" },
  { group: "", plural: "pods" },
  { group: "lighthouse.dev", plural: "beacons" },
];

/** A graph of everything in the cache, as current as that. It follows the cache until it is closed. */
export function followNodes(cache: WatchCache): NodeGraph {
  const graph = new NodeGraph();
  const follow = (type: (typeof types)[number]): void => {
    const { plural } = type;
    const prefix = collectionPrefix(type);
    graph.clear(plural);
    for (const { object } of cache.list(prefix)) graph.set(plural, object);
    cache.subscribe(prefix, cache.revision, {
      onEvents(events) {
        for (const { type: change, item } of events) {
          if (change === "DELETED") graph.delete(plural, item.object);
          else graph.set(plural, item.object);
        }
      },
      onReset: () => queueMicrotask(() => follow(type)),
    });
  };
  for (const type of types) follow(type);
  return graph;
}
