import { beaconReason } from "../../../crds/conditions.ts";
import type { Clock } from "../../machinery/clock.ts";
import { collectionPrefix, storeKey } from "../../store/keys.ts";
import { beaconLeases } from "../authz/node-rules.ts";
import type { Storage } from "../objects/storage.ts";
import { beaconKind, holderOf, tellTunnel, type TunnelNews } from "./beacon-status.ts";
import type { Tunnels } from "./tunnels.ts";

/** What looking for tunnels that nobody closed needs. */
export type StaleOptions = {
  readonly storage: Storage;
  readonly clock: Clock;
  /** URL by which other servers reach this one. */
  readonly server: () => string;
  readonly tunnels: Pick<Tunnels, "beacons">;
  /** Beacons whose agent runs in this process: it needs no tunnel. */
  readonly local: () => ReadonlySet<string>;
  readonly onError: (err: unknown, what: string) => void;
};

/** Between two looks, in milliseconds. */
const lookMs = 5_000;
/** An agent renews its Lease each 8 s; of one that did not for so long, in milliseconds, nobody knows more. */
const silentMs = 60_000;

const leaseKind = { group: "coordination.k8s.io", plural: "leases" };

/** A Lease as last seen, and since when by our own clock: clocks of machines need not agree. */
type Heard = { readonly at: number; readonly sinceMs: number };

class StaleTunnels {
  readonly #options: StaleOptions;
  readonly #heard = new Map<string, Heard>();

  constructor(options: StaleOptions) {
    this.#options = options;
  }

  async look(): Promise<void> {
    const { storage, tunnels, local } = this.#options;
    const open = new Set(tunnels.beacons());
    const here = local();
    for (const { object } of storage.cache.list(collectionPrefix(beaconKind))) {
      const beacon = object.metadata.name;
      if (open.has(beacon)) continue;
      const holder = holderOf(object);
      const news = here.has(beacon) ? this.#welcome(beacon, holder) : this.#judge(beacon, holder);
      if (news !== undefined) await tellTunnel(this.#options, news);
    }
  }

  /** What an agent of this process has to do with tunnels; `undefined` when it is told already. */
  #welcome(beacon: string, holder: string): TunnelNews | undefined {
    const server = this.#options.server();
    if (holder === server) return undefined;
    const message = "Its agent runs in the process of the API server";
    return { beacon, open: true, server, reason: beaconReason.tunnelOpen, message };
  }

  /** What is wrong with what a Beacon says; `undefined` when nothing is. */
  #judge(beacon: string, holder: string): TunnelNews | undefined {
    if (holder === "") return void this.#heard.delete(beacon);
    const closed = { beacon, open: false, server: holder };
    if (holder === this.#options.server())
      return {
        ...closed,
        reason: beaconReason.tunnelClosed,
        message: "The API server that held the tunnel was started anew",
      };
    if (!this.#isSilent(beacon)) return undefined;
    return {
      ...closed,
      reason: beaconReason.heartbeatLost,
      message: `Neither its agent nor the API server at ${holder} was heard of for ${silentMs / 1000} s`,
    };
  }

  #isSilent(beacon: string): boolean {
    const { storage, clock } = this.#options;
    const key = storeKey(leaseKind, { namespace: beaconLeases, name: beacon });
    const at = storage.cache.newest(key)?.at ?? 0;
    const heard = this.#heard.get(beacon);
    if (heard?.at === at) return clock.nowMs() - heard.sinceMs >= silentMs;
    this.#heard.set(beacon, { at, sinceMs: clock.nowMs() });
    return false;
  }
}

/**
 * Says of agents in this process that they are connected, and corrects Beacons that say `Connected` though nobody holds their tunnel: a server that was killed cannot
 * say so. Looks again and again until the signal aborts.
 */
export async function tendStaleTunnels(options: StaleOptions, signal: AbortSignal): Promise<void> {
  const stale = new StaleTunnels(options);
  while (!signal.aborted) {
    await stale.look().catch((err: unknown) => {
      if (!signal.aborted) options.onError(err, "look for tunnels that nobody holds");
    });
    await options.clock.sleep(lookMs, signal).catch(() => undefined); // ends the loop
  }
}
