import { badRequest } from "../machinery/errors.ts";
import type { Revision, Store } from "./store.ts";
import { parseStoreUrl } from "./store-url.ts";
import { volatileSteps } from "./volatile.ts";

/** A store that is being filled. Disposed of without `finish`, nobody opens it but another restore. */
export interface StoreRestore extends AsyncDisposable {
  /** Empty at first. As its driver has it: without the volatile part that a server adds. */
  readonly store: Store;
  /** All is written: from now on it may be opened. Closes it. */
  finish(): Promise<void>;
}

/**
 * Begins to fill an empty store. Revisions that clients will see are greater than `seen`, the greatest
 * that they may have seen before: who comes with an older one is told to list again.
 * @throws StatusError that says what is there already, and the way out
 */
export async function beginRestore(url: string, seen: Revision): Promise<StoreRestore> {
  const address = parseStoreUrl(url);
  switch (address.driver) {
    case "memory":
      throw badRequest('Cannot restore into the store "memory:": it ends with this command');
    case "lmdb": {
      const { restoreLmdbStore } = await import("./lmdb.ts");
      return restoreLmdbStore(address.dir, Math.ceil(seen / volatileSteps) + 1);
    }
    case "etcd": {
      const { restoreEtcdStore } = await import("./etcd.ts");
      return restoreEtcdStore(address, seen);
    }
  }
}
