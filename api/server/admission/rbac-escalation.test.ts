import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, asUser, openTestApp, type TestApp } from "../../../test/kit/app.ts";

const group = "rbac.authorization.k8s.io";
const cluster = `/apis/${group}/v1`;
const local = `${cluster}/namespaces/default`;
const root = { headers: asUser("root", "system:masters") };
const bo = { headers: asUser("bo") };
const eve = { headers: asUser("eve") };

let server: TestApp;
const give = async (user: string, name: string, rules: readonly object[]): Promise<void> => {
  await server.send("POST", `${cluster}/clusterroles`, { metadata: { name }, rules }, root);
  const binding = {
    metadata: { name },
    roleRef: to(name),
    subjects: [{ kind: "User", name: user }],
  };
  await server.send("POST", `${cluster}/clusterrolebindings`, binding, root);
};
const to = (name: string, kind = "ClusterRole"): object => ({ apiGroup: group, kind, name });

const writeRbac = {
  verbs: ["create", "update", "patch"],
  apiGroups: [group],
  resources: ["roles", "clusterroles", "rolebindings", "clusterrolebindings"],
};
beforeAll(async () => {
  server = await openTestApp({ guarded: true });
  await give("bo", "bo", [
    writeRbac,
    { verbs: ["get", "list"], apiGroups: [""], resources: ["pods", "pods/log"] },
    { verbs: ["get"], apiGroups: [""], resources: ["*/status"] },
    {
      verbs: ["patch"],
      apiGroups: ["lighthouse.dev"],
      resources: ["applications"],
      resourceNames: ["web"],
    },
    { verbs: ["get"], nonResourceURLs: ["/metrics/*"] },
  ]);
  await give("eve", "eve", [
    writeRbac,
    { verbs: ["escalate"], apiGroups: [group], resources: ["roles"] },
    { verbs: ["bind"], apiGroups: [group], resources: ["clusterroles"], resourceNames: ["edit"] },
  ]);
});
afterAll(() => server[Symbol.asyncDispose]());

let count = 0;
const unique = (): string => `r${(count += 1)}`;

function create(user: object, plural: string, fields: object): Promise<Answer> {
  const base = plural.startsWith("cluster") ? cluster : local;
  return server.send(
    "POST",
    `${base}/${plural}`,
    { metadata: { name: unique() }, ...fields },
    user,
  );
}

const pods = { apiGroups: [""], resources: ["pods"] };

test.each<[string, object, string | undefined]>([
  ["what one has", { verbs: ["get"], ...pods }, undefined],
  [
    "less than one has: only some names",
    { verbs: ["list"], ...pods, resourceNames: ["a"] },
    undefined,
  ],
  [
    "a subresource that a pattern covers",
    { verbs: ["get"], apiGroups: [""], resources: ["nodes/status"] },
    undefined,
  ],
  [
    "a verb that one lacks",
    { verbs: ["get", "delete", "watch"], ...pods },
    '{APIGroups:[""], Resources:["pods"], Verbs:["delete" "watch"]}',
  ],
  ["every verb", { verbs: ["*"], ...pods }, '{APIGroups:[""], Resources:["pods"], Verbs:["*"]}'],
  [
    "every name of what one has for one",
    { verbs: ["patch"], apiGroups: ["lighthouse.dev"], resources: ["applications"] },
    '{APIGroups:["lighthouse.dev"], Resources:["applications"], Verbs:["patch"]}',
  ],
  [
    "another name",
    {
      verbs: ["patch"],
      apiGroups: ["lighthouse.dev"],
      resources: ["applications"],
      resourceNames: ["web", "db"],
    },
    '{APIGroups:["lighthouse.dev"], Resources:["applications"], ResourceNames:["db"], Verbs:["patch"]}',
  ],
  [
    "several things, sorted",
    { verbs: ["get"], apiGroups: ["", "x"], resources: ["secrets", "pods"] },
    '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}\n{APIGroups:["x"], Resources:["pods"], Verbs:["get"]}\n{APIGroups:["x"], Resources:["secrets"], Verbs:["get"]}',
  ],
])("a Role may give %s", async (_what, rule, missing) => {
  const { code, body } = await create(bo, "roles", { rules: [rule] });
  expect(code).toBe(missing === undefined ? 201 : 403);
  if (missing === undefined) return;
  expect(String(body["message"]).split("currently held:\n")[1]).toBe(missing);
  expect(body["message"]).toContain('user "bo" (groups=["system:authenticated"])');
});

