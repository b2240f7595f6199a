import { badRequest } from "../../machinery/errors.ts";
import { channelForward, maxPorts } from "./channel-forward.ts";
import { type ChannelProtocol, chooseProtocol, forwardProtocols } from "./channels.ts";
import { idleTimer, streamIdleMs } from "./idle-timer.ts";
import { type PortDialer, portOf } from "./port-dialer.ts";
import type { Io } from "./serve-command.ts";
import { socketDuplex } from "./socket-duplex.ts";
import { spdyForward } from "./spdy-forward.ts";
import { chooseStreamProtocol, switchToSpdy } from "./spdy-upgrade.ts";
import { noCommonProtocol, requiredUpgrade, type Upgrade } from "./upgrade.ts";
import { offersOf, openWebSocket } from "./web-socket.ts";

const spdyProtocol = "portforward.k8s.io";
/** SPDY inside of a WebSocket: what kubectl prefers from 1.31 on. */
const tunnelProtocol = `SPDY/3.1+${spdyProtocol}`;

/** The ports that a request names: needed where streams do not name their own. */
function portsOf(query: URLSearchParams, protocol: ChannelProtocol): readonly number[] {
  const named = [...query.getAll("ports"), ...query.getAll("port")];
  const texts = named.flatMap((text) => text.split(","));
  if (texts.length === 0) throw badRequest('query parameter "ports" is required');
  if (texts.length > maxPorts(protocol))
    throw badRequest(
      `Cannot forward ${texts.length} ports over one WebSocket: limit ${maxPorts(protocol)}`,
    );
  return texts.map((text) => {
    const port = portOf(text);
    if (port === undefined)
      throw badRequest(`unable to parse ${JSON.stringify(text)} as a port: must be 1 to 65535`);
    return port;
  });
}

async function overWebSocket(
  io: Io,
  upgrade: Upgrade,
  serve: { readonly dialer: PortDialer; readonly query: URLSearchParams },
): Promise<void> {
  const offered = offersOf(io.request);
  const limits = { idle: idleTimer(streamIdleMs), ending: io.request.ending() };
  if (offered.includes(tunnelProtocol)) {
    const { socket, taken } = openWebSocket(io, upgrade, tunnelProtocol);
    await spdyForward(socketDuplex(socket), serve.dialer, limits);
    return taken.done();
  }
  const protocol = chooseProtocol(offered, forwardProtocols);
  if (protocol === undefined) {
    throw noCommonProtocol(offered, [
      tunnelProtocol,
      "v4.channel.k8s.io",
      "v4.base64.channel.k8s.io",
    ]);
  }
  const ports = portsOf(serve.query, protocol);
  const { socket, taken } = openWebSocket(io, upgrade, protocol.name);
  await channelForward({ socket, protocol, ports }, serve.dialer, limits);
  taken.done();
}

/**
 * Serves a port-forward until its client is gone.
 * @throws StatusError `BadRequest` for a request without an upgrade or without ports, `Forbidden` without
 * a common protocol
 */
export async function serveForward(
  io: Io,
  serve: { readonly dialer: PortDialer; readonly query: URLSearchParams },
): Promise<void> {
  const upgrade = requiredUpgrade(io.request);
  if (upgrade.kind === "websocket") return overWebSocket(io, upgrade, serve);
  const protocol = chooseStreamProtocol(io.request, [spdyProtocol]);
  const { transport, taken } = switchToSpdy(io.reply, upgrade, protocol);
  const limits = { idle: idleTimer(streamIdleMs), ending: io.request.ending() };
  await spdyForward(transport, serve.dialer, limits);
  taken.done();
}
