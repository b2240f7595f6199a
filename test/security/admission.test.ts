import { afterAll, beforeAll, expect, test } from "vitest";
import type { Access } from "../../api/server/pki/kubeconfig.ts";
import { type AttackRig, openAttackRig, type Reply } from "./kit/rig.ts";

/** May do in the namespace `shop` what developers do, and nothing to the namespace itself. */
let dev: Access;
let rig: AttackRig;

const shop = "/api/v1/namespaces/shop";
const pods = `${shop}/pods`;
const applications = "/apis/lighthouse.dev/v1/namespaces/shop/applications";
const registration = "/apis/admissionregistration.k8s.io/v1";
const rbac = "/apis/rbac.authorization.k8s.io/v1";

beforeAll(async () => {
  rig = await openAttackRig();
  await rig.arrange("POST", "/api/v1/namespaces", { metadata: { name: "shop" } });
  await rig.arrange("POST", `${rbac}/namespaces/shop/rolebindings`, {
    metadata: { name: "dev" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "admin" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "dev" }],
  });
  dev = await rig.as("dev");
  await rig.arrange("POST", pods, { metadata: { name: "plain" }, spec: plain });
  await rig.arrange("POST", applications, application("plain", plain));
});
afterAll(() => rig[Symbol.asyncDispose]());

type Container = Readonly<Record<string, unknown>>;

const container = (more: Container = {}): Container => ({ name: "web", image: "web:1", ...more });
const plain = { containers: [container()] };
const root = { containers: [container({ securityContext: { privileged: true } })] };
const onHost = { containers: [container()], hostNetwork: true };
const hostPath = {
  containers: [container()],
  volumes: [{ name: "host", hostPath: { path: "/" } }],
};

const application = (name: string, spec: object): object => ({
  apiVersion: "lighthouse.dev/v1",
  kind: "Application",
  metadata: { name },
  spec: { replicas: 1, template: { spec } },
});

const as = (body: unknown, type?: string) => ({
  as: dev,
  body,
  ...(type === undefined ? {} : { headers: { "content-type": type } }),
});
const types = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};

/** Refused, on record, and nothing of it is there. */
async function refused(reply: Reply, text: string): Promise<void> {
  expect(reply.status, reply.text).toBeGreaterThanOrEqual(400);
  expect(reply.status, reply.text).toBeLessThan(500);
  expect(reply.text).toContain(text);
  await rig.stillServes();
}

const violates = "violates PodSecurity";

test.each([
  ["a privileged Pod", { metadata: { name: "bad" }, spec: root }],
  ["one by generateName", { metadata: { generateName: "bad-" }, spec: root }],
  ["one on the host's network", { metadata: { name: "bad" }, spec: onHost }],
  ["one with the host's files", { metadata: { name: "bad" }, spec: hostPath }],
  [
    "one whose first container is fine",
    {
      metadata: { name: "bad" },
      spec: { ...plain, initContainers: [{ ...root.containers[0], name: "init" }] },
    },
  ],
  [
    "one that says it is of another namespace",
    {
      metadata: { name: "bad", labels: { "pod-security.kubernetes.io/enforce": "privileged" } },
      spec: root,
    },
  ],
])("%s is not created", async (_what, pod) => {
  await refused(await rig.send("POST", pods, as(pod)), violates);
  await refused(await rig.send("POST", `${pods}?dryRun=All`, as(pod)), violates);
  const { text } = await rig.send("GET", pods, { as: dev });
  expect(text).not.toContain('"bad');
  await rig.audited(
    "the refusal",
    ({ responseStatus, annotations, user }) =>
      user.username === "dev" &&
      responseStatus?.code === 403 &&
      annotations?.["pod-security.kubernetes.io/enforce-policy"] === "baseline:latest",
  );
});

test("server-side apply, also with force, creates none either", async () => {
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "bad" }, spec: root };
  const url = `${pods}/bad?fieldManager=x&force=true`;
  await refused(await rig.send("PATCH", url, as(pod, types.apply)), violates);
});

