import type { Authorizer } from "../access.ts";
import { evaluate, type Grant, type Rule } from "./evaluate.ts";

const read = ["get", "list", "watch"];

const events: Rule = {
  verbs: ["create", "update", "patch"],
  groups: ["", "events.k8s.io"],
  resources: ["events"],
};

/**
 * Reading and deleting of every kind, because the collector removes dependents and the contents of
 * namespaces whatever they are; writing of what reconciling changes, and of nothing else.
 */
const controllerRules: readonly Rule[] = [
  { verbs: [...read, "patch", "delete", "deletecollection"], groups: ["*"], resources: ["*"] },
  {
    verbs: ["create", "update", "patch"],
    groups: ["lighthouse.dev"],
    resources: ["*", "applications/*", "revisions/*", "beacons/*"],
  },
  {
    verbs: ["create", "update", "patch"],
    groups: [""],
    resources: ["pods", "pods/status", "pods/binding", "pods/eviction", "nodes", "nodes/status"],
  },
  {
    verbs: ["create", "update", "patch"],
    groups: [""],
    resources: ["namespaces", "namespaces/status", "namespaces/finalize"],
  },
  { verbs: ["create", "update"], groups: ["coordination.k8s.io"], resources: ["leases"] },
  events,
];

/**
 * What a beacon's agent needs. That it may touch only its own Nodes and their Pods is the node
 * authorizer's to add; this table only knows kinds.
 */
const agentRules: readonly Rule[] = [
  { verbs: [...read, "create", "update", "patch"], groups: [""], resources: ["nodes"] },
  { verbs: ["get", "update", "patch"], groups: [""], resources: ["nodes/status"] },
  { verbs: [...read, "delete"], groups: [""], resources: ["pods"] },
  { verbs: ["get", "update", "patch"], groups: [""], resources: ["pods/status"] },
  { verbs: ["get"], groups: [""], resources: ["secrets", "configmaps", "serviceaccounts"] },
  // The uid of kube-system is how an agent knows which control plane its containers belong to.
  { verbs: ["get"], groups: [""], resources: ["namespaces"] },
  {
    verbs: [...read, "create", "update", "patch"],
    groups: ["coordination.k8s.io"],
    resources: ["leases"],
    namespaces: ["lighthouse-node-lease"],
  },
  {
    verbs: [...read, "create", "update", "patch"],
    groups: ["lighthouse.dev"],
    resources: ["beacons", "beacons/status"],
  },
  events,
];

/** Discovery and documents: whoever is known may learn what there is. */
const knownRules: readonly Rule[] = [
  { verbs: ["get", "head"], paths: ["/", "/api", "/api/*", "/apis", "/apis/*", "/version"] },
  { verbs: ["get", "head"], paths: ["/openapi", "/openapi/*"] },
  {
    verbs: ["create"],
    groups: ["authorization.k8s.io", "authentication.k8s.io"],
    resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"],
  },
];

/** Probes carry no credentials. */
const publicRules: readonly Rule[] = [
  {
    verbs: ["get", "head"],
    paths: ["/healthz", "/healthz/*", "/livez", "/livez/*", "/readyz", "/readyz/*"],
  },
];

/** The grants that exist before anybody wrote one. */
export const builtInGrants: readonly Grant[] = [
  {
    to: ["system:masters"],
    rules: [{ verbs: ["*"], groups: ["*"], resources: ["*"], paths: ["*"] }],
  },
  { to: ["system:lighthouse:controllers"], rules: controllerRules },
  { to: ["system:beacons"], rules: agentRules },
  { to: ["system:authenticated"], rules: knownRules },
  { to: ["system:authenticated", "system:unauthenticated"], rules: publicRules },
];

/** Judges by a fixed table. */
export function grantAuthorizer(grants: readonly Grant[] = builtInGrants): Authorizer {
  return {
    async authorize(user, request) {
      return Promise.resolve(evaluate(grants, user, request));
    },
  };
}