test.each([
  ["/metrics/a", 201],
  ["/metrics/*", 201],
  ["/metrics*", 403],
  ["*", 403],
])("a ClusterRole over the path %s answers %i", async (path, code) => {
  const rules = [{ verbs: ["get"], nonResourceURLs: [path] }];
  expect((await create(bo, "clusterroles", { rules })).code).toBe(code);
});

test("only who may do everything aggregates roles", async () => {
  const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: "b" } }] };
  const { code, body } = await create(bo, "clusterroles", { aggregationRule });
  expect(code).toBe(403);
  expect(body["message"]).toContain(
    "must have cluster-admin privileges to use the aggregationRule",
  );
});

test("a binding gives what its giver has, or may bind", async () => {
  const bind = (user: object, role: string): Promise<Answer> =>
    create(user, "rolebindings", { roleRef: to(role), subjects: [{ kind: "User", name: "x" }] });
  expect((await bind(bo, "bo")).code).toBe(201);
  expect((await bind(bo, "edit")).code).toBe(403);
  const absent = await bind(bo, "absent");
  expect([absent.code, absent.body["message"]]).toEqual([
    404,
    `clusterroles.${group} "absent" not found`,
  ]);
  expect((await bind(eve, "edit")).code).toBe(201);
  expect((await bind(eve, "admin")).code).toBe(403);
});

test("escalate allows any Role, and no ClusterRole", async () => {
  const rules = [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }];
  expect((await create(eve, "roles", { rules })).code).toBe(201);
  expect((await create(eve, "clusterroles", { rules })).code).toBe(403);
});

test("server-side apply and dry runs are held to the same", async () => {
  const applied = (rules: readonly object[]): Promise<Answer> => {
    const object = {
      apiVersion: `${group}/v1`,
      kind: "Role",
      metadata: { name: "applied", namespace: "default" },
      rules,
    };
    const url = `${local}/roles/applied?fieldManager=test`;
    return server.send("PATCH", url, object, { ...bo, type: "application/apply-patch+yaml" });
  };
  expect((await applied([{ verbs: ["*"], ...pods }])).code).toBe(403);
  expect((await applied([{ verbs: ["get"], ...pods }])).code).toBe(201);
  expect((await applied([{ verbs: ["*"], ...pods }])).code).toBe(403);
  const dry = { metadata: { name: "dry" }, rules: [{ verbs: ["*"], ...pods }] };
  expect((await server.send("POST", `${local}/roles?dryRun=All`, dry, bo)).code).toBe(403);
});

test("a role that gives more than one has may be annotated, not labelled or extended", async () => {
  const rules = [{ verbs: ["get"], apiGroups: [""], resources: ["secrets"] }];
  await server.send("POST", `${local}/roles`, { metadata: { name: "strong" }, rules }, root);
  const patch = (body: object): Promise<Answer> =>
    server.send("PATCH", `${local}/roles/strong`, body, {
      ...bo,
      type: "application/merge-patch+json",
    });
  expect((await patch({ metadata: { annotations: { a: "b" } } })).code).toBe(200);
  // A label may add its rules to those of other roles.
  expect((await patch({ metadata: { labels: { a: "b" } } })).code).toBe(403);
  expect((await patch({ rules: [...rules, { verbs: ["get"], ...pods }] })).code).toBe(403);
  expect((await patch({ rules: [{ verbs: ["get"], ...pods }] })).code).toBe(200);
});

test("nobody revives a binding by cutting it loose from an Application that is gone", async () => {
  const owner = { apiVersion: "lighthouse.dev/v1", kind: "Application", name: "web", uid: "gone" };
  const binding = {
    metadata: { name: "owned", ownerReferences: [owner, { ...owner, uid: "other" }] },
    roleRef: to("cluster-admin"),
    subjects: [{ kind: "User", name: "x" }],
  };
  expect((await server.send("POST", `${local}/rolebindings`, binding, root)).code).toBe(201);
  const leave = async (...ownerReferences: readonly object[]): Promise<number> => {
    const url = `${local}/rolebindings/owned`;
    const options = { ...bo, type: "application/merge-patch+json" };
    return (await server.send("PATCH", url, { metadata: { ownerReferences } }, options)).code;
  };
  expect(await leave({ ...owner, uid: "living" })).toBe(403);
  expect(await leave()).toBe(403);
  expect(await leave(owner)).toBe(200); // as the collector does
});
