import { afterAll, beforeAll, expect, test } from "vitest";
import { asUser, openTestApp, type TestApp } from "../../test/kit/app.ts";

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
