import { array, assert, constantFrom, property, record, subarray } from "fast-check";
import { expect, test } from "vitest";
import type { AnyObject } from "../../machinery/object.ts";
import type { User } from "../access.ts";
import { requestInfo } from "../objects/request-info.ts";
import { bootstrapObjects } from "./bootstrap.ts";
import { aggregatedRules, isAggregated } from "./aggregate.ts";
import { denial, refusal } from "./denial.ts";
import { evaluate, rulesFor } from "./evaluate.ts";
import { bindingOf, readRule, rulesIn, type Subject } from "./policy.ts";
import { RbacIndex, type RbacPlural } from "./rbac-index.ts";
import { ruleMatcher } from "./rule-match.ts";

const rbac = "rbac.authorization.k8s.io";

type Fields = { readonly [field: string]: unknown };

function object(kind: string, name: string, fields: Fields, namespace?: string): AnyObject {
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    uid: name,
    resourceVersion: "1",
    creationTimestamp: "2026-11-21T00:00:00Z",
  };
  return { apiVersion: `${rbac}/v1`, kind, metadata, ...fields };
}

const plurals: Readonly<Record<string, RbacPlural>> = {
  Role: "roles",
  ClusterRole: "clusterroles",
  RoleBinding: "rolebindings",
  ClusterRoleBinding: "clusterrolebindings",
};

function indexOf(objects: readonly AnyObject[]): RbacIndex {
  const index = new RbacIndex();
  for (const one of objects) index.set(plurals[one.kind] ?? "roles", one);
  return index;
}

const to = (kind: string, name: string, subjects: readonly Fields[]): Fields => ({
  roleRef: { apiGroup: rbac, kind, name },
  subjects,
});
const group = (name: string): Fields => ({ kind: "Group", apiGroup: rbac, name });
const apps = "/apis/lighthouse.dev/v1/namespaces/shop/applications";

const ops: readonly AnyObject[] = [
  object("ClusterRole", "ops", {
    rules: [
      { verbs: ["get", "list"], apiGroups: [""], resources: ["pods", "pods/log"] },
      {
        verbs: ["*"],
        apiGroups: ["lighthouse.dev"],
        resources: ["applications"],
        resourceNames: ["web"],
      },
      { verbs: ["get"], apiGroups: [""], resources: ["*/proxy", "pods/attach", "pods/*"] },
      { verbs: ["get"], nonResourceURLs: ["/metrics", "/debug/*"] },
    ],
  }),
  object(
    "Role",
    "secrets",
    { rules: [{ verbs: ["get"], apiGroups: [""], resources: ["secrets"] }] },
    "shop",
  ),
  object("ClusterRoleBinding", "ops", to("ClusterRole", "ops", [group("ops")])),
  object("RoleBinding", "secrets", to("Role", "secrets", [group("ops")]), "shop"),
];

test.each([
  ["GET", "/api/v1/namespaces/shop/pods", true],
  ["GET", "/api/v1/pods?watch=true", false],
  ["GET", "/api/v1/namespaces/shop/pods/a/log", true],
  ["POST", "/api/v1/namespaces/shop/pods/a/exec", false],
  ["GET", "/api/v1/namespaces/shop/pods/a/attach", false],
  ["GET", "/api/v1/namespaces/shop/pods/a/exec", false],
  ["HEAD", "/api/v1/namespaces/shop/pods/a", true],
  ["DELETE", "/api/v1/namespaces/shop/pods/a", false],
  ["DELETE", `${apps}/web`, true],
  ["DELETE", `${apps}/db`, false],
  ["GET", apps, false],
  ["GET", `${apps}?fieldSelector=metadata.name%3Dweb`, true],
  ["GET", `${apps}?watch=1&fieldSelector=metadata.name%3Dweb`, true],
  ["DELETE", apps, false],
  ["PATCH", `${apps}/web/status`, false],
  ["GET", "/api/v1/namespaces/shop/secrets/a", true],
  ["GET", "/api/v1/namespaces/other/secrets/a", false],
  ["GET", "/api/v1/secrets", false],
  ["GET", "/api/v1/nodes/n/proxy", true],
  ["GET", "/api/v1/nodes/n", false],
  ["GET", "/metrics", true],
  ["GET", "/metrics/more", false],
  ["GET", "/debug/heap", true],
  ["POST", "/metrics", false],
])("evaluate() %s %s: %s", (method, url, allowed) => {
  const request = requestInfo(method, url);
  const user: User = { name: "ann", groups: ["ops"] };
  expect(evaluate(indexOf(ops), user, request).allowed).toBe(allowed);
  expect(evaluate(indexOf(ops), { ...user, groups: ["dev"] }, request)).toEqual({ allowed: false });
});

