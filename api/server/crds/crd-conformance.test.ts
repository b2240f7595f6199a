import { expect, test } from "vitest";
import { metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";

// What the conformance suite of Kubernetes asks of custom resources, in process.

const crdsUrl = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const group = "shop.example.com";
const merge = { type: "application/merge-patch+json" };

type Schema = Record<string, unknown>;

const version = (name: string, properties: Schema, more: object = {}): object => ({
  name,
  served: true,
  storage: name === "v1",
  schema: { openAPIV3Schema: { type: "object", properties } },
  ...more,
});

const crd = (versions: readonly object[]): object => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `sizes.${group}` },
  spec: { group, scope: "Namespaced", names: { plural: "sizes", kind: "Size" }, versions },
});

const url = (v = "v1", name = ""): string =>
  `/apis/${group}/${v}/namespaces/default/sizes${name === "" ? "" : `/${name}`}`;
const size = (name: string, more: object = {}, v = "v1"): object => ({
  apiVersion: `${group}/${v}`,
  kind: "Size",
  metadata: { name },
  ...more,
});

async function open(versions: readonly object[]): Promise<TestApp> {
  const env = await openTestApp();
  const made = await env.send("POST", crdsUrl, crd(versions));
  expect(made.code, made.text).toBe(201);
  return env;
}

async function change(env: TestApp, versions: readonly object[]): Promise<void> {
  const done = await env.send("PATCH", `${crdsUrl}/sizes.${group}`, { spec: { versions } }, merge);
  expect(done.code, done.text).toBe(200);
}

const text = { type: "string" };
const spec = (properties: Schema): Schema => ({ spec: { type: "object", properties } });

test("defaults apply to requests, and to what was stored before them, unstored", async () => {
  await using env = await open([version("v1", spec({ a: text }))]);
  await env.send("POST", url(), size("old", { spec: { a: "x" } }));
  const before = metaOf((await env.send("GET", url("v1", "old"))).body).resourceVersion;
  await change(env, [version("v1", spec({ a: text, b: { ...text, default: "B" } }))]);
  const read = await env.send("GET", url("v1", "old"));
  expect(read.body["spec"]).toEqual({ a: "x", b: "B" });
  expect(metaOf(read.body).resourceVersion).toBe(before);
  const list = await env.send("GET", url());
  expect(list.body["items"]).toMatchObject([{ spec: { a: "x", b: "B" } }]);
  const made = await env.send("POST", url(), size("new", { spec: { a: "y" } }));
  expect(made.body["spec"]).toEqual({ a: "y", b: "B" });
  await using watch = await env.stream(`${url()}?watch=true&resourceVersion=0`);
  const frames = await watch.take(2);
  expect(frames.map(({ object }) => (object["spec"] as { b: string }).b)).toEqual(["B", "B"]);
});

test("fields that the schema no longer knows are not shown", async () => {
  await using env = await open([version("v1", spec({ a: text, b: text }))]);
  await env.send("POST", url(), size("old", { spec: { a: "x", b: "y" } }));
  await change(env, [version("v1", spec({ a: text }))]);
  expect((await env.send("GET", url("v1", "old"))).body["spec"]).toEqual({ a: "x" });
});

test("each version reads by its own schema what another one stored", async () => {
  const versions = [
    version("v1", spec({ a: text, b: text })),
    version("v2", spec({ a: text, c: { ...text, default: "C" } })),
  ];
  await using env = await open(versions);
  await env.send("POST", url(), size("o", { spec: { a: "1", b: "2" } }));
  const seen = await env.send("GET", url("v2", "o"));
  expect(seen.body).toMatchObject({ apiVersion: `${group}/v2`, spec: { a: "1", c: "C" } });
  expect(seen.body["spec"]).not.toHaveProperty("b");
  await using watch = await env.stream(`${url("v2")}?watch=true&resourceVersion=0`);
  const [added] = await watch.take(1);
  expect(added?.object["spec"]).toEqual({ a: "1", c: "C" });
});

