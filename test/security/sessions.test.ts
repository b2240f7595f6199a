import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Access } from "../../api/server/pki/kubeconfig.ts";
import { type AttackRig, type Attack, openAttackRig, type Reply } from "./kit/rig.ts";

const users = "/apis/lighthouse.dev/v1/users";
const rbac = "/apis/rbac.authorization.k8s.io/v1";
const whoami = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
const password = "wet-harbour-lamp-42";

let rig: AttackRig;
/** May make and change Users and their passwords, and nothing else. */
let clerk: Access;

beforeAll(async () => {
  rig = await openAttackRig();
  for (const name of ["ann", "bob", "carl", "boss"]) await addUser(name);
  await bind("boss", "cluster-admin");
  await rig.arrange("POST", `${rbac}/clusterroles`, {
    metadata: { name: "clerk" },
    rules: [
      {
        apiGroups: ["lighthouse.dev"],
        resources: ["users", "users/password"],
        verbs: ["get", "list", "create", "update", "patch", "delete"],
      },
    ],
  });
  await bind("clerk", "clerk");
  clerk = await rig.as("clerk");
});
afterAll(() => rig[Symbol.asyncDispose]());
afterEach(() => rig.stillServes());

function userOf(name: string, spec: object = {}): object {
  const email = `${name}@example.com`;
  const type = { apiVersion: "lighthouse.dev/v1", kind: "User", metadata: { name } };
  return { ...type, spec: { email, ...spec } };
}

async function addUser(name: string): Promise<void> {
  await rig.arrange("POST", users, userOf(name));
  await rig.arrange("PUT", `${users}/${name}/password`, { password });
}

async function bind(name: string, role: string): Promise<void> {
  await rig.arrange("POST", `${rbac}/clusterrolebindings`, {
    metadata: { name: `test-${name}` },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
    subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name }],
  });
}

type Tokens = Readonly<Record<"accessToken" | "refreshToken" | "session", string>>;

const tokensOf = ({ text }: Reply): Tokens => JSON.parse(text) as Tokens;
const codeOf = async (reply: Promise<Reply>): Promise<number> => (await reply).status;

function tryLogin(email: string, secret: unknown, more: Attack = {}): Promise<Reply> {
  return rig.send("POST", "/auth/login", { ...more, body: { email, password: secret } });
}

async function logIn(name: string): Promise<Tokens> {
  return tokensOf(await tryLogin(name, password));
}

const refresh = (refreshToken: string): Promise<Reply> =>
  rig.send("POST", "/auth/refresh", { body: { refreshToken } });

const who = (token: string): Promise<Reply> =>
  rig.send("POST", whoami, { headers: { authorization: `Bearer ${token}` }, body: review });

/** What a page of our own sends, and the cookie of a fresh login. */
async function openBrowser(name: string): Promise<Record<string, string>> {
  const origin = rig.server.url;
  const page = { origin, "lighthouse-csrf": "1", "sec-fetch-site": "same-origin" };
  const body = { email: name, password, client: "Browser" };
  const { headers } = await rig.send("POST", "/auth/login", { headers: page, body });
  return { ...page, cookie: headers["set-cookie"]?.[0]?.split(";")[0] ?? "" };
}

test("a cookie that was copied is worth nothing after the logout", async () => {
  const headers = await openBrowser("ann");
  expect(await codeOf(rig.send("GET", "/auth/sessions", { headers }))).toBe(200);
  expect(await codeOf(rig.send("GET", "/auth/logout", { headers }))).not.toBe(200);
  expect(await codeOf(rig.send("POST", "/auth/logout", { headers }))).toBe(200);
  expect(await codeOf(rig.send("GET", "/auth/sessions", { headers }))).toBe(401);
  expect(await codeOf(rig.send("POST", whoami, { headers, body: review }))).toBe(401);
  const { responseStatus } = await rig.audited("the replay", ({ requestURI, responseStatus }) => {
    return requestURI === whoami && responseStatus?.code === 401;
  });
  expect(responseStatus?.code).toBe(401);
});

test("a cookie that was stolen is no bearer token, and a refresh token opens nothing", async () => {
  const { cookie = "" } = await openBrowser("ann");
  expect(await codeOf(who(cookie.split("=")[1] ?? ""))).toBe(401);
  const { refreshToken } = await logIn("ann");
  expect(await codeOf(who(refreshToken))).toBe(401);
  const swapped = refreshToken.replace("lhr_", "lhs_");
  expect(await codeOf(who(swapped))).toBe(401);
});

