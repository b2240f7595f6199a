import { equalJson } from "../../machinery/equality.ts";
import { forbidden, notFound } from "../../machinery/errors.ts";
import type { AnyObject } from "../../machinery/object.ts";
import type { User } from "../access.ts";
import {
  applicationOwners,
  type PolicyRule,
  rbacGroup,
  type RoleRef,
  roleRefIn,
  rulesIn,
} from "../authz/policy.ts";
import { mastersGroup, type Rights } from "../authz/rbac-authorizer.ts";
import { escalationText, missingRights } from "../authz/rule-cover.ts";
import type { Body } from "../kinds/kind.ts";
import type { RequestInfo } from "../objects/request-info.ts";
import type { Admission, Review } from "./chain.ts";

const everything: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"], resourceNames: [], nonResourceURLs: [] },
  { verbs: ["*"], apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: ["*"] },
];

type Write = Review & { readonly object: NonNullable<Review["object"]> };

/** Whether the user holds `escalate` or `bind` on a role. */
async function may(
  rights: Rights,
  { user, namespace }: Review,
  verb: string,
  { plural, name }: { readonly plural: string; readonly name: string },
): Promise<boolean> {
  const type = { group: rbacGroup, version: "*", plural, subresource: "", rest: "" };
  const request: RequestInfo = { verb, path: "", resource: { ...type, namespace, name } };
  return (await rights.authorize(user, request)).allowed;
}

/** The rights among `wanted` that the user does not have. */
function missing(
  rights: Rights,
  { user, namespace }: Review,
  wanted: readonly PolicyRule[],
): readonly PolicyRule[] {
  return missingRights(rights.rulesFor(user, namespace), wanted);
}

const unchanged = ({ object, before }: Write, fields: readonly string[]): boolean =>
  before !== undefined &&
  fields.every((field) => equalJson(object[field] ?? [], before[field] ?? []));

/**
 * Whether a role means the same to everybody. Its labels are part of that: one of them adds its rules to
 * those of aggregated roles, so that whoever sets it gives them away.
 */
const sameRole = (write: Write): boolean =>
  unchanged(write, ["rules", "aggregationRule"]) &&
  equalJson(write.object.metadata.labels ?? {}, write.before?.metadata.labels ?? {});

const applicationsOf = (binding: Pick<AnyObject, "metadata"> | Body): readonly string[] =>
  applicationOwners(binding).map(({ uid }) => uid);

/** A binding of an Application holds while that is there: whoever cuts the tie revives it. */
function sameBinding(write: Write): boolean {
  if (!unchanged(write, ["subjects", "roleRef"])) return false;
  const before = write.before === undefined ? [] : applicationsOf(write.before);
  const now = applicationsOf(write.object);
  // Fewer of them hold it up for less long; where there was none, any of them confines it.
  return before.length === 0 || (now.length > 0 && now.every((uid) => before.includes(uid)));
}

async function checkRole(rights: Rights, review: Write): Promise<void> {
  const { kind, name, object, user } = review;
  if (sameRole(review)) return;
  // Of an object that is being created Kubernetes asks without its name.
  const asked = review.operation === "CREATE" ? "" : name;
  if (await may(rights, review, "escalate", { plural: kind.plural, name: asked })) return;
  const lacking = missing(rights, review, rulesIn(object));
  if (lacking.length > 0) throw forbidden(kind, nameOf(review), escalationText(user, lacking));
  const aggregates = object["aggregationRule"] !== undefined;
  if (aggregates && missing(rights, review, everything).length > 0) {
    const why = "must have cluster-admin privileges to use the aggregationRule";
    throw forbidden(kind, nameOf(review), why);
  }
}

const nameOf = ({ object, name }: Write): string => object.metadata.name ?? name;

function pluralOf({ kind }: RoleRef): "roles" | "clusterroles" {
  return kind === "Role" ? "roles" : "clusterroles";
}

async function checkBinding(rights: Rights, review: Write): Promise<void> {
  const { kind, object, user, namespace } = review;
  if (sameBinding(review)) return;
  const role = roleRefIn(object);
  if (await may(rights, review, "bind", { plural: pluralOf(role), name: role.name })) return;
  const rules = rights.rulesOf(role, namespace);
  if (rules === undefined) {
    throw notFound({ group: rbacGroup, plural: pluralOf(role) }, role.name);
  }
  const lacking = missing(rights, review, rules);
  if (lacking.length > 0) throw forbidden(kind, nameOf(review), escalationText(user, lacking));
}

const privileged = ({ groups }: User): boolean => groups.includes(mastersGroup);

/**
 * Nobody grants rights that they do not have: by writing a role only with the verb `escalate` on
 * it, by a binding only with the verb `bind` on the role.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
 */
export function rbacEscalation(rights: Rights): Admission {
  return {
    async admit(review) {
      const { kind, object, user } = review;
      if (kind.group !== rbacGroup || object === undefined || privileged(user)) return;
      const write = { ...review, object };
      if (kind.plural === "roles" || kind.plural === "clusterroles") {
        await checkRole(rights, write);
      } else await checkBinding(rights, write);
    },
  };
}