const listPods = requestInfo("GET", "/api/v1/namespaces/shop/pods");

test.each<[string, Fields, User, string]>([
  [
    "a group",
    group("dev"),
    { name: "eve", groups: ["dev"] },
    'RBAC: allowed by RoleBinding "b/shop" of ClusterRole "ops" to Group "dev"',
  ],
  [
    "a user",
    { kind: "User", apiGroup: rbac, name: "eve" },
    { name: "eve", groups: [] },
    'RBAC: allowed by RoleBinding "b/shop" of ClusterRole "ops" to User "eve"',
  ],
  [
    "a ServiceAccount of the binding's namespace",
    { kind: "ServiceAccount", name: "robot" },
    { name: "system:serviceaccount:shop:robot", groups: [] },
    'RBAC: allowed by RoleBinding "b/shop" of ClusterRole "ops" to ServiceAccount "robot/shop"',
  ],
])("evaluate() says what allows %s", (_who, subject, user, reason) => {
  const binding = object("RoleBinding", "b", to("ClusterRole", "ops", [subject]), "shop");
  expect(evaluate(indexOf([...ops, binding]), user, listPods)).toEqual({ allowed: true, reason });
});

test("evaluate() names roles that do not exist, as Kubernetes does", () => {
  const first = object("ClusterRoleBinding", "a", to("ClusterRole", "gone", [group("dev")]));
  const second = object("RoleBinding", "b", to("Role", "away", [group("dev")]), "shop");
  const user: User = { name: "eve", groups: ["dev"] };
  expect(evaluate(indexOf([first]), user, listPods).reason).toBe(
    'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found',
  );
  expect(evaluate(indexOf([first, second]), user, listPods).reason).toBe(
    'RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found, role.rbac.authorization.k8s.io "away" not found]',
  );
});

test("RbacIndex forgets what was deleted or changed", () => {
  const index = indexOf(ops);
  const user: User = { name: "ann", groups: ["ops"] };
  expect(evaluate(index, user, listPods).allowed).toBe(true);
  index.set(
    "clusterrolebindings",
    object("ClusterRoleBinding", "ops", to("ClusterRole", "ops", [])),
  );
  expect(evaluate(index, user, listPods).allowed).toBe(false);
  index.set("clusterrolebindings", ops[2] ?? object("", "", {}));
  expect(evaluate(index, user, listPods).allowed).toBe(true);
  index.clear("clusterroles");
  expect(evaluate(index, user, listPods).allowed).toBe(false);
  for (const one of ops) index.delete(plurals[one.kind] ?? "roles", one);
  expect(rulesFor(index, user, "shop")).toEqual([]);
});

const names = ["a", "b"];
const verbs = ["get", "list", "*"];
const anyRole = record({
  kind: constantFrom("Role", "ClusterRole"),
  name: constantFrom(...names),
  namespace: constantFrom("x", "y"),
  verbs: subarray(verbs, { minLength: 1 }),
  resources: subarray(["pods", "nodes", "*"], { minLength: 1 }),
});
const anyBinding = record({
  namespace: constantFrom("", "x", "y"),
  role: constantFrom(...names),
  kind: constantFrom("Role", "ClusterRole"),
  user: constantFrom("u", "v"),
  groups: subarray(["g", "h"]),
});
const anyWorld = record({
  roles: array(anyRole, { maxLength: 6 }),
  bindings: array(anyBinding, { maxLength: 8 }),
  path: constantFrom("/api/v1/namespaces/x/pods", "/api/v1/nodes", "/api/v1/namespaces/y/pods/p"),
  user: constantFrom<User>({ name: "u", groups: ["g"] }, { name: "v", groups: [] }),
});
type World = Parameters<Parameters<typeof anyWorld.map>[0]>[0];

function objectsOf({ roles, bindings }: World): readonly AnyObject[] {
  const made = roles.map(({ kind, name, namespace, verbs: list, resources }) => {
    const rules = [{ verbs: list, apiGroups: [""], resources }];
    return object(kind, name, { rules }, kind === "Role" ? namespace : undefined);
  });
  const bound = bindings.map(({ namespace, role, kind, user, groups }, index) => {
    const subjects = [{ kind: "User", name: user }, ...groups.map(group)];
    const where = namespace === "" ? undefined : namespace;
    const fields = to(namespace === "" ? "ClusterRole" : kind, role, subjects);
    const bindingKind = where === undefined ? "ClusterRoleBinding" : "RoleBinding";
    return object(bindingKind, `b${index}`, fields, where);
  });
  return [...made, ...bound];
}

