import { collectionPrefix } from "../../store/keys.ts";

const leases = collectionPrefix({ group: "coordination.k8s.io", plural: "leases" });

/** Whether a key tells who lives and who leads just now: no part of a backup. */
export function isPassing(key: string): boolean {
  return key.startsWith(leases);
}
