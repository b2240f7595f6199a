import type { Body, JsonObject } from "../kinds/kind.ts";
import * as joining from "./bootstrap-joining.ts";
import { peersGroup, relaying } from "./bootstrap-peers.ts";
import * as rules from "./bootstrap-rules.ts";
import { beaconsGroup } from "./node-identity.ts";
import { beaconLeases, nodeLeases } from "./node-rules.ts";
import { rbacGroup, ruleBody } from "./policy.ts";

/** A role or binding that every server has from its first start. */
export type BootstrapObject = {
  readonly plural: "roles" | "clusterroles" | "rolebindings" | "clusterrolebindings";
  readonly object: Body;
  /** Rights and subjects that are not in `object` are taken away at each start, not kept. */
  readonly exact: boolean;
};

const apiVersion = `${rbacGroup}/v1`;

const metadataOf = (name: string, more: Body["metadata"] = {}): Body["metadata"] => ({
  name,
  ...more,
  labels: { "kubernetes.io/bootstrapping": "rbac-defaults", ...more.labels },
  annotations: { "rbac.authorization.kubernetes.io/autoupdate": "true" },
});

/** Roles of our own parts hold exactly what this version needs. */
const isExact = (name: string): boolean => name.startsWith("system:lighthouse:");

type RoleOptions = { readonly labels?: Readonly<Record<string, string>> };

function clusterRole(
  name: string,
  list: readonly rules.ShortRule[],
  { labels = {} }: RoleOptions = {},
): BootstrapObject {
  return {
    plural: "clusterroles",
    exact: isExact(name),
    object: {
      apiVersion,
      kind: "ClusterRole",
      metadata: metadataOf(name, { labels }),
      rules: list.map(ruleBody),
    },
  };
}

const aggregationLabel = (to: string): string => `${rbacGroup}/aggregate-to-${to}`;

/** The role a label leads to: the rules of all ClusterRoles that carry it. */
function aggregated(name: string, labels: RoleOptions["labels"] = {}): BootstrapObject {
  const selector = { matchLabels: { [aggregationLabel(name)]: "true" } };
  const { plural, object, exact } = clusterRole(name, [], { labels });
  const aggregationRule = { clusterRoleSelectors: [selector] };
  return { plural, exact, object: { ...object, aggregationRule, rules: [] } };
}

function part(name: string, to: string, list: readonly rules.ShortRule[]): BootstrapObject {
  return clusterRole(name, list, { labels: { [aggregationLabel(to)]: "true" } });
}

const groups = (...names: readonly string[]): readonly JsonObject[] =>
  names.map((name) => ({ apiGroup: rbacGroup, kind: "Group", name }));

function clusterRoleBinding(
  name: string,
  role: string,
  subjects: readonly JsonObject[],
): BootstrapObject {
  const object: Body = {
    apiVersion,
    kind: "ClusterRoleBinding",
    metadata: metadataOf(name),
    roleRef: { apiGroup: rbacGroup, kind: "ClusterRole", name: role },
    subjects: [...subjects],
  };
  return { plural: "clusterrolebindings", object, exact: isExact(name) };
}

const toEveryone = groups("system:authenticated", "system:unauthenticated");
const toKnown = groups("system:authenticated");

/** Kubernetes' own, as far as we serve their kinds. */
function systemRoles(): readonly BootstrapObject[] {
  return [
    clusterRole("cluster-admin", rules.everything),
    clusterRole("system:discovery", rules.discovery),
    clusterRole("system:basic-user", rules.basicUser),
    clusterRole("system:public-info-viewer", rules.publicInfo),
    clusterRole("system:monitoring", rules.monitoring),
    clusterRole("auditor", rules.auditing),
    clusterRole("system:service-account-issuer-discovery", rules.issuerDiscovery),
    clusterRole("system:auth-delegator", rules.delegator),
  ];
}

/** Roles for people and robots, made of parts that CRDs and users may add to by label. */
function userRoles(): readonly BootstrapObject[] {
  const toAdmin = { [aggregationLabel("admin")]: "true" };
  const toEdit = { [aggregationLabel("edit")]: "true", [aggregationLabel("viewer")]: "true" };
  const toReleases = {
    [aggregationLabel("release-manager")]: "true",
    [aggregationLabel("approver")]: "true",
  };
  return [
    part("system:aggregate-to-admin", "admin", rules.admin),
    part("system:aggregate-to-edit", "edit", rules.edit),
    part("system:aggregate-to-view", "view", rules.view),
    part("system:aggregate-to-viewer", "viewer", rules.fleet),
    part("system:aggregate-to-release-manager", "release-manager", rules.release),
    part("system:aggregate-to-approver", "approver", rules.approve),
    aggregated("view", toEdit),
    aggregated("edit", toAdmin),
    aggregated("admin"),
    aggregated("viewer", toReleases),
    aggregated("release-manager"),
    aggregated("approver"),
  ];
}

/** The rights of controllers and agents, which are ordinary clients. */
function ownParts(): readonly BootstrapObject[] {
  const [controllers, beacon] = ["system:lighthouse:controllers", "system:lighthouse:beacon"];
  const peer = "system:lighthouse:server";
  return [
    clusterRole(controllers, rules.controllers),
    clusterRole(beacon, rules.beacon),
    clusterRoleBinding(controllers, controllers, groups("system:lighthouse:controllers")),
    clusterRoleBinding(beacon, beacon, groups(beaconsGroup)),
    clusterRole(peer, relaying),
    clusterRoleBinding(peer, peer, groups(peersGroup)),
  ];
}

/** How agents come in, and who decides about it. */
function joiningParts(): readonly BootstrapObject[] {
  const asker = "system:lighthouse:certificate-asker";
  return [
    clusterRole(asker, joining.askingForCertificates),
    clusterRoleBinding(asker, asker, groups(...joining.certificateAskers)),
    clusterRole("beacon-manager", joining.managingBeacons),
  ];
}

function systemBindings(): readonly BootstrapObject[] {
  const issuer = "system:service-account-issuer-discovery";
  return [
    clusterRoleBinding("cluster-admin", "cluster-admin", groups("system:masters")),
    clusterRoleBinding("system:discovery", "system:discovery", toKnown),
    clusterRoleBinding("system:basic-user", "system:basic-user", toKnown),
    clusterRoleBinding("system:monitoring", "system:monitoring", groups("system:monitoring")),
    clusterRoleBinding("system:public-info-viewer", "system:public-info-viewer", toEveryone),
    clusterRoleBinding(issuer, issuer, groups("system:serviceaccounts")),
  ];
}

/**
 * The roles and bindings of a fresh server: those of Kubernetes, ours (viewer, approver, release-manager),
 * and those of controllers and agents. Anew on each call: the caller may change them.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
 */
export function bootstrapObjects(): readonly BootstrapObject[] {
  return [...systemRoles(), ...userRoles(), ...ownParts(), ...joiningParts(), ...systemBindings()];
}

/** An object that former versions had. */
export type RetiredObject = Pick<BootstrapObject, "plural"> & {
  readonly namespace: string;
  readonly name: string;
};

/** Before the node authorizer, every agent held all heartbeats by these. */
export const retiredObjects: readonly RetiredObject[] = [nodeLeases, beaconLeases].flatMap(
  (namespace): readonly RetiredObject[] => [
    { plural: "rolebindings", namespace, name: "system:lighthouse:beacon" },
    { plural: "roles", namespace, name: "system:lighthouse:beacon" },
  ],
);
