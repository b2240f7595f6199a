import type { Duplex, Readable } from "node:stream";

/** On whose behalf a Node is called, and by which right: the API server decided it, the agent checks it again. */
export type Caller = {
  readonly user: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  /** The right that was granted, as RBAC names it: e.g. `create`. */
  readonly verb: string;
  /** e.g. `nodes/docker-exec`, `pods/log`. */
  readonly resource: string;
  /** Of the object that the right was asked for. */
  readonly namespace?: string;
  readonly name?: string;
  /** Names the request in the audit log of the API server. */
  readonly auditId: string;
};

/** One request to the agent of a Node. */
export type NodeCall = {
  /** In capitals, e.g. `GET`. */
  readonly method: string;
  /** Below the Node, with its query, e.g. `/docker/v1.41/containers/json?all=1`. */
  readonly path: string;
  /** Names in lower case. Hop-by-hop headers (RFC 9110, 7.6.1) are not among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly caller: Caller;
  /** Not with `upgrade`: whatever is sent then is for the connection to come. */
  readonly body?: Readable;
  /** The protocol to switch to (RFC 9110, 7.8); the answer is then 101, or a refusal. */
  readonly upgrade?: string;
};

/** What an agent answers. `body` is to be read or destroyed, also when it is empty. */
export type NodeAnswer = {
  readonly status: number;
  /** Names in lower case, without hop-by-hop headers. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Readable;
  /** With status 101 alone: the connection, whose halves end on their own. */
  readonly upgraded?: Duplex;
};

/**
 * What an agent does for one of its Nodes: the same function in one process and behind the tunnel.
 * Aborting `signal` ends the call and all of its streams, also after the answer began.
 *
 * @throws StatusError what the caller is told; any other error is an `InternalError`
 */
export type NodeHandler = (call: NodeCall, signal: AbortSignal) => Promise<NodeAnswer>;
