import type { ObjectKey } from "../../api/machinery/object.ts";
import type { Pod } from "../../api/machinery/resources.ts";

/** A binding that was asked for. Until it is `sure`, its outcome is unknown. */
export type Assumption = {
  readonly key: ObjectKey;
  readonly uid: string;
  readonly node: string;
  readonly sure: boolean;
};

/**
 * Bindings that the caches do not show yet. Only a shield against their delay: a new process
 * starts from a fresh list, which shows every binding that was done.
 */
export interface Assumptions {
  assume(assumption: Assumption): void;
  /** The binding failed for certain. */
  drop(uid: string): void;
  /** Forgets what `get` shows: bound, gone, or another pod of the same name. */
  settle(get: (key: ObjectKey) => Pod | undefined): void;
  /** Node by pod uid. */
  nodes(): ReadonlyMap<string, string>;
  /** Those to ask for again. */
  unsure(): readonly Assumption[];
}

/** Nothing is assumed yet. */
export function createAssumptions(): Assumptions {
  const byUid = new Map<string, Assumption>();
  return {
    assume: (assumption) => void byUid.set(assumption.uid, assumption),
    drop: (uid) => void byUid.delete(uid),
    settle(get) {
      for (const { key, uid } of byUid.values()) {
        const pod = get(key);
        const waits = pod?.metadata.uid === uid && (pod.spec.nodeName ?? "") === "";
        if (!waits) byUid.delete(uid);
      }
    },
    nodes: () => new Map(Array.from(byUid.values(), ({ uid, node }) => [uid, node])),
    unsure: () => [...byUid.values()].filter(({ sure }) => !sure),
  };
}
