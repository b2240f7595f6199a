import type { Store } from "./store.ts";
import { parseStoreUrl } from "./store-url.ts";

/**
 * Opens the store that a URL names; see `parseStoreUrl` for its forms. Only the driver in use is
 * loaded: etcd's client alone costs 165 ms.
 * @throws StatusError `BadRequest` on a bad URL, else what the driver says of its storage.
 */
export async function openStore(url: string): Promise<Store> {
  const address = parseStoreUrl(url);
  switch (address.driver) {
    case "memory": {
      const { memoryStore } = await import("./memory.ts");
      return memoryStore();
    }
    case "lmdb": {
      const { openLmdbStore } = await import("./lmdb.ts");
      return openLmdbStore(address.dir);
    }
    case "etcd": {
      const { openEtcdStore } = await import("./etcd.ts");
      return openEtcdStore(address);
    }
  }
}
