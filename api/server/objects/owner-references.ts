import { equalJson } from "../../machinery/equality.ts";
import type { OwnerReference } from "../../machinery/object.ts";
import type { WritableMeta } from "../kinds/kind.ts";
import type { Call } from "./call.ts";

/** Removes owner references that are there twice, in place, and warns of them. */
export function dropRepeatedOwners({ warn }: Pick<Call, "warn">, metadata: WritableMeta): void {
  const { ownerReferences = [] } = metadata;
  if (ownerReferences.length < 2) return;
  const kept: OwnerReference[] = [];
  const repeated: string[] = [];
  for (const owner of ownerReferences) {
    if (kept.some((other) => equalJson(other, owner))) repeated.push(owner.uid);
    else kept.push(owner);
  }
  if (repeated.length === 0) return;
  metadata.ownerReferences = kept;
  warn(
    `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${repeated.join(", ")}`,
  );
}
