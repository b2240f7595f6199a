import type { HubEnd } from "../../tunnel/hub-end.ts";
import type { NodeHandler } from "../../tunnel/node-link.ts";

/** The open tunnels of one server. */
export interface Tunnels {
  /**
   * Takes a tunnel of a beacon in use; an older one of the same beacon takes no new calls and ends with
   * those that it has. Returns whether it is still the one in use.
   */
  add(beacon: string, hub: HubEnd): () => boolean;
  /** Who answers for a Node of a beacon; `undefined` without a tunnel whose agent says that it serves it. */
  handler(beacon: string, node: string): NodeHandler | undefined;
  /** Calls in progress in all of them. */
  openCalls(): number;
  /** Beacons whose tunnel is open here. */
  beacons(): readonly string[];
  /** Ends all of them, and those that are still to come; calls in progress get so long, in milliseconds. */
  drain(why: string, graceMs: number): Promise<void>;
}

/** How long calls in an older tunnel of the same agent may go on, in milliseconds. */
const replacedGraceMs = 60_000;

/** None is open yet. */
export function createTunnels(): Tunnels {
  const inUse = new Map<string, HubEnd>();
  const all = new Set<HubEnd>();
  let endNew: ((hub: HubEnd) => Promise<void>) | undefined;
  const forget = async (beacon: string, hub: HubEnd): Promise<void> => {
    await hub.lost;
    if (inUse.get(beacon) === hub) inUse.delete(beacon);
    await hub.closed;
    all.delete(hub);
  };
  return {
    add(beacon, hub) {
      const older = inUse.get(beacon);
      inUse.set(beacon, hub);
      all.add(hub);
      void forget(beacon, hub); // never rejects
      if (older !== undefined) void older.close("a newer one took its place", replacedGraceMs);
      void endNew?.(hub); // never rejects
      return () => inUse.get(beacon) === hub;
    },
    handler(beacon, node) {
      const hub = inUse.get(beacon);
      return hub?.nodes.has(node) === true ? hub.handler(node) : undefined;
    },
    openCalls: () => [...all].reduce((sum, { openCalls }) => sum + openCalls, 0),
    beacons: () => [...inUse.keys()],
    async drain(why, graceMs) {
      endNew = (hub) => hub.close(why, graceMs);
      await Promise.all([...all].map(endNew));
    },
  };
}
