import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, asUser, openTestApp, type TestApp } from "../../../../test/kit/app.ts";
import { eventually } from "../../../../test/kit/eventually.ts";
import { storeKey } from "../../../store/keys.ts";

const group = "/apis/admissionregistration.k8s.io/v1";
const policies = `${group}/validatingadmissionpolicies`;
const bindings = `${group}/validatingadmissionpolicybindings`;
const merge = { type: "application/merge-patch+json" };
const admin = asUser("root", "system:masters");

let server: TestApp;
beforeAll(async () => {
  server = await openTestApp({ guarded: true });
  const metadata = { name: "strict", labels: { tier: "prod" } };
  await send("POST", "/api/v1/namespaces", { metadata });
  const accountPath = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
  await send("POST", accountPath, {
    metadata: { name: "editors" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "edit" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "ann" }],
  });
});
afterAll(() => server[Symbol.asyncDispose]());

type Method = Parameters<TestApp["send"]>[0];

const send = (method: Method, url: string, body?: unknown, options: object = {}): Promise<Answer> =>
  server.send(method, url, body, { headers: admin, ...options });

const maps = (namespace = "strict"): string => `/api/v1/namespaces/${namespace}/configmaps`;

const onMaps = {
  resourceRules: [
    { apiGroups: [""], apiVersions: ["v1"], operations: ["*"], resources: ["configmaps"] },
  ],
};

type Fields = Readonly<Record<string, unknown>>;

/** A policy for ConfigMaps of the namespace `strict`, and its binding; gone when the test is over. */
async function bound(name: string, spec: Fields, binding: Fields = {}) {
  const made = await send("POST", policies, {
    metadata: { name },
    spec: { matchConstraints: onMaps, ...spec },
  });
  expect(made.code, made.text).toBe(201);
  const bind = await send("POST", bindings, {
    metadata: { name },
    spec: {
      policyName: name,
      validationActions: ["Deny"],
      matchResources: { namespaceSelector: { matchLabels: { tier: "prod" } } },
      ...binding,
    },
  });
  expect(bind.code, bind.text).toBe(201);
  return {
    made,
    async [Symbol.asyncDispose]() {
      await send("DELETE", `${bindings}/${name}`);
      await send("DELETE", `${policies}/${name}`);
    },
  };
}

const map = (name: string, data: Fields = {}, labels: Fields = {}): object => ({
  metadata: { name, labels },
  data,
});

test("a policy refuses what does not meet it, in Kubernetes' words, by every verb", async () => {
  await using _policy = await bound("small", {
    validations: [
      {
        expression: "!has(object.data) || object.data.all(key, size(object.data[key]) < 4)",
        messageExpression: "'too long: ' + object.metadata.name",
      },
    ],
  });
  expect((await send("POST", maps(), map("good", { a: "b" }))).code).toBe(201);
  const { code, body } = await send("POST", maps(), map("bad", { a: "12345" }));
  const text =
    "ValidatingAdmissionPolicy 'small' with binding 'small' denied request: too long: bad";
  expect([code, body]).toEqual([
    422,
    expect.objectContaining({
      message: `configmaps "bad" is forbidden: ${text}`,
      reason: "Invalid",
    }),
  ]);
  // Another namespace, where the binding does not hold.
  expect((await send("POST", maps("default"), map("bad", { a: "12345" }))).code).toBe(201);
  const longer = { data: { a: "12345" } };
  expect((await send("PATCH", `${maps()}/good`, longer, merge)).code).toBe(422);
  const moved = [{ op: "add", path: "/data/b", value: "12345" }];
  const json = { type: "application/json-patch+json" };
  expect((await send("PATCH", `${maps()}/good`, moved, json)).code).toBe(422);
  const apply = { apiVersion: "v1", kind: "ConfigMap", ...map("applied", { a: "12345" }) };
  const applied = await send("PATCH", `${maps()}/applied?fieldManager=t`, apply, {
    type: "application/apply-patch+yaml",
  });
  expect(applied.code).toBe(422);
  expect((await send("PUT", `${maps()}/good`, map("good", { a: "12345" }))).code).toBe(422);
});

