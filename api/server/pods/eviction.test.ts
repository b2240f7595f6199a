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
