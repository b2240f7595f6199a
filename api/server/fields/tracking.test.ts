import { describe, expect, test } from "vitest";
import { type Answer, metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const apps = "/apis/lighthouse.dev/v1/namespaces/default/applications";
const pods = "/api/v1/namespaces/default/pods";
const merge = { type: "application/merge-patch+json" };
const jsonPatch = { type: "application/json-patch+json" };
const apply = { type: "application/apply-patch+yaml" };

const application = (name: string, spec: object = {}): object => ({
  apiVersion: "lighthouse.dev/v1",
  kind: "Application",
  metadata: { name },
  spec: {
    replicas: 1,
    template: { spec: { containers: [{ name: "web", image: "web:1" }] } },
    ...spec,
  },
});

/** Who owns what, in short: `manager operation subresource` and the fields. */
function ownersOf({ body }: Answer): Readonly<Record<string, unknown>> {
  const entries = metaOf(body).managedFields ?? [];
  return Object.fromEntries(
    entries.map(({ manager, operation, subresource, fieldsV1 }) => [
      [manager, operation, subresource].join(" ").trim(),
      fieldsV1,
    ]),
  );
}

const patch = (app: TestApp, url: string, manager: string, body: object): Promise<Answer> =>
  app.send("PATCH", `${url}?fieldManager=${manager}`, body, merge);

describe("managedFields", () => {
  test("name the creator, and nothing that only the server sets", async () => {
    await using app = await openTestApp();
    const object = { metadata: { name: "a", labels: { x: "y" } }, data: { color: "red" } };
    const made = await app.send("POST", `${maps}?fieldManager=kubectl-create`, object);
    expect(metaOf(made.body).managedFields).toEqual([
      {
        manager: "kubectl-create",
        operation: "Update",
        apiVersion: "v1",
        time: "2026-01-01T00:00:00Z",
        fieldsType: "FieldsV1",
        fieldsV1: {
          "f:data": { ".": {}, "f:color": {} },
          "f:metadata": { "f:labels": { ".": {}, "f:x": {} } },
        },
      },
    ]);
  });

  test("name the program that wrote, when it gave no name", async () => {
    await using app = await openTestApp();
    const made = await app.app.inject({
      method: "POST",
      url: maps,
      headers: { "user-agent": "deployer\u0007/1.2 (linux)", "content-type": "application/json" },
      payload: { metadata: { name: "a" }, data: { a: "1" } },
    });
    expect(made.json().metadata.managedFields[0].manager).toBe("deployer");
    const anonymous = await app.app.inject({
      method: "POST",
      url: maps,
      headers: { "user-agent": "" },
      payload: { metadata: { name: "b" }, data: { a: "1" } },
    });
    expect(anonymous.json().metadata.managedFields[0].manager).toBe("unknown");
  });

  test("move what changes to who changed it", async () => {
    await using app = await openTestApp();
    await app.send("POST", `${maps}?fieldManager=one`, {
      metadata: { name: "a" },
      data: { color: "red", size: "1" },
    });
    const changed = await patch(app, `${maps}/a`, "two", { data: { color: "blue", shape: "o" } });
    expect(ownersOf(changed)).toEqual({
      "one Update": { "f:data": { ".": {}, "f:size": {} } },
      "two Update": { "f:data": { "f:color": {}, "f:shape": {} } },
    });
    const removed = await patch(app, `${maps}/a`, "three", { data: { shape: null, color: null } });
    expect(ownersOf(removed)).toEqual({ "one Update": { "f:data": { ".": {}, "f:size": {} } } });
  });

  test("keep status apart, and count neither of the two on the other's endpoint", async () => {
    await using app = await openTestApp();
    await app.send("POST", `${apps}?fieldManager=user`, {
      ...application("a"),
      status: { replicas: 9 },
    });
    const status = {
      spec: { replicas: 5 },
      status: { replicas: 2 },
      metadata: { labels: { a: "b" } },
    };
    const written = await patch(app, `${apps}/a/status`, "controller", status);
    expect(ownersOf(written)).toMatchObject({
      "user Update": { "f:spec": { "f:replicas": {} } },
      "controller Update status": { "f:status": { ".": {}, "f:replicas": {} } },
    });
    expect(ownersOf(written)["user Update"]).not.toHaveProperty("f:status");
    expect(ownersOf(written)["controller Update status"]).not.toHaveProperty("f:spec");
  });

  test("of a scale are those of the replicas", async () => {
    await using app = await openTestApp();
    await app.send("POST", `${apps}?fieldManager=user`, application("a"));
    await patch(app, `${apps}/a/scale`, "hpa", { spec: { replicas: 4 } });
    const scaled = await app.send("GET", `${apps}/a`);
    expect(ownersOf(scaled)["hpa Update scale"]).toEqual({ "f:spec": { "f:replicas": {} } });
    expect(ownersOf(scaled)["user Update"]).not.toHaveProperty(["f:spec", "f:replicas"]);
  });

  test("survive a binding, which owns nothing", async () => {
    await using app = await openTestApp();
    const pod = { metadata: { name: "p" }, spec: { containers: [{ name: "a", image: "a:1" }] } };
    const made = await app.send("POST", `${pods}?fieldManager=user`, pod);
    const binding = { target: { kind: "Node", name: "node-1" } };
    await app.send("POST", `${pods}/p/binding?fieldManager=scheduler`, binding);
    expect(ownersOf(await app.send("GET", `${pods}/p`))).toEqual(ownersOf(made));
  });

  test("of items with keys name the keys", async () => {
    await using app = await openTestApp();
    const ports = [{ containerPort: 80 }, { containerPort: 81, protocol: "UDP" }];
    const containers = [{ name: "a", image: "a:1", ports }];
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec: { containers } };
    const made = await app.send("PATCH", `${pods}/p?fieldManager=ci`, pod, apply);
    expect(ownersOf(made)).toEqual({
      "ci Apply": {
        "f:spec": {
          "f:containers": {
            'k:{"name":"a"}': {
              ".": {},
              "f:image": {},
              "f:name": {},
              "f:ports": {
                'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} },
                'k:{"containerPort":81,"protocol":"UDP"}': {
                  ".": {},
                  "f:containerPort": {},
                  "f:protocol": {},
                },
              },
            },
          },
        },
      },
    });
  });
});