const isFor = ({ kind, name }: Subject, user: User): boolean =>
  kind === "Group" ? user.groups.includes(name) : user.name === name;

/** The definition of RBAC, word by word: some binding, some subject, some rule. */
function naive(objects: readonly AnyObject[], user: User, path: string): boolean {
  const request = requestInfo("GET", path);
  const where = request.resource?.namespace ?? "";
  const bindings = objects.filter(({ kind }) => kind.endsWith("Binding")).map(bindingOf);
  return bindings
    .filter(({ namespace }) => namespace === "" || namespace === where)
    .filter(({ subjects }) => subjects.some((subject) => isFor(subject, user)))
    .some(({ roleRef, namespace }) => {
      const role = objects.findLast(
        ({ kind, metadata }) =>
          kind === roleRef.kind &&
          metadata.name === roleRef.name &&
          (kind === "ClusterRole" || metadata.namespace === namespace),
      );
      return role !== undefined && rulesIn(role).some(ruleMatcher(request));
    });
}

test("evaluate() over the index decides as the definition does", () => {
  const agrees = property(anyWorld, (world) => {
    const objects = objectsOf(world);
    const request = requestInfo("GET", world.path);
    const { allowed } = evaluate(indexOf(objects), world.user, request);
    expect(allowed).toBe(naive(objects, world.user, world.path));
  });
  assert(agrees, { numRuns: 500 });
});

test("evaluate() with one more binding allows no less; deleting it restores the answers", () => {
  const grows = property(anyWorld, anyBinding, (world, more) => {
    const request = requestInfo("GET", world.path);
    const objects = objectsOf(world);
    const index = indexOf(objects);
    const before = evaluate(index, world.user, request).allowed;
    const added = objectsOf({ ...world, roles: [], bindings: [more] }).map((one) => ({
      ...one,
      metadata: { ...one.metadata, name: "added" },
    }));
    for (const one of added) index.set(plurals[one.kind] ?? "roles", one);
    const after = evaluate(index, world.user, request).allowed;
    expect(after || !before).toBe(true);
    for (const one of added) index.delete(plurals[one.kind] ?? "roles", one);
    expect(evaluate(index, world.user, request).allowed).toBe(before);
  });
  assert(grows);
});

/** The objects of a fresh server, with the aggregated rules in place. */
function bootstrapped(): RbacIndex {
  const stored = bootstrapObjects().map(({ object: { metadata, ...rest } }) => ({
    ...rest,
    metadata: { uid: "", resourceVersion: "1", creationTimestamp: "", name: "", ...metadata },
  })) as readonly AnyObject[];
  let roles = stored;
  for (let round = 0; round < 4; round++) {
    const known = roles;
    const complete = (role: AnyObject): AnyObject =>
      isAggregated(role) ? { ...role, rules: aggregatedRules(role, known) } : role;
    roles = roles.map(complete);
  }
  const named = ["view", "edit", "admin", "viewer", "release-manager", "approver"];
  const bound = named.map((name) =>
    object("ClusterRoleBinding", name, to("ClusterRole", name, [group(`${name}s`)])),
  );
  return indexOf([...roles, ...bound]);
}

const member = (name: string): User => ({ name: "m", groups: [name, "system:authenticated"] });
const shop = "/api/v1/namespaces/shop";
const roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles";

