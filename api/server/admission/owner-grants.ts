import { isConflict } from "../../machinery/errors.ts";
import { formatTime } from "../../machinery/time.ts";
import { encodeObject, itemOf } from "../../store/item.ts";
import { storeKey } from "../../store/keys.ts";
import type { Clock } from "../../machinery/clock.ts";
import type { User } from "../access.ts";
import { ownerRules } from "../authz/bootstrap-rules.ts";
import { rbacGroup, ruleBody } from "../authz/policy.ts";
import { mastersGroup } from "../authz/rbac-authorizer.ts";
import { newUid } from "../objects/call.ts";
import type { Storage } from "../objects/storage.ts";
import type { Admission, FinalReview } from "./chain.ts";

/** What owner grants are made of. */
export type OwnerGrantsParts = {
  readonly storage: Storage;
  readonly clock: Pick<Clock, "nowMs">;
};

/** Robots and our own parts have roles; who may everything needs none. */
function becomesOwner({ name, groups }: User): boolean {
  return !name.startsWith("system:") && !groups.includes(mastersGroup);
}

/** A new Application that is about to be stored. */
function isCreation({ kind, operation, subresource, dryRun }: FinalReview): boolean {
  const isApplication = kind.group === "lighthouse.dev" && kind.plural === "applications";
  return isApplication && operation === "CREATE" && subresource === "" && !dryRun;
}

type Part = {
  readonly plural: "roles" | "rolebindings";
  readonly content: { readonly kind: string; readonly [field: string]: unknown };
};

/** Role and binding by which its creator owns an Application. */
function partsOf({ object, user }: FinalReview, grant: string): readonly Part[] {
  const { name } = object.metadata;
  const rules = ownerRules.map((rule) => ruleBody({ ...rule, resourceNames: [name] }));
  const roleRef = { apiGroup: rbacGroup, kind: "Role", name: grant };
  const subjects = [{ apiGroup: rbacGroup, kind: "User", name: user.name }];
  return [
    { plural: "roles", content: { kind: "Role", rules } },
    { plural: "rolebindings", content: { kind: "RoleBinding", roleRef, subjects } },
  ];
}

async function put(
  { storage, clock }: OwnerGrantsParts,
  { object, namespace }: FinalReview,
  grant: string,
  { plural, content }: Part,
): Promise<void> {
  const { apiVersion, kind, metadata } = object;
  const owner = { apiVersion, kind, name: metadata.name, uid: metadata.uid };
  const key = storeKey({ group: rbacGroup, plural }, { namespace, name: grant });
  const value = encodeObject({
    apiVersion: `${rbacGroup}/v1`,
    ...content,
    metadata: {
      name: grant,
      namespace,
      uid: newUid(),
      creationTimestamp: formatTime(clock.nowMs()),
      labels: { "app.kubernetes.io/managed-by": "lighthouse" },
      ownerReferences: [owner],
    },
  });
  try {
    storage.cache.wrote(itemOf(key, value, await storage.store.put(key, value, 0)));
  } catch (err) {
    if (!isConflict(err)) throw err; // somebody has the name: it is not ours to change
  }
}

/**
 * Makes whoever creates an Application its owner, by a Role and a RoleBinding that everybody can see and
 * an administrator can delete. They are written just before the Application and hold only while one of
 * its uid is there (see `RbacIndex`), so that a creation that fails gives nothing, nor does one that is
 * repeated under the name. Comes last: whatever refuses has spoken (ADR 0034).
 */
export function ownerGrants(parts: OwnerGrantsParts): Admission {
  const { cache } = parts.storage;
  return {
    async judge(review) {
      if (!isCreation(review) || !becomesOwner(review.user)) return;
      const { object, namespace, kind } = review;
      const { name, uid } = object.metadata;
      // Refused in a moment: nothing need be tidied up then.
      if (cache.newest(storeKey(kind, { namespace, name })) !== undefined) return;
      const grant = `owner:${name}:${uid.slice(0, 8)}`;
      await Promise.all(partsOf(review, grant).map((part) => put(parts, review, grant, part)));
    },
  };
}
