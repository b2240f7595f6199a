import type { Item, ItemEvent } from "../../store/item.ts";
import { collectionPrefix } from "../../store/keys.ts";
import type { WatchCache } from "../../store/watch-cache.ts";
import { customKinds } from "../kinds/custom.ts";
import type { KindTable } from "../kinds/table.ts";
import { type Crd, isEstablished } from "./crd.ts";

/** Where the CRDs are in the store. */
export const crdPrefix = collectionPrefix({
  group: "apiextensions.k8s.io",
  plural: "customresourcedefinitions",
});

/** Told when a stored CRD cannot be served. */
type OnBadCrd = (name: string, err: unknown) => void;

/** All CRDs as they are stored. */
export function storedCrds(cache: WatchCache): readonly Crd[] {
  return cache.list(crdPrefix).map(({ object }) => object as Crd);
}

/** What follows the CRDs of a cache until `stop` is called. */
type Follower = {
  readonly onItem: (item: Item) => void;
  /** `name` is that of the CRD, also after a reset. */
  readonly onGone: (name: string, group: string) => void;
};

/**
 * Tells `follower` of every CRD that is stored, at once, and then of every change, until the
 * returned function is called.
 */
export function followItems(cache: WatchCache, follower: Follower): () => void {
  let stopped = false;
  let unsubscribe: (() => void) | undefined;
  const groups = new Map<string, string>();
  const seen = (item: Item): void => {
    const { metadata, spec } = item.object as Crd;
    groups.set(metadata.name, spec.group);
    follower.onItem(item);
  };
  const gone = (name: string): void => {
    const group = groups.get(name) ?? "";
    groups.delete(name);
    follower.onGone(name, group);
  };
  const onEvents = (events: readonly ItemEvent[]): void => {
    for (const { type, item } of events) {
      if (type === "DELETED") gone(item.object.metadata.name);
      else seen(item);
    }
  };
  const start = (): void => {
    if (stopped) return;
    const listener = { onEvents, onReset: () => queueMicrotask(start) };
    const items = cache.list(crdPrefix);
    const names = new Set(items.map(({ object }) => object.metadata.name));
    for (const name of groups.keys()) if (!names.has(name)) gone(name);
    for (const item of items) seen(item);
    unsubscribe = cache.subscribe(crdPrefix, cache.revision, listener)?.unsubscribe;
  };
  start();
  return () => {
    stopped = true;
    unsubscribe?.();
  };
}

/** The kinds of one CRD as it stands. @throws Error when its schema does not compile */
function kindsOf({ object, at }: Item): ReturnType<typeof customKinds> {
  const { spec, status, metadata } = object as Crd;
  if (!isEstablished(object)) return [];
  const terminating = metadata.deletionTimestamp !== undefined;
  const { acceptedNames: names } = status ?? {};
  return customKinds(spec, {
    terminating,
    since: at,
    ...(names === undefined ? {} : { names }),
  });
}

/**
 * Serves the kinds of all CRDs in the store, and follows their changes until the returned
 * function is called. The kinds of those that are stored already are in the table at once.
 */
export function followCrds(cache: WatchCache, table: KindTable, onBad: OnBadCrd): () => void {
  return followItems(cache, {
    onItem(item) {
      const { name } = item.object.metadata;
      try {
        table.set(name, kindsOf(item));
      } catch (err) {
        table.set(name, []);
        onBad(name, err);
      }
    },
    onGone: (name) => table.set(name, []),
  });
}
