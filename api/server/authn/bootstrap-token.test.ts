import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";
import type { User } from "../access.ts";
import { bootstrapAuthenticator, countUse } from "./bootstrap-token.ts";

let server: TestApp;
beforeAll(async () => {
  server = await openTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const secrets = "/api/v1/namespaces/kube-system/secrets";
let serial = 0;

/** Makes the Secret of a token and resolves to its id. */
async function make(
  data: Readonly<Record<string, string>>,
  over: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const id = `tok${String((serial += 1)).padStart(3, "0")}`;
  const stringData = {
    "token-id": id,
    "token-secret": "0123456789abcdef",
    "usage-bootstrap-authentication": "true",
    ...data,
  };
  const type = "bootstrap.kubernetes.io/token";
  const metadata = { name: `bootstrap-token-${id}` };
  const body = { metadata, type, stringData, ...over };
  expect((await server.send("POST", secrets, body)).code).toBe(201);
  return id;
}

type Verdict = { readonly user: User | undefined; readonly told: readonly string[] };

async function show(token: string): Promise<Verdict> {
  const told: string[] = [];
  const authenticator = bootstrapAuthenticator({
    storage: server.scope.storage,
    clock: server.clock,
    onRefused: (id, why) => void told.push(`${id}: ${why}`),
  });
  const headers = { authorization: `Bearer ${token}` };
  return { user: await authenticator.authenticate({ headers }), told };
}

test("a token makes its bearer a user of the bootstrappers, with groups of no other kind", async () => {
  const groups = "system:bootstrappers:edge,system:masters";
  const id = await make({ "auth-extra-groups": groups });
  const { user, told } = await show(`${id}.0123456789abcdef`);
  expect(user).toEqual({
    name: `system:bootstrap:${id}`,
    groups: ["system:bootstrappers", "system:bootstrappers:edge"],
  });
  expect(told).toEqual([]);
});

test.each<[string, Readonly<Record<string, string>>, string]>([
  [
    "an end that has come",
    { expiration: "2025-12-31T23:59:59Z" },
    "it expired at 2025-12-31T23:59:59Z",
  ],
  ["an end that cannot be read", { expiration: "soon" }, "it expired at 1970-01-01T00:00:00Z"],
  ["another usage", { "usage-bootstrap-authentication": "false" }, "it is not for authentication"],
  ["no use left", { uses: "2", used: "2" }, "its 2 uses are used up"],
  ["a count that is none", { uses: "many" }, "its 0 uses are used up"],
])("a token with %s is refused, and the log says why", async (_what, data, why) => {
  const id = await make(data);
  const { user, told } = await show(`${id}.0123456789abcdef`);
  expect(user).toBeUndefined();
  expect(told).toEqual([`${id}: ${why}`]);
});

test("what is wrong or of no token is refused; other bearers are not even looked at", async () => {
  const id = await make({});
  expect((await show(`${id}.fedcba9876543210`)).told).toEqual([`${id}: its secret is wrong`]);
  expect((await show("zzzzzz.0123456789abcdef")).told[0]).toContain("there is none of that id");
  expect(await show("eyJhbGciOi.eyJzdWIi.c2ln")).toEqual({ user: undefined, told: [] });
  expect(await show(`${id}.0123456789ABCDEF`)).toEqual({ user: undefined, told: [] });
});

test("a Secret of another type or name is no token", async () => {
  const opaque = await make({}, { type: "Opaque" });
  const renamed = await make({}, { metadata: { name: "bootstrap-token-zzzzz9" } });
  for (const id of [opaque, renamed, "zzzzz9"]) {
    expect((await show(`${id}.0123456789abcdef`)).user).toBeUndefined();
  }
});

test("countUse() counts a request once, and opens ten minutes more after the last use", async () => {
  const id = await make({ uses: "2" });
  const { storage } = server.scope;
  const use = (uid: string) => countUse(storage, id, { uid, nowMs: server.clock.nowMs() });
  expect([await use("a"), await use("a"), await use("b"), await use("a")]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect(await use("c")).toBe(`token ${id} is used up: it was good for 2`);
  expect((await show(`${id}.0123456789abcdef`)).user).toBeDefined();
  await server.clock.advance(600_001);
  expect((await show(`${id}.0123456789abcdef`)).user).toBeUndefined();
  await server.send("DELETE", `${secrets}/bootstrap-token-${id}`);
  expect(await use("d")).toBe(`token ${id} was deleted`);
});
