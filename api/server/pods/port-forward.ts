import { badRequest } from "../../machinery/errors.ts";
import type { Pod } from "../../machinery/resources.ts";
import type { Handler } from "../objects/routes.ts";
import { readItem } from "../objects/storage.ts";
import { existing, keyOfCall } from "../objects/update.ts";
import type { PortDialer } from "../streams/port-dialer.ts";
import { serveForward } from "../streams/serve-forward.ts";
import { callerOf } from "../tunnel/caller.ts";
import { queryOf } from "./command-options.ts";
import { nodeOf } from "./container-choice.ts";
import type { NodeStreams, PodStreams } from "./pod-streams.ts";

function dialerOf(streams: PodStreams, pod: Pod): PortDialer {
  const { name, uid } = pod.metadata;
  return {
    dial: (port, signal) => streams.dial(pod, port, signal),
    explain(port, err) {
      const why = err instanceof Error ? err.message : String(err);
      return `error forwarding port ${port} to pod ${name}, uid ${uid}: ${why}`;
    },
  };
}

/** GET and POST pods/NAME/portforward: connections to ports of a Pod, over WebSocket or SPDY. */
export function podPortForward(nodes: NodeStreams): Handler {
  return async (call, io) => {
    const pod = existing(call, await readItem(call.storage, keyOfCall(call))).object as Pod;
    const dialer = dialerOf(nodes.of(nodeOf(pod), callerOf(io.request, io.reply)), pod);
    const phase = pod.status?.phase ?? "Pending";
    if (phase !== "Running")
      throw badRequest(
        `unable to forward port because pod is not running. Current status=${phase}`,
      );
    await serveForward(io, { dialer, query: queryOf(io.request) });
    return undefined;
  };
}
