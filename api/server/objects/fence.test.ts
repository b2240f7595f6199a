import { afterEach, beforeEach, expect, test } from "vitest";
import { metaOf, type Method, openTestApp, type TestApp } from "../../../test/kit/app.ts";

let server: TestApp;
beforeEach(async () => {
  server = await openTestApp();
  await server.send("POST", leases, { metadata: { name: "leader" }, spec: held("one", 3) });
  await server.send("POST", maps, { metadata: { name: "old" } });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
const maps = "/api/v1/namespaces/default/configmaps";
const held = (holderIdentity: string, leaseTransitions: number) => ({
  holderIdentity,
  leaseTransitions,
});
const fence = (holder: string, transitions: number) => ({
  headers: {
    "lighthouse-fence": `kube-system/leader/${encodeURIComponent(holder)}/${transitions}`,
  },
});
const merge = "application/merge-patch+json";
const lease = (spec: object) => server.send("PATCH", `${leases}/leader`, { spec }, { type: merge });

const writes: readonly [string, Method, string, object][] = [
  ["a create", "POST", maps, { metadata: { name: "new" } }],
  ["a patch", "PATCH", `${maps}/old`, { data: { by: "leader" } }],
  ["a replace", "PUT", `${maps}/old`, { metadata: { name: "old" }, data: { by: "leader" } }],
  ["a delete", "DELETE", `${maps}/old`, {}],
];
const options = (method: Method, headers: Readonly<Record<string, string>>) => ({
  headers,
  type: method === "PATCH" ? merge : "application/json",
});

test.each(writes)("%s by the leader is done, also right after a renewal", async (...write) => {
  const [, method, url, body] = write;
  await lease({ renewTime: "2026-01-01T00:00:01.000000Z" });
  const answer = await server.send(method, url, body, options(method, fence("one", 3).headers));
  expect([200, 201]).toContain(answer.code);
});

test.each(writes)("%s by a former leader is refused and changes nothing", async (...write) => {
  const [, method, url, body] = write;
  await lease(held("two", 4));
  const { headers } = fence("one", 3);
  const answer = await server.send(method, url, body, options(method, headers));
  expect(answer.code).toBe(403);
  expect(answer.body["details"]).toMatchObject({ causes: [{ reason: "LeadershipLost" }] });
  expect(answer.body["message"]).toBe(
    'Cannot write as a leader: lease kube-system/leader is held by "two" in its term 4, ' +
      'not by "one" in its term 3',
  );
  const { body: list } = await server.send("GET", maps);
  expect(JSON.stringify(list)).not.toContain("leader");
  expect((list["items"] as readonly object[]).length).toBe(1);
});

test("a term before another of the same holder is over, and so is one whose Lease is gone", async () => {
  await lease(held("one", 5));
  const body = { metadata: { name: "new" } };
  expect((await server.send("POST", maps, body, fence("one", 3))).code).toBe(403);
  await server.send("DELETE", `${leases}/leader`);
  expect((await server.send("POST", maps, body, fence("one", 5))).code).toBe(403);
});

test("a write that clashes for another reason says that reason", async () => {
  const { headers } = fence("one", 3);
  const again = await server.send("POST", maps, { metadata: { name: "old" } }, { headers });
  expect([again.code, again.body["reason"]]).toEqual([409, "AlreadyExists"]);
  const { body } = await server.send("GET", `${maps}/old`);
  const stale = { ...body, metadata: { ...metaOf(body), resourceVersion: "1" }, data: { a: "b" } };
  const conflict = await server.send("PUT", `${maps}/old`, stale, { headers });
  expect([conflict.code, conflict.body["reason"]]).toEqual([409, "Conflict"]);
});

test.each(["x", "a/b/c/d", "a/b//3", "a/b/%zz/3"])("the fence %s is refused", async (text) => {
  const headers = { "lighthouse-fence": text };
  const { code, body } = await server.send("GET", maps, undefined, { headers });
  expect([code, body["message"]]).toEqual([400, expect.stringContaining("lighthouse-fence")]);
});
