import { podHandler, type PodWorld } from "../../agent/pod-route.ts";
import { nodeStreams, type NodeStreams } from "../../api/server/pods/pod-streams.ts";
import { podStreamsOver } from "../../api/server/tunnel/pod-streams-over.ts";
import { itemOf } from "../../api/store/item.ts";
import { storeKey } from "../../api/store/keys.ts";
import type { Store } from "../../api/store/store.ts";
import { openTunnelRig } from "./tunnel.ts";

const podKind = { group: "", plural: "pods" };

/** Looks pods up in the store: the rest of a client is not asked for. */
function podReader(store: Store): PodWorld["client"] {
  const get = async (_type: unknown, key: { namespace?: string; name: string }) => {
    const { namespace = "", name } = key;
    const at = storeKey(podKind, { namespace, name });
    const entry = await store.get(at);
    return entry === undefined ? undefined : itemOf(at, entry.value, entry.at).object;
  };
  return { get } as unknown as PodWorld["client"];
}

/** A registry whose agents stand behind a tunnel: every stream goes through its frames. */
export async function tunnelledNodes(
  store: Store,
): Promise<AsyncDisposable & { readonly nodes: NodeStreams }> {
  const rig = await openTunnelRig(() => Promise.reject(new Error("nobody asks this node")));
  const client = podReader(store);
  const known = new Set<string>();
  const host = { pod: () => undefined };
  const remote = nodeStreams({
    handler: (name) => (known.has(name) ? rig.hub.handler(name) : undefined),
    streams: podStreamsOver,
  });
  return {
    nodes: {
      ...remote,
      register(nodeName, streams) {
        const withdraw = rig.nodes.serve(nodeName, podHandler(streams, { client, nodeName, host }));
        known.add(nodeName);
        return () => {
          withdraw();
          known.delete(nodeName);
        };
      },
    },
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]();
    },
  };
}
