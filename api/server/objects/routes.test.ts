import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";

let server: TestApp;
beforeAll(async () => {
  server = await openTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const maps = "/api/v1/namespaces/default/configmaps";

test.each([
  ["GET", "/api/v1/nosuch", 404],
  ["GET", "/apis/lighthouse.dev/v2/applications", 404],
  ["GET", "/nowhere", 404],
  ["GET", `${maps}/absent`, 404],
  ["GET", `${maps}/a%2Fb`, 404],
  ["GET", `${maps}/${"x".repeat(250)}`, 404],
  ["POST", "/api/v1/configmaps", 405],
  ["POST", `${maps}/x`, 405],
  ["DELETE", "/api/v1/namespaces", 405],
  ["PUT", maps, 405],
  ["GET", `${maps}/x/status`, 404],
  ["GET", "/api/v1/namespaces/default/nodes", 404],
  ["GET", `${maps}?limit=x`, 400],
] as const)("%s %s is refused with %d", async (method, url, code) => {
  const answer = await server.send(method, url);
  expect(answer.body).toMatchObject({ kind: "Status", code });
});

test("a trailing slash and HEAD are fine", async () => {
  expect((await server.send("GET", `${maps}/`)).code).toBe(200);
  const { code, text } = await server.send("HEAD", maps);
  expect([code, text]).toEqual([200, ""]);
});
