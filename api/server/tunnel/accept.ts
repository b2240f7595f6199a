import { beaconReason } from "../../../crds/conditions.ts";
import type { Clock } from "../../machinery/clock.ts";
import { forbidden } from "../../machinery/errors.ts";
import { type HubEnd, openHubEnd } from "../../tunnel/hub-end.ts";
import type { User } from "../access.ts";
import { beaconOf, beaconsGroup, beaconUser } from "../authz/node-identity.ts";
import type { Call } from "../objects/call.ts";
import type { Handler } from "../objects/routes.ts";
import { readItem } from "../objects/storage.ts";
import { existing, keyOfCall } from "../objects/update.ts";
import { OpenStreams } from "../streams/open-streams.ts";
import type { Io } from "../streams/serve-command.ts";
import { beaconKind, tellTunnel, type TunnelNews } from "./beacon-status.ts";
import { agreeOnTunnel } from "./switch-protocol.ts";
import type { Tunnels } from "./tunnels.ts";

/** What accepting tunnels needs. */
export type AcceptOptions = {
  readonly tunnels: Tunnels;
  readonly clock: Clock;
  /** URL by which other servers reach this one. */
  readonly server: () => string;
  /** Told of what could not be written. */
  readonly onError: (err: unknown, what: string) => void;
};

/** @throws StatusError `Forbidden` for everybody but the beacon itself */
function checkOwner(user: User, beacon: string): void {
  if (beaconOf(user) === beacon) return;
  const why = `only its own agent may open the tunnel, as user "${beaconUser(beacon)}" of group "${beaconsGroup}"; this is "${user.name}"`;
  throw forbidden(beaconKind, beacon, why);
}

async function tell(
  options: AcceptOptions,
  call: Call,
  news: Omit<TunnelNews, "beacon" | "server">,
): Promise<void> {
  const about = { beacon: call.name, server: options.server() };
  try {
    await tellTunnel(call, { ...about, ...news });
  } catch (err) {
    options.onError(err, `write the condition Connected of beacon ${call.name}`);
  }
}

/** Uses a tunnel until it is closed. */
async function serve(options: AcceptOptions, call: Call, hub: HubEnd, address: string) {
  const { tunnels } = options;
  const isInUse = tunnels.add(call.name, hub);
  const opened = tell(options, call, {
    open: true,
    reason: beaconReason.tunnelOpen,
    message: `Its agent is connected from ${address}`,
    address,
  });
  const why = await hub.lost;
  await opened;
  // A newer tunnel of the same beacon has said that it is open.
  const replaced = !isInUse() && tunnels.beacons().includes(call.name);
  if (!replaced)
    await tell(options, call, {
      open: false,
      reason: beaconReason.tunnelClosed,
      message: `The tunnel ended: ${why}`,
    });
  await hub.closed;
}

function addressOf({ raw }: Io["request"]): string {
  const { remoteAddress = "", remotePort = "" } = raw.socket;
  return remoteAddress.includes(":")
    ? `[${remoteAddress}]:${remotePort}`
    : `${remoteAddress}:${remotePort}`;
}

/**
 * GET beacons/NAME/tunnel: the connection of an agent, from now on a tunnel through which this server calls
 * it. Only the beacon's own identity may open it.
 */
export function openTunnel(options: AcceptOptions): Handler {
  // Agents are known one by one; what people stream has limits of its own.
  const open = new OpenStreams({ perUser: 8, all: 10_000 });
  return async (call, io) => {
    checkOwner(call.user, call.name);
    const agreed = agreeOnTunnel(io, open, "the agent");
    existing(call, await readItem(call.storage, keyOfCall(call)));
    const address = addressOf(io.request);
    const { socket, taken } = await agreed.connect();
    try {
      const hub = await openHubEnd(socket, {
        what: `the tunnel of beacon "${call.name}"`,
        clock: options.clock,
      });
      await serve(options, call, hub, address);
    } catch (err) {
      options.onError(err, `open the tunnel of beacon ${call.name}`);
    } finally {
      socket.destroy();
      taken.done();
    }
    return undefined;
  };
}