test("no container for debugging gets what its Pod may not have", async () => {
  const debug = { name: "debug", image: "a", securityContext: { privileged: true } };
  const body = { spec: { ephemeralContainers: [debug] } };
  const url = `${pods}/plain/ephemeralcontainers`;
  for (const type of [types.strategic, types.merge])
    await refused(await rig.send("PATCH", url, as(body, type)), violates);
  const put = JSON.parse((await rig.send("GET", `${pods}/plain`, { as: dev })).text) as {
    spec: object;
  };
  const replaced = { ...put, spec: { ...put.spec, ...body.spec } };
  await refused(await rig.send("PUT", url, as(replaced)), violates);
});

test("a running Application is not led beyond the level by any kind of update", async () => {
  const url = `${applications}/plain`;
  const bad = { spec: { template: { spec: root } } };
  await refused(await rig.send("PATCH", url, as(bad, types.merge)), violates);
  const add = {
    op: "add",
    path: "/spec/template/spec/containers/0/securityContext",
    value: { privileged: true },
  };
  await refused(await rig.send("PATCH", url, as([add], types.json)), violates);
  // Carried in by a place where nobody looks, then moved to where it counts.
  const smuggled = [
    { op: "add", path: "/metadata/annotations", value: { x: "y" } },
    { op: "copy", from: "/metadata/annotations", path: "/metadata/labels" },
    { op: "add", path: "/spec/template/spec/hostNetwork", value: false },
    { op: "test", path: "/spec/template/spec/hostNetwork", value: false },
    { op: "replace", path: "/spec/template/spec/hostNetwork", value: true },
  ];
  await refused(await rig.send("PATCH", url, as(smuggled, types.json)), violates);
  const applied = application("plain", root);
  const forced = `${url}?fieldManager=x&force=true`;
  await refused(await rig.send("PATCH", forced, as(applied, types.apply)), violates);
});

test("who may do everything in a namespace may not open it", async () => {
  const labels = { "pod-security.kubernetes.io/enforce": "privileged" };
  const annotations = { "lighthouse.dev/host-ports": "1-65535" };
  for (const metadata of [{ labels }, { annotations }])
    await refused(await rig.send("PATCH", shop, as({ metadata }, types.merge)), "forbidden");
  const finalize = { metadata: { name: "shop", labels }, spec: {} };
  await refused(await rig.send("PUT", `${shop}/finalize`, as(finalize)), "forbidden");
  const status = { metadata: { labels } };
  await refused(await rig.send("PATCH", `${shop}/status`, as(status, types.merge)), "forbidden");
});

test("the status of a Pod is no way to its spec", async () => {
  const body = { spec: root, metadata: { annotations: { a: "b" } } };
  await rig.send("PATCH", `${pods}/plain/status`, as(body, types.merge));
  const { text } = await rig.send("GET", `${pods}/plain`, { as: dev });
  expect(text).not.toContain("privileged");
});

type Policy = Readonly<Record<string, unknown>>;

const onMaps = {
  resourceRules: [
    { apiGroups: [""], apiVersions: ["v1"], operations: ["*"], resources: ["configmaps"] },
  ],
};

async function withPolicy(spec: Policy, what: () => Promise<void>): Promise<void> {
  const metadata = { name: "attack" };
  await rig.arrange("POST", `${registration}/validatingadmissionpolicies`, {
    metadata,
    spec: { matchConstraints: onMaps, ...spec },
  });
  await rig.arrange("POST", `${registration}/validatingadmissionpolicybindings`, {
    metadata,
    spec: { policyName: "attack", validationActions: ["Deny"] },
  });
  try {
    await what();
  } finally {
    await rig.arrange("DELETE", `${registration}/validatingadmissionpolicybindings/attack`);
    await rig.arrange("DELETE", `${registration}/validatingadmissionpolicies/attack`);
  }
}

const nested = (rounds: number, body: string): string =>
  `${"[1,2,3,4,5,6,7,8,9,10].all(a, ".repeat(rounds)}${body}${")".repeat(rounds)}`;

