import { WebSocket, WebSocketServer } from "ws";
import { badRequest } from "../../machinery/errors.ts";
import type { Reply, Request } from "../http.ts";
import { lostRight } from "../live-requests.ts";
import { offeredProtocols } from "./token-protocol.ts";
import { takeOver, type TakenOver, type Upgrade } from "./upgrade.ts";

/** Largest message of a client, in bytes; it is held in memory as a whole. */
const maxMessageBytes = 4 * 1024 * 1024;
const pingMs = 30_000;

/** Close codes of RFC 6455 that we send. */
export const closeCode = { normal: 1000, goingAway: 1001, refused: 1008, internal: 1011 } as const;

/** The close code for a stream that ends by itself, or because `ending` aborted. */
export function endCode(ending: AbortSignal): number {
  if (!ending.aborted) return closeCode.normal;
  return lostRight(ending) === undefined ? closeCode.goingAway : closeCode.refused;
}

/** The protocols that the client of a request offers; the token is not among them any more. */
export function offersOf({ raw }: Pick<Request, "raw">): readonly string[] {
  return offeredProtocols(raw.headers["sec-websocket-protocol"]);
}

/** An open WebSocket, and how to say that it ended. */
export type OpenWebSocket = { readonly socket: WebSocket; readonly taken: TakenOver };

/**
 * Answers 101 with the given subprotocol, empty for none. Listeners must be added before anything is
 * awaited: messages may follow at once.
 * @throws StatusError `BadRequest` for a broken handshake; then nothing was answered
 */
export function openWebSocket(
  { request, reply }: { readonly request: Request; readonly reply: Reply },
  upgrade: Upgrade,
  protocol: string,
): OpenWebSocket {
  const { raw } = request;
  // Ours to negotiate: the library takes only names that are tokens, "SPDY/3.1+…" is none.
  delete raw.headers["sec-websocket-protocol"];
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
  });
  let taken: TakenOver | undefined;
  let socket: WebSocket | undefined;
  let why = "the handshake is incomplete";
  server.on("wsClientError", (err) => {
    why = err.message;
  });
  server.on("headers", (lines) => {
    taken = takeOver(reply, upgrade);
    lines.push(...taken.headers);
    if (protocol !== "") lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
  });
  server.handleUpgrade(raw, upgrade.socket, upgrade.head, (open) => {
    socket = open;
  });
  if (taken === undefined || socket === undefined)
    throw badRequest(`Cannot open a WebSocket: ${why}`);
  keepAlive(socket);
  return { socket, taken };
}

/** Drops a client that does not answer pings, so that what it left behind is cleaned up. */
function keepAlive(socket: WebSocket): void {
  let heard = true;
  const hear = (): void => {
    heard = true;
  };
  const timer = setInterval(() => {
    // One that we do not read from at the moment cannot be heard; writing to it finds it dead.
    if (!heard && !socket.isPaused) return socket.terminate();
    heard = false;
    socket.ping();
  }, pingMs);
  timer.unref();
  socket.on("pong", hear).on("message", hear);
  socket.on("error", () => {}); // broken messages among them: "close" follows
  socket.once("close", () => clearInterval(timer));
}

/** Closes with a code, and gives the client a moment to do the same. Resolves when it is closed. */
export function closeSocket(
  socket: WebSocket,
  code: number = closeCode.normal,
  reason = "",
): Promise<void> {
  if (socket.readyState === WebSocket.CLOSED) return Promise.resolve();
  return new Promise((resolve) => {
    const late = setTimeout(() => socket.terminate(), 2_000);
    socket.once("close", () => {
      clearTimeout(late);
      resolve();
    });
    socket.resume(); // the client's answer must be read
    socket.close(code, reason.slice(0, 120));
  });
}

/** Sends one message; resolves when the next should follow, rejects when the client is gone. */
export function sendMessage(socket: WebSocket, message: Buffer | string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(message, (err) => {
      if (err === undefined || err === null) resolve();
      else reject(err);
    });
  });
}
