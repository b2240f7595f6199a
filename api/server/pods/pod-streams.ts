import type { Duplex, Writable } from "node:stream";
import { StatusError, unavailable } from "../../machinery/errors.ts";
import type { Pod } from "../../machinery/resources.ts";
import type { Caller, NodeHandler } from "../../tunnel/node-link.ts";

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

/** How to run a command in a container, or to join its main process. */
export type ProcessOptions = {
  /** Name of the container; always set: the server has resolved it. */
  readonly container: string;
  /** Whether the client sends input. */
  readonly stdin: boolean;
  /** For a command: whether it gets a terminal. The main process has one or not. */
  readonly tty: boolean;
};

/** Of a terminal, in characters. Integers, 1 or more. */
export type TerminalSize = { readonly columns: number; readonly rows: number };

/**
 * A process whose input and output are at hand. Disposing of it hangs up: a command that still runs
 * is ended, the main process of a container goes on.
 */
export interface RemoteProcess extends AsyncDisposable {
  /** Ending it is end-of-file for the process; output keeps flowing. Errors when the process ends. */
  readonly stdin: Writable;
  /** Until the process ends; to be read once, with back-pressure. With a terminal only stdout. */
  readonly output: AsyncIterable<{
    readonly stream: "stdout" | "stderr";
    readonly bytes: Uint8Array;
  }>;
  /** Resolves after `output` ended. `undefined` when the engine does not tell. */
  exitCode(signal?: AbortSignal): Promise<number | undefined>;
  /** A no-op once the process is gone. */
  resize(size: TerminalSize): Promise<void>;
}

/** A process that may be started: its container is there and runs. */
export interface ReadyProcess {
  /** Whether its output is that of a terminal. */
  readonly tty: boolean;
  /** To be called once. `size` is that of the client's terminal, if it said so. */
  start(size: TerminalSize | undefined, signal: AbortSignal): Promise<RemoteProcess>;
}

/** What the agent of a node streams for its pods. */
export interface PodStreams {
  /**
   * The output of one container, stdout and stderr together. Ends with the container, or at once
   * without `follow`. Aborting the signal ends it without an error.
   * @throws StatusError `NotFound` before the first chunk if there is no such container
   */
  logs(pod: Pod, options: LogOptions, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * Prepares a command; nothing runs before `start`.
   * @throws StatusError `NotFound` if there is no such container, `Conflict` if it does not run
   */
  exec(
    pod: Pod,
    options: ProcessOptions & { readonly command: readonly string[] },
    signal: AbortSignal,
  ): Promise<ReadyProcess>;
  /** Prepares to join the main process. @throws StatusError as `exec` */
  attach(pod: Pod, options: ProcessOptions, signal: AbortSignal): Promise<ReadyProcess>;
  /**
   * Connects to a port of the pod. Both halves of the duplex end on their own.
   * @throws StatusError `ServiceUnavailable` naming pod, port and the way out
   */
  dial(pod: Pod, port: number, signal: AbortSignal): Promise<Duplex>;
}

/** Who speaks for which node now: agents in this process, and those behind the tunnel. */
export interface NodeStreams {
  /** Puts an agent in charge of a node, until the returned function is called. */
  register(nodeName: string, streams: PodStreams, handler?: NodeHandler): () => void;
  /**
   * The streams of its pods for one caller.
   * @throws StatusError `ServiceUnavailable` naming the node when nobody is in charge of it
   */
  of(nodeName: string, caller: Caller): PodStreams;
  /** Nodes whose agent runs in this process. */
  names(): readonly string[];
  /** For what is asked of the node itself. @throws StatusError as `of` */
  handler(nodeName: string): NodeHandler;
}

type Agent = { readonly streams: PodStreams; readonly handler: NodeHandler };

const nodeOnly: NodeHandler = async () => {
  throw new StatusError("NotFound", "The agent of this node streams for its pods alone");
};

/** Agents of other processes. */
export interface RemoteAgents {
  /** Who answers for a node; `undefined` when nobody is connected. */
  handler(nodeName: string): NodeHandler | undefined;
  /** The streams of its pods, asked for through such a handler. */
  streams(handler: NodeHandler, caller: Caller): PodStreams;
}

/**
 * A registry without agents of this process; the newest registration of a node wins, and all of them go
 * before those of other processes.
 */
export function nodeStreams(others?: RemoteAgents): NodeStreams {
  const byNode = new Map<string, Agent>();
  const remote = (nodeName: string) => {
    const handler = others?.handler(nodeName);
    if (others !== undefined && handler !== undefined)
      return { handler, streams: (caller: Caller) => others.streams(handler, caller) };
    throw unavailable(`Cannot reach node "${nodeName}": no agent of it is connected`);
  };
  return {
    register(nodeName, streams, handler = nodeOnly) {
      const agent = { streams, handler };
      byNode.set(nodeName, agent);
      return () => {
        if (byNode.get(nodeName) === agent) byNode.delete(nodeName);
      };
    },
    names: () => [...byNode.keys()],
    of: (nodeName, caller) => byNode.get(nodeName)?.streams ?? remote(nodeName).streams(caller),
    handler: (nodeName) => byNode.get(nodeName)?.handler ?? remote(nodeName).handler,
  };
}
