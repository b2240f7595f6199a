import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";

let server: TestApp;
beforeAll(async () => {
  server = await openTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const maps = "/api/v1/namespaces/default/configmaps";
const apps = "/apis/lighthouse.dev/v1/namespaces/default/applications";
const merge = { type: "application/merge-patch+json" };
const jsonPatch = { type: "application/json-patch+json" };

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
const text = (body: Readonly<Record<string, unknown>>): string => String(body["message"]);

describe("a creation", () => {
  test("must not name a version, and gets identity, time and generation from the server", async () => {
    const versioned = { metadata: { name: "versioned", resourceVersion: "1" } };
    const refused = await server.send("POST", maps, versioned);
    expect([refused.code, text(refused.body)]).toEqual([
      400,
      "resourceVersion should not be set on objects to be created",
    ]);
    const own = { uid: "mine", generation: 9, creationTimestamp: "2020-01-01T00:00:00Z" };
    const object = { ...application("stamped"), metadata: { name: "stamped", ...own } };
    const { code, body } = await server.send("POST", apps, object);
    expect(code).toBe(201);
    expect(metaOf(body)).toMatchObject({
      generation: 1,
      creationTimestamp: "2026-01-01T00:00:00Z",
    });
    expect(metaOf(body).uid).not.toBe("mine");
  });

  test("with a generated name has 58 characters of the base and five letters without vowels", async () => {
    const { body } = await server.send("POST", maps, {
      metadata: { generateName: "a".repeat(70) },
    });
    expect(metaOf(body).name).toMatch(/^a{58}[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  test("drops owner references that are there twice, and warns", async () => {
    const owner = { apiVersion: "v1", kind: "ConfigMap", name: "o", uid: "u-1" };
    const metadata = { name: "owned", ownerReferences: [owner, { ...owner, uid: "u-2" }, owner] };
    const { body, headers } = await server.send("POST", maps, { metadata });
    expect(metaOf(body).ownerReferences?.map(({ uid }) => uid)).toEqual(["u-1", "u-2"]);
    expect(String(headers["warning"])).toContain(
      ".metadata.ownerReferences contains duplicate entries",
    );
    const again = { metadata: { ownerReferences: [owner, owner] } };
    const patched = await server.send("PATCH", `${maps}/owned`, again, merge);
    expect(metaOf(patched.body).ownerReferences).toHaveLength(1);
  });

  test("in a dry run has all but a version, and takes no name", async () => {
    const url = `${maps}?dryRun=All`;
    const { code, body } = await server.send("POST", url, { metadata: { name: "dry" } });
    expect([code, metaOf(body).uid?.length, metaOf(body).resourceVersion]).toEqual([
      201,
      36,
      undefined,
    ]);
    expect((await server.send("GET", `${maps}/dry`)).code).toBe(404);
    const other = await server.send("POST", `${maps}?dryRun=Yes`, { metadata: { name: "dry" } });
    expect(other.code).toBe(400);
  });
});

describe("an update", () => {
  test("of a custom object must name a version; of a built-in one it need not", async () => {
    await server.send("POST", apps, application("put"));
    const refused = await server.send("PUT", `${apps}/put`, application("put", { replicas: 2 }));
    expect([refused.code, text(refused.body)]).toEqual([
      422,
      'Application.lighthouse.dev "put" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
    ]);
    await server.send("POST", maps, { metadata: { name: "put" } });
    const free = await server.send("PUT", `${maps}/put`, {
      metadata: { name: "put" },
      data: { a: "1" },
    });
    expect([free.code, free.body["data"]]).toEqual([200, { a: "1" }]);
    const absent = await server.send("PUT", `${maps}/absent`, { metadata: { name: "absent" } });
    expect(absent.code).toBe(404);
  });

  test("of another incarnation or of an old version conflicts", async () => {
    await server.send("POST", maps, { metadata: { name: "moved" } });
    const uid = { metadata: { name: "moved", uid: "other" } };
    expect((await server.send("PUT", `${maps}/moved`, uid)).code).toBe(409);
    const stale = { metadata: { name: "moved", resourceVersion: "1" } };
    const conflict = await server.send("PUT", `${maps}/moved`, stale);
    expect([conflict.code, text(conflict.body)]).toEqual([
      409,
      expect.stringContaining("the object has been modified"),
    ]);
    const pinned = { metadata: { resourceVersion: "1" }, data: { a: "1" } };
    expect((await server.send("PATCH", `${maps}/moved`, pinned, merge)).code).toBe(409);
    const renamed = await server.send(
      "PATCH",
      `${maps}/moved`,
      { metadata: { uid: "other" } },
      merge,
    );
    expect([renamed.code, text(renamed.body)]).toEqual([
      422,
      'ConfigMap "moved" is invalid: metadata.uid: Invalid value: "other": field is immutable',
    ]);
  });

  test("keeps what only the server may set, also when a patch removes it", async () => {
    const { body: made } = await server.send("POST", maps, { metadata: { name: "kept" } });
    const remove = ["uid", "creationTimestamp"].map((field) => ({
      op: "remove",
      path: `/metadata/${field}`,
    }));
    const { code, body } = await server.send("PATCH", `${maps}/kept`, remove, jsonPatch);
    expect([code, metaOf(body).uid, metaOf(body).creationTimestamp]).toEqual([
      200,
      metaOf(made).uid,
      metaOf(made).creationTimestamp,
    ]);
    expect(metaOf(body).resourceVersion).toBe(metaOf(made).resourceVersion);
  });

  test("that changes nothing keeps version, generation and the times of its owners", async () => {
    const { body: made } = await server.send("POST", apps, application("same"));
    await server.clock.advance(60_000);
    const put = await server.send("PUT", `${apps}/same`, made);
    expect(put.body).toEqual(made);
    const patch = await server.send("PATCH", `${apps}/same`, { metadata: { labels: {} } }, merge);
    expect(metaOf(patch.body).generation).toBe(1);
  });

  test("cannot add a finalizer once the object is going", async () => {
    await server.send("POST", maps, { metadata: { name: "going", finalizers: ["a.example/x"] } });
    await server.send("DELETE", `${maps}/going`);
    const more = { metadata: { finalizers: ["a.example/x", "b.example/y"] } };
    const refused = await server.send("PATCH", `${maps}/going`, more, merge);
    expect([refused.code, text(refused.body)]).toEqual([
      422,
      expect.stringContaining('found new finalizers []string{"b.example/y"}'),
    ]);
  });

  test("of the status leaves spec and generation; of the spec leaves the status", async () => {
    await server.send("POST", apps, application("isolated"));
    const both = { spec: { replicas: 7 }, status: { replicas: 3 } };
    const status = await server.send("PATCH", `${apps}/isolated/status`, both, merge);
    expect([status.body["status"], metaOf(status.body).generation]).toEqual([{ replicas: 3 }, 1]);
    expect(status.body["spec"]).not.toMatchObject({ replicas: 7 });
    const spec = await server.send("PATCH", `${apps}/isolated`, { ...both, status: {} }, merge);
    expect([spec.body["status"], metaOf(spec.body).generation]).toEqual([{ replicas: 3 }, 2]);
    const labels = { metadata: { labels: { a: "b" } } };
    const labelled = await server.send("PATCH", `${apps}/isolated`, labels, merge);
    expect(metaOf(labelled.body).generation).toBe(2);
  });

  test("in a dry run shows the next generation and stores nothing", async () => {
    const { body: made } = await server.send("POST", apps, application("planned"));
    const url = `${apps}/planned?dryRun=All`;
    const dry = await server.send("PATCH", url, { spec: { replicas: 5 } }, merge);
    expect(metaOf(dry.body)).toMatchObject({ generation: 2 });
    expect((await server.send("GET", `${apps}/planned`)).body).toEqual(made);
  });
});

describe("field validation of a patch", () => {
  const url = `${apps}/checked`;
  beforeAll(() => server.send("POST", apps, application("checked")));

  test.each([
    ["merge", merge, '{"spec":{"replicsa":3,"paused":true,"paused":false}}'],
    ["JSON", jsonPatch, '[{"op":"add","path":"/spec/replicsa","value":3}]'],
  ])("refuses, warns of or passes over unknown fields (%s)", async (_name, type, patch) => {
    const strict = await server.send("PATCH", `${url}?fieldValidation=Strict`, patch, type);
    expect([strict.code, text(strict.body)]).toEqual([
      400,
      expect.stringContaining('strict decoding error: unknown field "spec.replicsa"'),
    ]);
    const warned = await server.send("PATCH", url, patch, type);
    expect([warned.code, String(warned.headers["warning"])]).toEqual([
      200,
      expect.stringContaining('unknown field \\"spec.replicsa\\"'),
    ]);
    const ignored = await server.send("PATCH", `${url}?fieldValidation=Ignore`, patch, type);
    expect([ignored.code, ignored.headers["warning"]]).toEqual([200, undefined]);
  });

  test("a JSON patch has at most ten thousand operations", async () => {
    const many = Array.from({ length: 10_001 }, () => ({ op: "test", path: "/kind", value: "" }));
    const { code, body } = await server.send("PATCH", url, many, jsonPatch);
    expect([code, body["reason"]]).toEqual([413, "RequestEntityTooLarge"]);
  });
});

describe("the options of a deletion", () => {
  test.each([
    [{ propagationPolicy: "Orphan", orphanDependents: true }, "propagationPolicy: Invalid value"],
    [{ propagationPolicy: "Sideways" }, "propagationPolicy: Unsupported value"],
    [{ dryRun: ["Some"] }, "dryRun: Unsupported value"],
  ])("%j are refused", async (options, want) => {
    const { code, body } = await server.send("DELETE", `${maps}/any`, options);
    expect([code, text(body)]).toEqual([422, expect.stringContaining(want)]);
  });

  test.each([
    [true, ["orphan"]],
    [false, undefined],
  ])("orphanDependents %s is the old name of a policy", async (orphanDependents, finalizers) => {
    const name = `legacy-${orphanDependents}`;
    await server.send("POST", maps, { metadata: { name } });
    const { body } = await server.send("DELETE", `${maps}/${name}`, { orphanDependents });
    expect(metaOf(body).finalizers).toEqual(finalizers);
  });

  test("a collection goes by selector, and shows what went", async () => {
    for (const name of ["one", "two", "three"]) {
      const labels = { set: name === "three" ? "b" : "a" };
      await server.send("POST", maps, { metadata: { name: `many-${name}`, labels } });
    }
    const { code, body } = await server.send("DELETE", `${maps}?labelSelector=set%3Da`);
    expect([code, body["kind"], (body["items"] as unknown[]).length]).toEqual([
      200,
      "ConfigMapList",
      2,
    ]);
    expect((await server.send("GET", `${maps}/many-three`)).code).toBe(200);
    expect((await server.send("DELETE", "/api/v1/namespaces")).code).toBe(405);
  });
});
