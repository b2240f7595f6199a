import { afterAll, beforeAll, expect, test } from "vitest";
import { asUser, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { objectIn } from "../kinds/fill.ts";

const rbac = "rbac.authorization.k8s.io";
const authorization = "/apis/authorization.k8s.io/v1";
const authentication = "/apis/authentication.k8s.io/v1";
const admin = { headers: asUser("root", "system:masters") };
const ann = { headers: asUser("ann", "dev") };

let server: TestApp;
beforeAll(async () => {
  server = await openTestApp({ guarded: true });
  const rules = [
    { verbs: ["get", "list"], apiGroups: [""], resources: ["pods"] },
    { verbs: ["delete"], apiGroups: [""], resources: ["pods"], resourceNames: ["web"] },
  ];
  const roles = `/apis/${rbac}/v1/namespaces/default`;
  await server.send("POST", `${roles}/roles`, { metadata: { name: "reader" }, rules }, admin);
  const binding = {
    metadata: { name: "readers" },
    roleRef: { apiGroup: rbac, kind: "Role", name: "reader" },
    subjects: [{ kind: "Group", name: "dev" }],
  };
  await server.send("POST", `${roles}/rolebindings`, binding, admin);
});
afterAll(() => server[Symbol.asyncDispose]());

const pods = (verb: string, more: object = {}): object => ({
  resourceAttributes: { verb, resource: "pods", namespace: "default", ...more },
});

test.each<[string, object, boolean, string | undefined]>([
  [
    "a right",
    pods("get"),
    true,
    'RBAC: allowed by RoleBinding "readers/default" of Role "reader" to Group "dev"',
  ],
  ["another namespace", pods("get", { namespace: "kube-system" }), false, undefined],
  ["another verb", pods("create"), false, undefined],
  ["a subresource", pods("get", { subresource: "log" }), false, undefined],
  ["a name", pods("delete", { name: "db" }), false, undefined],
  [
    "the one name",
    pods("delete", { name: "web" }),
    true,
    'RBAC: allowed by RoleBinding "readers/default" of Role "reader" to Group "dev"',
  ],
  ["a path", { nonResourceAttributes: { verb: "get", path: "/metrics" } }, false, undefined],
])("access reviews answer for %s", async (_what, spec, allowed, reason) => {
  const status = { allowed, ...(reason === undefined ? {} : { reason }) };
  const self = await server.send(
    "POST",
    `${authorization}/selfsubjectaccessreviews`,
    { spec },
    ann,
  );
  expect(self.code).toBe(201);
  expect(self.body).toEqual({
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    metadata: {},
    spec,
    status,
  });
  const asked = { spec: { ...spec, user: "eve", groups: ["dev"] } };
  const url = `${authorization}/subjectaccessreviews`;
  expect((await server.send("POST", url, asked, admin)).body["status"]).toEqual(status);
  expect((await server.send("POST", url, asked, ann)).code).toBe(403);
});

test("LocalSubjectAccessReview is about its namespace, and refuses others", async () => {
  const url = `${authorization}/namespaces/default/localsubjectaccessreviews`;
  const spec = { ...pods("list"), user: "eve", groups: ["dev"] };
  const found = await server.send("POST", url, { spec }, admin);
  expect(found.body["status"]).toMatchObject({ allowed: true });
  const other = { ...pods("list", { namespace: "kube-system" }), user: "eve" };
  const { code, body } = await server.send("POST", url, { spec: other }, admin);
  expect(code).toBe(422);
  expect(body["message"]).toContain(
    'spec.resourceAttributes.namespace: Invalid value: "kube-system": must match metadata.namespace',
  );
});

test.each([
  [
    "both",
    { ...pods("get"), nonResourceAttributes: { path: "/", verb: "get" } },
    "spec.nonResourceAttributes",
    "cannot be specified in combination with resourceAttributes",
  ],
  [
    "neither",
    {},
    "spec.resourceAttributes",
    "exactly one of nonResourceAttributes or resourceAttributes must be specified",
  ],
])("an access review that asks for %s is invalid", async (_what, spec, field, why) => {
  const url = `${authorization}/selfsubjectaccessreviews`;
  const { code, body } = await server.send("POST", url, { spec }, ann);
  expect(code).toBe(422);
  const [cause] = (objectIn(body, "details")?.["causes"] ?? []) as { field: string }[];
  expect(cause?.field).toBe(field);
  expect(body["message"]).toContain(why);
});

test("SubjectAccessReview needs somebody", async () => {
  const url = `${authorization}/subjectaccessreviews`;
  const { code, body } = await server.send("POST", url, { spec: pods("get") }, admin);
  expect(code).toBe(422);
  expect(body["message"]).toContain(
    'spec.user: Invalid value: "": at least one of user or group must be specified',
  );
});

test("SelfSubjectRulesReview lists the rights of a namespace and those that hold everywhere", async () => {
  const url = `${authorization}/selfsubjectrulesreviews`;
  const known = { headers: asUser("ann", "dev", "system:authenticated") };
  const { body } = await server.send("POST", url, { spec: { namespace: "default" } }, known);
  const status = objectIn(body, "status") ?? {};
  expect(status["incomplete"]).toBe(false);
  expect(status["resourceRules"]).toContainEqual({
    verbs: ["delete"],
    apiGroups: [""],
    resources: ["pods"],
    resourceNames: ["web"],
  });
  expect(JSON.stringify(status["nonResourceRules"])).toContain("/version");
  const none = await server.send("POST", url, { spec: {} }, known);
  expect([none.code, none.body["message"]]).toEqual([400, "no namespace on request"]);
});

test.each(["v1", "v1beta1", "v1alpha1"])("SelfSubjectReview %s says who asks", async (version) => {
  const url = `/apis/authentication.k8s.io/${version}/selfsubjectreviews`;
  const headers = {
    ...admin.headers,
    "impersonate-user": "ann",
    "impersonate-group": "dev",
    "impersonate-uid": "u1",
    "impersonate-extra-reason": "test",
  };
  const { code, body } = await server.send("POST", url, {}, { headers });
  expect([code, body["apiVersion"]]).toEqual([201, `authentication.k8s.io/${version}`]);
  expect(body["status"]).toEqual({
    userInfo: {
      username: "ann",
      uid: "u1",
      groups: ["dev", "system:authenticated"],
      extra: { reason: ["test"] },
    },
  });
});

test("reviews have no table and are not stored", async () => {
  const url = `${authorization}/selfsubjectaccessreviews`;
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
  const table = await server.send("POST", url, { spec: pods("get") }, { ...ann, accept });
  expect(table.code).toBe(406);
  expect((await server.send("GET", url, undefined, admin)).code).toBe(405);
});

test("TokenReview wants a token and does not know a foreign one", async () => {
  const url = `${authentication}/tokenreviews`;
  const empty = await server.send("POST", url, { spec: {} }, admin);
  expect(empty.code).toBe(400);
  const foreign = await server.send("POST", url, { spec: { token: "abc" } }, admin);
  expect(foreign.body["status"]).toEqual({ user: {}, error: "invalid bearer token" });
});
