import type { User } from "../../../crds/types.gen.ts";
import { equalJson } from "../../machinery/equality.ts";
import { forbidden, invalid } from "../../machinery/errors.ts";
import type { Admission, FinalReview, Review } from "../admission/chain.ts";
import type { Kind } from "../kinds/kind.ts";
import { hiddenCollections, sessionCollection, userCollection } from "./collections.ts";
import { checkTakeover, type TakeoverParts } from "./takeover.ts";
import { asUser, type Users } from "./users.ts";

/** Keeps a deleted User until nothing is bound to its name: who gets the name next starts from nothing. */
export const bindingsFinalizer = "lighthouse.dev/bindings";

/** What the admission of users looks at. */
export type UserAdmissionOptions = TakeoverParts & { readonly users: Users };

const isOf = (kind: Kind, { group, plural }: { readonly group: string; readonly plural: string }) =>
  kind.group === group && kind.plural === plural;

const crdCollection = { group: "apiextensions.k8s.io", plural: "customresourcedefinitions" };
const hiddenNames = new Set(hiddenCollections.map(({ group, plural }) => `${plural}.${group}`));

/** Sessions are made by logins. One on its way out may still be changed, e.g. by the collector. */
function checkSession({ kind, name, operation, before }: Review): void {
  if (operation === "DELETE" || before?.metadata.deletionTimestamp !== undefined) return;
  throw forbidden(kind, name, "the server alone makes sessions, and nobody changes them: log in");
}

/** What a CRD of such a name would serve are the hashes of passwords and tokens. */
function checkDefinition({ kind, name, object }: Review): void {
  const wanted = object?.metadata.name ?? name;
  if (!hiddenNames.has(wanted)) return;
  throw forbidden(kind, wanted, "under this name the server keeps what must not be read");
}

function keepForBindings({ object, operation }: Review): void {
  if (operation !== "CREATE" || object === undefined) return;
  const { metadata } = object;
  const finalizers = Array.isArray(metadata.finalizers) ? metadata.finalizers : [];
  if (!finalizers.includes(bindingsFinalizer)) {
    metadata.finalizers = [...finalizers, bindingsFinalizer];
  }
}

/** Whether a write may let somebody act as the User who could not before. */
function isRisky({ spec }: User, before: User | undefined): boolean {
  if (before === undefined || before.spec.email !== spec.email) return true;
  return !equalJson(before.spec.groups ?? [], spec.groups ?? []);
}

/**
 * A deletion takes the name out of all bindings, and frees it: whoever may not act as that User must neither
 * put it out of its rights nor be the next of that name when somebody, e.g. GitOps, binds it again.
 */
async function checkDismissal(options: UserAdmissionOptions, { before, user }: Review) {
  if (before === undefined) return;
  const { metadata, spec } = asUser(before);
  await checkTakeover(options, user, { name: metadata.name, groups: spec.groups ?? [] });
}

function checkEmail(users: Users, { kind, name }: FinalReview, { spec }: User): void {
  const others = users.withEmail(spec.email).filter(({ metadata }) => metadata.name !== name);
  if (others.length === 0) return;
  const message = `Duplicate value: ${JSON.stringify(spec.email)}: another user has this email`;
  throw invalid(kind, name, [{ reason: "FieldValueDuplicate", message, field: "spec.email" }]);
}

/**
 * What is refused of Users and Sessions beyond their schema: emails that another User has, rights that the
 * writer does not have, Sessions that nobody logged in for, and CRDs over what is hidden.
 */
export function userAdmission(options: UserAdmissionOptions): Admission {
  return {
    async admit(review) {
      const { kind, operation } = review;
      if (isOf(kind, sessionCollection)) checkSession(review);
      else if (isOf(kind, crdCollection)) checkDefinition(review);
      else if (isOf(kind, userCollection)) {
        keepForBindings(review);
        if (operation === "DELETE") await checkDismissal(options, review);
      }
    },
    async judge(review) {
      const { kind, object, before, user } = review;
      if (!isOf(kind, userCollection)) return;
      const [wanted, had] = [asUser(object), before === undefined ? undefined : asUser(before)];
      if (had?.spec.email !== wanted.spec.email) checkEmail(options.users, review, wanted);
      if (!isRisky(wanted, had)) return;
      const { name } = wanted.metadata;
      await checkTakeover(options, user, { name, groups: wanted.spec.groups ?? [] });
    },
  };
}
