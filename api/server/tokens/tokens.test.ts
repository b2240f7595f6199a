import { afterEach, beforeEach, expect, test } from "vitest";
import { type Answer, asUser, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { objectIn, textIn } from "../kinds/fill.ts";
import type { JsonObject } from "../kinds/kind.ts";
import { fillTokenSecrets } from "./fill-secrets.ts";

const admin = { headers: asUser("root", "system:masters") };
const shop = "/api/v1/namespaces/default";
const account = `${shop}/serviceaccounts/robot`;
const whoAmI = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

let server: TestApp;
beforeEach(async () => {
  server = await openTestApp({ guarded: true });
  await server.send("POST", `${shop}/serviceaccounts`, { metadata: { name: "robot" } }, admin);
});
afterEach(() => server[Symbol.asyncDispose]());

const ask = (spec: object = {}): Promise<Answer> =>
  server.send("POST", `${account}/token`, { spec }, admin);

async function token(spec: object = {}): Promise<string> {
  const { code, body } = await ask(spec);
  expect(code).toBe(201);
  return textIn(objectIn(body, "status"), "token");
}

const use = (bearer: string): Promise<Answer> =>
  server.send("POST", whoAmI, {}, { headers: { authorization: `Bearer ${bearer}` } });

const claimsOf = (jwt: string): JsonObject =>
  JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString()) as JsonObject;

async function uidOf(url: string): Promise<string> {
  return textIn(
    objectIn((await server.send("GET", url, undefined, admin)).body, "metadata"),
    "uid",
  );
}

test("a token knows its account, and works for an hour", async () => {
  const { body } = await ask();
  const bearer = textIn(objectIn(body, "status"), "token");
  const uid = await uidOf(account);
  const claims = claimsOf(bearer);
  expect(claims).toMatchObject({
    iss: "https://kubernetes.default.svc",
    sub: "system:serviceaccount:default:robot",
    aud: ["https://kubernetes.default.svc"],
    "kubernetes.io": { namespace: "default", serviceaccount: { name: "robot", uid } },
  });
  const { code, body: me } = await use(bearer);
  expect(code).toBe(201);
  expect(me["status"]).toEqual({
    userInfo: {
      username: "system:serviceaccount:default:robot",
      uid,
      groups: ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
      extra: { "authentication.kubernetes.io/credential-id": [`JTI=${textIn(claims, "jti")}`] },
    },
  });
  await server.clock.advance(3_599_000);
  expect((await use(bearer)).code).toBe(201);
  await server.clock.advance(1_000);
  expect((await use(bearer)).code).toBe(401);
});

test.each([
  [599, "may not specify a duration less than 10 minutes"],
  [2 ** 32 + 1, "may not specify a duration larger than 2^32 seconds"],
])("expirationSeconds of %i is refused", async (expirationSeconds, why) => {
  const { code, body } = await ask({ expirationSeconds });
  expect(code).toBe(422);
  expect(body["message"]).toBe(
    `TokenRequest.authentication.k8s.io "robot" is invalid: spec.expirationSeconds: Invalid value: ${expirationSeconds}: ${why}`,
  );
});

test("a token lives a year at most, and the client is told", async () => {
  const { body, headers } = await ask({ expirationSeconds: 400 * 86_400 });
  expect(objectIn(body, "spec")?.["expirationSeconds"]).toBe(365 * 86_400);
  expect(String(headers["warning"])).toContain(
    "requested expiration of 34560000 seconds shortened to 31536000 seconds",
  );
});

test.each([
  ["a string", { audiences: "x" }],
  ["a fraction", { expirationSeconds: 700.5 }],
  ["a Lease", { boundObjectRef: { kind: "Lease", apiVersion: "v1", name: "x" } }],
  ["another version", { boundObjectRef: { kind: "Pod", apiVersion: "v2", name: "x" } }],
])("a request with %s is refused", async (_what, spec) => {
  expect((await ask(spec)).code).toBe(400);
});

test("nulls of a request stand for what is left open", async () => {
  const open = { audiences: null, expirationSeconds: null, boundObjectRef: null };
  const { exp, iat } = claimsOf(await token(open));
  expect(Number(exp) - Number(iat)).toBe(3_600);
});

test("a token for others does not open this server", async () => {
  const bearer = await token({ audiences: ["vault"] });
  expect((await use(bearer)).code).toBe(401);
  const review = async (audiences?: readonly string[]): Promise<JsonObject | undefined> => {
    const spec = { token: bearer, ...(audiences === undefined ? {} : { audiences }) };
    const url = "/apis/authentication.k8s.io/v1/tokenreviews";
    return objectIn((await server.send("POST", url, { spec }, admin)).body, "status");
  };
  expect(await review(["x", "vault"])).toMatchObject({
    authenticated: true,
    audiences: ["vault"],
    user: { username: "system:serviceaccount:default:robot" },
  });
  expect(await review()).toEqual({
    user: {},
    error:
      '[invalid bearer token, token audiences ["vault"] is invalid for the target audiences ["https://kubernetes.default.svc"]]',
  });
});

test("a token ends with its account, also when another one takes the name", async () => {
  const bearer = await token();
  expect((await use(bearer)).code).toBe(201);
  await server.send("DELETE", account, undefined, admin);
  expect((await use(bearer)).code).toBe(401);
  await server.send("POST", `${shop}/serviceaccounts`, { metadata: { name: "robot" } }, admin);
  expect((await use(bearer)).code).toBe(401);
  expect((await use(await token())).code).toBe(201);
});

