import type { IncomingMessage } from "node:http";
import { request, type RequestOptions } from "node:https";
import type { Duplex } from "node:stream";
import { createWebSocketStream, WebSocket } from "ws";
import { StatusError, unavailable } from "../machinery/errors.ts";
import { fromStatus } from "../machinery/status.ts";
import { tlsFloor } from "../machinery/tls-floor.ts";
import {
  checkVersion,
  tunnelProtocol,
  tunnelSubprotocol,
  tunnelVersion,
  versionHeader,
} from "./protocol.ts";

/** What proves who we are, PEM or a token. */
export type DialCredentials = {
  readonly token?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
};

/** Whom to dial, and as whom. */
export type DialTarget = {
  /** e.g. `https://lighthouse.example:6443`; may end in a base path. */
  readonly server: string;
  /** Roots that the server's certificate must lead to, PEM; asked before each dial. `undefined`: those of the system. */
  readonly roots?: () => string | undefined;
  /** The name to expect in the server's certificate. Absent: the host of `server`. */
  readonly tlsServerName?: string;
  readonly insecureSkipTlsVerify?: boolean;
  /** Asked before each dial: certificates rotate. */
  readonly credentials: () => Promise<DialCredentials>;
  readonly userAgent?: string;
  /** What to ask to be upgraded, e.g. the tunnel of a Beacon. */
  readonly path: string;
  /** What is opened, for messages, e.g. `the tunnel of beacon "paris"`. */
  readonly what: string;
};

/** An upgraded connection, and by what it was upgraded. */
export type Dialled = { readonly socket: Duplex; readonly by: "upgrade" | "websocket" };

/** How long it may take from the first packet to the 101, in milliseconds. */
const defaultDialMs = 15_000;
const maxRefusalBytes = 64 << 10;
const maxMessageBytes = 64 << 20;

/** Somebody on the way does not know our upgrade: what the server itself refuses is a StatusError. */
class Stripped extends Error {}

function optionsOf(
  { tlsServerName, roots, insecureSkipTlsVerify, userAgent, server }: DialTarget,
  { token, clientCert, clientKey }: DialCredentials,
): DialOptions {
  const { hostname } = new URL(server);
  const ca = roots?.();
  const name = tlsServerName ?? hostname.replaceAll(/^\[|\]$/g, "");
  return {
    ...tlsFloor,
    agent: false,
    servername: /^[\d.]+$|:/.test(name) ? "" : name,
    ...(ca === undefined ? {} : { ca }),
    ...(clientCert === undefined ? {} : { cert: clientCert }),
    ...(clientKey === undefined ? {} : { key: clientKey }),
    ...(insecureSkipTlsVerify === true ? { rejectUnauthorized: false } : {}),
    headers: {
      [versionHeader]: String(tunnelVersion),
      ...(userAgent === undefined ? {} : { "user-agent": userAgent }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  };
}

type DialOptions = Omit<RequestOptions, "headers"> & {
  readonly headers: Readonly<Record<string, string>>;
};

async function refusalOf(response: IncomingMessage): Promise<Error> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxRefusalBytes) break;
    chunks.push(chunk);
  }
  const code = response.statusCode ?? 0;
  const text = Buffer.concat(chunks).toString();
  try {
    const body = JSON.parse(text) as { readonly kind?: unknown; readonly message?: unknown };
    // The server saw a plain request: somebody took the upgrade out of it.
    const stripped = body.message === "Upgrade request required";
    if (body.kind === "Status" && !stripped) return fromStatus(code, body);
  } catch {
    // No Status: somebody between us and the server has answered.
  }
  return new Stripped(`${code} ${response.statusMessage ?? ""}`.trim());
}

function urlOf({ server, path }: DialTarget): string {
  return `${server.replace(/\/+$/, "")}${path}`;
}

function versionOf({ headers }: IncomingMessage): string | undefined {
  const version = headers[versionHeader];
  return typeof version === "string" ? version : undefined;
}

/** Nobody was reached who could dislike the upgrade: another way to ask for it would not get further. */
class Unreached extends Error {}

function byUpgrade(target: DialTarget, options: DialOptions, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const headers = { ...options.headers, connection: "Upgrade", upgrade: tunnelProtocol };
    const dialling = request(urlOf(target), { ...options, headers, signal });
    let isReached = false;
    dialling.once("socket", (socket) => {
      socket.once("secureConnect", () => {
        isReached = true;
      });
    });
    dialling.once("error", (cause) =>
      reject(isReached ? cause : new Unreached(cause.message, { cause })),
    );
    dialling.once("upgrade", (response, socket, head) => {
      try {
        checkVersion(versionOf(response), "the API server");
      } catch (err) {
        socket.destroy();
        return reject(err);
      }
      socket.setTimeout(0);
      socket.setNoDelay(true);
      if (head.length > 0) socket.unshift(head);
      return resolve(socket);
    });
    dialling.once("response", (response) => {
      // An answer without an end is no answer: the signal ends it.
      refusalOf(response)
        .then(reject, reject)
        .finally(() => dialling.destroy());
    });
    dialling.end();
  });
}

function byWebSocket(
  target: DialTarget,
  options: DialOptions,
  signal: AbortSignal,
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(urlOf(target).replace(/^http/, "ws"), [tunnelSubprotocol], {
      ...options,
      perMessageDeflate: false,
      maxPayload: maxMessageBytes,
    });
    const stop = (): void => {
      reject(signal.reason as Error);
      socket.terminate();
    };
    signal.addEventListener("abort", stop, { once: true });
    const settled = (): void => signal.removeEventListener("abort", stop);
    let version: string | undefined;
    socket.once("upgrade", (response) => {
      version = versionOf(response);
    });
    socket.once("unexpected-response", (_request, response) => {
      settled();
      refusalOf(response)
        .then(reject, reject)
        .finally(() => socket.terminate());
    });
    socket.on("error", (err) => {
      settled();
      reject(err);
    });
    socket.once("open", () => {
      settled();
      try {
        checkVersion(version, "the API server");
        resolve(createWebSocketStream(socket));
      } catch (err) {
        socket.terminate();
        reject(err);
      }
    });
  });
}

/** Whether another way to upgrade could lead further: not when the server refused, or was never reached. */
function mayBeInTheWay(err: unknown): boolean {
  return !(err instanceof StatusError || err instanceof Unreached);
}

function explained(err: unknown, { server, what }: DialTarget): StatusError {
  if (err instanceof StatusError) return err;
  const why = err instanceof Error ? err.message : String(err);
  return unavailable(`Cannot open ${what} at ${server}: ${why}`, {
    cause: err,
  });
}

/**
 * Dials the API server and upgrades the connection: by our own protocol, and where somebody on the way
 * does not let it pass, over a WebSocket. Must be given to the agent's end at once.
 * @throws StatusError of the server, `ServiceUnavailable` when it cannot be reached or trusted; the
 * signal's reason when it aborts
 */
export async function dialTunnel(
  target: DialTarget,
  signal: AbortSignal,
  dialMs = defaultDialMs,
): Promise<Dialled> {
  const options = optionsOf(target, await target.credentials());
  const limited = (): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(dialMs)]);
  try {
    return { socket: await byUpgrade(target, options, limited()), by: "upgrade" };
  } catch (err) {
    signal.throwIfAborted();
    if (!mayBeInTheWay(err)) throw explained(err, target);
  }
  try {
    return { socket: await byWebSocket(target, options, limited()), by: "websocket" };
  } catch (err) {
    signal.throwIfAborted();
    throw explained(err, target);
  }
}
