import {
  type Agent,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as httpRequest,
  type RequestOptions,
} from "node:http";
import { request as httpsRequest } from "node:https";
import type { Duplex, Readable } from "node:stream";
import type { Endpoint } from "./endpoint.ts";
import { type Doing, unreachable } from "./errors.ts";
import type { EngineAgents } from "./keep-alive-agent.ts";

/** One request to the engine, sent as it is. */
export type PassedCall = {
  readonly method: string;
  /** With the API version, if any, and the query: `/v1.41/containers/json?all=1`. */
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body?: Readable;
  /** The protocol to switch to, e.g. `tcp`. */
  readonly upgrade?: string;
};

/** What the engine answered: any status, and with 101 the connection. */
export type PassedAnswer = {
  readonly response: IncomingMessage;
  readonly upgraded?: Duplex;
};

/**
 * Hands a request of somebody else to the engine. Nothing is added, no status is an error, and there is
 * no deadline: it ends with `signal`. `doing` names it in errors.
 * @throws StatusError `ServiceUnavailable` when the engine does not answer
 */
export type PassThrough = (
  call: PassedCall,
  doing: Doing,
  signal: AbortSignal,
) => Promise<PassedAnswer>;

function addressOf(endpoint: Endpoint): RequestOptions {
  if (endpoint.kind === "unix") return { socketPath: endpoint.socketPath };
  const { host, port } = endpoint;
  return { host, port, ...(endpoint.kind === "tcp" ? endpoint.tls : {}) };
}

function upgradedBy(response: IncomingMessage, socket: Duplex, head: Buffer): PassedAnswer {
  if (head.length > 0) socket.unshift(head);
  return { response, upgraded: socket };
}

type Line = { readonly endpoint: Endpoint; readonly agent: Agent; readonly once: Agent };

class StaleConnection extends Error {
  override readonly name = "StaleConnection";
}

const isRead = ({ method, body }: PassedCall): boolean =>
  (method === "GET" || method === "HEAD") && body === undefined;

function exchange(line: Line, call: PassedCall, signal: AbortSignal): Promise<PassedAnswer> {
  const { endpoint } = line;
  const { method, headers, body, upgrade } = call;
  const secure = endpoint.kind === "tcp" && endpoint.tls !== undefined;
  const basePath = endpoint.kind === "tcp" ? endpoint.basePath : "";
  const switching = upgrade === undefined ? {} : { connection: "Upgrade", upgrade };
  return new Promise((resolve, reject) => {
    const request = (secure ? httpsRequest : httpRequest)({
      ...addressOf(endpoint),
      method,
      path: `${basePath}${call.path}`,
      // The engine looks at no name, but HTTP wants one.
      headers: { ...headers, host: "docker", ...switching },
      // A kept connection may be dead, and only what changes nothing can be asked twice.
      agent: isRead(call) ? line.agent : line.once,
      signal,
    });
    request.on("error", (err: Error & { readonly code?: string }) => {
      const stale = request.reusedSocket && err.code === "ECONNRESET";
      reject(stale ? new StaleConnection("a kept connection was dead", { cause: err }) : err);
    });
    request.on("response", (response) => resolve({ response }));
    request.on("upgrade", (response, socket, head) => resolve(upgradedBy(response, socket, head)));
    if (body === undefined) request.end();
    else {
      body.on("error", (err) => request.destroy(err)); // the caller went in the middle of it
      body.pipe(request);
    }
  });
}

/** Passes calls through over the connections of `agents`. */
export function createPassThrough(endpoint: Endpoint, agents: EngineAgents): PassThrough {
  const { kept: agent, once } = agents;
  const send = async (call: PassedCall, signal: AbortSignal): Promise<PassedAnswer> => {
    try {
      return await exchange({ endpoint, agent, once }, call, signal);
    } catch (err) {
      if (!(err instanceof StaleConnection)) throw err;
      return exchange({ endpoint, agent: once, once }, call, signal);
    }
  };
  return async (call, doing, signal) => {
    try {
      return await send(call, signal);
    } catch (err) {
      signal.throwIfAborted();
      throw unreachable(endpoint.url, doing, err);
    }
  };
}