test.each([
  ["another site's page", { origin: "https://evil.example", "sec-fetch-site": "cross-site" }],
  ["a page of a neighbour", { "sec-fetch-site": "same-site" }],
  ["a page without an origin", { origin: "null" }],
  ["the same host without TLS", { origin: "http://127.0.0.1" }],
  ["another port of the same host", { origin: "https://127.0.0.1:1" }],
  ["a form", { "lighthouse-csrf": undefined, "content-type": "text/plain" }],
  ["a browser that says nothing", { origin: undefined, "sec-fetch-site": undefined }],
])("%s changes nothing by the cookie of its visitor", async (_who, change) => {
  const browser = await openBrowser("boss");
  const all = Object.entries({ ...browser, ...change }).filter(([, value]) => value !== undefined);
  const headers = Object.fromEntries(all) as Record<string, string>;
  const body = { metadata: { name: "forged" } };
  expect(await codeOf(rig.send("POST", "/api/v1/namespaces", { headers, body }))).toBe(403);
  expect(await codeOf(rig.send("DELETE", "/api/v1/namespaces/default", { headers }))).toBe(403);
  await rig.audited("the forgery", ({ requestURI, responseStatus }) => {
    return requestURI === "/api/v1/namespaces/default" && responseStatus?.code === 403;
  });
});

test("another site's page changes nothing by the client certificate of its visitor", async () => {
  const as = rig.server.admin;
  const headers = { origin: "https://evil.example", "content-type": "application/json" };
  const body = { metadata: { name: "forged" } };
  expect(await codeOf(rig.send("POST", "/api/v1/namespaces", { as, headers, body }))).toBe(403);
});

test("another site's page neither logs its visitor in nor out", async () => {
  const headers = { origin: "https://evil.example" };
  expect(await codeOf(tryLogin("ann", password, { headers }))).toBe(403);
  const forged = { ...(await openBrowser("ann")), ...headers };
  expect(await codeOf(rig.send("POST", "/auth/logout", { headers: forged }))).toBe(403);
  const cookieless = { email: "ann", password, client: "Browser" };
  expect(await codeOf(rig.send("POST", "/auth/login", { body: cookieless }))).toBe(403);
});

const handshake = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

test("a WebSocket of another site's page is not opened by a certificate, whatever token it names", async () => {
  const as = rig.server.admin;
  const path = "/api/v1/namespaces?watch=true";
  const foreign = { ...handshake, origin: "https://evil.example" };
  expect(await codeOf(rig.send("GET", path, { as, headers: foreign }))).toBe(403);
  const token = `base64url.bearer.authorization.k8s.io.${Buffer.from("x").toString("base64url")}`;
  const headers = { ...foreign, "sec-websocket-protocol": `${token}, v4.channel.k8s.io` };
  expect(await codeOf(rig.send("GET", path, { as, headers }))).toBe(401);
  const form = { origin: "https://evil.example", authorization: "Basic eDp5" };
  expect(await codeOf(rig.send("POST", "/api/v1/namespaces", { as, headers: form }))).toBe(401);
});

test.each([
  ["of another origin", "https://evil.example"],
  ["without an origin", undefined],
])("a WebSocket %s is not opened by a cookie", async (_what, origin) => {
  const { cookie = "" } = await openBrowser("boss");
  const headers = { cookie, ...handshake, ...(origin === undefined ? {} : { origin }) };
  const path = "/api/v1/namespaces?watch=true";
  expect(await codeOf(rig.send("GET", path, { headers }))).toBe(403);
});

test("the token of a deleted or disabled user ends at once", async () => {
  await addUser("dora");
  const { accessToken, refreshToken } = await logIn("dora");
  const patch = { spec: { disabled: true } };
  const type = { "content-type": "application/merge-patch+json" };
  const off = { as: rig.server.admin, headers: type, body: patch };
  await rig.send("PATCH", `${users}/dora`, off);
  expect(await codeOf(who(accessToken))).toBe(401);
  expect(await codeOf(tryLogin("dora", password))).toBe(401);
  await rig.send("PATCH", `${users}/dora`, { ...off, body: { spec: { disabled: false } } });
  expect(await codeOf(who(accessToken))).toBe(201);
  await rig.arrange("DELETE", `${users}/dora`);
  expect(await codeOf(who(accessToken))).toBe(401);
  expect(await codeOf(refresh(refreshToken))).toBe(401);
});

test("whoever is disabled comes in by no certificate either", async () => {
  await addUser("cora");
  const as = await rig.as("cora");
  const whoami = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  const ask = (): Promise<number> => codeOf(rig.send("POST", whoami, { as, body }));
  expect(await ask()).toBe(201);
  const type = { "content-type": "application/merge-patch+json" };
  const off = { as: rig.server.admin, headers: type, body: { spec: { disabled: true } } };
  await rig.send("PATCH", `${users}/cora`, off);
  expect(await ask()).toBe(401);
});

