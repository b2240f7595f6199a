import type { PolicyRule } from "./policy.ts";

/** A rule as the tables below write it: absent lists are empty. */
export type ShortRule = Partial<PolicyRule>;

const read = ["get", "list", "watch"];
const change = ["create", "delete", "deletecollection", "patch", "update"];
const write = ["create", "update", "patch"];
const ours = "lighthouse.dev";

/** Everything everywhere. */
export const everything: readonly ShortRule[] = [
  { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
  { nonResourceURLs: ["*"], verbs: ["*"] },
];

/** Discovery and documents: whoever is known may learn what there is. */
export const discovery: readonly ShortRule[] = [
  {
    nonResourceURLs: [
      "/",
      "/api",
      "/api/*",
      "/apis",
      "/apis/*",
      "/healthz",
      "/livez",
      "/openapi",
      "/openapi/*",
      "/readyz",
      "/version",
      "/version/",
    ],
    verbs: ["get", "head"],
  },
];

/** Asking about oneself. */
export const basicUser: readonly ShortRule[] = [
  {
    apiGroups: ["authorization.k8s.io"],
    resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    verbs: ["create"],
  },
  { apiGroups: ["authentication.k8s.io"], resources: ["selfsubjectreviews"], verbs: ["create"] },
];

/** What tells nothing but the version and whether the server is well. */
export const publicInfo: readonly ShortRule[] = [
  {
    nonResourceURLs: ["/healthz", "/livez", "/readyz", "/version", "/version/"],
    verbs: ["get"],
  },
  {
    nonResourceURLs: ["/healthz/*", "/livez/*", "/readyz/*"],
    verbs: ["get", "head"],
  },
];

/** Who did what: events name people, addresses and paths, and no object's contents. */
export const auditing: readonly ShortRule[] = [
  { nonResourceURLs: ["/audit", "/audit/*"], verbs: ["get"] },
];

/** What a scraper of metrics needs. */
export const monitoring: readonly ShortRule[] = [
  {
    nonResourceURLs: [
      "/healthz",
      "/healthz/*",
      "/livez",
      "/livez/*",
      "/metrics",
      "/metrics/slis",
      "/readyz",
      "/readyz/*",
    ],
    verbs: ["get"],
  },
  { apiGroups: [""], resources: ["nodes"], verbs: read },
  { apiGroups: [""], resources: ["nodes/metrics", "nodes/stats"], verbs: ["get"] },
];

/** Documents by which others verify our ServiceAccount tokens. */
export const issuerDiscovery: readonly ShortRule[] = [
  {
    nonResourceURLs: [
      "/.well-known/openid-configuration",
      "/.well-known/openid-configuration/",
      "/openid/v1/jwks",
      "/openid/v1/jwks/",
    ],
    verbs: ["get"],
  },
];

/** Deciding on tokens and rights for another server. */
export const delegator: readonly ShortRule[] = [
  { apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"] },
  { apiGroups: ["authorization.k8s.io"], resources: ["subjectaccessreviews"], verbs: ["create"] },
];

/** Everything in a namespace but Secrets and rights. */
export const view: readonly ShortRule[] = [
  {
    apiGroups: [""],
    resources: [
      "configmaps",
      "events",
      "limitranges",
      "namespaces",
      "namespaces/status",
      "pods",
      "pods/log",
      "pods/status",
      "resourcequotas",
      "resourcequotas/status",
      "serviceaccounts",
      "services",
      "services/status",
    ],
    verbs: read,
  },
  { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: read },
  { apiGroups: ["metrics.k8s.io"], resources: ["pods"], verbs: read },
  {
    apiGroups: [ours],
    resources: [
      "applications",
      "applications/plan",
      "applications/rollout",
      "applications/scale",
      "applications/status",
      "revisions",
      "revisions/status",
    ],
    verbs: read,
  },
];

/** Letting the canary of a rollout go on, and changing nothing: the second pair of eyes. */
export const approve: readonly ShortRule[] = [
  { apiGroups: [ours], resources: ["applications/approve"], verbs: write },
];

/** Writing what runs in a namespace, and what it runs with. */
export const edit: readonly ShortRule[] = [
  {
    apiGroups: [""],
    resources: [
      // Files may hold what only Secrets should.
      "pods/archive",
      "pods/attach",
      "pods/changes",
      "pods/exec",
      "pods/files",
      "pods/portforward",
      "pods/proxy",
      "secrets",
    ],
    verbs: read,
  },
  { apiGroups: [""], resources: ["serviceaccounts"], verbs: ["impersonate"] },
  {
    apiGroups: [""],
    resources: ["pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy"],
    verbs: change,
  },
  { apiGroups: [""], resources: ["pods/eviction", "serviceaccounts/token"], verbs: ["create"] },
  { apiGroups: [""], resources: ["pods/ephemeralcontainers"], verbs: ["get", "patch", "update"] },
  {
    apiGroups: [""],
    resources: ["configmaps", "events", "secrets", "serviceaccounts", "services"],
    verbs: change,
  },
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: [...change, ...read] },
  { apiGroups: [ours], resources: ["applications"], verbs: change },
  { apiGroups: [ours], resources: ["applications/scale"], verbs: ["patch", "update"] },
  { apiGroups: [ours], resources: ["applications/plan"], verbs: ["create", "update"] },
  ...approve,
];

/** Giving rights in a namespace, as far as one has them. */
export const admin: readonly ShortRule[] = [
  {
    apiGroups: ["authorization.k8s.io"],
    resources: ["localsubjectaccessreviews"],
    verbs: ["create"],
  },
  {
    apiGroups: ["rbac.authorization.k8s.io"],
    resources: ["rolebindings", "roles"],
    verbs: [...change, ...read],
  },
];

/** What is not in any namespace, and no secret. */
export const fleet: readonly ShortRule[] = [
  { apiGroups: [""], resources: ["nodes", "nodes/status"], verbs: read },
  { apiGroups: ["metrics.k8s.io"], resources: ["nodes"], verbs: read },
  { apiGroups: [ours], resources: ["beacons", "beacons/status"], verbs: read },
  {
    apiGroups: ["apiextensions.k8s.io"],
    resources: ["customresourcedefinitions"],
    verbs: read,
  },
];

/** Rolling Applications out and back, and moving their Pods; no approval, Secret or shell. */
export const release: readonly ShortRule[] = [
  { apiGroups: [ours], resources: ["applications"], verbs: ["create", "patch", "update"] },
  { apiGroups: [ours], resources: ["applications/scale"], verbs: ["patch", "update"] },
  { apiGroups: [ours], resources: ["applications/plan"], verbs: ["create", "update"] },
  { apiGroups: [""], resources: ["pods"], verbs: ["delete"] },
  { apiGroups: [""], resources: ["pods/eviction"], verbs: ["create"] },
];

/**
 * What the creator of an Application may do with that one. No approval of its canaries: that is for a second
 * pair of eyes.
 */
export const ownerRules: readonly ShortRule[] = [
  {
    apiGroups: [ours],
    resources: ["applications"],
    verbs: [...read, "delete", "patch", "update"],
  },
  { apiGroups: [ours], resources: ["applications/rollout", "applications/status"], verbs: read },
  {
    apiGroups: [ours],
    resources: ["applications/plan", "applications/scale"],
    verbs: [...read, ...write],
  },
];

const events: ShortRule = {
  verbs: write,
  apiGroups: ["", "events.k8s.io"],
  resources: ["events"],
};

/**
 * Reading and deleting of every kind, because the collector removes dependents and the contents of
 * namespaces whatever they are; writing of what reconciling changes, and of nothing else.
 */
export const controllers: readonly ShortRule[] = [
  { verbs: [...read, "patch", "delete", "deletecollection"], apiGroups: ["*"], resources: ["*"] },
  { verbs: write, apiGroups: [ours], resources: ["*"] },
  {
    verbs: write,
    apiGroups: [""],
    resources: ["pods", "pods/status", "pods/binding", "pods/eviction", "nodes", "nodes/status"],
  },
  {
    verbs: write,
    apiGroups: [""],
    resources: ["namespaces", "namespaces/status", "namespaces/finalize"],
  },
  { verbs: write, apiGroups: [""], resources: ["resourcequotas/status"] },
  // The defaults of every namespace.
  { verbs: ["create"], apiGroups: [""], resources: ["serviceaccounts", "configmaps"] },
  { verbs: ["create", "update"], apiGroups: ["coordination.k8s.io"], resources: ["leases"] },
  events,
];

/**
 * What every beacon's agent may do, whatever belongs to it. All else that agents do is about their own
 * Nodes and what is on them: that is the node authorizer's to allow, see `node-rules.ts`.
 */
export const beacon: readonly ShortRule[] = [
  // The uid of kube-system is how an agent knows which control plane its containers belong to.
  {
    verbs: ["get"],
    apiGroups: [""],
    resources: ["namespaces"],
    resourceNames: ["kube-system"],
  },
];
