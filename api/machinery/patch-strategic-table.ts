import type { PatchField, PatchType } from "./patch-field.ts";
import { patchTypes } from "./patch-types.gen.ts";

const plainKind: PatchType = { metadata: { type: "ObjectMeta" } };

/** The fields of a built-in kind, e.g. `Pod`; one that is not in the table has plain fields. */
export function patchTypeOf(kind: string): PatchType {
  return (Object.hasOwn(patchTypes, kind) ? patchTypes[kind] : undefined) ?? plainKind;
}

/** The fields of the type that a field holds. */
export function typeBelow(field: PatchField | undefined): PatchType {
  return (field?.type === undefined ? undefined : patchTypes[field.type]) ?? {};
}