test("a refresh token that was stolen ends the session of the thief, too", async () => {
  const { refreshToken } = await logIn("ann");
  const [owner, thief] = [await refresh(refreshToken), await refresh(refreshToken)];
  const [own, stolen] = [tokensOf(owner), tokensOf(thief)];
  expect(await codeOf(who(stolen.accessToken))).toBe(201);
  expect(await codeOf(refresh(own.refreshToken))).toBe(401);
  for (const token of [own.accessToken, stolen.accessToken]) {
    expect(await codeOf(who(token))).toBe(401);
  }
  expect(await codeOf(refresh(stolen.refreshToken))).toBe(401);
});

test("whoever guesses is told to wait, and whoever is logged in is not locked out", async () => {
  const { accessToken } = await logIn("carl");
  const codes: number[] = [];
  let waits = "";
  for (let attempt = 0; attempt < 20; attempt++) {
    const { status, headers } = await tryLogin("bob@example.com", `wrong-password-${attempt}`);
    codes.push(status);
    waits = String(headers["retry-after"]);
  }
  expect(codes.filter((code) => code === 401)).toHaveLength(10);
  expect(codes.filter((code) => code === 429)).toHaveLength(10);
  expect(Number(waits)).toBeGreaterThan(0);
  expect(await codeOf(tryLogin("BOB@example.com", password))).toBe(429);
  expect(await codeOf(who(accessToken))).toBe(201);
  expect(await codeOf(tryLogin("carl", password))).toBe(200);
  await rig.audited("the guesses", ({ requestURI, responseStatus }) => {
    return requestURI === "/auth/login" && responseStatus?.code === 429;
  });
});

test("a login takes as long for whom nobody knows", async () => {
  const timesOf = { known: [] as number[], unknown: [] as number[] };
  for (let round = 0; round < 5; round++) {
    for (const [kind, name] of [
      ["known", "boss"],
      ["unknown", `nobody-${round}`],
    ] as const) {
      const start = performance.now();
      expect(await codeOf(tryLogin(name, "wrong-wrong-wrong"))).toBe(401);
      timesOf[kind].push(performance.now() - start);
    }
  }
  const best = (times: readonly number[]): number => Math.min(...times);
  // A lookup alone takes a millisecond, a hash thirty.
  expect(best(timesOf.unknown)).toBeGreaterThan(best(timesOf.known) / 2);
});

const hostile: readonly (readonly [string, string | Uint8Array])[] = [
  ["a field twice", '{"email":"ann","email":"boss","password":"x"}'],
  ["a field of the prototype", '{"__proto__":{"email":"ann"},"password":"x"}'],
  ["a field named constructor", '{"email":"ann","password":"x","constructor":"x"}'],
  ["a password that is a list", '{"email":"ann","password":["x"]}'],
  ["an email that is an object", '{"email":{"$ne":""},"password":"x"}'],
  ["a list", '[{"email":"ann"}]'],
  ["no JSON", "email=ann&password=x"],
  ["nothing", ""],
  ["half a letter", new Uint8Array([0x7b, 0x22, 0xc3])],
  ["brackets without end", "[".repeat(10_000)],
];

test.each(hostile)("a login with %s is a bad request", async (_what, body) => {
  const { status, text } = await rig.send("POST", "/auth/login", { body });
  expect(status).toBe(400);
  expect(text).not.toContain("Unexpected");
});

test.each([
  "%d%s%n%x",
  "<script>alert(1)</script>@example.com",
  "ann\u0000",
  "ann@example.com\r\nset-cookie: a=b",
  "__proto__",
  "constructor",
  "../users/ann",
  "ann' OR '1'='1",
  "*",
  "",
  "ANN\u212A@example.com",
  "a".repeat(10_000),
])("the login %j is nobody's", async (email) => {
  const { status, text } = await tryLogin(email, "wrong-wrong-wrong");
  expect([401, 429]).toContain(status);
  expect(text).not.toContain("script");
});

test("a password of a megabyte is refused unread, one with a null byte is just wrong", async () => {
  expect(await codeOf(tryLogin("ann", "x".repeat(1 << 20)))).toBe(413);
  expect(await codeOf(tryLogin("ann", "x".repeat(10_000)))).toBe(401);
  expect(await codeOf(tryLogin("ann", `${password}\u0000`))).toBe(401);
});

test.each([
  ["make a user under a name that is bound", "POST", users, userOf("root-to-be")],
  ["put a user into a group that is bound", "PUT", `${users}/carl`, { groups: ["wheel"] }],
  ["take over an administrator's email", "PUT", `${users}/boss`, { email: "mine@example.com" }],
  ["set an administrator's password", "PUT", `${users}/boss/password`, { password }],
] as const)("a clerk does not come to more rights: %s", async (_what, method, path, change) => {
  await bindOnce("root-to-be", "User");
  await bindOnce("wheel", "Group");
  let body: object = change;
  if (method === "PUT" && !path.endsWith("/password")) {
    const { text: stored } = await rig.send("GET", path, { as: clerk });
    const now = JSON.parse(stored) as Readonly<Record<string, object>>;
    body = { ...now, spec: { ...now["spec"], ...change } };
  }
  const { status, text } = await rig.send(method, path, { as: clerk, body });
  expect(text).toContain("attempting to grant RBAC permissions not currently held");
  expect(status).toBe(403);
});