test("a version that is not served is not there; a deprecated one warns", async () => {
  const versions = [
    version("v1", spec({ a: text }), { deprecated: true, deprecationWarning: "use v2" }),
    version("v2", spec({ a: text }), { served: false }),
  ];
  await using env = await open(versions);
  expect((await env.send("GET", url("v2"))).code).toBe(404);
  const { headers } = await env.send("GET", url());
  expect(headers["warning"]).toEqual(['299 - "use v2"']);
  await change(env, [versions[0] ?? {}, version("v2", spec({ a: text }))]);
  expect((await env.send("GET", url("v2"))).code).toBe(200);
});

test("the preferred version is the most stable one, whichever is stored", async () => {
  const versions = ["v1alpha1", "v1", "v2beta1", "v1beta1"].map((name) =>
    version(name, spec({ a: text })),
  );
  await using env = await open(versions);
  const served = env.scope.kinds.list().filter((kind) => kind.group === group);
  expect(served.map((kind) => kind.version)).toEqual(["v1", "v2beta1", "v1beta1", "v1alpha1"]);
});

test("unknown and duplicate fields are refused, warned of or ignored as was asked", async () => {
  await using env = await open([version("v1", spec({ a: text }))]);
  const odd =
    '{"apiVersion":"shop.example.com/v1","kind":"Size","metadata":{"name":"o","x":1},"spec":{"a":"1","a":"2","z":1}}';
  const strict = await env.send("POST", `${url()}?fieldValidation=Strict`, odd, {
    type: "application/json",
  });
  expect(strict.code).toBe(400);
  for (const problem of [
    'unknown field "metadata.x"',
    'unknown field "spec.z"',
    'duplicate field "spec.a"',
  ])
    expect(strict.body["message"]).toContain(problem);
  const warned = await env.send("POST", `${url()}?fieldValidation=Warn&dryRun=All`, odd, {
    type: "application/json",
  });
  expect([warned.code, String(warned.headers["warning"])]).toEqual([
    201,
    expect.stringContaining("spec.z"),
  ]);
  const quiet = await env.send("POST", `${url()}?fieldValidation=Ignore`, odd, {
    type: "application/json",
  });
  expect([quiet.code, quiet.headers["warning"]]).toEqual([201, undefined]);
  expect(quiet.body["spec"]).toEqual({ a: "2" });
});

test("unknown fields stay where the schema keeps them, also with embedded objects", async () => {
  const keep = { "x-kubernetes-preserve-unknown-fields": true };
  const embedded = { type: "object", "x-kubernetes-embedded-resource": true, ...keep };
  await using env = await open([
    version("v1", {
      spec: {
        type: "object",
        ...keep,
        properties: { pod: embedded, closed: { type: "object", properties: { a: text } } },
      },
    }),
  ]);
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", odd: 1 }, spec: { x: 1 } };
  const made = await env.send(
    "POST",
    url(),
    size("o", { spec: { any: [1, { b: 2 }], pod, closed: { a: "1", b: "2" } } }),
  );
  expect(made.body["spec"]).toEqual({
    any: [1, { b: 2 }],
    pod: { ...pod, metadata: { name: "p" } },
    closed: { a: "1" },
  });
  const bad = await env.send(
    "POST",
    url(),
    size("bad", { spec: { pod: { ...pod, kind: "", metadata: { name: "a/b" } } } }),
  );
  expect(bad.code).toBe(422);
  expect(bad.body["message"]).toContain("spec.pod.kind");
  expect(bad.body["message"]).toContain("spec.pod.metadata.name");
});