test("a token that is bound to a Secret ends with it", async () => {
  await server.send("POST", `${shop}/secrets`, { metadata: { name: "held" } }, admin);
  const ref = { kind: "Secret", apiVersion: "v1", name: "held" };
  const bearer = await token({
    boundObjectRef: { ...ref, uid: await uidOf(`${shop}/secrets/held`) },
  });
  expect((await use(bearer)).code).toBe(201);
  await server.send("DELETE", `${shop}/secrets/held`, undefined, admin);
  expect((await use(bearer)).code).toBe(401);
  expect((await ask({ boundObjectRef: ref })).code).toBe(404);
});

test("a token that is bound to a Pod names it and its Node, and ends with it", async () => {
  await server.send("POST", "/api/v1/nodes", { metadata: { name: "n1" } }, admin);
  const spec = {
    nodeName: "n1",
    serviceAccountName: "robot",
    containers: [{ name: "a", image: "a" }],
  };
  await server.send("POST", `${shop}/pods`, { metadata: { name: "web" }, spec }, admin);
  const uid = await uidOf(`${shop}/pods/web`);
  const ref = { kind: "Pod", apiVersion: "v1", name: "web" };
  const bearer = await token({ boundObjectRef: ref });
  const { body } = await use(bearer);
  expect(objectIn(objectIn(body, "status") ?? {}, "userInfo")?.["extra"]).toMatchObject({
    "authentication.kubernetes.io/pod-name": ["web"],
    "authentication.kubernetes.io/pod-uid": [uid],
    "authentication.kubernetes.io/node-name": ["n1"],
    "authentication.kubernetes.io/node-uid": [await uidOf("/api/v1/nodes/n1")],
  });
  const wrong = await ask({ boundObjectRef: { ...ref, uid: "other" } });
  expect([wrong.code, wrong.body["reason"]]).toEqual([409, "Conflict"]);
  const other = { ...spec, serviceAccountName: "default" };
  await server.send("POST", `${shop}/pods`, { metadata: { name: "db" }, spec: other }, admin);
  expect((await ask({ boundObjectRef: { ...ref, name: "db" } })).code).toBe(400);
  await server.send("DELETE", `${shop}/pods/web?gracePeriodSeconds=0`, undefined, admin);
  expect((await use(bearer)).code).toBe(401);
});

test("a Secret of the token type is filled, and ends with its account", async () => {
  const onError = (err: unknown): never => expect.fail(String(err));
  fillTokenSecrets({ ...server.scope, authority: () => "CA", onError });
  const annotations = { "kubernetes.io/service-account.name": "robot" };
  const url = `${shop}/secrets/held`;
  const object = {
    metadata: { name: "held", annotations },
    type: "kubernetes.io/service-account-token",
    data: { extra: btoa("kept") },
  };
  await server.send("POST", `${shop}/secrets`, object, admin);
  const dataOf = async (): Promise<JsonObject> =>
    objectIn((await server.send("GET", url, undefined, admin)).body, "data") ?? {};
  await expect.poll(async () => Object.keys(await dataOf())).toContain("token");
  const data = await dataOf();
  expect(data).toMatchObject({
    extra: btoa("kept"),
    "ca.crt": btoa("CA"),
    namespace: btoa("default"),
  });
  const bearer = atob(textIn(data, "token"));
  expect(claimsOf(bearer)).not.toHaveProperty("exp");
  expect((await use(bearer)).code).toBe(201);
  await server.send("DELETE", account, undefined, admin);
  await expect.poll(async () => (await server.send("GET", url, undefined, admin)).code).toBe(404);
  expect((await use(bearer)).code).toBe(401);
});

test("a Secret for an account that does not exist goes", async () => {
  const onError = (err: unknown): never => expect.fail(String(err));
  fillTokenSecrets({ ...server.scope, authority: () => "CA", onError });
  const annotations = { "kubernetes.io/service-account.name": "nobody" };
  const type = "kubernetes.io/service-account-token";
  await server.send(
    "POST",
    `${shop}/secrets`,
    { metadata: { name: "x", annotations }, type },
    admin,
  );
  const url = `${shop}/secrets/x`;
  await expect.poll(async () => (await server.send("GET", url, undefined, admin)).code).toBe(404);
});

test("a token with a changed payload, signature or algorithm is worth nothing", async () => {
  const [head = "", , signature = ""] = (await token()).split(".");
  const good = await token();
  const [, body = ""] = good.split(".");
  const none = Buffer.from('{"alg":"none"}').toString("base64url");
  const payload = { ...claimsOf(good), sub: "system:serviceaccount:kube-system:robot" };
  const forged = Buffer.from(JSON.stringify(payload)).toString("base64url");
  for (const bad of [
    `${head}.${forged}.${good.split(".")[2] ?? ""}`,
    `${head}.${body}.${signature}`,
    `${none}.${body}.`,
    `${good}x`,
    "a.b.c",
  ]) {
    const { code, headers } = await use(bad);
    expect([code, headers["www-authenticate"]]).toEqual([401, "Bearer"]);
  }
  expect((await use(good)).code).toBe(201);
});

test("an account has no right that nobody gave it", async () => {
  const headers = { authorization: `Bearer ${await token()}` };
  const { code, body } = await server.send("GET", `${shop}/pods`, undefined, { headers });
  expect([code, body["message"]]).toEqual([
    403,
    'pods is forbidden: User "system:serviceaccount:default:robot" cannot list resource "pods" in API group "" in the namespace "default"',
  ]);
});
