import type { AnyObject } from "../../machinery/object.ts";
import { objectIn, objectsIn, textIn } from "../kinds/fill.ts";
import type { Body, JsonObject } from "../kinds/kind.ts";

/** The API group of the RBAC kinds. */
export const rbacGroup = "rbac.authorization.k8s.io";

/** One permission of a role, with Kubernetes' field names; `*` in a list stands for everything. */
export type PolicyRule = {
  readonly verbs: readonly string[];
  /** The core group is the empty string. */
  readonly apiGroups: readonly string[];
  /** Plurals, `plural/subresource`, or a subresource of every kind: `*` and `/scale` in one. */
  readonly resources: readonly string[];
  /** Empty: objects of every name. A request without a name matches no list of names. */
  readonly resourceNames: readonly string[];
  /** Other paths; a `*` at the end stands for any rest. Never beside resources. */
  readonly nonResourceURLs: readonly string[];
};

/** Who has a role. */
export type Subject = {
  readonly kind: "User" | "Group" | "ServiceAccount";
  readonly name: string;
  /** Of a ServiceAccount; else empty. */
  readonly namespace: string;
};

/** Which role a binding gives. A Role is in the binding's own namespace. */
export type RoleRef = { readonly kind: "Role" | "ClusterRole"; readonly name: string };

/** A RoleBinding, or with an empty namespace a ClusterRoleBinding. */
export type RoleBinding = {
  readonly name: string;
  readonly namespace: string;
  readonly roleRef: RoleRef;
  readonly subjects: readonly Subject[];
  /** The Applications that it belongs to, if any: when all are gone, it gives nothing. */
  readonly owners?: readonly ApplicationOwner[];
};

/** An Application as an owner reference names it; it is in the binding's own namespace. */
export type ApplicationOwner = { readonly name: string; readonly uid: string };

const textsIn = (object: JsonObject, field: string): readonly string[] => {
  const list = object[field];
  return Array.isArray(list) ? list.filter((item) => typeof item === "string") : [];
};

/** A rule as it stands in a role; fields that are absent are empty lists. */
export function readRule(rule: JsonObject): PolicyRule {
  return {
    verbs: textsIn(rule, "verbs"),
    apiGroups: textsIn(rule, "apiGroups"),
    resources: textsIn(rule, "resources"),
    resourceNames: textsIn(rule, "resourceNames"),
    nonResourceURLs: textsIn(rule, "nonResourceURLs"),
  };
}

/** The rules of a Role or ClusterRole. */
export function rulesIn(role: AnyObject | JsonObject): readonly PolicyRule[] {
  return objectsIn(role, "rules").map(readRule);
}

/** A rule as it is written: without its empty fields, in Kubernetes' order. */
export function ruleBody(rule: Partial<PolicyRule>): JsonObject {
  const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  return {
    verbs: [...(rule.verbs ?? [])],
    ...(apiGroups.length === 0 ? {} : { apiGroups: [...apiGroups] }),
    ...(resources.length === 0 ? {} : { resources: [...resources] }),
    ...(resourceNames.length === 0 ? {} : { resourceNames: [...resourceNames] }),
    ...(nonResourceURLs.length === 0 ? {} : { nonResourceURLs: [...nonResourceURLs] }),
  };
}

/** The `roleRef` of a binding. */
export function roleRefIn(binding: AnyObject | JsonObject): RoleRef {
  const ref = objectIn(binding, "roleRef");
  const kind = textIn(ref, "kind") === "Role" ? "Role" : "ClusterRole";
  return { kind, name: textIn(ref, "name") };
}

function subjectOf(subject: JsonObject, namespace: string): Subject | undefined {
  const [kind, name] = [textIn(subject, "kind"), textIn(subject, "name")];
  if (kind === "User" || kind === "Group") return { kind, name, namespace: "" };
  if (kind !== "ServiceAccount") return undefined;
  // Without a namespace a ServiceAccount is one of the binding's own.
  const own = textIn(subject, "namespace");
  return { kind, name, namespace: own === "" ? namespace : own };
}

/** The Applications that an object belongs to. */
export function applicationOwners({
  metadata,
}: Pick<AnyObject, "metadata"> | Pick<Body, "metadata">): readonly ApplicationOwner[] {
  const references = metadata.ownerReferences ?? [];
  return references.filter(
    ({ apiVersion, kind }) => kind === "Application" && apiVersion.startsWith("lighthouse.dev/"),
  );
}

/** What a stored RoleBinding or ClusterRoleBinding says. */
export function bindingOf(object: AnyObject): RoleBinding {
  const { name, namespace = "" } = object.metadata;
  const subjects = objectsIn(object, "subjects")
    .map((subject) => subjectOf(subject, namespace))
    .filter((subject) => subject !== undefined);
  const owners = applicationOwners(object);
  const binding = { name, namespace, roleRef: roleRefIn(object), subjects };
  return owners.length === 0 || namespace === "" ? binding : { ...binding, owners };
}
