import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Access } from "../../api/server/pki/kubeconfig.ts";
import { type Attack, type AttackRig, openAttackRig } from "./kit/rig.ts";

/** May do what it likes with ConfigMaps and Applications of the namespace `open`. */
let editor: Access;
let rig: AttackRig;

const maps = "/api/v1/namespaces/open/configmaps";
const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

beforeAll(async () => {
  rig = await openAttackRig();
  await rig.arrange("POST", "/api/v1/namespaces", { metadata: { name: "open" } });
  await rig.arrange("POST", maps, { metadata: { name: "victim" }, data: { a: "b" } });
  const subjects = [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "editor" }];
  await rig.arrange("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/open/rolebindings", {
    metadata: { name: "editor" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "edit" },
    subjects,
  });
  editor = await rig.as("editor");
});
afterAll(() => rig[Symbol.asyncDispose]());

/** What a request cost: the thread that serves everybody is this one. */
async function timed(method: string, path: string, attack: Attack) {
  const start = performance.now();
  const reply = await rig.send(method, path, attack);
  return { ...reply, tookMs: performance.now() - start };
}

/** No single request may hold the others up for longer, in milliseconds. */
const patienceMs = 2_000;

const merge = { "content-type": "application/merge-patch+json" };
const jsonPatch = { "content-type": "application/json-patch+json" };
const strategic = { "content-type": "application/strategic-merge-patch+json" };
const apply = { "content-type": "application/apply-patch+yaml" };

test.each<readonly [string, string, Attack]>([
  ["POST", maps, { body: '{"metadata":{"name":"p1"},"__proto__":{"polluted":"yes"}}' }],
  ["POST", maps, { body: '{"metadata":{"name":"p2","__proto__":{"polluted":"yes"}}}' }],
  ["POST", maps, { body: '{"metadata":{"name":"p3"},"data":{"__proto__":"yes"}}' }],
  [
    "POST",
    maps,
    { body: '{"metadata":{"name":"p4"},"constructor":{"prototype":{"polluted":"yes"}}}' },
  ],
  [
    "POST",
    maps,
    {
      body: 'metadata: {name: p5}\n"__proto__": {polluted: yes}\n',
      headers: { "content-type": "application/yaml" },
    },
  ],
  ["PATCH", `${maps}/victim`, { headers: merge, body: '{"__proto__":{"polluted":"yes"}}' }],
  [
    "PATCH",
    `${maps}/victim`,
    { headers: merge, body: '{"constructor":{"prototype":{"polluted":"yes"}}}' },
  ],
  ["PATCH", `${maps}/victim`, { headers: strategic, body: '{"__proto__":{"polluted":"yes"}}' }],
  [
    "PATCH",
    `${maps}/victim`,
    {
      headers: jsonPatch,
      body: '[{"op":"add","path":"/__proto__/polluted","value":"yes"}]',
    },
  ],
  [
    "PATCH",
    `${maps}/victim`,
    {
      headers: jsonPatch,
      body: '[{"op":"add","path":"/constructor/prototype/polluted","value":"yes"}]',
    },
  ],
  [
    "PATCH",
    `${maps}/victim`,
    {
      headers: jsonPatch,
      body: '[{"op":"copy","from":"/data","path":"/metadata/__proto__/polluted"}]',
    },
  ],
  [
    "PATCH",
    `${maps}/victim?fieldManager=a`,
    {
      headers: apply,
      body: '{"apiVersion":"v1","kind":"ConfigMap","__proto__":{"polluted":"yes"}}',
    },
  ],
  ["GET", `${maps}?__proto__[polluted]=yes&constructor.prototype.polluted=yes`, {}],
  ["GET", `${maps}?labelSelector=__proto__%3Dyes`, {}],
  ["GET", `${maps}?fieldSelector=__proto__.polluted%3Dyes`, {}],
  ["GET", "/api/v1/namespaces/__proto__/configmaps/constructor", {}],
  ["GET", "/apis/__proto__/v1/namespaces/open/constructor", {}],
])("%s %s with the name of a prototype changes no other object", async (method, path, attack) => {
  const { status } = await rig.send(method, path, { as: editor, ...attack });
  expect(status).toBeLessThan(500);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  const { text } = await rig.send("GET", `${maps}/victim`, { as: editor });
  expect(text).not.toContain("polluted");
  await rig.stillServes();
});

const lol = (depth: number): string =>
  Array.from({ length: depth }, (_, level) => {
    const value = level === 0 ? '"lol"' : `[${`*l${level - 1},`.repeat(10).slice(0, -1)}]`;
    return `l${level}: &l${level} ${value}`;
  }).join("\n");
const yaml = { "content-type": "application/yaml" };
const depth = 100_000;

