import type { Agent, IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Duplex, Readable } from "node:stream";
import Docker from "dockerode";
import type { Endpoint } from "./endpoint.ts";

/** One HTTP request to the engine. `path` is absolute and carries the API version. */
export type ModemRequest = {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  /** Sent as JSON with POST. */
  readonly body?: object;
  /** Sent as it is instead of `body`. */
  readonly raw?: Buffer | Readable;
  readonly headers: OutgoingHttpHeaders;
  /** Ask to take over the connection. */
  readonly hijack: boolean;
  readonly signal: AbortSignal;
};

/** Any HTTP answer, or the connection after a successful hijack. */
export type ModemAnswer =
  | { readonly kind: "response"; readonly response: IncomingMessage }
  | { readonly kind: "hijacked"; readonly socket: Duplex };

/** Sends a request; rejects only when there was no answer at all. */
export type Modem = (request: ModemRequest) => Promise<ModemAnswer>;

type Dial = {
  dial(
    options: object,
    callback: (err: Error | null, result: IncomingMessage | Duplex | null) => void,
  ): void;
};

// Every status is an answer: the modem's own errors lose status and body.
const everyStatus = Object.fromEntries(
  Array.from({ length: 500 }, (_, index) => [index + 100, true]),
);

/**
 * Runs `construct` without DOCKER_HOST in the environment. The modem reads that variable, and the
 * certificates it leads to, even when it is told the whole address, and throws if they are missing.
 */
function withoutDockerHost<T>(construct: () => T): T {
  const host = process.env["DOCKER_HOST"];
  if (host === undefined) return construct();
  delete process.env["DOCKER_HOST"];
  try {
    return construct();
  } finally {
    process.env["DOCKER_HOST"] = host;
  }
}

function address(endpoint: Endpoint): Docker.DockerOptions {
  if (endpoint.kind === "unix") return { socketPath: endpoint.socketPath };
  const { host, port } = endpoint;
  const tls = endpoint.kind === "tcp" ? endpoint.tls : undefined;
  return tls === undefined
    ? { host, port, protocol: "http" }
    : { host, port, protocol: "https", ...tls };
}

function isResponse(result: IncomingMessage | Duplex): result is IncomingMessage {
  return "statusCode" in result && typeof result.statusCode === "number";
}

/** dockerode's modem for one endpoint, with answers instead of its errors. */
export function createModem(endpoint: Endpoint, agent: Agent): Modem {
  // The modem takes an agent, its types do not know.
  const options: Docker.DockerOptions & { readonly agent: Agent } = {
    ...address(endpoint),
    agent,
  };
  const docker = withoutDockerHost(() => new Docker(options));
  const modem = docker.modem as Dial;
  return ({ method, path, query, body, raw, headers, hijack, signal }) =>
    new Promise((resolve, reject) => {
      const options = {
        method,
        path: `${path}?`, // the modem appends the query only to a path that has the mark
        options: { _query: query, _body: body ?? {} },
        headers: { ...headers },
        isStream: true, // bodies are read by us: the modem never settles when one is cut
        statusCodes: everyStatus,
        abortSignal: signal,
        ...(raw === undefined ? {} : { file: raw }),
        ...(hijack ? { hijack: true, openStdin: false } : {}),
      };
      modem.dial(options, (err, result) => {
        if (err !== null) reject(err);
        else if (result === null) reject(new Error("the engine gave no answer"));
        else if (isResponse(result)) resolve({ kind: "response", response: result });
        else resolve({ kind: "hijacked", socket: result });
      });
    });
}
