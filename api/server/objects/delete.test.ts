import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import type { JsonObject } from "../kinds/kind.ts";

let server: TestApp;
beforeAll(async () => {
  server = await openTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const maps = "/api/v1/namespaces/default/configmaps";
const pods = "/api/v1/namespaces/default/pods";
const merge = { type: "application/merge-patch+json" };

async function make(name: string, metadata: object = {}): Promise<JsonObject> {
  const { body } = await server.send("POST", maps, { metadata: { name, ...metadata } });
  return body;
}

async function makePod(name: string, spec: object = {}): Promise<void> {
  const containers = [{ name: "a", image: "a:1" }];
  const pod = { metadata: { name }, spec: { nodeName: "node-1", containers, ...spec } };
  expect((await server.send("POST", pods, pod)).code).toBe(201);
}

test("an object without finalizers is gone at once; the answer carries its uid", async () => {
  const made = await make("plain");
  const { code, body } = await server.send("DELETE", `${maps}/plain`);
  expect(code).toBe(200);
  expect(body).toMatchObject({ kind: "Status", status: "Success", details: { name: "plain" } });
  expect((body["details"] as JsonObject)["uid"]).toBe(metaOf(made).uid);
  expect((await server.send("GET", `${maps}/plain`)).code).toBe(404);
  expect((await server.send("DELETE", `${maps}/plain`)).code).toBe(404);
});

test("an object with finalizers stays until the last one is removed", async () => {
  await make("held", { finalizers: ["a.example/x", "b.example/y"] });
  const { body } = await server.send("DELETE", `${maps}/held`);
  expect(metaOf(body)).toMatchObject({
    deletionTimestamp: "2026-01-01T00:00:00Z",
    deletionGracePeriodSeconds: 0,
  });
  const more = { metadata: { finalizers: ["a.example/x", "c.example/z"] } };
  const refused = await server.send("PATCH", `${maps}/held`, more, merge);
  expect([refused.code, refused.body["reason"]]).toEqual([422, "Invalid"]);
  const one = { metadata: { finalizers: ["a.example/x"] } };
  expect((await server.send("PATCH", `${maps}/held`, one, merge)).code).toBe(200);
  const last = await server.send(
    "PATCH",
    `${maps}/held`,
    { metadata: { finalizers: null } },
    merge,
  );
  expect([last.code, metaOf(last.body).name]).toEqual([200, "held"]);
  expect((await server.send("GET", `${maps}/held`)).code).toBe(404);
});

test.each([
  ["Orphan", ["orphan"]],
  ["Foreground", ["foregroundDeletion"]],
])("propagationPolicy %s leaves the matching finalizer for the collector", async (policy, want) => {
  await make(`policy-${policy.toLowerCase()}`);
  const url = `${maps}/policy-${policy.toLowerCase()}`;
  const { body } = await server.send("DELETE", url, { propagationPolicy: policy });
  expect(metaOf(body).finalizers).toEqual(want);
  const background = await server.send("DELETE", url, { propagationPolicy: "Background" });
  expect(background.body["status"]).toBe("Success");
});

test.each([
  ["an unknown policy", { propagationPolicy: "Later" }, 422],
  ["both forms of a policy", { propagationPolicy: "Orphan", orphanDependents: true }, 422],
  ["another uid", { preconditions: { uid: "x" } }, 409],
  ["another resourceVersion", { preconditions: { resourceVersion: "1" } }, 409],
  ["another dry run", { dryRun: ["Some"] }, 422],
  ["a grace period that is no number", { gracePeriodSeconds: "soon" }, 400],
])("refuses %s", async (_what, options, code) => {
  await make("refuses");
  expect((await server.send("DELETE", `${maps}/refuses`, options)).code).toBe(code);
  expect((await server.send("GET", `${maps}/refuses`)).code).toBe(200);
});

test("options come from the query only without a body; a dry run deletes nothing", async () => {
  await make("query");
  expect((await server.send("DELETE", `${maps}/query?dryRun=All`)).code).toBe(200);
  const { body } = await server.send("DELETE", `${maps}/query?propagationPolicy=Orphan`);
  expect(metaOf(body).finalizers).toEqual(["orphan"]);
  const again = await server.send("DELETE", `${maps}/query?propagationPolicy=Orphan`, {});
  expect(metaOf(again.body).finalizers).toEqual(["orphan"]);
});

describe("Pods", () => {
  test("a bound Pod waits for its agent, who ends it with grace 0", async () => {
    await makePod("graceful");
    const { body } = await server.send("DELETE", `${pods}/graceful`);
    expect(metaOf(body)).toMatchObject({
      deletionTimestamp: "2026-01-01T00:00:30Z",
      deletionGracePeriodSeconds: 30,
      generation: 2,
    });
    const longer = await server.send("DELETE", `${pods}/graceful`, { gracePeriodSeconds: 60 });
    expect(metaOf(longer.body).deletionGracePeriodSeconds).toBe(30);
    const shorter = await server.send("DELETE", `${pods}/graceful`, { gracePeriodSeconds: 5 });
    expect(metaOf(shorter.body).deletionTimestamp).toBe("2026-01-01T00:00:05Z");
    const end = await server.send("DELETE", `${pods}/graceful`, { gracePeriodSeconds: 0 });
    expect(end.body["status"]).toBe("Success");
    expect((await server.send("GET", `${pods}/graceful`)).code).toBe(404);
  });

  test("an unbound or finished Pod goes at once", async () => {
    await makePod("unbound", { nodeName: "" });
    expect((await server.send("DELETE", `${pods}/unbound`)).body["status"]).toBe("Success");
    await makePod("finished");
    const status = { status: { phase: "Succeeded" } };
    await server.send("PATCH", `${pods}/finished/status`, status, merge);
    expect((await server.send("DELETE", `${pods}/finished`)).body["status"]).toBe("Success");
  });

  test("a negative grace period means one second", async () => {
    await makePod("negative");
    const { body } = await server.send("DELETE", `${pods}/negative`, { gracePeriodSeconds: -5 });
    expect(metaOf(body).deletionGracePeriodSeconds).toBe(1);
    const left = await server.send(
      "PATCH",
      `${pods}/negative`,
      { metadata: { labels: { a: "b" } } },
      merge,
    );
    expect(left.code).toBe(200);
  });

  test("an eviction deletes with the options it carries", async () => {
    await makePod("evicted");
    const eviction = { kind: "Eviction", apiVersion: "policy/v1", metadata: { name: "evicted" } };
    const options = { deleteOptions: { gracePeriodSeconds: 7 } };
    const answer = await server.send("POST", `${pods}/evicted/eviction`, {
      ...eviction,
      ...options,
    });
    expect([answer.code, answer.body["status"]]).toEqual([201, "Success"]);
    const { body } = await server.send("GET", `${pods}/evicted`);
    expect(metaOf(body).deletionGracePeriodSeconds).toBe(7);
  });
});

test("deletecollection removes what is selected and answers with it", async () => {
  for (const [name, app] of [
    ["c1", "a"],
    ["c2", "a"],
    ["c3", "b"],
  ] as const) {
    await make(name, { labels: { app } });
  }
  const { code, body } = await server.send("DELETE", `${maps}?labelSelector=app%3Da`);
  const names = (body["items"] as readonly JsonObject[]).map((item) => metaOf(item).name);
  expect([code, names]).toEqual([200, ["c1", "c2"]]);
  const left = await server.send("GET", `${maps}?labelSelector=app`);
  expect((left.body["items"] as readonly unknown[]).length).toBe(1);
});

describe("Namespaces", () => {
  test("a deleted one is Terminating until its contents are gone and it is finalized", async () => {
    await server.send("POST", "/api/v1/namespaces", { metadata: { name: "ends" } });
    const { body } = await server.send("DELETE", "/api/v1/namespaces/ends");
    expect(body).toMatchObject({
      status: { phase: "Terminating" },
      spec: { finalizers: ["kubernetes"] },
    });
    const sneaky = await server.send("PATCH", "/api/v1/namespaces/ends", { spec: null }, merge);
    expect(sneaky.body["spec"]).toEqual({ finalizers: ["kubernetes"] });
    const final = { ...sneaky.body, spec: {} };
    const done = await server.send("PUT", "/api/v1/namespaces/ends/finalize", final);
    expect(done.code).toBe(200);
    expect((await server.send("GET", "/api/v1/namespaces/ends")).code).toBe(404);
  });

  test("those that the server needs may not be deleted", async () => {
    const { code, body } = await server.send("DELETE", "/api/v1/namespaces/kube-system");
    expect([code, body["reason"]]).toEqual([403, "Forbidden"]);
  });
});
