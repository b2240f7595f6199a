import type { CrdSpec } from "../../api/server/crds/crd.ts";
import { customKinds } from "../../api/server/kinds/custom.ts";
import { type KindTable, kindTable } from "../../api/server/kinds/table.ts";
import { crds } from "../../crds/crds.ts";

/** A table of our own kinds, from the CRDs that the server installs. */
export function ourKinds(): KindTable {
  const kinds = kindTable([]);
  for (const { metadata, spec } of crds) {
    // The generated manifests are checked against the structural rules by their own tests.
    kinds.set(metadata.name, customKinds(spec as unknown as CrdSpec));
  }
  return kinds;
}
