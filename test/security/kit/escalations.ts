import type { Attempt } from "./thieves.ts";

const group = "rbac.authorization.k8s.io";
const rbac = `/apis/${group}/v1`;
const lab = `${rbac}/namespaces/lab`;
const core = "/api/v1";
const applications = "/apis/lighthouse.dev/v1/namespaces/lab/applications";

/** A reference to a role. */
export const to = (name: string, kind = "ClusterRole"): object => ({ apiGroup: group, kind, name });
const self = (name: string): object => ({ apiGroup: group, kind: "User", name });
/** A binding of a role to one user. */
export const bindingOf = (name: string, role: object, user: string): object => ({
  metadata: { name },
  roleRef: role,
  subjects: [self(user)],
});

const wild = [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }];
const role = (name: string): object => ({ metadata: { name }, rules: wild });
const merge = "application/merge-patch+json";
const json = "application/json-patch+json";
const apply = "application/apply-patch+yaml";
const appliedRole = { apiVersion: `${group}/v1`, kind: "ClusterRole", ...role("applied") };
const user = (name: string, groups: readonly string[]): object => ({
  apiVersion: "lighthouse.dev/v1",
  kind: "User",
  metadata: { name },
  spec: { email: `${name}@example.com`, groups },
});

/** Ways to more rights: who tries, and by what. Each is refused with 403 unless it says otherwise. */
export const attempts: readonly Attempt[] = [
  // Roles and bindings, by each way to write them.
  {
    by: "scribe",
    what: "makes a role of everything",
    send: ["POST", `${rbac}/clusterroles`, role("x")],
  },
  {
    by: "scribe",
    what: "applies one",
    send: ["PATCH", `${rbac}/clusterroles/applied?fieldManager=x`, appliedRole, apply],
  },
  {
    by: "scribe",
    what: "widens its own role",
    send: ["PATCH", `${rbac}/clusterroles/scribe`, { rules: wild }, merge],
  },
  {
    by: "scribe",
    what: "widens it by a JSON patch",
    send: [
      "PATCH",
      `${rbac}/clusterroles/scribe`,
      [{ op: "add", path: "/rules/-", value: wild[0] }],
      json,
    ],
  },
  {
    by: "scribe",
    what: "widens it by a strategic patch",
    send: [
      "PATCH",
      `${rbac}/clusterroles/scribe`,
      { rules: wild },
      "application/strategic-merge-patch+json",
    ],
  },
  {
    by: "scribe",
    what: "replaces a role that others have",
    send: ["PUT", `${rbac}/clusterroles/view`, role("view")],
  },
  {
    by: "scribe",
    what: "labels cluster-admin into view",
    send: [
      "PATCH",
      `${rbac}/clusterroles/cluster-admin`,
      { metadata: { labels: { [`${group}/aggregate-to-view`]: "true" } } },
      merge,
    ],
  },
  {
    by: "scribe",
    what: "aggregates every role",
    send: [
      "POST",
      `${rbac}/clusterroles`,
      { metadata: { name: "all" }, aggregationRule: { clusterRoleSelectors: [{}] } },
    ],
  },
  {
    by: "scribe",
    what: "binds itself to cluster-admin",
    send: ["POST", `${rbac}/clusterrolebindings`, bindingOf("x", to("cluster-admin"), "scribe")],
  },
  {
    by: "scribe",
    what: "joins a binding that is there",
    send: ["PATCH", `${lab}/rolebindings/strong`, { subjects: [self("scribe")] }, merge],
  },
  {
    by: "scribe",
    what: "takes the group of everybody into one",
    send: [
      "PATCH",
      `${rbac}/clusterrolebindings/cluster-admin`,
      { subjects: [{ apiGroup: group, kind: "Group", name: "system:authenticated" }] },
      merge,
    ],
  },
  {
    by: "scribe",
    what: "binds a role that is still to be made",
    send: ["POST", `${lab}/rolebindings`, bindingOf("y", to("later", "Role"), "scribe")],
    code: 404,
  },
  {
    by: "eve",
    what: "makes the role that a binding waits for",
    send: ["POST", `${lab}/roles`, role("late")],
  },
  {
    by: "eve",
    what: "binds cluster-admin in its namespace",
    send: ["POST", `${lab}/rolebindings`, bindingOf("z", to("cluster-admin"), "eve")],
  },
  {
    by: "eve",
    what: "binds a strong role of its namespace",
    send: ["POST", `${lab}/rolebindings`, bindingOf("z", to("strong", "Role"), "eve")],
  },
  {
    by: "eve",
    what: "binds in another namespace",
    send: ["POST", `${rbac}/namespaces/vault/rolebindings`, bindingOf("z", to("view"), "eve")],
  },
  {
    by: "eve",
    what: "gives itself a role everywhere",
    send: ["POST", `${rbac}/clusterrolebindings`, bindingOf("z", to("view"), "eve")],
  },
  // Being somebody else.
  ...["eve", "scribe", "clerk"].map((by): Attempt => ({
    by,
    what: "acts as the administrator",
    send: ["GET", `${core}/secrets`],
    headers: { "impersonate-user": "admin", "impersonate-group": "system:masters" },
  })),
  {
    by: "eve",
    what: "acts in a chain, as one who may impersonate",
    send: ["GET", `${core}/secrets`],
    headers: {
      "impersonate-user": "system:serviceaccount:lab:default",
      "impersonate-group": "system:masters",
    },
  },
  {
    by: "eve",
    what: "acts as an account of another namespace",
    send: ["GET", `${core}/namespaces/vault/secrets`],
    headers: { "impersonate-user": "system:serviceaccount:vault:boss" },
  },
  {
    by: "eve",
    what: "takes a uid and extras besides",
    send: ["GET", `${core}/namespaces/lab/pods`],
    headers: {
      "impersonate-user": "system:serviceaccount:lab:default",
      "impersonate-uid": "1",
      "impersonate-extra-scopes": "all",
    },
  },
  {
    by: "actor",
    what: "acts as the agent of a beacon",
    send: ["GET", `${core}/nodes`],
    headers: { "impersonate-user": "system:beacon:edge", "impersonate-group": "system:beacons" },
  },
  // Tokens and certificates.
  {
    by: "eve",
    what: "asks for another account's token",
    send: ["POST", `${core}/namespaces/vault/serviceaccounts/boss/token`, {}],
  },
  {
    by: "eve",
    what: "has a token written for another account",
    send: [
      "POST",
      `${core}/namespaces/vault/secrets`,
      {
        metadata: { name: "t", annotations: { "kubernetes.io/service-account.name": "boss" } },
        type: "kubernetes.io/service-account-token",
      },
    ],
  },
  {
    by: "eve",
    what: "makes a token for joining",
    send: [
      "POST",
      `${core}/namespaces/kube-system/secrets`,
      { metadata: { name: "bootstrap-token-abcdef" }, type: "bootstrap.kubernetes.io/token" },
    ],
  },
  {
    by: "clerk",
    what: "approves its own request",
    send: ["PUT", "/apis/certificates.k8s.io/v1/certificatesigningrequests/mine/approval", {}],
  },
  // Users.
  {
    by: "clerk",
    what: "makes a user of the administrators",
    send: ["POST", "/apis/lighthouse.dev/v1/users", user("mole", ["bosses"])],
  },
  {
    by: "clerk",
    what: "makes a user of a name that has rights",
    send: ["POST", "/apis/lighthouse.dev/v1/users", user("boss", [])],
  },
  {
    by: "clerk",
    what: "makes one in a group of the system",
    send: ["POST", "/apis/lighthouse.dev/v1/users", user("mole", ["system:masters"])],
    code: 422,
  },
  // Kinds and namespaces.
  {
    by: "clerk",
    what: "defines a kind over roles",
    send: [
      "POST",
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
      definition("clusterroles", group),
    ],
    code: 422,
  },
  {
    by: "clerk",
    what: "defines a kind over the hashes of passwords",
    send: [
      "POST",
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
      definition("passwords", "lighthouse.dev"),
    ],
  },
  {
    by: "eve",
    what: "finalizes another namespace",
    send: ["PUT", `${core}/namespaces/kube-system/finalize`, {}],
  },
  { by: "eve", what: "finalizes its own", send: ["PUT", `${core}/namespaces/lab/finalize`, {}] },
  {
    by: "eve",
    what: "labels its namespace",
    send: ["PATCH", `${core}/namespaces/lab`, { metadata: { labels: { a: "b" } } }, merge],
  },
  // Applications of others.
  {
    by: "eve",
    what: "approves nothing elsewhere",
    send: ["POST", `${applications.replace("lab", "vault")}/web/approve`, {}],
  },
  // Pods and hosts.
  {
    by: "eve",
    what: "enters a Pod elsewhere",
    send: ["POST", `${core}/namespaces/vault/pods/p/exec?command=sh`],
  },
  {
    by: "eve",
    what: "adds a container to one",
    send: ["PATCH", `${core}/namespaces/vault/pods/p/ephemeralcontainers`, {}, merge],
  },
  { by: "eve", what: "evicts one", send: ["POST", `${core}/namespaces/vault/pods/p/eviction`, {}] },
  {
    by: "eve",
    what: "binds a Pod to a host",
    send: ["POST", `${core}/namespaces/lab/pods/p/binding`, {}],
  },
  {
    by: "eve",
    what: "calls Docker",
    send: ["GET", `${core}/nodes/n1/proxy/v1.41/containers/json`],
  },
  {
    by: "looker",
    what: "runs a command by a right to read",
    send: ["POST", `${core}/nodes/n1/proxy/v1.41/containers/x/exec`, {}],
  },
  {
    by: "looker",
    what: "attaches by a GET that is none",
    send: ["GET", `${core}/nodes/n1/proxy/v1.41/containers/x/attach/ws?stdin=1`],
  },
  {
    by: "looker",
    what: "takes files by a GET",
    send: ["GET", `${core}/nodes/n1/proxy/v1.41/containers/x/archive?path=/`],
  },
  {
    by: "keeper",
    what: "reads another host than its own",
    send: ["GET", `${core}/nodes/n2/proxy/v1.41/info`],
  },
  {
    by: "keeper",
    what: "reads it by a name in disguise",
    send: ["GET", `${core}/nodes/n1%2F..%2Fn2/proxy/v1.41/info`],
  },
  {
    by: "keeper",
    what: "takes a way around it",
    send: ["GET", `${core}/nodes/n1/../n2/proxy/v1.41/info`],
  },
  {
    by: "keeper",
    what: "labels its host",
    send: ["PATCH", `${core}/nodes/n1`, { metadata: { labels: { a: "b" } } }, merge],
  },
];

function definition(plural: string, of: string): object {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${of}` },
    spec: {
      group: of,
      scope: "Cluster",
      names: { plural, singular: "thing", kind: "Thing", listKind: "ThingList" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object" } },
        },
      ],
    },
  };
}
