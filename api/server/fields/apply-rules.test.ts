import { describe, expect, test } from "vitest";
import { type Answer, asUser, metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const apps = "/apis/lighthouse.dev/v1/namespaces/default/applications";
const apply = { type: "application/apply-patch+yaml" };
const merge = { type: "application/merge-patch+json" };

const configMap = (data: object, metadata: object = {}): object => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "web", ...metadata },
  data,
});
const application = (spec: object, more: object = {}): object => ({
  apiVersion: "lighthouse.dev/v1",
  kind: "Application",
  metadata: { name: "web" },
  spec: {
    replicas: 1,
    template: { spec: { containers: [{ name: "web", image: "web:1" }] } },
    ...spec,
  },
  ...more,
});
const applyTo = (app: TestApp, url: string, manager: string, object: unknown): Promise<Answer> => {
  const mark = url.includes("?") ? "&" : "?";
  return app.send("PATCH", `${url}${mark}fieldManager=${manager}`, object, apply);
};
const outcome = ({ code, body }: Answer): readonly unknown[] => [code, body["message"]];
const managers = ({ body }: Answer): readonly string[] =>
  (metaOf(body).managedFields ?? []).map(({ manager = "", operation = "", subresource = "" }) =>
    [manager, operation, subresource].join(" ").trim(),
  );

