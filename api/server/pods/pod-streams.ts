import { unavailable } from "../../machinery/errors.ts";
import type { Pod } from "../../machinery/resources.ts";

/** Which part of a container's output. Absent fields do not limit it. */
export type LogOptions = {
  /** Name of the container; always set: the server has resolved it. */
  readonly container: string;
  readonly follow: boolean;
  /** The output of the incarnation before the present one. */
  readonly previous: boolean;
  readonly timestamps: boolean;
  /** Integer, 1 or more, in seconds. */
  readonly sinceSeconds?: number;
  /** RFC 3339. */
  readonly sinceTime?: string;
  /** Integer, 0 or more, in lines. */
  readonly tailLines?: number;
  /** Integer, 1 or more, in bytes. */
  readonly limitBytes?: number;
};

/** What the agent of a node streams for its pods. */
export interface PodStreams {
  /**
   * The output of one container, stdout and stderr together. Ends with the container, or at once
   * without `follow`. Aborting the signal ends it without an error.
   * @throws StatusError `NotFound` before the first chunk if there is no such container
   */
  logs(pod: Pod, options: LogOptions, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Who streams for which node now: agents in this process, later those behind the tunnel. */
export interface NodeStreams {
  /** Puts an agent in charge of a node, until the returned function is called. */
  register(nodeName: string, streams: PodStreams): () => void;
  /** @throws StatusError `ServiceUnavailable` naming the node when nobody is in charge of it */
  of(nodeName: string): PodStreams;
}

/** An empty registry; the newest registration of a node wins. */
export function nodeStreams(): NodeStreams {
  const byNode = new Map<string, PodStreams>();
  return {
    register(nodeName, streams) {
      byNode.set(nodeName, streams);
      return () => {
        if (byNode.get(nodeName) === streams) byNode.delete(nodeName);
      };
    },
    of(nodeName) {
      const streams = byNode.get(nodeName);
      if (streams !== undefined) return streams;
      throw unavailable(`Cannot reach node "${nodeName}": no agent of it is connected`);
    },
  };
}
