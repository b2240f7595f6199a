import { afterEach, beforeEach, expect, test } from "vitest";
import { metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import type { JsonObject } from "../kinds/kind.ts";

let server: TestApp;
beforeEach(async () => {
  server = await openTestApp();
  const containers = [{ name: "web", image: "web:v1" }];
  const spec = { nodeName: "host-1", containers };
  await server.send("POST", pods, { metadata: { name: "web" }, spec });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const pods = "/api/v1/namespaces/default/pods";
const pod = `${pods}/web`;
const eviction = (over: JsonObject = {}): JsonObject => ({
  apiVersion: "policy/v1",
  kind: "Eviction",
  metadata: { name: "web", namespace: "default" },
  ...over,
});
const evict = (body: JsonObject, query = ""): ReturnType<TestApp["send"]> =>
  server.send("POST", `${pod}/eviction${query}`, body);

test("an eviction ends the Pod in its grace period", async () => {
  const { code, body } = await evict(eviction());
  expect([code, body["status"]]).toEqual([201, "Success"]);
  const { body: left } = await server.send("GET", pod);
  expect(metaOf(left)).toMatchObject({ deletionGracePeriodSeconds: 30 });
});

test("its options are those of a deletion", async () => {
  await evict(eviction({ deleteOptions: { gracePeriodSeconds: 5 } }));
  const { body } = await server.send("GET", pod);
  expect(metaOf(body)).toMatchObject({ deletionGracePeriodSeconds: 5 });
  const wrong = { deleteOptions: { preconditions: { uid: "another" } } };
  const { code, body: conflict } = await evict(eviction(wrong));
  expect([code, conflict["reason"]]).toEqual([409, "Conflict"]);
});

test.each([
  ["in its options", { deleteOptions: { dryRun: ["All"] } }, ""],
  ["in the query", {}, "?dryRun=All"],
])("a dry run %s ends nothing", async (_where, over, query) => {
  expect((await evict(eviction(over), query)).code).toBe(201);
  expect(metaOf((await server.send("GET", pod)).body)).not.toHaveProperty("deletionTimestamp");
});

test("a Pod that has ended, or runs nowhere, goes at once", async () => {
  const status = { status: { phase: "Succeeded" } };
  const merge = { type: "application/merge-patch+json" };
  await server.send("PATCH", `${pod}/status`, status, merge);
  expect((await evict(eviction())).code).toBe(201);
  expect((await server.send("GET", pod)).code).toBe(404);
  expect((await evict(eviction())).code).toBe(404);
});

test.each([
  ["another name", { metadata: { name: "other" } }, /^name in URL does not match/],
  ["another namespace", { metadata: { namespace: "other" } }, /^the namespace of the provided/],
  ["another kind", { kind: "Pod" }, /must be of type Eviction/],
])("an eviction of %s is refused", async (_what, over, message) => {
  const { code, body } = await evict(eviction(over));
  expect([code, body["message"]]).toEqual([400, expect.stringMatching(message)]);
});

/** The pod `web` as one of an Application, running on a Node that answers. */
async function makeServing(order = "Running"): Promise<void> {
  const merge = { type: "application/merge-patch+json" };
  const apps = "/apis/lighthouse.dev/v1/namespaces/default/applications";
  const template = { spec: { containers: [{ name: "web", image: "web:v1" }] } };
  const application = { apiVersion: "lighthouse.dev/v1", kind: "Application" };
  const body = { ...application, metadata: { name: "shop" }, spec: { replicas: 1, template } };
  const { uid } = metaOf((await server.send("POST", apps, body)).body);
  await server.send("POST", "/api/v1/nodes", { metadata: { name: "host-1" } });
  const conditions = [{ type: "Ready", status: "True", reason: "AgentReady", message: "" }];
  await server.send("PATCH", "/api/v1/nodes/host-1/status", { status: { conditions } }, merge);
  const owner = { ...application, name: "shop", uid, controller: true };
  const annotations = { "lighthouse.dev/desired-state": order };
  const metadata = { annotations, ownerReferences: [owner] };
  await server.send("PATCH", pod, { metadata }, merge);
  await server.send("PATCH", `${pod}/status`, { status: { phase: "Running" } }, merge);
}

const markOf = async (): Promise<unknown> =>
  metaOf((await server.send("GET", pod)).body).annotations?.["lighthouse.dev/evict"];

test("a Pod that serves an Application is marked, and its evictor asked to come back", async () => {
  await makeServing();
  const { code, body, headers } = await evict(eviction());
  expect([code, body["reason"]]).toEqual([429, "TooManyRequests"]);
  expect(body["message"]).toMatch(/^Cannot evict pod as it would violate the pod's disruption/);
  expect(body["details"]).toMatchObject({ causes: [{ reason: "DisruptionBudget" }] });
  // With it client-go would repeat the request by itself, and kubectl would show nothing.
  expect(headers["retry-after"]).toBeUndefined();
  const first = await markOf();
  expect(first).toBe("2026-01-01T00:00:00Z");
  await server.clock.advance(5_000);
  await evict(eviction());
  expect(await markOf()).toBe(first);
  await server.clock.advance(10_000);
  await evict(eviction());
  expect(await markOf()).toBe("2026-01-01T00:00:15Z");
  expect(metaOf((await server.send("GET", pod)).body)).not.toHaveProperty("deletionTimestamp");
});

test("an eviction with a dry run asks no Application", async () => {
  await makeServing();
  expect((await evict(eviction(), "?dryRun=All")).code).toBe(201);
  expect(await markOf()).toBeUndefined();
});

test.each(["Prepared", "Stopped"])("a Pod told to be %s serves nobody and goes", async (order) => {
  await makeServing(order);
  expect((await evict(eviction())).code).toBe(201);
});

test("a Pod whose host does not answer serves nobody and goes", async () => {
  await makeServing();
  const conditions = [{ type: "Ready", status: "Unknown", reason: "Silent", message: "" }];
  const merge = { type: "application/merge-patch+json" };
  await server.send("PATCH", "/api/v1/nodes/host-1/status", { status: { conditions } }, merge);
  expect((await evict(eviction())).code).toBe(201);
});