describe("the request", () => {
  test("must name a manager; only an apply can be forced", async () => {
    await using app = await openTestApp();
    const nameless = await app.send("PATCH", `${maps}/web`, configMap({}), apply);
    expect(outcome(nameless)).toEqual([
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    ]);
    await applyTo(app, `${maps}/web`, "ci", configMap({}));
    const forced = await app.send("PATCH", `${maps}/web?force=true`, { data: {} }, merge);
    expect(outcome(forced)).toEqual([
      422,
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    ]);
  });

  test.each([
    ["another kind", { ...configMap({}), kind: "Secret" }, "invalid object type: /v1, Kind=Secret"],
    [
      "another version",
      { ...configMap({}), apiVersion: "apps/v1" },
      "invalid object type: apps/v1, Kind=ConfigMap",
    ],
    ["no type", { metadata: {} }, "invalid object type: /, Kind="],
    ["owners", configMap({}, { managedFields: [] }), "metadata.managedFields must be nil"],
    [
      "another name",
      configMap({}, { name: "other" }),
      "the name of the object (other) does not match the name on the URL (web)",
    ],
    [
      "another namespace",
      configMap({}, { namespace: "other" }),
      "the namespace of the provided object does not match the namespace sent on the request",
    ],
    ["a list", [1], "error decoding patch: the body must be an object"],
    [
      "an unknown field",
      { ...configMap({}), dta: {} },
      "failed to create typed patch object (default/web; /v1, Kind=ConfigMap): .dta: field not declared in schema",
    ],
    [
      "a wrong type",
      configMap({ a: 1 }),
      "failed to create typed patch object (default/web; /v1, Kind=ConfigMap): .data.a: expected string, got 1",
    ],
    [
      "an item that is there twice",
      configMap({}, { finalizers: ["a.b/c", "a.b/c"] }),
      'failed to create typed patch object (default/web; /v1, Kind=ConfigMap): .metadata.finalizers: duplicate entries for key [="a.b/c"]',
    ],
  ])("with %s is a bad request", async (_name, body, message) => {
    await using app = await openTestApp();
    expect(outcome(await applyTo(app, `${maps}/web`, "ci", body))).toEqual([400, message]);
  });

  test("may be YAML, in which nothing should be there twice", async () => {
    await using app = await openTestApp();
    const yaml =
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata:\n  a: '1'\n  a: '2'\n";
    const strict = await applyTo(app, `${maps}/web?fieldValidation=Strict`, "ci", yaml);
    expect([strict.code, String(strict.body["message"])]).toEqual([
      400,
      expect.stringContaining('duplicate field "data.a"'),
    ]);
    const warned = await applyTo(app, `${maps}/web`, "ci", yaml);
    expect([warned.code, String(warned.headers["warning"])]).toEqual([
      201,
      expect.stringContaining("duplicate field"),
    ]);
    const again = await applyTo(app, `${maps}/web`, "ci", yaml);
    expect([again.code, again.headers["warning"]]).toEqual([200, warned.headers["warning"]]);
    expect(again.body).toEqual(warned.body);
  });

  test("that is a dry run tells the outcome and stores nothing", async () => {
    await using app = await openTestApp();
    const dry = await applyTo(app, `${maps}/web?dryRun=All`, "ci", configMap({ a: "1" }));
    expect([dry.code, dry.body["data"]]).toEqual([201, { a: "1" }]);
    expect((await app.send("GET", `${maps}/web`)).code).toBe(404);
    const made = await applyTo(app, `${apps}/web`, "ci", application({}));
    const next = await applyTo(app, `${apps}/web?dryRun=All`, "ci", application({ replicas: 3 }));
    expect(metaOf(next.body)).toMatchObject({ generation: 2 });
    expect((await app.send("GET", `${apps}/web`)).body).toEqual(made.body);
  });

  test("that creates needs leave to create", async () => {
    await using app = await openTestApp({ guarded: true });
    const admin = { headers: asUser("root", "system:masters") };
    const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "patch"] }];
    const roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    await app.send("POST", `${roles}/roles`, { metadata: { name: "patcher" }, rules }, admin);
    const subjects = [{ kind: "User", name: "ann", apiGroup: "rbac.authorization.k8s.io" }];
    const roleRef = { kind: "Role", name: "patcher", apiGroup: "rbac.authorization.k8s.io" };
    await app.send(
      "POST",
      `${roles}/rolebindings`,
      { metadata: { name: "ann" }, subjects, roleRef },
      admin,
    );
    const asAnn = (): Promise<Answer> =>
      app.send("PATCH", `${maps}/web?fieldManager=ci`, configMap({ a: "1" }), {
        ...apply,
        headers: asUser("ann"),
      });
    expect(outcome(await asAnn())).toEqual([
      403,
      'configmaps "web" is forbidden: User "ann" cannot create resource "configmaps" in API group "" in the namespace "default"',
    ]);
    await app.send("POST", maps, { metadata: { name: "web" } }, admin);
    expect((await asAnn()).code).toBe(200);
  });

  test("cannot create what it believes to be there", async () => {
    await using app = await openTestApp();
    const known = configMap({}, { uid: "u-1" });
    expect(outcome(await applyTo(app, `${maps}/web`, "ci", known))).toEqual([
      409,
      expect.stringContaining(
        "uid mismatch: the provided object specified uid u-1, and no existing object was found",
      ),
    ]);
    const status = await applyTo(app, `${apps}/web/status`, "ci", application({}));
    expect(status.code).toBe(404);
  });

  test("may insist on a version of the object", async () => {
    await using app = await openTestApp();
    const made = await applyTo(app, `${maps}/web`, "ci", configMap({ a: "1" }));
    const { resourceVersion } = metaOf(made.body);
    const right = await applyTo(
      app,
      `${maps}/web`,
      "ci",
      configMap({ a: "2" }, { resourceVersion }),
    );
    expect(right.code).toBe(200);
    const stale = await applyTo(
      app,
      `${maps}/web`,
      "ci",
      configMap({ a: "3" }, { resourceVersion }),
    );
    expect([stale.code, stale.body["reason"]]).toEqual([409, "Conflict"]);
  });

  test("with fields that plain Docker cannot honour is refused for each of them", async () => {
    await using app = await openTestApp();
    const spec = { containers: [{ name: "web", image: "web:1" }], runtimeClassName: "fast" };
    const { code, body } = await applyTo(
      app,
      `${apps}/web`,
      "ci",
      application({ template: { spec } }),
    );
    expect([code, JSON.stringify(body["details"])]).toEqual([
      422,
      expect.stringContaining("spec.template.spec.runtimeClassName"),
    ]);
  });
});

