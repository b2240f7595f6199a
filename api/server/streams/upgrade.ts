import { type IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { Socket } from "node:net";
import { badRequest, StatusError } from "../../machinery/errors.ts";
import { tunnelProtocol } from "../../tunnel/protocol.ts";
import { isForeign } from "../authn/same-origin.ts";
import type { App, Reply, Request } from "../http.ts";
import { OpenStreams } from "./open-streams.ts";
import { takeToken } from "./token-protocol.ts";

/** A connection that its client wants to take over from HTTP. */
export type Upgrade = {
  readonly kind: "websocket" | "spdy" | "raw" | "tunnel";
  /** What it asked for, e.g. `tcp` or `h2c` of Docker clients. */
  readonly protocol: string;
  readonly socket: Duplex;
  /** What came after the headers. */
  readonly head: Buffer;
  /** How much of that, and of what follows, is a body yet: only with `raw`, else 0. */
  readonly bodyBytes: number;
  /** All that the server has open. */
  readonly open: OpenStreams;
  /** Why the request must be refused, found before any hook could say so. */
  readonly refusal?: StatusError;
};

const upgrades = new WeakMap<IncomingMessage, Upgrade>();

/** What the client wants to upgrade to, or `undefined` for a plain request. */
export function upgradeOf({ raw }: Pick<Request, "raw">): Upgrade | undefined {
  return upgrades.get(raw);
}

const protocolOf = ({ headers }: IncomingMessage): string =>
  (headers.upgrade ?? "").toLowerCase().trim();

/** Docker clients take connections over by `tcp`, and speak gRPC to an engine's BuildKit by `h2c`. */
const dockerPath = /^\/api\/v1\/nodes\/[^/?]+\/proxy\//;

function kindOf(request: IncomingMessage): Upgrade["kind"] | undefined {
  const wanted = protocolOf(request);
  if (wanted === "websocket") return "websocket";
  if (wanted === "spdy/3.1") return "spdy";
  if (wanted === tunnelProtocol) return "tunnel";
  const raw = (wanted === "tcp" || wanted === "h2c") && dockerPath.test(request.url ?? "");
  return raw ? "raw" : undefined;
}

/** @throws StatusError `BadRequest` for a body whose end could not be told from what follows it */
function bodyBytesOf({ headers }: IncomingMessage, kind: Upgrade["kind"]): number {
  if (kind !== "raw") return 0;
  const bytes = Number(headers["content-length"] ?? 0);
  if (headers["transfer-encoding"] === undefined && Number.isSafeInteger(bytes) && bytes >= 0)
    return bytes;
  throw badRequest("Cannot read the body of an upgrade: it must say its Content-Length");
}

/**
 * Serves requests that want to leave HTTP/1.1 (they never come over HTTP/2). Each of them goes through
 * the app's hooks and routes like any other, so it is authenticated, authorised, counted and logged,
 * and a refusal is an ordinary answer. A handler that can stream takes the connection over with
 * {@link takeOver}; everybody else answers as if nobody had asked for more.
 */
export function acceptUpgrades(app: App): void {
  const server = app.server as App["server"] & {
    shouldUpgradeCallback?: (request: IncomingMessage) => boolean;
  };
  const open = new OpenStreams();
  // Others, h2c for one, are answered over HTTP/1.1 as the RFC allows (9110, 7.8).
  server.shouldUpgradeCallback = (request) => kindOf(request) !== undefined;
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => {}); // the client went: "close" follows
    const kind = kindOf(request);
    if (kind === undefined) return void socket.destroy();
    upgrades.set(request, describe(request, { kind, socket, head, open }));
    // A body cannot be told from what follows the upgrade, so there is none but that of `raw`.
    delete request.headers["content-type"];
    delete request.headers["transfer-encoding"];
    delete request.headers["content-length"];
    app.routing(request, answerOn(request, socket as Socket));
  });
}

function describe(
  request: IncomingMessage,
  parts: Pick<Upgrade, "kind" | "socket" | "head" | "open">,
): Upgrade {
  const upgrade = { ...parts, protocol: protocolOf(request), bodyBytes: 0 };
  try {
    if (parts.kind === "websocket") readToken(request);
    return { ...upgrade, bodyBytes: bodyBytesOf(request, parts.kind) };
  } catch (err) {
    if (err instanceof StatusError) return { ...upgrade, refusal: err };
    throw err;
  }
}

/** An HTTP answer on a connection that the server's parser has let go. */
function answerOn(request: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once("finish", () => {
    if (!taken.has(response)) hangUp(socket);
  });
  return response;
}

const lingerMs = 1_000;

/** Closes after an answer. At once would tear it away from a client that is still sending. */
function hangUp(socket: Socket): void {
  socket.end();
  socket.resume();
  const late = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(late));
}

const taken = new WeakSet<object>();

/** Moves a token from the subprotocols to where authenticators look for it. @throws StatusError */
function readToken({ headers }: IncomingMessage): void {
  const { token, protocols } = takeToken(headers["sec-websocket-protocol"]);
  headers["sec-websocket-protocol"] = protocols.join(", ");
  if (token !== undefined) headers.authorization ??= `Bearer ${token}`;
}

/**
 * Refuses what no web page may do with the certificate of whoever looks at it: browsers name the page
 * in `Origin`, and send client certificates on their own. `what` follows "Cannot".
 * @throws StatusError `Forbidden`
 */
export function checkOrigin({ headers }: IncomingMessage, what: string): void {
  const { origin, authorization } = headers;
  if (origin === undefined || authorization !== undefined || !isForeign(headers)) return;
  throw new StatusError(
    "Forbidden",
    `Cannot ${what} for the page of ${origin}: it must bring a token of its own`,
  );
}

/** Refuses broken upgrades; to be called before anybody is authenticated. @throws StatusError */
export function checkUpgrade(request: Pick<Request, "raw">): void {
  const upgrade = upgradeOf(request);
  if (upgrade?.refusal !== undefined) throw upgrade.refusal;
  if (upgrade?.kind === "websocket") checkOrigin(request.raw, "open a WebSocket");
}

/**
 * The upgrade that a streaming endpoint needs.
 * @throws StatusError `BadRequest` without one, `TooManyRequests` when the user has enough of them
 */
export function requiredUpgrade(request: Pick<Request, "raw" | "user">): Upgrade {
  const upgrade = upgradeOf(request);
  if (upgrade === undefined) throw badRequest("Upgrade request required");
  upgrade.open.check(request.user.name);
  return upgrade;
}

/** The refusal of a client that offers no protocol of ours. */
export function noCommonProtocol(
  offered: readonly string[],
  served: readonly string[],
): StatusError {
  return new StatusError(
    "Forbidden",
    `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(" ")}], server accepts [${served.join(" ")}]`,
  );
}

/** A connection that is ours now. */
export type TakenOver = {
  /** Header lines for the 101, e.g. `audit-id: …`. */
  readonly headers: readonly string[];
  /** Tells the hooks that run after an answer that this one ended. */
  done(): void;
};

/** Takes the connection from HTTP; from now on nothing can be refused. */
export function takeOver(reply: Reply, { socket, open }: Upgrade): TakenOver {
  const { raw } = reply;
  reply.hijack();
  taken.add(raw);
  raw.statusCode = 101;
  raw.detachSocket(socket as Socket);
  if (socket instanceof Socket) socket.setTimeout(0);
  const headers = Object.entries(raw.getHeaders()).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((one) => `${name}: ${one}`),
  );
  const leave = open.enter(reply.request.user.name);
  const done = (): void => {
    leave();
    raw.emit("finish");
  };
  return { headers, done };
}