test.each<readonly [string, Attack]>([
  ["a YAML bomb of aliases", { headers: yaml, body: `${lol(12)}\nmetadata: {name: b}` }],
  ["an alias of itself", { headers: yaml, body: "metadata: &a {name: b, c: *a}" }],
  ["YAML that is nested too deep", { headers: yaml, body: `a: ${"[".repeat(depth)}` }],
  ["YAML of merge keys", { headers: yaml, body: `a: &a {b: c}\n${"<<: *a\n".repeat(20_000)}` }],
  ["a YAML tag that makes code", { headers: yaml, body: "a: !!js/function 'function(){}'" }],
  ["JSON lists nested too deep", { body: `{"data":${"[".repeat(depth)}${"]".repeat(depth)}}` }],
  ["JSON objects nested too deep", { body: `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}` }],
  ["JSON that never ends", { body: `{"metadata":{"name":"${"x".repeat(100_000)}` }],
  [
    "a number of a million digits",
    { body: `{"metadata":{"generation":${"9".repeat(1_000_000)}}}` },
  ],
  ["half a pair of surrogates", { body: '{"metadata":{"name":"\\ud800"}}' }],
  ["bytes that are no UTF-8", { body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]) }],
  [
    "a gzip bomb",
    { headers: { "content-encoding": "gzip" }, body: gzipSync(Buffer.alloc(256 << 20, 0x20)) },
  ],
  [
    "a protobuf of nothing but lengths",
    {
      headers: { "content-type": "application/vnd.kubernetes.protobuf" },
      body: Buffer.concat([Buffer.from("k8s\0"), Buffer.alloc(4_096, 0xff)]),
    },
  ],
])("%s is refused before it costs anything", async (_what, attack) => {
  const before = process.memoryUsage().rss;
  const { status, tookMs } = await timed("POST", maps, { as: editor, ...attack });
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(500);
  expect(tookMs).toBeLessThan(patienceMs);
  expect(process.memoryUsage().rss - before).toBeLessThan(200 << 20);
  await rig.audited("the refusal", ({ requestURI, verb, responseStatus }) => {
    return requestURI === maps && verb === "create" && responseStatus?.code === status;
  });
  await rig.stillServes();
});

test("a JSON patch that doubles a value again and again is stopped", async () => {
  const start = [{ op: "replace", path: "/data", value: { a: "x".repeat(1_000) } }];
  const doubled = Array.from({ length: 40 }, (_, round) => ({
    op: "copy",
    from: "/data",
    path: `/data/d${round}`,
  }));
  const body = JSON.stringify([...start, ...doubled]);
  const { status, tookMs } = await timed("PATCH", `${maps}/victim`, {
    as: editor,
    headers: jsonPatch,
    body,
  });
  expect([400, 413, 422]).toContain(status);
  expect(tookMs).toBeLessThan(patienceMs);
  await rig.stillServes();
});

const evil = `${"a".repeat(50_000)}!`;

test.each([
  `labelSelector=${encodeURIComponent(`a in (${"b,".repeat(7_000)}b)`)}`,
  `labelSelector=${"a%3Db%2C".repeat(1_500)}a%3Db`,
  `labelSelector=${"!".repeat(8_000)}a`,
  `labelSelector=${"%28".repeat(4_000)}`,
  `labelSelector=${"%20".repeat(5_000)}a`,
  `fieldSelector=${"metadata.name%3Da%2C".repeat(700)}metadata.name%3Da`,
  `fieldSelector=${"a%5C".repeat(3_000)}`,
  `continue=${"A".repeat(12_000)}`,
  `resourceVersion=${"1".repeat(12_000)}`,
])("the query ?%.40s… takes no longer than others", async (query) => {
  const { status, tookMs } = await timed("GET", `${maps}?${query}`, { as: editor });
  expect(status).toBeLessThan(500);
  expect(tookMs).toBeLessThan(patienceMs);
  await rig.stillServes();
});

type Rule = { readonly rule: string; readonly message?: string };

const definition = (plural: string, rules: readonly Rule[], properties: object) => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `${plural}.attack.test` },
  spec: {
    group: "attack.test",
    scope: "Namespaced",
    names: { kind: plural, plural, singular: plural.toLowerCase() },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: { type: "object", properties, "x-kubernetes-validations": rules },
            },
          },
        },
      },
    ],
  },
});

test("a pattern with catastrophic backtracking does not backtrack, in schemas and in CEL", async () => {
  const properties = {
    schema: { type: "string", pattern: "^(a+)+$", maxLength: 100_000 },
    rule: { type: "string", maxLength: 100_000 },
  };
  const rules = [{ rule: "!has(self.rule) || self.rule.matches('^(a|aa)+$')", message: "no" }];
  await rig.arrange("POST", definitions, definition("patterns", rules, properties));
  const path = "/apis/attack.test/v1/namespaces/open/patterns";
  for (const field of ["schema", "rule"]) {
    const { status, tookMs } = await timed("POST", path, {
      as: rig.server.admin,
      body: {
        apiVersion: "attack.test/v1",
        kind: "patterns",
        metadata: { name: field },
        spec: { [field]: evil },
      },
    });
    expect(status).toBe(422);
    expect(tookMs).toBeLessThan(patienceMs);
  }
  await rig.stillServes();
});

const cube = "self.list.all(a, self.list.all(b, self.list.all(c, a + b + c != '')))";
const lists = (over: object) => ({ list: { type: "array", items: { type: "string" }, ...over } });

test("a rule that may look at everything once for everything is refused with its definition", async () => {
  const body = definition("cubes", [{ rule: cube }], lists({}));
  const { status, text, tookMs } = await timed("POST", definitions, {
    as: rig.server.admin,
    body,
  });
  expect(text).toContain("cost");
  expect(status).toBe(422);
  expect(tookMs).toBeLessThan(patienceMs);
  await rig.stillServes();
});