async function bindOnce(name: string, kind: string): Promise<void> {
  const path = `${rbac}/clusterrolebindings`;
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "admin" };
  const subjects = [{ kind, apiGroup: roleRef.apiGroup, name }];
  const body = { metadata: { name: `bound-${name}` }, roleRef, subjects };
  await rig.send("POST", path, { as: rig.server.admin, body });
}

test("a clerk makes plain users, and sets their passwords", async () => {
  const body = userOf("emil");
  expect(await codeOf(rig.send("POST", users, { as: clerk, body }))).toBe(201);
  const set = { as: clerk, body: { password } };
  expect(await codeOf(rig.send("PUT", `${users}/emil/password`, set))).toBe(200);
});

test.each(["passwords", "sessionsecrets", "setuplinks", "authorities"])(
  "no definition of a kind lays open the hidden %s",
  async (plural) => {
    const schema = { openAPIV3Schema: { type: "object" } };
    const body = {
      metadata: { name: `${plural}.lighthouse.dev` },
      spec: {
        group: "lighthouse.dev",
        scope: "Cluster",
        names: { plural, kind: "Peek" },
        versions: [{ name: "v1", served: true, storage: true, schema }],
      },
    };
    const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    expect(await codeOf(rig.send("POST", path, { as: rig.server.admin, body }))).toBe(403);
    const read = rig.send("GET", `/apis/lighthouse.dev/v1/${plural}`, { as: rig.server.admin });
    expect(await codeOf(read)).toBe(404);
  },
);

test("no answer and no part of the store holds a password or a token", async () => {
  const tokens = await logIn("carl");
  const secrets = [
    password,
    ...[tokens.accessToken, tokens.refreshToken].map((one) => one.slice(25)),
  ];
  for (const path of [users, `${users}/carl`, "/apis/lighthouse.dev/v1/sessions"]) {
    const { text } = await rig.send("GET", path, { as: rig.server.admin });
    for (const secret of secrets) expect(text).not.toContain(secret);
    expect(text).not.toContain("argon2");
  }
  const { entries } = await rig.store.list({ prefix: "/registry/" });
  const dump = Buffer.concat(entries.map(({ value }) => Buffer.from(value))).toString("latin1");
  for (const secret of secrets) expect(dump).not.toContain(secret);
  expect(await codeOf(rig.send("GET", `${users}/carl/password`, { as: rig.server.admin }))).toBe(
    405,
  );
});

test("the link to the first user works once, and only for whoever has it", async () => {
  await using fresh = await openAttackRig();
  const link = new URL(fresh.server.setupLink ?? "");
  const token = link.hash.slice(1);
  const kept = await stat(join(dirname(fresh.dataDir), "setup-link"));
  expect(kept.mode & 0o777).toBe(0o600);
  const page = await fresh.send("GET", link.pathname);
  expect(page.status).toBe(200);
  expect(page.headers["content-security-policy"]).toMatch(
    /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'$/,
  );
  expect(page.text).not.toMatch(/(src|href)=/);
  expect(page.text).not.toContain(token);
  const first = { name: "ann", email: "ann@example.com", password };
  const setUp = (body: object, headers = {}): Promise<Reply> =>
    fresh.send("POST", "/auth/setup", { body, headers });
  expect(await codeOf(setUp({ ...first, token: "guess" }))).toBe(403);
  expect(await codeOf(setUp({ ...first, token }, { origin: "https://evil.example" }))).toBe(403);
  expect(await codeOf(setUp({ ...first, token, name: "system:admin" }))).toBe(422);
  expect(await codeOf(setUp({ ...first, token, password: "short" }))).toBe(422);
  const codes = await Promise.all(
    ["ann", "eve"].map((name) => codeOf(setUp({ ...first, token, name }))),
  );
  expect(codes.toSorted((left, right) => left - right)).toEqual([201, 410]);
  expect(await codeOf(setUp({ ...first, token, name: "mallory" }))).toBe(410);
  expect(await codeOf(fresh.send("GET", "/auth/setup"))).toBe(410);
  const body = { email: "ann@example.com", password };
  const { accessToken } = tokensOf(await fresh.send("POST", "/auth/login", { body }));
  const headers = { authorization: `Bearer ${accessToken}` };
  expect(await codeOf(fresh.send("GET", "/api/v1/secrets", { headers }))).toBe(200);
  await fresh.stillServes();
});