test.each<[string, string, string, boolean]>([
  ["system:masters", "DELETE", "/api/v1/nodes", true],
  ["system:masters", "POST", "/anything", true],
  ["system:lighthouse:controllers", "POST", apps, true],
  ["system:lighthouse:controllers", "PATCH", `${apps}/web/status`, true],
  ["system:lighthouse:controllers", "POST", `${shop}/pods/a/binding`, true],
  ["system:lighthouse:controllers", "POST", `${shop}/secrets`, false],
  ["system:lighthouse:controllers", "DELETE", "/apis/x.dev/v1/namespaces/shop/things", true],
  [
    "system:lighthouse:controllers",
    "PUT",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x",
    false,
  ],
  ["system:lighthouse:controllers", "POST", roles, false],
  // What belongs to a beacon is the node authorizer's to tell: RBAC alone grants agents next to nothing.
  ["system:beacons", "GET", "/api/v1/namespaces/kube-system", true],
  ["system:beacons", "GET", "/api/v1/namespaces/shop", false],
  ["system:beacons", "GET", "/api/v1/nodes", false],
  ["system:beacons", "PATCH", `${shop}/pods/a/status`, false],
  ["system:beacons", "POST", `${shop}/pods`, false],
  ["system:beacons", "PATCH", `${shop}/pods/a`, false],
  ["system:beacons", "GET", `${shop}/secrets`, false],
  ["system:beacons", "GET", `${shop}/secrets/a`, false],
  [
    "system:beacons",
    "PUT",
    "/apis/coordination.k8s.io/v1/namespaces/lighthouse-node-lease/leases/n",
    false,
  ],
  [
    "system:beacons",
    "PUT",
    "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n",
    false,
  ],
  ["system:beacons", "PUT", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/n", false],
  ["system:beacons", "PATCH", `${apps}/web`, false],
  ["system:authenticated", "GET", "/openapi/v3/api/v1", true],
  ["system:authenticated", "GET", "/version", true],
  ["system:authenticated", "GET", "/api/v1/pods", false],
  ["system:authenticated", "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", true],
  ["system:authenticated", "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", false],
  ["system:unauthenticated", "GET", "/livez/ping", true],
  ["system:unauthenticated", "GET", "/api", false],
  ["views", "GET", `${shop}/pods`, true],
  ["views", "GET", `${shop}/secrets`, false],
  ["views", "GET", "/api/v1/nodes", false],
  ["views", "PATCH", `${apps}/web`, false],
  ["viewers", "GET", "/api/v1/nodes", true],
  ["viewers", "GET", apps, true],
  ["viewers", "GET", `${shop}/secrets/a`, false],
  ["viewers", "POST", `${shop}/pods/a/exec`, false],
  ["release-managers", "PATCH", `${apps}/web`, true],
  ["release-managers", "PATCH", `${apps}/web/scale`, true],
  ["release-managers", "GET", `${apps}/web/rollout`, true],
  ["release-managers", "POST", `${apps}/web/approve`, false],
  ["approvers", "POST", `${apps}/web/approve`, true],
  ["approvers", "GET", `${apps}/web/rollout`, true],
  ["approvers", "PATCH", `${apps}/web`, false],
  ["edits", "PUT", `${apps}/web/approve`, true],
  ["release-managers", "GET", `${shop}/pods/a/log`, true],
  ["release-managers", "DELETE", `${apps}/web`, false],
  ["release-managers", "GET", `${shop}/secrets/a`, false],
  ["release-managers", "POST", `${shop}/pods/a/exec`, false],
  ["edits", "POST", `${shop}/pods/a/exec`, true],
  ["edits", "POST", `${shop}/serviceaccounts/a/token`, true],
  ["edits", "POST", roles, false],
  ["admins", "POST", roles, true],
  ["admins", "GET", `${shop}/secrets/a`, true],
  ["admins", "DELETE", "/api/v1/nodes/n", false],
])("bootstrapObjects(): %s %s %s: %s", (name, method, url, allowed) => {
  const user = name === "system:unauthenticated" ? { name: "s", groups: [name] } : member(name);
  expect(evaluate(bootstrapped(), user, requestInfo(method, url)).allowed).toBe(allowed);
});

test("readRule() takes what is no list of texts for nothing", () => {
  const rule = readRule({ verbs: ["get", 1], apiGroups: "x" });
  expect(rule).toEqual({
    verbs: ["get"],
    apiGroups: [],
    resources: [],
    resourceNames: [],
    nonResourceURLs: [],
  });
});

test("denial() and refusal() speak as Kubernetes does", () => {
  const known = member("dev");
  const list = requestInfo("GET", "/api/v1/pods");
  expect(denial(known, list)).toBe(
    'User "m" cannot list resource "pods" in API group "" at the cluster scope',
  );
  expect(refusal(known, list).message).toBe(`pods is forbidden: ${denial(known, list)}`);
  const status = requestInfo("PATCH", `${apps}/web/status`);
  expect(refusal(known, status, "RBAC: why").message).toBe(
    'applications.lighthouse.dev "web" is forbidden: User "m" cannot patch resource "applications/status" in API group "lighthouse.dev" in the namespace "shop": RBAC: why',
  );
  expect(refusal(known, requestInfo("GET", "/metrics")).message).toBe(
    'forbidden: User "m" cannot get path "/metrics"',
  );
});
