import { equalJson } from "../../machinery/equality.ts";
import type { StatusCause } from "../../machinery/errors.ts";
import { invalidValue, requiredValue, unsupportedValue } from "../../machinery/field-causes.ts";
import { subdomainProblems } from "../../machinery/names.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { type LabelSelector, selectorCauses } from "../../machinery/selector.ts";
import { rbacGroup, readRule } from "../authz/policy.ts";
import { isObject, objectIn, objectsIn, textIn } from "./fill.ts";
import type { Body, JsonObject } from "./kind.ts";

/** What is wrong with a name as a segment of a path; RBAC names may hold anything else. */
export function pathSegmentProblems(name: string): readonly string[] {
  if (name === "." || name === "..") return [`may not be '${name}'`];
  return ["/", "%"]
    .filter((part) => name.includes(part))
    .map((part) => `may not contain '${part}'`);
}

function ruleCauses(rule: JsonObject, path: string, namespaced: boolean): readonly StatusCause[] {
  const { verbs, apiGroups, resources, resourceNames, nonResourceURLs } = readRule(rule);
  const causes: StatusCause[] = [];
  if (verbs.length === 0) {
    causes.push(requiredValue(`${path}.verbs`, "verbs must contain at least one value"));
  }
  if (nonResourceURLs.length > 0) {
    const wrong = (why: string): StatusCause =>
      invalidValue(`${path}.nonResourceURLs`, nonResourceURLs, why);
    if (namespaced) causes.push(wrong("namespaced rules cannot apply to non-resource URLs"));
    if (apiGroups.length + resources.length + resourceNames.length > 0) {
      causes.push(wrong("rules cannot apply to both regular resources and non-resource URLs"));
    }
    return causes;
  }
  if (apiGroups.length === 0) {
    const why = "resource rules must supply at least one api group";
    causes.push(requiredValue(`${path}.apiGroups`, why));
  }
  if (resources.length === 0) {
    const why = "resource rules must supply at least one resource";
    causes.push(requiredValue(`${path}.resources`, why));
  }
  return causes;
}

const rulesCauses = (role: Body, namespaced: boolean): readonly StatusCause[] =>
  objectsIn(role, "rules").flatMap((rule, index) =>
    ruleCauses(rule, `rules[${index}]`, namespaced),
  );

/** Every wrong field of a Role. */
export function roleCauses(role: Body): readonly StatusCause[] {
  return rulesCauses(role, true);
}

function aggregationCauses(role: Body): readonly StatusCause[] {
  const rule = objectIn(role, "aggregationRule");
  if (rule === undefined) return [];
  const field = "aggregationRule.clusterRoleSelectors";
  const selectors = objectsIn(rule, "clusterRoleSelectors");
  if (selectors.length === 0) {
    const why = "at least one clusterRoleSelector required if aggregationRule is non-nil";
    return [requiredValue(field, why)];
  }
  return selectors.flatMap((selector, index) =>
    selectorCauses(selector as LabelSelector, `${field}[${index}]`),
  );
}

/** Every wrong field of a ClusterRole. */
export function clusterRoleCauses(role: Body): readonly StatusCause[] {
  return [...rulesCauses(role, false), ...aggregationCauses(role)];
}

function roleRefCauses(binding: Body, kinds: readonly string[]): readonly StatusCause[] {
  const ref = objectIn(binding, "roleRef");
  const [group, kind, name] = [textIn(ref, "apiGroup"), textIn(ref, "kind"), textIn(ref, "name")];
  const causes: StatusCause[] = [];
  if (group !== rbacGroup) causes.push(unsupportedValue("roleRef.apiGroup", group, [rbacGroup]));
  if (!kinds.includes(kind)) causes.push(unsupportedValue("roleRef.kind", kind, kinds));
  if (name === "") return [...causes, requiredValue("roleRef.name")];
  const problems = pathSegmentProblems(name);
  return [...causes, ...problems.map((why) => invalidValue("roleRef.name", name, why))];
}

const subjectKinds = ["ServiceAccount", "User", "Group"];

function serviceAccountCauses(
  subject: JsonObject,
  path: string,
  namespaced: boolean,
): readonly StatusCause[] {
  const [name, group] = [textIn(subject, "name"), textIn(subject, "apiGroup")];
  const problems = name === "" ? [] : subdomainProblems(name);
  const causes = problems.map((why) => invalidValue(`${path}.name`, name, why));
  if (group !== "") causes.push(unsupportedValue(`${path}.apiGroup`, group, [""]));
  if (!namespaced && textIn(subject, "namespace") === "") {
    causes.push(requiredValue(`${path}.namespace`));
  }
  return causes;
}

function subjectCauses(
  subject: JsonObject,
  path: string,
  namespaced: boolean,
): readonly StatusCause[] {
  const nameless = textIn(subject, "name") === "" ? [requiredValue(`${path}.name`)] : [];
  const [kind, group] = [textIn(subject, "kind"), textIn(subject, "apiGroup")];
  if (kind === "ServiceAccount") {
    return [...nameless, ...serviceAccountCauses(subject, path, namespaced)];
  }
  if (kind !== "User" && kind !== "Group") {
    return [...nameless, unsupportedValue(`${path}.kind`, kind, subjectKinds)];
  }
  if (group === rbacGroup) return nameless;
  return [...nameless, unsupportedValue(`${path}.apiGroup`, group, [rbacGroup])];
}

/** Every wrong field of a RoleBinding, or of a ClusterRoleBinding if it is not `namespaced`. */
export function bindingCauses(
  binding: Body,
  before: AnyObject | undefined,
  namespaced: boolean,
): readonly StatusCause[] {
  const { roleRef } = binding;
  const changed = before !== undefined && !equalJson(before["roleRef"], roleRef);
  return [
    ...roleRefCauses(binding, namespaced ? ["Role", "ClusterRole"] : ["ClusterRole"]),
    ...objectsIn(binding, "subjects").flatMap((subject, index) =>
      subjectCauses(subject, `subjects[${index}]`, namespaced),
    ),
    ...(changed ? [invalidValue("roleRef", roleRef, "cannot change roleRef")] : []),
  ];
}

/** Fills in the API groups that follow from the kinds. */
export function setBindingDefaults(binding: Body): void {
  const { roleRef, subjects } = binding;
  if (isObject(roleRef) && textIn(roleRef, "apiGroup") === "") roleRef["apiGroup"] = rbacGroup;
  for (const subject of Array.isArray(subjects) ? subjects.filter(isObject) : []) {
    const kind = textIn(subject, "kind");
    if (textIn(subject, "apiGroup") !== "") continue;
    if (kind === "User" || kind === "Group") subject["apiGroup"] = rbacGroup;
    else delete subject["apiGroup"];
  }
}