test("a policy judges deletions by what was there", async () => {
  await send("POST", maps(), map("keep", {}, { keep: "yes" }));
  await using _policy = await bound("keepers", {
    matchConditions: [{ name: "deletes", expression: "request.operation == 'DELETE'" }],
    validations: [
      { expression: "!('keep' in oldObject.metadata.?labels.orValue({}))", reason: "Forbidden" },
    ],
  });
  const { code, body } = await send("DELETE", `${maps()}/keep`);
  expect([code, body["message"]]).toEqual([403, expect.stringContaining("failed expression: ")]);
  const off = { metadata: { labels: { keep: null } } };
  expect((await send("PATCH", `${maps()}/keep`, off, merge)).code).toBe(200);
  expect((await send("DELETE", `${maps()}/keep`)).code).toBe(200);
});

test("variables, the namespace, the caller and the authorizer are there", async () => {
  await using _policy = await bound("everything", {
    variables: [
      { name: "tier", expression: "namespaceObject.metadata.labels.tier" },
      { name: "isProd", expression: "variables.tier == 'prod'" },
    ],
    validations: [
      { expression: "variables.isProd" },
      { expression: "request.userInfo.username in ['root', 'ann']" },
      { expression: "request.resource.resource == 'configmaps' && !request.dryRun" },
      {
        expression:
          "authorizer.group('').resource('secrets').namespace('strict').check('get').allowed()",
      },
      { expression: "authorizer.requestResource.check('create').allowed()" },
      {
        expression: "authorizer.path('/healthz').check('delete').allowed()",
        message: "only those who may do everything",
      },
    ],
  });
  expect((await send("POST", maps(), map("free"))).text).toContain('"name":"free"');
  const ann = await send("POST", maps(), map("bound"), { headers: asUser("ann") });
  expect([ann.code, ann.body["message"]]).toEqual([
    422,
    expect.stringContaining("denied request: only those who may do everything"),
  ]);
});

test("parameters are what the binding names, and their absence is what it says", async () => {
  await send("POST", maps("default"), map("limits", { most: "1" }));
  const spec = {
    paramKind: { apiVersion: "v1", kind: "ConfigMap" },
    validations: [{ expression: "size(object.?data.orValue({})) <= int(params.data.most)" }],
  };
  const paramRef = { name: "limits", namespace: "default", parameterNotFoundAction: "Deny" };
  await using _policy = await bound("counted", spec, { paramRef });
  expect((await send("POST", maps(), map("one", { a: "" }))).code).toBe(201);
  expect((await send("POST", maps(), map("two", { a: "", b: "" }))).code).toBe(422);
  await send("DELETE", `${maps("default")}/limits`);
  const { code, body } = await send("POST", maps(), map("none"));
  expect([code, body["message"]]).toEqual([422, expect.stringContaining("no params found")]);
});

test("a binding may warn and put on record instead", async () => {
  await using _policy = await bound(
    "gentle",
    {
      validations: [{ expression: "false", message: "not so nice" }],
      auditAnnotations: [{ key: "who", valueExpression: "request.userInfo.username" }],
    },
    { validationActions: ["Warn", "Audit"] },
  );
  const { code, headers } = await send("POST", maps(), map("warned"));
  expect([code, String(headers["warning"])]).toEqual([
    201,
    expect.stringContaining(
      "Validation failed for ValidatingAdmissionPolicy 'gentle' with binding 'gentle': not so nice",
    ),
  ]);
});

test("what cannot be judged is refused, unless the policy ignores it", async () => {
  const validations = [{ expression: "object.data.missing == 'x'" }];
  {
    await using _policy = await bound("failing", { validations });
    const { code, body } = await send("POST", maps(), map("unjudged"));
    expect([code, body["message"]]).toEqual([422, expect.stringContaining("no such key: missing")]);
  }
  {
    await using _policy = await bound("failing", { validations }, { validationActions: ["Warn"] });
    expect((await send("POST", maps(), map("told"))).code).toBe(201);
  }
  await using _policy = await bound("ignoring", { validations, failurePolicy: "Ignore" });
  expect((await send("POST", maps(), map("unjudged"))).code).toBe(201);
});

test("an expression that would never end is stopped, and the server answers others meanwhile", async () => {
  const bomb = `${"[1,2,3,4,5,6,7,8,9,10].all(a, ".repeat(9)}true${")".repeat(9)}`;
  await using _policy = await bound("bomb", { validations: [{ expression: bomb }] });
  const start = performance.now();
  const { code, body } = await send("POST", maps(), map("boom"));
  expect([code, body["message"]]).toEqual([
    422,
    expect.stringContaining("running out of cost budget"),
  ]);
  expect(performance.now() - start).toBeLessThan(1_000);
});

