import { afterAll, beforeAll, expect, test } from "vitest";
import { asUser, openTestApp, type TestApp } from "../../test/kit/app.ts";
import { memoryStore } from "../store/memory.ts";
import { objectIn, textIn } from "./kinds/fill.ts";

let server: TestApp;
beforeAll(async () => {
  server = await openTestApp({ guarded: true });
});
afterAll(() => server[Symbol.asyncDispose]());

const stranger = {};
const known = { headers: asUser("ann") };
const admin = { headers: asUser("root", "system:masters") };

test.each([
  ["GET", "/nothing"],
  ["POST", "/nothing"],
  ["GET", "/api/v1/nothings"],
  ["GET", "/apis/no.such.group/v1/things"],
  ["DELETE", "/"],
] as const)("%s %s tells strangers and users without a right nothing", async (method, url) => {
  const { code, body, headers } = await server.send(method, url, undefined, stranger);
  expect([code, body["reason"], body["kind"]]).toEqual([401, "Unauthorized", "Status"]);
  expect(headers["www-authenticate"]).toBe("Bearer");
  expect((await server.send(method, url, undefined, known)).code).toBe(403);
  expect((await server.send(method, url, undefined, admin)).code).toBe(404);
});

test("a refusal names user, verb, resource, group and namespace", async () => {
  const url = "/apis/lighthouse.dev/v1/namespaces/default/applications/web/scale";
  const { body } = await server.send("PATCH", url, {}, known);
  expect(body).toMatchObject({
    reason: "Forbidden",
    code: 403,
    message:
      'applications.lighthouse.dev "web" is forbidden: User "ann" cannot patch resource "applications/scale" in API group "lighthouse.dev" in the namespace "default"',
    details: { name: "web", group: "lighthouse.dev", kind: "applications" },
  });
});

test("rights that one server gives and takes hold on every server of the store", async () => {
  await using store = memoryStore();
  await using first = await openTestApp({ guarded: true, store });
  await using second = await openTestApp({ guarded: true, store });
  const url = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
  const list = async (): Promise<number> =>
    (await second.send("GET", "/api/v1/namespaces/default/pods", undefined, known)).code;
  expect(await list()).toBe(403);
  const binding = {
    metadata: { name: "ann" },
    roleRef: { kind: "ClusterRole", name: "view" },
    subjects: [{ kind: "User", name: "ann" }],
  };
  await first.send("POST", url, binding, admin);
  await expect.poll(list).toBe(200);
  await first.send("DELETE", `${url}/ann`, undefined, admin);
  await expect.poll(list).toBe(403);
});

test("a server's token is worth nothing on a server that lacks its key", async () => {
  await using store = memoryStore();
  await using first = await openTestApp({ guarded: true, store });
  await using second = await openTestApp({ guarded: true, store });
  const accounts = "/api/v1/namespaces/default/serviceaccounts";
  await first.send("POST", accounts, { metadata: { name: "robot" } }, admin);
  const { body } = await first.send("POST", `${accounts}/robot/token`, {}, admin);
  const token = textIn(objectIn(body, "status"), "token");
  const use = { headers: { authorization: `Bearer ${token}` } };
  const pods = "/api/v1/namespaces/default/pods";
  expect((await first.send("GET", pods, undefined, use)).code).toBe(403);
  expect((await second.send("GET", pods, undefined, use)).code).toBe(401);
});
