import { type Labels, type LabelSelector, selects } from "../../../machinery/selector.ts";
import type { AnyObject } from "../../../machinery/object.ts";
import type { Review } from "../chain.ts";
import type { MatchResources } from "./spec.ts";

/** A write as far as rules look at it. */
export type Matched = Pick<
  Review,
  "before" | "kind" | "name" | "namespace" | "operation" | "subresource"
> & {
  readonly object?: AnyObject;
  /** Labels of the namespace; absent where the object is in none. */
  readonly namespaceLabels: Labels | undefined;
};

type Rule = NonNullable<MatchResources["resourceRules"]>[number];

const has = (list: readonly string[] | undefined, value: string): boolean =>
  (list ?? []).some((one) => one === "*" || one === value);

/** `pods`, `pods/status`, `pods/*`, `*`, `*` + `/status` and `*` + `/*`, as in Kubernetes. */
function hasResource(list: readonly string[], plural: string, subresource: string): boolean {
  return list.some((one) => {
    const [resource = "", part] = one.split("/");
    if (resource !== "*" && resource !== plural) return false;
    if (part === undefined) return subresource === "";
    return part === "*" || part === subresource;
  });
}

const isNamespace = ({ kind }: Matched): boolean =>
  kind.group === "" && kind.plural === "namespaces";

/** A Namespace is in none itself, whatever its requests look like. */
function hasScope(scope: string | undefined, matched: Matched): boolean {
  if (scope === undefined || scope === "*") return true;
  return (scope === "Namespaced") === (matched.kind.namespaced && !isNamespace(matched));
}

/** The versions of a kind are the same objects: a rule for one must not be passed by writing another. */
function hasVersion(rule: Rule, matched: Matched, matchPolicy: string): boolean {
  return matchPolicy === "Equivalent" || has(rule.apiVersions, matched.kind.version);
}

function hasKind(rule: Rule, matched: Matched, matchPolicy: string): boolean {
  const { kind, subresource } = matched;
  const forms = [
    kind,
    ...(matchPolicy === "Equivalent" && kind.keptWith !== undefined ? [kind.keptWith] : []),
  ];
  return forms.some(
    ({ group, plural }) =>
      has(rule.apiGroups, group) && hasResource(rule.resources ?? [], plural, subresource),
  );
}

function matchesRule(rule: Rule, matched: Matched, matchPolicy: string): boolean {
  const { operation, name } = matched;
  const names = rule.resourceNames ?? [];
  return (
    has(rule.operations, operation) &&
    hasKind(rule, matched, matchPolicy) &&
    hasVersion(rule, matched, matchPolicy) &&
    hasScope(rule.scope, matched) &&
    (names.length === 0 || names.includes(name))
  );
}

const isEmpty = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector): boolean =>
  Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;

function inNamespace(selector: LabelSelector | undefined, matched: Matched): boolean {
  if (selector === undefined || isEmpty(selector)) return true;
  if (isNamespace(matched)) {
    const { object, before } = matched;
    return selects(selector, (object ?? before)?.metadata.labels);
  }
  return matched.namespaceLabels === undefined || selects(selector, matched.namespaceLabels);
}

/** Before or after: else a label would lead out of the policy that forbids to take it away. */
function selectsObject(selector: LabelSelector | undefined, matched: Matched): boolean {
  if (selector === undefined || isEmpty(selector)) return true;
  const states = [matched.object, matched.before].filter((state) => state !== undefined);
  return states.some(({ metadata }) => selects(selector, metadata.labels));
}

/** Whether a request is one that a policy, or a binding, is about. */
export function matchesResources(resources: MatchResources | undefined, matched: Matched): boolean {
  if (resources === undefined) return true;
  const { resourceRules, excludeResourceRules = [], matchPolicy = "Equivalent" } = resources;
  const hit = (rule: Rule): boolean => matchesRule(rule, matched, matchPolicy);
  if (excludeResourceRules.some(hit)) return false;
  // A binding without rules of its own takes those of its policy.
  if (resourceRules !== undefined && resourceRules.length > 0 && !resourceRules.some(hit))
    return false;
  return (
    inNamespace(resources.namespaceSelector, matched) &&
    selectsObject(resources.objectSelector, matched)
  );
}