test("policies do not judge themselves: nobody is locked out", async () => {
  const everything = {
    resourceRules: [{ apiGroups: ["*"], apiVersions: ["*"], operations: ["*"], resources: ["*"] }],
  };
  const never = { matchConstraints: everything, validations: [{ expression: "false" }] };
  const policy = await bound("never", never, { matchResources: {} });
  expect((await send("POST", maps("default"), map("shut"))).code).toBe(422);
  await policy[Symbol.asyncDispose]();
  expect((await send("POST", maps("default"), map("open"))).code).toBe(201);
});

test.each<readonly [string, Fields, string]>([
  ["syntax", { validations: [{ expression: "object.(" }] }, "compilation failed: ERROR: <input>"],
  ["an unknown name", { validations: [{ expression: "thing == 1" }] }, "undeclared reference"],
  ["a wrong type", { validations: [{ expression: "'yes'" }] }, "must evaluate to bool"],
  [
    "parameters of no kind",
    { validations: [{ expression: "params.a == 1" }] },
    "undeclared reference to 'params'",
  ],
  [
    "a field of the request that is none",
    { validations: [{ expression: "request.operaton == 'CREATE'" }] },
    "undefined field 'operaton'",
  ],
  [
    "a message that is no text",
    { validations: [{ expression: "true", messageExpression: "1" }] },
    "spec.validations[0].messageExpression",
  ],
  ["nothing", {}, "validations or auditAnnotations must be non-empty"],
  [
    "connections",
    {
      validations: [{ expression: "true" }],
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: [""],
            apiVersions: ["v1"],
            operations: ["CONNECT"],
            resources: ["pods/exec"],
          },
        ],
      },
    },
    "are judged by RBAC alone",
  ],
  [
    "a pattern that is none",
    { validations: [{ expression: "'a'.matches('(')" }] },
    "invalid matches argument",
  ],
])("a policy with %s is refused when it is made", async (_what, spec, text) => {
  const made = { metadata: { name: "wrong" }, spec: { matchConstraints: onMaps, ...spec } };
  const { code, body } = await send("POST", policies, made);
  expect([code, body["message"]]).toEqual([422, expect.stringContaining(text)]);
});

test("types of what a policy is about are checked, and told in its status", async () => {
  const validations = [{ expression: "object.dta.size() > 0 || object.data.size() > 0" }];
  await using policy = await bound("typo", { validations }, { validationActions: ["Audit"] });
  expect(policy.made.body["status"]).toMatchObject({
    observedGeneration: 1,
    typeChecking: {
      expressionWarnings: [
        {
          fieldRef: "spec.validations[0].expression",
          warning: expect.stringMatching(/^v1, Kind=ConfigMap: ERROR: .*undefined field 'dta'/),
        },
      ],
    },
  });
});

test("whoever may not read the parameters may not make a policy of them", async () => {
  const role = { apiGroups: ["admissionregistration.k8s.io"], resources: ["*"], verbs: ["*"] };
  await send("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", {
    metadata: { name: "policies" },
    rules: [role],
  });
  await send("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
    metadata: { name: "policies" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "policies" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "bo" }],
  });
  const spec = {
    matchConstraints: onMaps,
    paramKind: { apiVersion: "v1", kind: "Secret" },
    validations: [{ expression: "false", messageExpression: "string(params.data.token)" }],
  };
  const body = { metadata: { name: "thief" }, spec };
  const refused = await send("POST", policies, body, { headers: asUser("bo") });
  expect([refused.code, refused.body["message"]]).toEqual([
    403,
    expect.stringContaining("does not have permission to read the parameters"),
  ]);
});

test("an expression that another version stored and this one cannot read is no leave", async () => {
  await using _policy = await bound("newer", { validations: [{ expression: "true" }] });
  expect((await send("POST", maps(), map("before"))).code).toBe(201);
  const key = storeKey(
    { group: "admissionregistration.k8s.io", plural: "validatingadmissionpolicies" },
    { name: "newer" },
  );
  const stored = await server.store.get(key);
  const text = Buffer.from(stored?.value ?? []).toString();
  const newer = text.replace('"expression":"true"', '"expression":"quantum(object)"');
  expect(newer).not.toBe(text);
  await server.store.put(key, Buffer.from(newer), stored?.at ?? 0);
  const refused = await eventually("the policy counts", async () => {
    const answer = await send("POST", `${maps()}?dryRun=All`, map("after"));
    return answer.code === 422 ? answer : undefined;
  });
  expect(refused.body["message"]).toContain("cannot use spec.validations[0].expression:");
});
