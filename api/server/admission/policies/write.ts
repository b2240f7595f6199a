import { equalJson } from "../../../machinery/equality.ts";
import { forbidden } from "../../../machinery/errors.ts";
import type { AnyObject } from "../../../machinery/object.ts";
import { mastersGroup, type Rights } from "../../authz/rbac-authorizer.ts";
import type { Definitions } from "../../kinds/definitions.ts";
import type { JsonObject, Kinds } from "../../kinds/kind.ts";
import type { Storage } from "../../objects/storage.ts";
import { storeKey } from "../../../store/keys.ts";
import type { Admission, FinalReview } from "../chain.ts";
import { paramKindOf } from "./params.ts";
import { bindingSpecOf, policyGroup, type PolicySpec, policySpecOf } from "./spec.ts";
import { typeWarnings } from "./type-check.ts";

/** What writing policies needs. */
export type PolicyWriteParts = {
  readonly kinds: Kinds;
  readonly definitions: Definitions;
  readonly rights: Pick<Rights, "authorize">;
  readonly storage: Pick<Storage, "cache">;
};

/** Tells in the status what expressions would find wanting, for the generation that was checked. */
function recordTypes({ kinds, definitions }: PolicyWriteParts, object: AnyObject): void {
  const warnings = typeWarnings(policySpecOf(object), kinds, definitions);
  (object as JsonObject)["status"] = {
    observedGeneration: object.metadata.generation ?? 1,
    typeChecking: warnings.length === 0 ? {} : { expressionWarnings: warnings },
  };
}

type Wanted = { readonly name: string; readonly namespace: string };

/** Whoever may not read the parameters must not have a policy tell of them. */
async function mustRead(
  { kinds, rights }: PolicyWriteParts,
  review: FinalReview,
  spec: PolicySpec,
  { name, namespace }: Wanted,
): Promise<void> {
  const kind = paramKindOf(spec, kinds);
  if (kind === undefined || review.user.groups.includes(mastersGroup)) return;
  const { group, version, plural } = kind;
  const resource = { group, version, plural, subresource: "", namespace, name, rest: "" };
  const { allowed } = await rights.authorize(review.user, { verb: "get", path: "", resource });
  if (allowed) return;
  const why = `user "${review.user.name}" does not have permission to read the parameters: it takes the right to get ${plural}${group === "" ? "" : `.${group}`}`;
  throw forbidden(review.kind, review.object.metadata.name, why);
}

async function judgeParams(parts: PolicyWriteParts, review: FinalReview): Promise<void> {
  const { kind, object, before, subresource } = review;
  if (subresource !== "") return;
  if (before !== undefined && equalJson(object["spec"], before["spec"])) return;
  if (kind.plural === "validatingadmissionpolicies") {
    const spec = policySpecOf(object);
    if (spec.paramKind !== undefined)
      await mustRead(parts, review, spec, { name: "", namespace: "" });
    return;
  }
  const { paramRef, policyName } = bindingSpecOf(object);
  const key = storeKey(
    { group: policyGroup, plural: "validatingadmissionpolicies" },
    { name: policyName },
  );
  const policy = parts.storage.cache.newest(key)?.object;
  if (paramRef === undefined || policy === undefined) return;
  const { name = "", namespace = "" } = paramRef;
  await mustRead(parts, review, policySpecOf(policy), { name, namespace });
}

/** Checks the types of new policies against what they are about, and who may name parameters. */
export function policyWriteAdmission(parts: PolicyWriteParts): Admission {
  return {
    async judge(review) {
      if (review.kind.group !== policyGroup) return;
      await judgeParams(parts, review);
      const isPolicy = review.kind.plural === "validatingadmissionpolicies";
      const { object, before, subresource } = review;
      if (!isPolicy || subresource !== "") return;
      if (before !== undefined && equalJson(object["spec"], before["spec"])) return;
      recordTypes(parts, object);
    },
  };
}
