import type { Store } from "../../store/store.ts";
import type { Histogram, Registry } from "./registry.ts";

const bounds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Measures how long the store takes, under the names that dashboards know from etcd, whichever
 * driver it is: `operation` is get, list, create, update or delete, `type` the plural.
 */
export function storeLatency(registry: Registry): Histogram {
  return registry.histogram({
    name: "etcd_request_duration_seconds",
    help: "Latency of the store by operation and resource.",
    bounds,
  });
}

/** `pods` of `/registry/core/pods/shop/web-0`. */
const typeOf = (key: string): string => key.split("/", 4)[3] ?? "";

/** The same store, timed. Its owner stays whoever opened it. */
export function timedStore(store: Store, latency: Histogram): Store {
  const timed = async <T>(operation: string, key: string, work: Promise<T>): Promise<T> => {
    const begun = performance.now();
    try {
      return await work;
    } finally {
      const seconds = (performance.now() - begun) / 1_000;
      latency.observe({ operation, type: typeOf(key) }, seconds);
    }
  };
  return {
    get: (key) => timed("get", key, store.get(key)),
    list: (range) => timed("list", range.prefix, store.list(range)),
    put: (key, value, expected, guard) =>
      timed(expected === 0 ? "create" : "update", key, store.put(key, value, expected, guard)),
    delete: (key, expected, guard) => timed("delete", key, store.delete(key, expected, guard)),
    watch: (prefix, since, signal) => store.watch(prefix, since, signal),
    head: () => store.head(),
    compact: (upTo) => store.compact(upTo),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
