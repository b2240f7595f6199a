import { badRequest } from "../machinery/errors.ts";
import type { Revision } from "./store.ts";
import type { StoreRestore } from "./store-restore.ts";
import { parseStoreUrl } from "./store-url.ts";
import { volatileSteps } from "./volatile.ts";

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
