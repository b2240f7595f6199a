import type { Gvk } from "../../machinery/gvk.ts";
import type { Subresource } from "../kinds/kind.ts";
import { sessionCollection, userCollection } from "./collections.ts";

/** The part of a User by which its password is set; none for any other kind. It cannot be read. */
export function passwordParts({ group, version, kind }: Gvk): readonly Subresource[] {
  if (group !== userCollection.group || kind !== "User") return [];
  const responseKind = { group, version, kind: "UserPassword" };
  return [{ name: "password", responseKind, verbs: ["update"] }];
}

/** Whether requests are let in by objects of a kind: a write to it counts before it is answered. */
export function opensDoors({ group, kind }: Gvk): boolean {
  if (group === sessionCollection.group && kind === "Session") return true;
  return group === userCollection.group && kind === "User";
}
