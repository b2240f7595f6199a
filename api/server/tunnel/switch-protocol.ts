import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { badRequest } from "../../machinery/errors.ts";
import {
  checkVersion,
  tunnelProtocol,
  tunnelSubprotocol,
  tunnelVersion,
  versionHeader,
} from "../../tunnel/protocol.ts";
import type { OpenStreams } from "../streams/open-streams.ts";
import { socketDuplex } from "../streams/socket-duplex.ts";
import type { Io } from "../streams/serve-command.ts";
import { takeOver, type TakenOver, type Upgrade, upgradeOf } from "../streams/upgrade.ts";
import { offersOf, openWebSocket } from "../streams/web-socket.ts";

/** A connection that left HTTP. */
export type Connected = { readonly socket: Duplex; readonly taken: TakenOver };

const versionLine = `${versionHeader}: ${tunnelVersion}`;

/** Answers 101; resolves once it has left: a session that starts earlier aborts the process. */
async function byUpgrade({ reply }: Io, upgrade: Upgrade): Promise<Connected> {
  const { socket, head } = upgrade;
  const taken = takeOver(reply, upgrade);
  if (socket instanceof Socket) socket.setNoDelay(true);
  if (head.length > 0) socket.unshift(head);
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Connection: Upgrade",
    `Upgrade: ${tunnelProtocol}`,
    versionLine,
    ...taken.headers,
    "",
    "",
  ];
  await new Promise<void>((resolve) => {
    socket.write(lines.join("\r\n"), () => resolve());
    socket.once("close", () => resolve());
  });
  return { socket, taken };
}

function overWebSocket(io: Io, upgrade: Upgrade): Connected {
  if (!offersOf(io.request).includes(tunnelSubprotocol))
    throw badRequest(`Cannot open the tunnel: the client does not offer "${tunnelSubprotocol}"`);
  io.reply.raw.setHeader(versionHeader, String(tunnelVersion));
  const { socket, taken } = openWebSocket(io, upgrade, tunnelSubprotocol);
  return { socket: socketDuplex(socket), taken };
}

/** A client with which we agree on how to go on; nothing was answered yet. */
export interface AgreedTunnel {
  /** Answers 101 and takes the connection over; `taken.done` must be called when it ended. */
  connect(): Promise<Connected>;
}

/**
 * Looks whether a request wants what we speak, and whether its user may have another connection.
 * `whose` names the client, e.g. `the agent`.
 * @throws StatusError `BadRequest` without an upgrade or with a foreign version, `TooManyRequests`
 */
export function agreeOnTunnel(io: Io, open: OpenStreams, whose: string): AgreedTunnel {
  const found = upgradeOf(io.request);
  if (found === undefined) throw badRequest("Upgrade request required");
  open.check(io.request.user.name);
  const version = io.request.headers[versionHeader];
  checkVersion(typeof version === "string" ? version : undefined, whose);
  const upgrade = { ...found, open };
  return {
    async connect() {
      io.request.releaseSeats?.();
      if (upgrade.kind === "websocket") return overWebSocket(io, upgrade);
      return byUpgrade(io, upgrade);
    },
  };
}
