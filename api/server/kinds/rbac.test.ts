import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { objectIn, objectsIn } from "./fill.ts";

const group = "rbac.authorization.k8s.io";
const cluster = `/apis/${group}/v1`;
const local = `${cluster}/namespaces/default`;

let server: TestApp;
beforeAll(async () => {
  server = await openTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const rule = (fields: object): object => ({ metadata: { name: "x" }, rules: [fields] });
const bound = (roleRef: object, ...subjects: readonly object[]): object => ({
  metadata: { name: "x" },
  roleRef: { apiGroup: group, kind: "ClusterRole", name: "view", ...roleRef },
  subjects,
});

test.each<[string, string, object, readonly string[]]>([
  [
    "a rule without verbs",
    `${local}/roles`,
    rule({ apiGroups: [""], resources: ["pods"] }),
    ["rules[0].verbs: Required value: verbs must contain at least one value"],
  ],
  [
    "a rule without groups and resources",
    `${local}/roles`,
    rule({ verbs: ["get"] }),
    [
      "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
      "rules[0].resources: Required value: resource rules must supply at least one resource",
    ],
  ],
  [
    "paths in a Role",
    `${local}/roles`,
    rule({ verbs: ["get"], nonResourceURLs: ["/x"] }),
    [
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
    ],
  ],
  [
    "paths beside resources",
    `${cluster}/clusterroles`,
    rule({ verbs: ["get"], nonResourceURLs: ["/x"], apiGroups: [""], resources: ["pods"] }),
    [
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
    ],
  ],
  [
    "an aggregation without selectors",
    `${cluster}/clusterroles`,
    { metadata: { name: "x" }, aggregationRule: {} },
    [
      "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil",
    ],
  ],
  [
    "an aggregation with a wrong operator",
    `${cluster}/clusterroles`,
    {
      metadata: { name: "x" },
      aggregationRule: {
        clusterRoleSelectors: [{ matchExpressions: [{ key: "a", operator: "Is" }] }],
      },
    },
    [
      'aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator',
    ],
  ],
  [
    "a foreign group of the role",
    `${local}/rolebindings`,
    bound({ apiGroup: "x" }),
    [`roleRef.apiGroup: Unsupported value: "x": supported values: "${group}"`],
  ],
  [
    "an unknown kind of role",
    `${local}/rolebindings`,
    bound({ kind: "Rolle" }),
    ['roleRef.kind: Unsupported value: "Rolle": supported values: "Role", "ClusterRole"'],
  ],
  [
    "a Role in a ClusterRoleBinding",
    `${cluster}/clusterrolebindings`,
    bound({ kind: "Role" }),
    ['roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"'],
  ],
  [
    "a role without a name",
    `${local}/rolebindings`,
    bound({ name: "" }),
    ["roleRef.name: Required value"],
  ],
  [
    "a name of a role that is no part of a path",
    `${local}/rolebindings`,
    bound({ name: "a/b%" }),
    [
      "roleRef.name: Invalid value: \"a/b%\": may not contain '/'",
      "roleRef.name: Invalid value: \"a/b%\": may not contain '%'",
    ],
  ],
  [
    "an unknown kind of subject",
    `${local}/rolebindings`,
    bound({}, { kind: "Robot", name: "r" }),
    [
      'subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
    ],
  ],
  [
    "a subject without a name",
    `${local}/rolebindings`,
    bound({}, { kind: "User" }),
    ["subjects[0].name: Required value"],
  ],
  [
    "a foreign group of a user",
    `${local}/rolebindings`,
    bound({}, { kind: "User", name: "u", apiGroup: "x" }),
    [`subjects[0].apiGroup: Unsupported value: "x": supported values: "${group}"`],
  ],
  [
    "a group of a ServiceAccount",
    `${local}/rolebindings`,
    bound({}, { kind: "ServiceAccount", name: "sa", apiGroup: "x" }),
    ['subjects[0].apiGroup: Unsupported value: "x": supported values: ""'],
  ],
  [
    "a ServiceAccount without a namespace, cluster-wide",
    `${cluster}/clusterrolebindings`,
    bound({}, { kind: "ServiceAccount", name: "sa" }),
    ["subjects[0].namespace: Required value"],
  ],
])("%s is invalid", async (_what, url, object, want) => {
  const { code, body } = await server.send("POST", url, object);
  expect(code).toBe(422);
  const causes = objectsIn(objectIn(body, "details"), "causes");
  expect(causes.map(({ field, message }) => `${String(field)}: ${String(message)}`)).toEqual(want);
});

test("the API groups of role and subjects follow from their kinds", async () => {
  const { code, body } = await server.send("POST", `${local}/rolebindings`, {
    metadata: { name: "defaults" },
    roleRef: { kind: "ClusterRole", name: "view" },
    subjects: [
      { kind: "User", name: "u" },
      { kind: "ServiceAccount", name: "sa", apiGroup: "" },
    ],
  });
  expect(code).toBe(201);
  expect(body["roleRef"]).toEqual({ apiGroup: group, kind: "ClusterRole", name: "view" });
  expect(body["subjects"]).toEqual([
    { kind: "User", name: "u", apiGroup: group },
    { kind: "ServiceAccount", name: "sa" },
  ]);
});

test("names may hold what paths can, and no more", async () => {
  const named = (name: string): Promise<number> =>
    server.send("POST", `${cluster}/clusterroles`, { metadata: { name } }).then(({ code }) => code);
  expect(await named("system:controller:Some_Thing")).toBe(201);
  expect(await named("a/b")).toBe(422);
  expect(await named("..")).toBe(422);
  const url = `${cluster}/clusterroles/system:controller:Some_Thing`;
  expect((await server.send("GET", url)).code).toBe(200);
  expect((await server.send("GET", url.replaceAll(":", "%3A"))).code).toBe(200);
});

test("a binding keeps its role for ever", async () => {
  const url = `${local}/rolebindings`;
  const name = { metadata: { name: "kept" } };
  await server.send("POST", url, { ...bound({}), ...name });
  const changed = { ...bound({ name: "edit" }), ...name };
  const { code, body } = await server.send("PUT", `${url}/kept`, changed);
  expect(code).toBe(422);
  expect(body["message"]).toContain("cannot change roleRef");
  const more = { ...bound({}, { kind: "Group", name: "g" }), ...name };
  expect((await server.send("PUT", `${url}/kept`, more)).code).toBe(200);
});

test("columns are those of Kubernetes", async () => {
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
  const subjects = [
    { kind: "User", name: "u1" },
    { kind: "User", name: "u2" },
    { kind: "Group", name: "g" },
    { kind: "ServiceAccount", name: "sa", namespace: "shop" },
  ];
  await server.send("POST", `${local}/rolebindings`, {
    ...bound({}, ...subjects),
    metadata: { name: "wide" },
  });
  const url = `${local}/rolebindings/wide`;
  const { body } = await server.send("GET", url, undefined, { accept });
  expect(objectsIn(body, "columnDefinitions").map(({ name }) => name)).toEqual([
    "Name",
    "Role",
    "Age",
    "Users",
    "Groups",
    "ServiceAccounts",
  ]);
  const [row] = objectsIn(body, "rows");
  expect(row?.["cells"]).toEqual(["wide", "ClusterRole/view", "0s", "u1, u2", "g", "shop/sa"]);
  const role = await server.send("GET", `${cluster}/clusterroles/view`, undefined, { accept });
  const [first] = objectsIn(role.body, "rows");
  expect(first?.["cells"]).toEqual(["view", "2026-01-01T00:00:00Z"]);
});
