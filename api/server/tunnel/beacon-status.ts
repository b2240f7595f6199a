import { beaconCondition } from "../../../crds/conditions.ts";
import { type Condition, setCondition } from "../../machinery/conditions.ts";
import type { Clock } from "../../machinery/clock.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { formatTime } from "../../machinery/time.ts";
import type { Item } from "../../store/item.ts";
import { storeKey } from "../../store/keys.ts";
import { objectIn, textIn } from "../kinds/fill.ts";
import { changeItem, type Next, type Storage, write } from "../objects/storage.ts";

/** What is to be told of a tunnel. */
export type TunnelNews = {
  /** metadata.name of the Beacon. */
  readonly beacon: string;
  readonly open: boolean;
  /** One of the reasons of `Connected`. */
  readonly reason: string;
  readonly message: string;
  /** URL by which other servers reach the one that speaks. */
  readonly server: string;
  /** From where the agent dialled, e.g. `10.0.0.7:41234`; of an open tunnel. */
  readonly address?: string;
};

/** What writing it needs. */
export type NewsOptions = { readonly storage: Storage; readonly clock: Pick<Clock, "nowMs"> };

/** metadata of the kind, for keys and messages. */
export const beaconKind = { group: "lighthouse.dev", plural: "beacons" } as const;

/** The server that holds the tunnel of a Beacon; empty when none does. */
export function holderOf(beacon: AnyObject): string {
  return textIn(objectIn(beacon, "status") ?? {}, "server");
}

function statusAfter(before: AnyObject, news: TunnelNews, nowMs: number): object {
  const { server: _server, address: _address, ...status } = objectIn(before, "status") ?? {};
  const { open, reason, message } = news;
  const draft = {
    type: beaconCondition.connected,
    status: open ? "True" : "False",
    reason,
    message,
  } as const;
  const known = status["conditions"] as readonly Condition[] | undefined;
  return {
    ...status,
    ...(news.address === undefined ? {} : { address: news.address }),
    ...(open ? { server: news.server } : {}),
    lastSeen: formatTime(nowMs),
    conditions: setCondition(known, draft, formatTime(nowMs)),
  };
}

function nextState(current: Item, news: TunnelNews, nowMs: number): Next {
  const { object } = current;
  // Another server holds the tunnel by now: what became of ours is no news any more.
  if (!news.open && holderOf(object) !== news.server) return { does: "keep", item: current };
  return write("put", { ...object, status: statusAfter(object, news, nowMs) });
}

const gone = new Error("The Beacon was deleted");

/**
 * Writes the condition `Connected` of a Beacon, and what belongs to it: `server`, `address`, `lastSeen`.
 * Nobody else writes these. Does nothing for a Beacon that is gone, or that another server speaks for.
 */
export async function tellTunnel({ storage, clock }: NewsOptions, news: TunnelNews): Promise<void> {
  const key = storeKey(beaconKind, { name: news.beacon });
  const decide = (current: Item | undefined): Next => {
    if (current === undefined) throw gone;
    return nextState(current, news, clock.nowMs());
  };
  try {
    await changeItem(storage, key, decide, { dryRun: false });
  } catch (err) {
    if (err !== gone) throw err;
  }
}
