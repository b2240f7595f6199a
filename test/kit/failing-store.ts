import type { Store } from "../../api/store/store.ts";

/** A store whose process dies at a write: that one and all later ones fail. */
export function failingAfter(store: Store, allowed: number): { readonly store: Store } {
  let left = allowed;
  return {
    store: {
      get: (key) => store.get(key),
      list: (range) => store.list(range),
      async put(key, value, expected, guard) {
        left -= 1;
        if (left < 0) throw new Error("the process is dead");
        return store.put(key, value, expected, guard);
      },
      delete: (key, expected, guard) => store.delete(key, expected, guard),
      watch: (prefix, since, signal) => store.watch(prefix, since, signal),
      head: () => store.head(),
      compact: (upTo) => store.compact(upTo),
      [Symbol.asyncDispose]: async () => {},
    },
  };
}