test("the status has an endpoint of its own, and deletecollection takes a selector", async () => {
  const parts = {
    ...spec({ a: text }),
    status: { type: "object", properties: { n: { type: "integer" } } },
  };
  await using env = await open([version("v1", parts, { subresources: { status: {} } })]);
  const made = await env.send("POST", url(), size("o", { spec: { a: "x" }, status: { n: 9 } }));
  expect(made.body).not.toHaveProperty("status");
  const put = await env.send(
    "PATCH",
    `${url("v1", "o")}/status`,
    { status: { n: 1 }, spec: { a: "z" } },
    merge,
  );
  expect(put.body).toMatchObject({
    spec: { a: "x" },
    status: { n: 1 },
    metadata: { generation: 1 },
  });
  await env.send("POST", url(), { ...size("l"), metadata: { name: "l", labels: { drop: "1" } } });
  await env.send("DELETE", `${url()}?labelSelector=drop%3D1`);
  const left = await env.send("GET", url());
  expect(left.body["items"]).toMatchObject([{ metadata: { name: "o" } }]);
});

test("selectable fields select in lists and watches, others are refused", async () => {
  await using env = await open([
    version("v1", spec({ a: text, n: { type: "integer" } }), {
      selectableFields: [{ jsonPath: ".spec.a" }, { jsonPath: ".spec.n" }],
    }),
  ]);
  await env.send("POST", url(), size("x", { spec: { a: "1", n: 7 } }));
  await env.send("POST", url(), size("y", { spec: { a: "2" } }));
  const one = await env.send("GET", `${url()}?fieldSelector=spec.a%3D1,spec.n%3D7`);
  expect(one.body["items"]).toMatchObject([{ metadata: { name: "x" } }]);
  expect((await env.send("GET", `${url()}?fieldSelector=spec.b%3D1`)).code).toBe(400);
  await using watch = await env.stream(
    `${url()}?watch=true&resourceVersion=0&fieldSelector=spec.a%3D1`,
  );
  await watch.take(1);
  await env.send("PATCH", url("v1", "x"), { spec: { a: "3" } }, merge);
  const [gone] = await watch.take(1);
  expect(gone?.type).toBe("DELETED");
});

test("rules: transitions, ratcheting and an optional past", async () => {
  const rules = [
    { rule: "self.n >= oldSelf.n", message: "n must not shrink" },
    {
      rule: "!oldSelf.hasValue() || self.fixed == oldSelf.value().fixed",
      optionalOldSelf: true,
      message: "fixed is fixed",
      fieldPath: ".fixed",
      reason: "FieldValueForbidden",
    },
  ];
  const fields = {
    n: { type: "integer" },
    fixed: { ...text, maxLength: 20 },
    loose: { ...text, maxLength: 20 },
  };
  const rule = (more: readonly object[]): Schema => ({
    spec: { type: "object", properties: fields, "x-kubernetes-validations": [...rules, ...more] },
  });
  await using env = await open([version("v1", rule([]))]);
  await env.send("POST", url(), size("o", { spec: { n: 2, fixed: "a", loose: "bad" } }));
  const shrunk = await env.send("PATCH", url("v1", "o"), { spec: { n: 1 } }, merge);
  expect([shrunk.code, shrunk.body["message"]]).toEqual([
    422,
    expect.stringContaining('spec: Invalid value: "object": n must not shrink'),
  ]);
  const moved = await env.send("PATCH", url("v1", "o"), { spec: { fixed: "b" } }, merge);
  expect(moved.body["message"]).toContain("spec.fixed: Forbidden: fixed is fixed");
  const strict = {
    ...fields,
    loose: {
      ...fields.loose,
      "x-kubernetes-validations": [{ rule: "self != 'bad'", message: "no bad" }],
    },
  };
  await change(env, [
    version("v1", {
      spec: { type: "object", properties: strict, "x-kubernetes-validations": rules },
    }),
  ]);
  expect((await env.send("PATCH", url("v1", "o"), { spec: { n: 3 } }, merge)).code).toBe(200);
  const fresh = await env.send(
    "POST",
    url(),
    size("p", { spec: { n: 1, fixed: "a", loose: "bad" } }),
  );
  expect(fresh.body["message"]).toContain('spec.loose: Invalid value: "bad": no bad');
});
