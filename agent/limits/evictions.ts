import { podReason } from "../../crds/conditions.ts";
import type { Pod } from "../../api/machinery/resources.ts";

/** Why the agent ends a pod for good. */
export type Eviction = {
  /** One of `podReason`; default `evicted`. */
  readonly reason?: string;
  /** For people, in the kubelet's words where it has some. */
  readonly message: string;
};

/**
 * Pods that have to go from one host. The agent's own decision, held here until it stands in the
 * pod's status, where the next agent finds it.
 */
export interface Evictions {
  evict(pod: Pod, eviction: Eviction): void;
  /** Why a pod has to go; `undefined` for one that may stay. */
  of(pod: Pod): Eviction | undefined;
}

/** No pod of the host has to go. `onEvict` is told of each that does, once. */
export function createEvictions(onEvict: (pod: Pod) => void): Evictions {
  const byUid = new Map<string, Eviction>();
  return {
    evict(pod, eviction) {
      const { uid } = pod.metadata;
      if (byUid.has(uid) || pod.status?.reason === podReason.evicted) return;
      byUid.set(uid, eviction);
      onEvict(pod);
    },
    of({ metadata, status }) {
      if (status?.reason !== podReason.evicted) return byUid.get(metadata.uid);
      byUid.delete(metadata.uid); // its status remembers
      return { message: status.message ?? "" };
    },
  };
}
