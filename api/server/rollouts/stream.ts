import { badRequest } from "../../machinery/errors.ts";
import type { Pod } from "../../machinery/resources.ts";
import { label } from "../../../crds/labels.ts";
import type { RolloutLine } from "../../../crds/rollout-stream.ts";
import type { Application } from "../../../crds/types.gen.ts";
import type { Item, ItemEvent } from "../../store/item.ts";
import { collectionPrefix } from "../../store/keys.ts";
import { filterInSlices, turnOf } from "../objects/slices.ts";
import type { Call } from "../objects/call.ts";
import type { FanOut, Outlet, WatchSink } from "../objects/fan-out.ts";
import { isTrue } from "../objects/request-info.ts";
import type { Handler } from "../objects/routes.ts";
import { readItem } from "../objects/storage.ts";
import { existing, keyOfCall } from "../objects/update.ts";
import type { OpenWatch } from "../objects/watch.ts";
import { sendWatch } from "../objects/watch-response.ts";
import type { Watches } from "../objects/watches.ts";
import { sendWatchMessages } from "../streams/watch-socket.ts";
import { upgradeOf } from "../streams/upgrade.ts";
import { followerOf, wireLine } from "./follower.ts";
import { progressTeller } from "./progress.ts";

/** A reader that has not taken so much gets nothing new before it has, in bytes. */
const maxAheadBytes = 256 << 10;
/** Lines that are made in one go. */
const pageSize = 500;

/**
 * GET applications/NAME/rollout: the update stream of docs/rollout-api.md. Lines are derived from the
 * newest state whenever the reader has taken the last ones, so a slow reader holds nothing up and
 * needs no buffer: it gets the same lines later.
 * @throws StatusError `NotFound`, `BadRequest`
 */
export function rolloutStream(watches: Watches): Handler {
  return async (call, io) => {
    const asked = { follow: flag(call, "follow"), progress: flag(call, "progress") };
    const item = existing(call, await readItem(call.storage, keyOfCall(call)));
    // What is told must not be older than what the reader has seen elsewhere.
    await call.storage.cache.reach(item.at, 5_000);
    const stream = openRolloutStream(call, asked, watches.fanOut);
    io.request.releaseSeats?.();
    const upgrade = upgradeOf(io.request);
    if (upgrade?.kind === "websocket") await sendWatchMessages(io, upgrade, stream);
    else await sendWatch(io, stream);
    return undefined;
  };
}

/** @throws StatusError `BadRequest` for what is neither true nor false */
function flag({ query }: Call, name: string): boolean {
  const value = query.get(name);
  if (value === undefined || value === "") return value === "";
  if (!/^(true|false|1|0)$/i.test(value)) {
    throw badRequest(`Invalid value for ${name}: "${value}": supported: "true", "false"`);
  }
  return isTrue(value);
}

/** What a reader asked for. */
export type Asked = { readonly follow: boolean; readonly progress: boolean };

/** Makes what is new out of the newest state, each time it is called. */
function tellerOf(call: Call, { follow, progress }: Asked) {
  const nowMs = (): number => call.clock.nowMs();
  const follower = followerOf({ follow, nowMs });
  const teller = progress ? progressTeller(nowMs) : undefined;
  return {
    get isOver() {
      return follower.isOver;
    },
    async news(): Promise<readonly RolloutLine[]> {
      const current = call.storage.cache.get(keyOfCall(call))?.object as Application | undefined;
      const lines = follower.see(current);
      // Nothing follows the last line, and nothing comes before it that is not on record.
      if (teller === undefined || follower.isOver) return lines;
      return [...lines, ...teller.see(current, await podsOf(call))];
    },
  };
}

/** Pods that say to be of the Application. Read in slices: the namespace may have many others. */
async function podsOf({ storage, namespace, name }: Call): Promise<readonly Pod[]> {
  const isOwn = ({ object }: Item): boolean => object.metadata.labels?.[label.application] === name;
  const own = await filterInSlices(storage.cache.list(podsIn(namespace)), isOwn);
  return own.map(({ object }) => object as Pod);
}

const podsIn = (namespace: string): string =>
  collectionPrefix({ group: "", plural: "pods" }, namespace);

/** The stream that was asked for, ready to be sent. It ends by itself, or when `stop` is aborted. */
export function openRolloutStream(call: Call, asked: Asked, fanOut: FanOut): OpenWatch {
  return {
    async run(sink, stop) {
      const teller = tellerOf(call, asked);
      const outlet = fanOut.outlet(sink, () => stop.abort());
      const changes = changesOf(call, asked, stop);
      const tell = async (): Promise<void> => {
        const lines = await teller.news();
        await sendLines(lines.map(wireLine), { outlet, sink, stop });
      };
      try {
        await tell();
        if (!asked.follow) return;
        while (!teller.isOver && (await changes.next())) await tell();
      } finally {
        changes.end();
        stop.abort();
        outlet.flush();
        sink.end();
      }
    },
  };
}

type Way = {
  readonly outlet: Outlet;
  readonly sink: WatchSink;
  readonly stop: AbortController;
};

/** Sends page by page, as fast as the reader takes them. */
async function sendLines(lines: readonly Buffer[], { outlet, sink, stop }: Way): Promise<void> {
  for (let start = 0; start < lines.length && !stop.signal.aborted; start += pageSize) {
    outlet.push(lines.slice(start, start + pageSize));
    await turnOf();
    while (outlet.backlogBytes > maxAheadBytes && !stop.signal.aborted) {
      outlet.flush();
      await sink.drained();
    }
  }
}

type Changes = {
  /** Resolves to true when the object may have changed since the last call, to false at the end. */
  next(): Promise<boolean>;
  end(): void;
};

/** Changes of what is told of; many while nobody asks are one. */
function changesOf(call: Call, { progress }: Asked, stop: AbortController): Changes {
  const { cache } = call.storage;
  const key = keyOfCall(call);
  let isNew = false;
  let wake: (() => void) | undefined;
  const ring = (): void => {
    isNew = true;
    wake?.();
  };
  const concerns = ({ item }: ItemEvent): boolean =>
    item.key === key || item.object.metadata.labels?.[label.application] === call.name;
  const listener = {
    onEvents: (events: readonly ItemEvent[]) => {
      if (events.some(concerns)) ring();
    },
    // The history was lost: the reader comes back and is told all of it.
    onReset: () => stop.abort(),
  };
  const prefixes = progress ? [key, podsIn(call.namespace)] : [key];
  const subscriptions = prefixes.map((prefix) => cache.subscribe(prefix, cache.revision, listener));
  if (subscriptions.includes(undefined)) stop.abort();
  stop.signal.addEventListener("abort", ring, { once: true });
  return {
    async next() {
      if (!isNew && !stop.signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      isNew = false;
      return !stop.signal.aborted;
    },
    end: () => {
      for (const subscription of subscriptions) subscription?.unsubscribe();
    },
  };
}
