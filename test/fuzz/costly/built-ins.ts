import { encodeObject } from "../../kit/protobuf.ts";
import {
  type CostlyRequest,
  type CostlyGroup,
  core,
  many,
  fieldsOf,
  named,
  post,
  configMap,
  container,
  pod,
} from "./request.ts";

/** Aimed at config. */
export const config: CostlyGroup = () => [
  configMap(
    "a ConfigMap of many keys",
    named("ConfigMap", "a", { data: fieldsOf(60_000, (i) => [`k${i}`, ""]) }),
  ),
  configMap(
    "a ConfigMap of many bad keys",
    named("ConfigMap", "a", { data: fieldsOf(60_000, (i) => [`/${i}`, ""]) }),
  ),
  configMap(
    "a ConfigMap of many keys in both maps",
    named("ConfigMap", "a", {
      data: fieldsOf(60_000, (i) => [`k${i}`, ""]),
      binaryData: fieldsOf(60_000, (i) => [`k${i}`, ""]),
    }),
  ),
  configMap(
    "a ConfigMap of many bad values",
    named("ConfigMap", "a", { binaryData: fieldsOf(60_000, (i) => [`k${i}`, "%"]) }),
  ),
  post(
    "a Secret of many keys",
    `${core}/secrets`,
    named("Secret", "a", { data: fieldsOf(60_000, (i) => [`k${i}`, "AA=="]) }),
  ),
  post(
    "a Secret of many texts",
    `${core}/secrets`,
    named("Secret", "a", { stringData: fieldsOf(60_000, (i) => [`k${i}`, "v"]) }),
  ),
  post(
    "a bad Secret of 3 MB",
    `${core}/secrets`,
    named("Secret", "a", { data: { a: "A".repeat(2_900_001) } }),
  ),
];

const rbac = "/apis/rbac.authorization.k8s.io/v1";
/** Aimed at rights. */
export const rights: CostlyGroup = () => {
  const roles = `${rbac}/clusterroles`;
  const role = (what: string, list: readonly object[]): CostlyRequest =>
    post(what, roles, named("ClusterRole", "a", { rules: list }, "rbac.authorization.k8s.io/v1"));
  return [
    role("a rule of many resources", [
      { apiGroups: [""], verbs: ["get"], resources: many(60_000, (i) => `r${i}`) },
    ]),
    role("a rule of 900 groups x 900 resources x 900 verbs", [
      {
        apiGroups: many(900, (i) => `g${i}`),
        resources: many(900, (i) => `r${i}`),
        verbs: many(900, (i) => `v${i}`),
      },
    ]),
    role(
      "many rules",
      many(15_000, (i) => ({ apiGroups: [""], verbs: ["get"], resources: [`r${i}`] })),
    ),
    role(
      "many bad rules",
      many(15_000, () => ({})),
    ),
    post(
      "a binding of many subjects",
      `${rbac}/clusterrolebindings`,
      named(
        "ClusterRoleBinding",
        "a",
        {
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "admin" },
          subjects: many(15_000, (i) => ({
            kind: "User",
            name: `u${i}`,
            apiGroup: "rbac.authorization.k8s.io",
          })),
        },
        "rbac.authorization.k8s.io/v1",
      ),
    ),
    post(
      "many bad subjects",
      `${rbac}/clusterrolebindings`,
      named(
        "ClusterRoleBinding",
        "a",
        {
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "admin" },
          subjects: many(15_000, () => ({})),
        },
        "rbac.authorization.k8s.io/v1",
      ),
    ),
    post(
      "an aggregation of many selectors",
      roles,
      named(
        "ClusterRole",
        "a",
        {
          rules: [],
          aggregationRule: {
            clusterRoleSelectors: many(15_000, (i) => ({ matchLabels: { a: `${i}` } })),
          },
        },
        "rbac.authorization.k8s.io/v1",
      ),
    ),
    post(
      "an aggregation of many expressions",
      roles,
      named(
        "ClusterRole",
        "a",
        {
          rules: [],
          aggregationRule: {
            clusterRoleSelectors: [
              {
                matchExpressions: many(15_000, (i) => ({
                  key: "a",
                  operator: "In",
                  values: [`${i}`],
                })),
              },
            ],
          },
        },
        "rbac.authorization.k8s.io/v1",
      ),
    ),
    post(
      "whose rights, many groups",
      "/apis/authorization.k8s.io/v1/subjectaccessreviews",
      named(
        "SubjectAccessReview",
        "",
        {
          spec: {
            user: "u",
            groups: many(60_000, (i) => `g${i}`),
            resourceAttributes: { verb: "get", resource: "pods" },
          },
        },
        "authorization.k8s.io/v1",
      ),
    ),
    post(
      "my rules",
      "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
      named(
        "SelfSubjectRulesReview",
        "",
        { spec: { namespace: "default" } },
        "authorization.k8s.io/v1",
      ),
    ),
    post(
      "a token of 2 MB",
      "/apis/authentication.k8s.io/v1/tokenreviews",
      named(
        "TokenReview",
        "",
        {
          spec: {
            token: `a.${"b".repeat(1_000_000)}.${"c".repeat(1_000_000)}`,
            audiences: many(50_000, (i) => `a${i}`),
          },
        },
        "authentication.k8s.io/v1",
      ),
    ),
  ];
};

/** Aimed at events. */
export const events: CostlyGroup = () => [
  post(
    "an event of 3 MB",
    `${core}/events`,
    named("Event", "a", {
      involvedObject: { kind: "Pod", name: "a", namespace: "default" },
      reason: "x".repeat(1_000_000),
      message: "x".repeat(1_900_000),
    }),
  ),
  post(
    "a Lease with a time of 1 MB",
    "/apis/coordination.k8s.io/v1/namespaces/default/leases",
    named(
      "Lease",
      "a",
      { spec: { renewTime: `2026-01-02T03:04:05.${"0".repeat(1_000_000)}Z` } },
      "coordination.k8s.io/v1",
    ),
  ),
  post(
    "a Node of many taints",
    "/api/v1/nodes",
    named("Node", "a", {
      spec: { taints: many(15_000, (i) => ({ key: `k${i}`, effect: "NoSchedule" })) },
    }),
  ),
  post(
    "a Node of many conditions",
    "/api/v1/nodes",
    named("Node", "a", {
      status: {
        conditions: many(15_000, (i) => ({ type: `k${i}`, status: "True" })),
        images: many(15_000, (i) => ({ names: [`i${i}`] })),
      },
    }),
  ),
];

const protobuf = "application/vnd.kubernetes.protobuf";
const encoded = (what: string, url: string, object: object): CostlyRequest => ({
  what,
  method: "POST",
  url: `${url}?dryRun=All`,
  body: encodeObject(object as Parameters<typeof encodeObject>[0]),
  options: { type: protobuf },
});
/** Aimed at protobufs. */
export const protobufs: CostlyGroup = () => [
  encoded(
    "protobuf: many keys",
    `${core}/configmaps`,
    named("ConfigMap", "a", { data: fieldsOf(60_000, (i) => [`k${i}`, "v"]) }),
  ),
  encoded(
    "protobuf: many variables",
    `${core}/pods`,
    pod({
      containers: [{ ...container, env: many(15_000, (i) => ({ name: `K${i}`, value: "v" })) }],
    }),
  ),
  encoded(
    "protobuf: many containers",
    `${core}/pods`,
    pod({ containers: many(15_000, (i) => ({ name: `c${i}` })) }),
  ),
];
