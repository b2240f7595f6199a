import type { Session } from "../../../crds/types.gen.ts";
import type { Item } from "../../store/item.ts";
import type { WatchCache } from "../../store/watch-cache.ts";
import { prefixOf } from "./collections.ts";

/** The Sessions of each User, as current as the cache. */
export interface SessionIndex {
  /** All that are stored for a User, by its uid; some may be over. */
  of(userUid: string): readonly Session[];
}

/** A stored object as a Session: the server alone makes them. */
export function asSession(object: Item["object"]): Session {
  return object as unknown as Session;
}

/** An index of Sessions by User. It follows the cache until that is closed. */
export function followSessions(cache: WatchCache): SessionIndex {
  const keys = new Map<string, Set<string>>();
  const note = ({ key, object }: Item): void => {
    const { userUID } = asSession(object).spec;
    keys.set(userUID, (keys.get(userUID) ?? new Set()).add(key));
  };
  const forget = ({ key, object }: Item): void => {
    const { userUID } = asSession(object).spec; // a Session never changes hands
    const same = keys.get(userUID);
    same?.delete(key);
    if (same?.size === 0) keys.delete(userUID);
  };
  const follow = (): void => {
    keys.clear();
    for (const item of cache.list(prefixOf.sessions)) note(item);
    cache.subscribe(prefixOf.sessions, cache.revision, {
      onEvents(events) {
        for (const { type, item } of events) {
          if (type === "DELETED") forget(item);
          else note(item);
        }
      },
      onReset: () => queueMicrotask(follow),
    });
  };
  follow();
  return {
    of: (userUid) =>
      [...(keys.get(userUid) ?? [])].flatMap((key) => {
        const item = cache.newest(key);
        return item === undefined ? [] : [asSession(item.object)];
      }),
  };
}
