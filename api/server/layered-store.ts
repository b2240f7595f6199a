import { collectionPrefix } from "../store/keys.ts";
import type { Store } from "../store/store.ts";
import { withVolatile } from "../store/volatile.ts";
import type { Encryption } from "./encryption/encryption.ts";
import { addEncryptionMetrics } from "./encryption/routes.ts";
import type { Registry } from "./metrics/registry.ts";
import { storeLatency, timedStore } from "./metrics/timed-store.ts";

/** Where Leases are nothing but heartbeats. */
const heartbeats = ["lighthouse-node-lease", "kube-node-lease"].map((namespace) =>
  collectionPrefix({ group: "coordination.k8s.io", plural: "leases" }, namespace),
);

async function inMemory(store: Store, stack: AsyncDisposableStack): Promise<Store> {
  return stack.use(await withVolatile(store, heartbeats));
}

type Layers = {
  readonly store: Store;
  readonly sharedStore?: boolean;
  readonly encryption?: Encryption;
};

/** The store as this server uses it: timed, and heartbeats in memory where it is the only server. */
export async function layeredStore(
  { store, sharedStore = false, encryption }: Layers,
  registry: Registry,
  stack: AsyncDisposableStack,
): Promise<Store> {
  addEncryptionMetrics(registry, encryption);
  const durable = timedStore(store, storeLatency(registry));
  return sharedStore ? durable : inMemory(durable, stack);
}
