import { crds } from "../../crds/crds.ts";
import type { Clock } from "../machinery/clock.ts";
import type { Store } from "../store/store.ts";
import { openWatchCache, type WatchCache } from "../store/watch-cache.ts";
import { admissionChain } from "./admission/chain.ts";
import { type CrdSpec, customKinds } from "./kinds/custom.ts";
import { kindTable } from "./kinds/table.ts";
import type { Scope } from "./objects/call.ts";

/** What the endpoints work on, and the cache that must be closed after them. */
export type OwnedScope = Scope & { readonly cache: WatchCache };

/** Fills the cache from the store and gathers the kinds that are served. */
export async function openScope(store: Store, clock: Clock): Promise<OwnedScope> {
  const cache = await openWatchCache(store);
  const kinds = kindTable([]);
  for (const { metadata, spec } of crds) {
    kinds.set(metadata.name, customKinds(spec as unknown as CrdSpec));
  }
  return { storage: { store, cache }, kinds, admission: admissionChain([]), clock, cache };
}
