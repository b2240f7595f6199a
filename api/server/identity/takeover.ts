import { forbidden } from "../../machinery/errors.ts";
import { collectionPrefix, parseStoreKey } from "../../store/keys.ts";
import type { WatchCache } from "../../store/watch-cache.ts";
import type { User } from "../access.ts";
import { rbacGroup } from "../authz/policy.ts";
import { mastersGroup, type Rights } from "../authz/rbac-authorizer.ts";
import { escalationText, missingRights } from "../authz/rule-cover.ts";
import { userCollection } from "./collections.ts";

/** Whom somebody could act as, by a password or by groups that they give. */
export type Assumed = { readonly name: string; readonly groups: readonly string[] };

/** What the check looks at. */
export type TakeoverParts = { readonly rights: Rights; readonly cache: WatchCache };

/** Whether a user may act as somebody anyway, by the verb `impersonate`. */
async function mayImpersonate(rights: Rights, user: User, assumed: Assumed): Promise<boolean> {
  const type = { group: "", version: "v1", subresource: "", namespace: "", rest: "" };
  const wanted = [
    { plural: "users", name: assumed.name },
    ...assumed.groups.map((name) => ({ plural: "groups", name })),
  ];
  for (const one of wanted) {
    const resource = { ...type, ...one };
    const decision = await rights.authorize(user, { verb: "impersonate", path: "", resource });
    if (!decision.allowed) return false;
  }
  return true;
}

/** Every namespace in which anything is bound; empty for everywhere. */
function boundNamespaces(cache: WatchCache): ReadonlySet<string> {
  const bindings = cache.list(collectionPrefix({ group: rbacGroup, plural: "rolebindings" }));
  const namespaces = bindings.map(({ key }) => parseStoreKey(key)?.key.namespace ?? "");
  return new Set(["", ...namespaces]);
}

/**
 * Refuses who could by a User come to rights that they do not have: whoever sets its password, makes it
 * under a name that roles are bound to, or puts it into groups. Like RBAC's own rule, with `impersonate`
 * in the part of `escalate`.
 * @throws StatusError `Forbidden` that lists what is missing
 */
export async function checkTakeover(
  { rights, cache }: TakeoverParts,
  user: User,
  assumed: Assumed,
): Promise<void> {
  if (user.groups.includes(mastersGroup)) return;
  if (await mayImpersonate(rights, user, assumed)) return;
  const everybody = user.groups.filter((group) => group === "system:authenticated");
  const target: User = { name: assumed.name, groups: [...assumed.groups, ...everybody] };
  const everywhere = rights.rulesFor(target, "").length;
  for (const namespace of boundNamespaces(cache)) {
    const wanted = rights.rulesFor(target, namespace);
    // Rights of a namespace come on top of those everywhere: nearly always there are none, and comparing is
    // what takes long.
    if (namespace !== "" && wanted.length === everywhere) continue;
    const lacking = missingRights(rights.rulesFor(user, namespace), wanted);
    if (lacking.length === 0) continue;
    throw forbidden(userCollection, assumed.name, escalationText(user, lacking));
  }
}