describe("who rewrites managedFields", () => {
  const entry = (manager: string, fieldsV1: object, more: object = {}): object => ({
    manager,
    operation: "Apply",
    apiVersion: "v1",
    time: "2026-01-01T00:00:00Z",
    fieldsType: "FieldsV1",
    fieldsV1,
    ...more,
  });
  const made = async (app: TestApp): Promise<Answer> =>
    app.send("POST", `${maps}?fieldManager=one`, {
      metadata: { name: "a" },
      data: { color: "red" },
    });
  const replace = (app: TestApp, value: unknown): Promise<Answer> =>
    app.send(
      "PATCH",
      `${maps}/a?fieldManager=migrator`,
      [{ op: "replace", path: "/metadata/managedFields", value }],
      jsonPatch,
    );

  test("hands fields from one to another", async () => {
    await using app = await openTestApp();
    await made(app);
    const moved = await replace(app, [entry("two", { "f:data": { "f:color": {} } })]);
    expect(ownersOf(moved)).toEqual({ "two Apply": { "f:data": { "f:color": {} } } });
  });

  test.each([
    ["an empty list", []],
    ["an empty entry", [{}]],
  ])("forgets all owners with %s, and the next apply begins anew", async (_name, value) => {
    await using app = await openTestApp();
    await made(app);
    const reset = await replace(app, value);
    expect(metaOf(reset.body)).not.toHaveProperty("managedFields");
    const later = await patch(app, `${maps}/a`, "editor", { data: { note: "x" } });
    expect(metaOf(later.body)).not.toHaveProperty("managedFields");
    const config = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "a" },
      data: { color: "red" },
    };
    const applied = await app.send("PATCH", `${maps}/a?fieldManager=ci`, config, apply);
    expect(ownersOf(applied)).toEqual({
      "ci Apply": { "f:data": { "f:color": {} } },
      "before-first-apply Update": { "f:data": { ".": {}, "f:color": {}, "f:note": {} } },
    });
  });

  test.each([
    ["no operation", { operation: "" }],
    ["an unknown type", { fieldsType: "FieldsV2" }],
    ["no version", { apiVersion: "" }],
    ["fields that are none", { fieldsV1: { color: {} } }],
    ["too long a name", { manager: "m".repeat(129) }],
  ])("changes nothing with %s", async (_name, more) => {
    await using app = await openTestApp();
    const before = await made(app);
    const after = await replace(app, [entry("two", { "f:data": { "f:color": {} } }, more)]);
    expect([after.code, ownersOf(after)]).toEqual([200, ownersOf(before)]);
  });

  test("cannot do so through a subresource", async () => {
    await using app = await openTestApp();
    const before = await app.send("POST", `${apps}?fieldManager=one`, application("a"));
    const metadata = { managedFields: [] };
    const after = await patch(app, `${apps}/a/status`, "two", { metadata });
    expect(ownersOf(after)).toEqual(ownersOf(before));
  });
});

test("more than ten updaters are ancient changes", async () => {
  await using app = await openTestApp();
  await app.send("POST", `${maps}?fieldManager=m00`, {
    metadata: { name: "a" },
    data: { k0: "v" },
  });
  for (let i = 1; i < 13; i++) {
    await app.clock.advance(1_000);
    const manager = `m${String(i).padStart(2, "0")}`;
    await patch(app, `${maps}/a`, manager, { data: { [`k${i}`]: "v" } });
  }
  const owners = ownersOf(await app.send("GET", `${maps}/a`));
  expect(Object.keys(owners)).toHaveLength(10);
  expect(owners["ancient-changes Update"]).toEqual({
    "f:data": { ".": {}, "f:k0": {}, "f:k1": {}, "f:k2": {}, "f:k3": {} },
  });
});

test("a fieldManager must be short and printable", async () => {
  await using app = await openTestApp();
  const object = { metadata: { name: "a" } };
  const long = await app.send("POST", `${maps}?fieldManager=${"m".repeat(129)}`, object);
  expect([long.code, long.body["message"]]).toEqual([
    422,
    'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
  ]);
  const odd = await app.send("POST", `${maps}?fieldManager=a%00b`, object);
  expect([odd.code, String(odd.body["message"])]).toEqual([
    422,
    expect.stringContaining("invalid character U+0000 (at position 1)"),
  ]);
});
