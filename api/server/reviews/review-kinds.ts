import { badRequest } from "../../machinery/errors.ts";
import type { User } from "../access.ts";
import { type PolicyRule, ruleBody } from "../authz/policy.ts";
import type { Rights } from "../authz/rbac-authorizer.ts";
import type { BuiltIn } from "../kinds/built-in.ts";
import { objectIn, textIn } from "../kinds/fill.ts";
import type { Body, JsonObject, Virtual } from "../kinds/kind.ts";
import type { TokenReviewer } from "../tokens/account-review.ts";
import {
  attributeCauses,
  localCauses,
  reviewedUser,
  reviewStatus,
  subjectCauses,
} from "./access-review.ts";

/** Whom the reviews ask. */
export type ReviewParts = { readonly rights: Rights; readonly reviewer: TokenReviewer };

type Create = NonNullable<Virtual["create"]>;
type Options = Partial<Pick<BuiltIn, "strategy" | "namespaced" | "version">>;

const authorization = "authorization.k8s.io";
const authentication = "authentication.k8s.io";

function reviewKind(group: string, kind: string, create: Create, options: Options = {}): BuiltIn {
  const [family = ""] = group.split(".");
  return {
    group,
    version: "v1",
    kind,
    plural: `${kind.toLowerCase()}s`,
    namespaced: false,
    verbs: ["create"],
    definition: `io.k8s.api.${family}.v1.${kind}`,
    virtual: { create },
    ...options,
  };
}

const specOf = (review: Body): JsonObject | undefined => objectIn(review, "spec");

function rulesStatus(rules: readonly PolicyRule[]): JsonObject {
  return {
    resourceRules: rules.filter(({ resources }) => resources.length > 0).map(ruleBody),
    nonResourceRules: rules
      .filter(({ nonResourceURLs }) => nonResourceURLs.length > 0)
      .map(({ verbs, nonResourceURLs }) => ruleBody({ verbs, nonResourceURLs })),
    incomplete: false,
  };
}

function accessReviews({ rights }: ReviewParts): readonly BuiltIn[] {
  const ofSubject: Create = async (_call, review) => {
    const spec = specOf(review);
    return { ...review, status: await reviewStatus(rights, reviewedUser(spec), spec) };
  };
  const ofSelf: Create = async ({ user }, review) => ({
    ...review,
    status: await reviewStatus(rights, user, specOf(review)),
  });
  const rules: Create = async ({ user }, review) => {
    const namespace = textIn(specOf(review), "namespace");
    if (namespace === "") throw badRequest("no namespace on request");
    return { ...review, status: rulesStatus(rights.rulesFor(user, namespace)) };
  };
  return [
    reviewKind(authorization, "SubjectAccessReview", ofSubject, {
      strategy: { validate: subjectCauses },
    }),
    reviewKind(authorization, "LocalSubjectAccessReview", ofSubject, {
      namespaced: true,
      strategy: { validate: localCauses },
    }),
    reviewKind(authorization, "SelfSubjectAccessReview", ofSelf, {
      strategy: { validate: attributeCauses },
    }),
    reviewKind(authorization, "SelfSubjectRulesReview", rules),
  ];
}

/** A user as reviews show it. */
function userInfo({ name, uid, groups, extra }: User): JsonObject {
  return {
    username: name,
    ...(uid === undefined ? {} : { uid }),
    groups: [...groups],
    ...(extra === undefined ? {} : { extra }),
  };
}

async function tokenStatus(reviewer: TokenReviewer, review: Body): Promise<JsonObject> {
  const spec = specOf(review);
  const token = textIn(spec, "token");
  if (token === "") throw badRequest("token is required for TokenReview in authentication");
  const asked = spec?.["audiences"];
  const audiences = Array.isArray(asked) ? asked.filter((item) => typeof item === "string") : [];
  const verdict = await reviewer.review(token, audiences.length === 0 ? {} : { audiences });
  if (verdict === undefined) return { user: {}, error: "invalid bearer token" };
  if ("error" in verdict) {
    return { user: {}, error: `[invalid bearer token, ${verdict.error}]` };
  }
  const { user } = verdict;
  const groups = [...user.groups, "system:authenticated"];
  return {
    authenticated: true,
    user: userInfo({ ...user, groups }),
    audiences: [...verdict.audiences],
  };
}

function authenticationReviews({ reviewer }: ReviewParts): readonly BuiltIn[] {
  const whoAmI: Create = async ({ user }, review) => ({
    ...review,
    status: { userInfo: userInfo(user) },
  });
  const self = (version: string): BuiltIn =>
    reviewKind(authentication, "SelfSubjectReview", whoAmI, { version });
  return [
    reviewKind(authentication, "TokenReview", async (_call, review) => ({
      ...review,
      status: await tokenStatus(reviewer, review),
    })),
    self("v1"),
    // kubectl 1.27 asks for these.
    self("v1beta1"),
    self("v1alpha1"),
  ];
}

/** The kinds that answer who somebody is and what they may do; none of them is stored. */
export function reviewKinds(parts: ReviewParts): readonly BuiltIn[] {
  return [...authenticationReviews(parts), ...accessReviews(parts)];
}
