import { label } from "../../../crds/labels.ts";
import type { Clock } from "../../machinery/clock.ts";
import { storeKey } from "../../store/keys.ts";
import type { NodeHandler } from "../../tunnel/node-link.ts";
import type { App } from "../http.ts";
import type { Registry } from "../metrics/registry.ts";
import type { Endpoint } from "../objects/routes.ts";
import type { Storage } from "../objects/storage.ts";
import type { Pki } from "../pki.ts";
import { type NodeStreams, nodeStreams, type RemoteAgents } from "../pods/pod-streams.ts";
import { openTunnel } from "./accept.ts";
import { beaconKind, holderOf } from "./beacon-status.ts";
import { createPeers } from "./peers.ts";
import { podStreamsOver } from "./pod-streams-over.ts";
import { tendStaleTunnels } from "./stale-tunnels.ts";
import { createTunnels, type Tunnels } from "./tunnels.ts";

/** What the tunnels of a server need of it. */
type TunnelOptions = {
  readonly storage: Storage;
  readonly clock: Clock;
  /** The authority that all servers of one store share, as it is now. */
  readonly trust: () => Pick<Pki, "issuer" | "authority">;
  /** URL by which other servers reach this one; asked for when a tunnel opens. */
  readonly server: () => string;
  /** Nodes whose agent runs in this process. */
  readonly localNodes: () => readonly string[];
  readonly registry: Registry;
  readonly onError: (err: unknown, what: string) => void;
};

/** Everything of a server that has to do with agents of other processes. */
export interface TunnelService {
  /** Who speaks for Nodes: the tunnel of the Beacon that the Node belongs to, and no other. */
  readonly agents: RemoteAgents;
  /** Where agents open tunnels. */
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  /** Lets other servers call through the tunnels of this one. */
  serve(app: App): void;
  /** Corrects what servers that were killed left in Beacons, until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
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

/** URL of the server that holds the tunnel of a Beacon; empty when none does. */
function holderIn({ cache }: Storage, beacon: string): string {
  const found = cache.newest(storeKey(beaconKind, { name: beacon }))?.object;
  return found === undefined ? "" : holderOf(found);
}

function countTunnels(registry: Registry, tunnels: Tunnels): void {
  const open = { name: "lighthouse_tunnels", help: "Agents whose tunnel this server holds." };
  registry.gauge(open, () => [{ labels: {}, value: tunnels.beacons().length }]);
  const calls = { name: "lighthouse_tunnel_calls", help: "Calls in progress in these tunnels." };
  registry.gauge(calls, () => [{ labels: {}, value: tunnels.openCalls() }]);
}

/** Everybody who speaks for Nodes, in this process or not; nobody yet. */
export function connectAgents(options: Omit<TunnelOptions, "localNodes">): {
  readonly tunnels: TunnelService;
  readonly nodes: NodeStreams;
} {
  const tunnels = openTunnels({ ...options, localNodes: () => nodes.names() });
  const nodes = nodeStreams(tunnels.agents);
  return { tunnels, nodes };
}

function openTunnels(options: TunnelOptions): TunnelService {
  const { storage, server } = options;
  const tunnels = createTunnels();
  const local = (nodeName: string): NodeHandler | undefined => {
    const beacon = beaconOf(storage, nodeName);
    return beacon === undefined ? undefined : tunnels.handler(beacon, nodeName);
  };
  const peers = createPeers({ ...options, local });
  const elsewhere = (nodeName: string): NodeHandler | undefined => {
    const beacon = beaconOf(storage, nodeName);
    const holder = beacon === undefined ? "" : holderIn(storage, beacon);
    return holder === "" || holder === server() ? undefined : peers.handler(holder, nodeName);
  };
  const localBeacons = (): ReadonlySet<string> =>
    new Set(options.localNodes().flatMap((name) => beaconOf(storage, name) ?? []));
  countTunnels(options.registry, tunnels);
  return {
    agents: {
      handler: (nodeName) => local(nodeName) ?? elsewhere(nodeName),
      streams: podStreamsOver,
    },
    endpoints: new Map<string, Endpoint>([
      ["beacons/tunnel", { get: openTunnel({ ...options, tunnels }) }],
    ]),
    serve: (app) => peers.serve(app),
    run: (signal) => tendStaleTunnels({ ...options, tunnels, local: localBeacons }, signal),
    async drain() {
      await Promise.all([tunnels.drain("the server stops", drainMs), peers.drain()]);
    },
  };
}