describe("ownership", () => {
  test("is shared by those who say the same, and each may leave", async () => {
    await using app = await openTestApp();
    await applyTo(app, `${maps}/web`, "one", configMap({ a: "1", b: "1" }));
    const shared = await applyTo(app, `${maps}/web`, "two", configMap({ a: "1" }));
    expect(managers(shared)).toEqual(["one Apply", "two Apply"]);
    const left = await applyTo(app, `${maps}/web`, "one", configMap({}));
    expect([left.body["data"], managers(left)]).toEqual([{ a: "1" }, ["one Apply", "two Apply"]]);
    const gone = await applyTo(app, `${maps}/web`, "two", configMap({}));
    expect(gone.body["data"] ?? {}).toEqual({});
  });

  test("conflicts are listed by owner", async () => {
    await using app = await openTestApp();
    await applyTo(app, `${maps}/web`, "one", configMap({ a: "1", b: "1" }));
    await app.send("PATCH", `${maps}/web?fieldManager=two`, { data: { c: "1" } }, merge);
    const refused = await applyTo(app, `${maps}/web`, "me", configMap({ a: "2", b: "2", c: "2" }));
    expect(outcome(refused)).toEqual([
      409,
      'Apply failed with 3 conflicts: conflicts with "one":\n- .data.a\n- .data.b\nconflicts with "two" using v1:\n- .data.c',
    ]);
    expect(refused.body["details"]).toMatchObject({
      causes: [{ field: ".data.a" }, { field: ".data.b" }, { field: ".data.c" }],
    });
  });

  test("of the status is had on its own endpoint", async () => {
    await using app = await openTestApp();
    const both = application({}, { status: { replicas: 3 } });
    const main = await applyTo(app, `${apps}/web`, "ci", both);
    expect(main.body["status"] ?? {}).not.toMatchObject({ replicas: 3 });
    const status = { ...application({ replicas: 9 }), status: { replicas: 3 } };
    const { body } = await applyTo(app, `${apps}/web/status`, "controller", status);
    expect([body["status"], body["spec"]]).toEqual([{ replicas: 3 }, main.body["spec"]]);
    expect(metaOf(body).managedFields?.at(-1)).toMatchObject({
      manager: "controller",
      subresource: "status",
      fieldsV1: { "f:status": { "f:replicas": {} } },
    });
    const same = await applyTo(app, `${apps}/web/status`, "controller", status);
    expect(metaOf(same.body).resourceVersion).toBe(metaOf(body).resourceVersion);
  });

  test("of the replicas can be applied through the scale", async () => {
    await using app = await openTestApp();
    await applyTo(app, `${apps}/web`, "ci", application({}));
    const scale = (replicas: number): object => ({
      apiVersion: "autoscaling/v1",
      kind: "Scale",
      metadata: { name: "web" },
      spec: { replicas },
    });
    expect(outcome(await applyTo(app, `${apps}/web/scale`, "hpa", scale(5)))).toEqual([
      409,
      'Apply failed with 1 conflict: conflict with "ci": .spec.replicas',
    ]);
    const forced = await applyTo(app, `${apps}/web/scale?force=true`, "hpa", scale(5));
    expect(forced.body["spec"]).toEqual({ replicas: 5 });
    const whole = await app.send("GET", `${apps}/web`);
    expect([managers(whole), metaOf(whole.body).generation]).toEqual([
      ["ci Apply", "hpa Apply scale"],
      2,
    ]);
  });

  test("of ephemeral containers is had on their own endpoint", async () => {
    await using app = await openTestApp();
    const url = "/api/v1/namespaces/default/pods";
    const containers = [{ name: "web", image: "web:1" }];
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "web" } };
    await applyTo(app, `${url}/web`, "ci", { ...pod, spec: { containers } });
    const ephemeralContainers = [{ name: "debug", image: "tools:1" }];
    const spec = { containers: [{ name: "web", image: "web:2" }], ephemeralContainers };
    const { code, body } = await applyTo(app, `${url}/web/ephemeralcontainers`, "me", {
      ...pod,
      spec,
    });
    expect(code).toBe(200);
    expect(body["spec"]).toMatchObject({ containers, ephemeralContainers });
    expect(metaOf(body).managedFields?.at(-1)).toMatchObject({
      manager: "me",
      subresource: "ephemeralcontainers",
      fieldsV1: {
        "f:spec": { "f:ephemeralContainers": { 'k:{"name":"debug"}': { "f:image": {} } } },
      },
    });
  });

  test("begins with the first apply, where nobody was known before", async () => {
    await using app = await openTestApp();
    await app.send("POST", maps, configMap({ a: "1" }));
    const reset = [{ op: "replace", path: "/metadata/managedFields", value: [] }];
    await app.send("PATCH", `${maps}/web`, reset, { type: "application/json-patch+json" });
    const refused = await applyTo(app, `${maps}/web`, "ci", configMap({ a: "2" }));
    expect(outcome(refused)).toEqual([
      409,
      'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a',
    ]);
  });

  test("of what kubectl applied itself before is no conflict for kubectl", async () => {
    await using app = await openTestApp();
    const key = "kubectl.kubernetes.io/last-applied-configuration";
    const last = JSON.stringify(configMap({ a: "1", b: "1" }));
    const old = configMap({ a: "1", b: "1" }, { annotations: { [key]: `${last}\n` } });
    await app.send("POST", `${maps}?fieldManager=kubectl-client-side-apply`, old);
    const other = await applyTo(app, `${maps}/web`, "ci", configMap({ a: "2" }));
    expect(other.code).toBe(409);
    const taken = await applyTo(app, `${maps}/web`, "kubectl", configMap({ a: "2" }));
    expect([taken.code, taken.body["data"]]).toEqual([200, { a: "2", b: "1" }]);
    expect(metaOf(taken.body).annotations?.[key]).toBe(
      '{"apiVersion":"v1","data":{"a":"2"},"kind":"ConfigMap","metadata":{"name":"web"}}\n',
    );
    await app.send("PATCH", `${maps}/web?fieldManager=ops`, { data: { a: "3" } }, merge);
    const lost = await applyTo(app, `${maps}/web`, "kubectl", configMap({ a: "4" }));
    expect(lost.code).toBe(409);
  });

  test("outlives the change of a custom kind's version", async () => {
    await using app = await openTestApp();
    const version = (name: string, storage: boolean): object => ({
      name,
      served: true,
      storage,
      schema: {
        openAPIV3Schema: {
          type: "object",
          properties: {
            spec: {
              type: "object",
              properties: {
                size: { type: "integer" },
                parts: {
                  type: "array",
                  "x-kubernetes-list-type": "map",
                  "x-kubernetes-list-map-keys": ["name"],
                  items: {
                    type: "object",
                    required: ["name"],
                    properties: { name: { type: "string" }, count: { type: "integer" } },
                  },
                },
              },
            },
          },
        },
      },
    });
    const names = { plural: "gadgets", singular: "gadget", kind: "Gadget", listKind: "GadgetList" };
    const versions = [version("v1", true), version("v2", false)];
    const spec = { group: "test.example", scope: "Namespaced", names, versions };
    const crd = { metadata: { name: "gadgets.test.example" }, spec };
    const created = await app.send(
      "POST",
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
      { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", ...crd },
    );
    expect(created.code).toBe(201);
    const gadget = (apiVersion: string, parts: object): object => ({
      apiVersion: `test.example/${apiVersion}`,
      kind: "Gadget",
      metadata: { name: "web" },
      spec: { parts },
    });
    const url = (apiVersion: string): string =>
      `/apis/test.example/${apiVersion}/namespaces/default/gadgets/web`;
    const first = [{ name: "a", count: 1 }, { name: "b" }];
    expect((await applyTo(app, url("v1"), "ci", gadget("v1", first))).code).toBe(201);
    const refused = await applyTo(app, url("v2"), "ops", gadget("v2", [{ name: "a", count: 2 }]));
    expect(outcome(refused)).toEqual([
      409,
      'Apply failed with 1 conflict: conflict with "ci": .spec.parts[name="a"].count',
    ]);
    const moved = await applyTo(app, url("v2"), "ci", gadget("v2", [{ name: "a", count: 3 }]));
    expect(moved.body["spec"]).toEqual({ parts: [{ name: "a", count: 3 }] });
    expect(metaOf(moved.body).managedFields).toMatchObject([
      { manager: "ci", apiVersion: "test.example/v2" },
    ]);
  });
});
