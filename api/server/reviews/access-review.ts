import type { StatusCause } from "../../machinery/errors.ts";
import { invalidValue } from "../../machinery/field-causes.ts";
import type { User } from "../access.ts";
import type { Rights } from "../authz/rbac-authorizer.ts";
import { objectIn, objectsIn, textIn } from "../kinds/fill.ts";
import type { Body, JsonObject } from "../kinds/kind.ts";
import type { RequestInfo } from "../objects/request-info.ts";

/**
 * A selector of a review as a query would carry it; empty for none. Of requirements only those count that
 * a query of that kind can express: leaving one out asks for more, and so may only be refused.
 * @see https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/subject-access-review-v1/
 */
function reviewedSelector(asked: JsonObject | undefined, field: string): string {
  const selector = objectIn(asked ?? {}, field);
  const raw = textIn(selector, "rawSelector");
  if (raw !== "") return raw;
  const terms = objectsIn(selector ?? {}, "requirements").flatMap((requirement) => {
    const [value = "", ...more] = textsOf(requirement["values"]);
    const sign = signs.get(textIn(requirement, "operator"));
    const isPlain = sign !== undefined && more.length === 0 && !/[\\,=]/.test(value);
    return isPlain ? [`${textIn(requirement, "key")}${sign}${value}`] : [];
  });
  return terms.join(",");
}

const signs: ReadonlyMap<string, string> = new Map([
  ["In", "="],
  ["NotIn", "!="],
]);

/** The request that a review asks about. A part that is missing stands for "none". */
export function reviewedRequest(spec: JsonObject | undefined): RequestInfo {
  const other = objectIn(spec ?? {}, "nonResourceAttributes");
  if (other !== undefined) return { verb: textIn(other, "verb"), path: textIn(other, "path") };
  const asked = objectIn(spec ?? {}, "resourceAttributes");
  const fields = reviewedSelector(asked, "fieldSelector");
  const labels = reviewedSelector(asked, "labelSelector");
  return {
    ...(fields === "" && labels === "" ? {} : { selectors: { fields, labels } }),
    verb: textIn(asked, "verb"),
    path: "",
    resource: {
      group: textIn(asked, "group"),
      version: textIn(asked, "version"),
      plural: textIn(asked, "resource"),
      subresource: textIn(asked, "subresource"),
      namespace: textIn(asked, "namespace"),
      name: textIn(asked, "name"),
      rest: "",
    },
  };
}

/** The status of a review: what the authorizer says of it. */
export async function reviewStatus(
  rights: Rights,
  user: User,
  spec: JsonObject | undefined,
): Promise<JsonObject> {
  const { allowed, reason } = await rights.authorize(user, reviewedRequest(spec));
  return { allowed, ...(reason === undefined ? {} : { reason }) };
}

/** Every wrong field of what is asked, the same for all access reviews. */
export function attributeCauses(review: Body): readonly StatusCause[] {
  const spec = objectIn(review, "spec") ?? {};
  const resource = objectIn(spec, "resourceAttributes");
  const other = objectIn(spec, "nonResourceAttributes");
  if (resource !== undefined && other !== undefined) {
    const why = "cannot be specified in combination with resourceAttributes";
    return [invalidValue("spec.nonResourceAttributes", other, why)];
  }
  if (resource !== undefined || other !== undefined) return [];
  const why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
  return [invalidValue("spec.resourceAttributes", null, why)];
}

/** Every wrong field of a review about somebody. */
export function subjectCauses(review: Body): readonly StatusCause[] {
  const spec = objectIn(review, "spec") ?? {};
  const { user = "", groups = [] } = spec;
  const nobody = user === "" && Array.isArray(groups) && groups.length === 0;
  const why = "at least one of user or group must be specified";
  const missing = nobody ? [invalidValue("spec.user", "", why)] : [];
  return [...attributeCauses(review), ...missing];
}

/** The same for one that is about a namespace. */
export function localCauses(review: Body): readonly StatusCause[] {
  const spec = objectIn(review, "spec") ?? {};
  const causes = [...subjectCauses(review)];
  const { namespace = "" } = review.metadata;
  const resource = objectIn(spec, "resourceAttributes");
  const asked = textIn(resource, "namespace");
  if (resource !== undefined && asked !== namespace) {
    const why = "must match metadata.namespace";
    causes.push(invalidValue("spec.resourceAttributes.namespace", asked, why));
  }
  const other = objectIn(spec, "nonResourceAttributes");
  if (other !== undefined) {
    const why = "disallowed on this kind of request";
    causes.push(invalidValue("spec.nonResourceAttributes", other, why));
  }
  return causes;
}

const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];

/** Whom a review is about. */
export function reviewedUser(spec: JsonObject | undefined): User {
  const extra = Object.entries(objectIn(spec ?? {}, "extra") ?? {});
  const uid = textIn(spec, "uid");
  return {
    name: textIn(spec, "user"),
    groups: textsOf(spec?.["groups"]),
    ...(uid === "" ? {} : { uid }),
    ...(extra.length === 0
      ? {}
      : { extra: Object.fromEntries(extra.map(([key, list]) => [key, textsOf(list)])) }),
  };
}