/** Policies that cost whoever judges by them all that there is, if nobody counts. */
const bombs: readonly (readonly [string, Policy])[] = [
  ["loops in loops", { validations: [{ expression: nested(9, "true") }] }],
  [
    "a pattern that goes back and forth",
    {
      validations: [
        { expression: nested(5, "!object.data.text.matches('^(([a-z])+.)+[A-Z]([a-z])+$')") },
      ],
    },
  ],
  [
    "a text that doubles",
    {
      variables: Array.from({ length: 40 }, (_, at) => ({
        name: `v${at}`,
        expression: at === 0 ? "object.data.text" : `variables.v${at - 1} + variables.v${at - 1}`,
      })),
      validations: [{ expression: "variables.v39.size() > 0" }],
    },
  ],
  [
    "loops in a condition",
    {
      matchConditions: [{ name: "bomb", expression: nested(9, "true") }],
      validations: [{ expression: "true" }],
    },
  ],
  [
    "questions that each begin it anew",
    {
      validations: [
        {
          expression: `${nested(4, "true")} && [${Array.from({ length: 40 }, (_, at) => `'v${at}'`).join(", ")}].all(v, !authorizer.group('').resource('pods').check(v).allowed()) && false`,
        },
      ],
    },
  ],
  [
    "a message that is longer to make than the verdict",
    { validations: [{ expression: "false", messageExpression: `string(${nested(9, "true")})` }] },
  ],
];

test.each(bombs)("a policy of %s is stopped, and others are served", async (_what, spec) => {
  await withPolicy(spec, async () => {
    const data = { text: "a".repeat(20_000) };
    const sent = as({ metadata: { name: "boom" }, data });
    const start = performance.now();
    const replies = await Promise.all(
      Array.from({ length: 5 }, () => rig.send("POST", `${shop}/configmaps`, sent)),
    );
    expect(performance.now() - start).toBeLessThan(3_000);
    for (const reply of replies) await refused(reply, "ValidatingAdmissionPolicy 'attack'");
  });
});

test.each([
  ["deep", `${"(".repeat(5_000)}true${")".repeat(5_000)}`],
  ["long", `${"true && ".repeat(8_000)}true`],
  ["of brackets", "[".repeat(50_000)],
  ["of a pattern of a gigabyte", "'a'.matches('((a{1000}){1000}){1000}')"],
])("an expression that is %s is refused when it is written", async (_what, expression) => {
  const body = {
    metadata: { name: "long" },
    spec: { matchConstraints: onMaps, validations: [{ expression }] },
  };
  const url = `${registration}/validatingadmissionpolicies`;
  const start = performance.now();
  const reply = await rig.send("POST", url, { as: rig.server.admin, body });
  expect(performance.now() - start).toBeLessThan(3_000);
  expect(reply.status, reply.text.slice(0, 200)).toBe(422);
  await rig.stillServes();
});

test("a policy against everything does not lock its author out", async () => {
  const everything = {
    resourceRules: [
      { apiGroups: ["*"], apiVersions: ["*"], operations: ["*"], resources: ["*", "*/*"] },
    ],
  };
  const never = { matchConstraints: everything, validations: [{ expression: "false" }] };
  await withPolicy(never, async () => {
    const map = as({ metadata: { name: "no" } });
    await refused(await rig.send("POST", `${shop}/configmaps`, map), "attack");
  });
  const map = as({ metadata: { name: "yes" } });
  expect((await rig.send("POST", `${shop}/configmaps`, map)).status).toBe(201);
});

test("who may not write policies neither makes nor takes one away", async () => {
  await withPolicy({ validations: [{ expression: "true" }] }, async () => {
    const url = `${registration}/validatingadmissionpolicybindings/attack`;
    await refused(await rig.send("DELETE", url, { as: dev }), "forbidden");
    const off = { spec: { validationActions: ["Audit"] } };
    await refused(await rig.send("PATCH", url, as(off, types.merge)), "forbidden");
  });
});

test("a label selector that asks a lot is answered or refused, and nobody waits", async () => {
  const many = Array.from({ length: 2_000 }, (_, at) => `k${at}!=v`).join(",");
  const values = `k in (${Array.from({ length: 2_000 }, (_, at) => `v${at}`).join(",")})`;
  for (const selector of [many, values, "(".repeat(2_000), `k${"=".repeat(2_000)}v`]) {
    const url = `${pods}?labelSelector=${encodeURIComponent(selector)}`;
    const { status } = await rig.send("GET", url, { as: dev });
    expect(status).toBeLessThan(500);
  }
  await rig.stillServes();
});
