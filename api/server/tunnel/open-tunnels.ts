import { label } from "../../../crds/labels.ts";
import type { Clock } from "../../machinery/clock.ts";
import { storeKey } from "../../store/keys.ts";
import type { Endpoint } from "../objects/routes.ts";
import type { Storage } from "../objects/storage.ts";
import type { RemoteAgents } from "../pods/pod-streams.ts";
import { openTunnel } from "./accept.ts";
import { podStreamsOver } from "./pod-streams-over.ts";
import { createTunnels, type Tunnels } from "./tunnels.ts";

/** What the tunnels of a server need of it. */
export type TunnelOptions = {
  readonly storage: Storage;
  readonly clock: Clock;
  /** URL by which other servers reach this one; asked for when a tunnel opens. */
  readonly server: () => string;
  readonly onError: (err: unknown, what: string) => void;
};

/** Everything of a server that has to do with agents of other processes. */
export interface TunnelService {
  /** Who speaks for Nodes: the tunnel of the Beacon that the Node belongs to, and no other. */
  readonly agents: RemoteAgents;
  /** Where agents open tunnels. */
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  /** Ends all tunnels of this server. */
  drain(): Promise<void>;
}

const nodeKind = { group: "", plural: "nodes" };
/** What goes on in a tunnel when the server stops may take so long, in milliseconds. */
const drainMs = 5_000;

/** The Beacon that a Node belongs to, as the newest state of the Node says. */
function beaconOf({ cache }: Storage, nodeName: string): string | undefined {
  const node = cache.newest(storeKey(nodeKind, { name: nodeName }))?.object;
  return node?.metadata.labels?.[label.beacon];
}

/** The tunnels of one server; none is open yet. */
export function openTunnels(options: TunnelOptions): TunnelService {
  const tunnels: Tunnels = createTunnels();
  return {
    agents: {
      handler(nodeName) {
        const beacon = beaconOf(options.storage, nodeName);
        return beacon === undefined ? undefined : tunnels.handler(beacon, nodeName);
      },
      streams: podStreamsOver,
    },
    endpoints: new Map<string, Endpoint>([
      ["beacons/tunnel", { get: openTunnel({ ...options, tunnels }) }],
    ]),
    drain: () => tunnels.drain("the server stops", drainMs),
  };
}
