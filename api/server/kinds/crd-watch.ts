import type { ItemEvent } from "../../store/item.ts";
import { collectionPrefix } from "../../store/keys.ts";
import type { WatchCache } from "../../store/watch-cache.ts";
import { type Crd, isEstablished } from "./crd.ts";
import { customKinds } from "./custom.ts";
import type { KindTable } from "./table.ts";

const prefix = collectionPrefix({
  group: "apiextensions.k8s.io",
  plural: "customresourcedefinitions",
});

/** Told when a stored CRD cannot be served. */
export type OnBadCrd = (name: string, err: unknown) => void;

/**
 * Serves the kinds of all CRDs in the store, and follows their changes until the returned
 * function is called. The kinds of those that are stored already are in the table at once.
 */
export function followCrds(cache: WatchCache, table: KindTable, onBad: OnBadCrd): () => void {
  let stopped = false;
  let unsubscribe: (() => void) | undefined;
  const served = new Set<string>();
  const drop = (name: string): void => {
    served.delete(name);
    table.set(name, []);
  };
  const serve = (crd: Crd): void => {
    const { name } = crd.metadata;
    served.add(name);
    try {
      table.set(name, isEstablished(crd) ? customKinds(crd.spec) : []);
    } catch (err) {
      table.set(name, []);
      onBad(name, err);
    }
  };
  const onEvents = (events: readonly ItemEvent[]): void => {
    for (const { type, item } of events) {
      const crd = item.object as Crd;
      if (type === "DELETED") drop(crd.metadata.name);
      else serve(crd);
    }
  };
  const start = (): void => {
    if (stopped) return;
    const listener = { onEvents, onReset: () => queueMicrotask(start) };
    const items = cache.list(prefix);
    const names = new Set(items.map(({ object }) => object.metadata.name));
    for (const name of served) if (!names.has(name)) drop(name);
    for (const { object } of items) serve(object as Crd);
    unsubscribe = cache.subscribe(prefix, cache.revision, listener)?.unsubscribe;
  };
  start();
  return () => {
    stopped = true;
    unsubscribe?.();
  };
}
