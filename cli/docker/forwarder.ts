import { chmod } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { unavailable } from "../../api/machinery/errors.ts";
import { hopByHopHeaders } from "../../api/machinery/hop-by-hop.ts";
import type { Upstream } from "./upstream.ts";

/** A local Docker endpoint that stands for a Node. Disposing of it cuts what goes through it. */
export interface Forwarder extends AsyncDisposable {
  /** For DOCKER_HOST. */
  readonly url: string;
  /** When a request came or went last. Milliseconds of the monotonic clock. */
  lastUsedMs(): number;
  /** Requests and connections that are open. */
  open(): number;
}

/** Of whoever calls the socket: it is the forwarder that proves who asks. */
const notPassed = (name: string): boolean =>
  hopByHopHeaders.has(name) || name === "host" || name === "authorization";

function passed({ headers }: IncomingMessage): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || notPassed(name) ? [] : [[name, value] as const],
    ),
  );
}

const reason = (err: unknown): string => (err instanceof Error ? err.message : String(err));

/** In the shape of Docker's own errors. */
function sendFailure(response: ServerResponse, err: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = JSON.stringify({ message: `Cannot reach the API server: ${reason(err)}` });
  response.writeHead(502, { "content-type": "application/json" }).end(body);
}

async function relay(
  upstream: Upstream,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = "GET", url: path = "/" } = request;
  const outgoing = await upstream.request({ method, path, headers: passed(request) });
  outgoing.on("error", (err) => sendFailure(response, err));
  outgoing.on("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, passed(answer));
    response.flushHeaders();
    answer.on("error", () => response.destroy()); // a cut stream must not look like its end
    answer.pipe(response);
  });
  response.once("close", () => outgoing.destroy());
  request.on("error", () => outgoing.destroy());
  request.pipe(outgoing);
}

/** The request of somebody who wants the connection, with our path and credentials. */
async function headOf(upstream: Upstream, request: IncomingMessage): Promise<string> {
  const { method = "POST", url = "/", headers } = request;
  const own = { ...passed(request), ...(await upstream.headers()), host: upstream.host };
  const lines = Object.entries(own).flatMap(([name, value]) =>
    [value].flat().map((one) => `${name}: ${one}`),
  );
  const upgrade = ["connection: Upgrade", `upgrade: ${headers.upgrade ?? "tcp"}`];
  const start = `${method} ${upstream.basePath}${url} HTTP/1.1`;
  return `${[start, ...lines, ...upgrade].join("\r\n")}\r\n\r\n`;
}

/** Joins two connections; the end of one half is passed on, a break takes the other one along. */
function join(one: Duplex, other: Duplex): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on("error", () => to.destroy());
    from.once("close", () => {
      if (!from.readableEnded) to.destroy();
    });
    from.pipe(to);
  }
}

/** From here on both sides speak as if we were not there, also when the server refuses. */
async function takeOver(
  upstream: Upstream,
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
): Promise<void> {
  client.on("error", () => undefined); // "close" follows
  const server = await upstream.connect();
  server.once("error", (err) => {
    const body = JSON.stringify({ message: `Cannot reach the API server: ${reason(err)}` });
    client.end(`HTTP/1.1 502 Bad Gateway\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  server.write(await headOf(upstream, request));
  if (head.length > 0) server.write(head);
  join(client, server);
}

/** Where the forwarder listens, and what it must be told. */
export type ForwarderOptions = {
  /** At most 107 bytes; its directory must be the user's alone. */
  readonly socketPath: string;
  readonly upstream: Upstream;
};

/** Listens on a socket that only this user may open. @throws StatusError `ServiceUnavailable` */
export async function startForwarder({
  socketPath,
  upstream,
}: ForwarderOptions): Promise<Forwarder> {
  let usedMs = performance.now();
  const busy = new Set<Duplex>();
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    usedMs = performance.now();
    relay(upstream, request, response).catch((err: unknown) => sendFailure(response, err));
  });
  server.on("connection", (socket: Duplex) => {
    busy.add(socket);
    socket.once("close", () => {
      busy.delete(socket);
      usedMs = performance.now();
    });
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    takeOver(upstream, request, socket, head).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(unavailable(`Cannot listen on ${socketPath}: ${cause.message}`, { cause })),
    );
    server.listen(socketPath, resolve);
  });
  await chmod(socketPath, 0o600);
  return {
    url: `unix://${socketPath}`,
    lastUsedMs: () => usedMs,
    open: () => busy.size,
    async [Symbol.asyncDispose]() {
      for (const socket of busy) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      upstream.close();
    },
  };
}
