import { canonicalJson } from "../../machinery/equality.ts";
import type { OwnerReference } from "../../machinery/object.ts";
import type { WritableMeta } from "../kinds/kind.ts";
import type { Call } from "./call.ts";

/** Removes owner references that are there twice, in place, and warns of them. */
export function dropRepeatedOwners({ warn }: Pick<Call, "warn">, metadata: WritableMeta): void {
  const { ownerReferences = [] } = metadata;
  if (ownerReferences.length < 2) return;
  const kept = new Map<string, OwnerReference>();
  const repeated: string[] = [];
  for (const owner of ownerReferences) {
    const identity = canonicalJson(owner);
    if (kept.has(identity)) repeated.push(owner.uid);
    else kept.set(identity, owner);
  }
  if (repeated.length === 0) return;
  metadata.ownerReferences = [...kept.values()];
  warn(
    `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${repeated.join(", ")}`,
  );
}
