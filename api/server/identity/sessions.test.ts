import { expect, test } from "vitest";
import { asUser, openTestApp } from "../../../test/kit/app.ts";
import { manualClock, settle } from "../../../test/kit/clock.ts";
import { eventually } from "../../../test/kit/eventually.ts";
import { memoryStore } from "../../store/memory.ts";
import { openWatchCache } from "../../store/watch-cache.ts";
import { newSecret, newSessionName } from "./session-token.ts";
import { openSessions } from "./sessions.ts";
import { keyOf, prefixOf } from "./collections.ts";
import {
  addPerson,
  asMaster,
  bearing,
  browsing,
  goodPassword,
  logIn,
  setPassword,
  userOf,
  usersPath,
} from "../../../test/kit/people.ts";

const whoami = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const sessionsPath = "/apis/lighthouse.dev/v1/sessions";
const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
const merge = { type: "application/merge-patch+json", ...asMaster };

async function withAnn() {
  const app = await openTestApp({ guarded: true });
  const { body } = await addPerson(app, "ann", ["dev"]);
  const who = (token: string) => app.send("POST", whoami, review, bearing(token));
  const uid = (body["metadata"] as { readonly uid: string }).uid;
  return { app, who, uid };
}

test("a login gives tokens that say who one is, and a Session that can be seen", async () => {
  const { app, who, uid } = await withAnn();
  await using _ = app;
  const { accessToken, session } = await logIn(app, "ann");
  const { body } = await who(accessToken);
  expect(body["status"]).toEqual({
    userInfo: {
      username: "ann",
      uid,
      groups: ["dev", "system:authenticated"],
      extra: { "lighthouse.dev/session": [session] },
    },
  });
  const shown = await app.send("GET", `${sessionsPath}/${session}`, undefined, asMaster);
  expect(shown.body).toMatchObject({ spec: { user: "ann", client: "CLI", address: "127.0.0.1" } });
  expect(shown.text).not.toContain(accessToken.slice(25));
});

test("one logs in by email whatever the case of its letters, or by name", async () => {
  const { app } = await withAnn();
  await using _ = app;
  for (const email of ["ANN@Example.com", "ann"]) {
    const { code } = await app.send("POST", "/auth/login", { email, password: goodPassword });
    expect([email, code]).toEqual([email, 200]);
  }
});

test("an access token ends after 15 minutes, a refresh token gets the next", async () => {
  const { app, who } = await withAnn();
  await using _ = app;
  const first = await logIn(app, "ann");
  await app.clock.advance(15 * 60_000);
  expect((await who(first.accessToken)).code).toBe(401);
  const { refreshToken } = first;
  const { body } = await app.send("POST", "/auth/refresh", { refreshToken });
  expect((await who(String(body["accessToken"]))).code).toBe(201);
  expect((await who(String(body["refreshToken"]))).code).toBe(401);
});

test("a refresh token that was used ends the session when it comes again", async () => {
  const { app, who } = await withAnn();
  await using _ = app;
  const first = await logIn(app, "ann");
  const { refreshToken } = first;
  const { body } = await app.send("POST", "/auth/refresh", { refreshToken });
  await app.clock.advance(31_000);
  expect((await app.send("POST", "/auth/refresh", { refreshToken })).code).toBe(401);
  expect((await who(String(body["accessToken"]))).code).toBe(401);
  const next = { refreshToken: body["refreshToken"] };
  expect((await app.send("POST", "/auth/refresh", next)).code).toBe(401);
});

test("an answer that was lost may be asked for again, and whoever has the other one is found", async () => {
  const { app, who } = await withAnn();
  await using _ = app;
  const { refreshToken } = await logIn(app, "ann");
  const lost = await app.send("POST", "/auth/refresh", { refreshToken });
  const again = await app.send("POST", "/auth/refresh", { refreshToken });
  expect(again.code).toBe(200);
  expect((await who(String(again.body["accessToken"]))).code).toBe(201);
  const stolen = { refreshToken: lost.body["refreshToken"] };
  expect((await app.send("POST", "/auth/refresh", stolen)).code).toBe(401);
  expect((await who(String(again.body["accessToken"]))).code).toBe(401);
});

test("a guessed refresh token ends nobody's session", async () => {
  const { app, who } = await withAnn();
  await using _ = app;
  const { accessToken, session } = await logIn(app, "ann");
  const refreshToken = `lhr_${session}_${"A".repeat(86)}`;
  expect((await app.send("POST", "/auth/refresh", { refreshToken })).code).toBe(401);
  expect((await who(accessToken)).code).toBe(201);
});

test.each([
  ["disabled", { spec: { disabled: true } }],
  ["put into another group", { spec: { groups: ["ops"] } }],
])("a user who is %s is that with the next request", async (what, patch) => {
  const { app, who } = await withAnn();
  await using _ = app;
  const { accessToken } = await logIn(app, "ann");
  await app.send("PATCH", `${usersPath}/ann`, patch, merge);
  const { code, text } = await who(accessToken);
  expect(code).toBe(what === "disabled" ? 401 : 201);
  expect(text).not.toContain('"dev"');
});

test("deleting a Session ends it with the next request", async () => {
  const { app, who } = await withAnn();
  await using _ = app;
  const { accessToken, refreshToken, session } = await logIn(app, "ann");
  expect((await app.send("DELETE", `${sessionsPath}/${session}`, undefined, asMaster)).code).toBe(
    200,
  );
  expect((await who(accessToken)).code).toBe(401);
  expect((await app.send("POST", "/auth/refresh", { refreshToken })).code).toBe(401);
});

test("a deleted user is out at once, and what was bound to the name goes with it", async () => {
  const { app, who } = await withAnn();
  await using _ = app;
  await using stack = new AsyncDisposableStack();
  const stop = new AbortController();
  const running = app.identity.run(stop.signal);
  stack.defer(async () => {
    stop.abort();
    await running;
  });
  const bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" };
  const subject = (name: string) => ({ kind: "User", apiGroup: roleRef.apiGroup, name });
  for (const [name, subjects] of [
    ["alone", [subject("ann")]],
    ["shared", [subject("bob"), subject("ann")]],
  ] as const) {
    await app.send("POST", bindings, { metadata: { name }, roleRef, subjects }, asMaster);
  }
  const { accessToken } = await logIn(app, "ann");
  await app.send("DELETE", `${usersPath}/ann`, undefined, asMaster);
  expect((await who(accessToken)).code).toBe(401);
  await eventually("the user is gone", async () => {
    return (await app.send("GET", `${usersPath}/ann`, undefined, asMaster)).code === 404;
  });
  expect((await app.send("GET", `${bindings}/alone`, undefined, asMaster)).code).toBe(404);
  const { body } = await app.send("GET", `${bindings}/shared`, undefined, asMaster);
  expect(body["subjects"]).toEqual([subject("bob")]);
  await app.send("POST", usersPath, userOf("ann", { email: "a@example.com" }), asMaster);
  expect((await who(accessToken)).code).toBe(401);
  const old = { email: "ann", password: goodPassword };
  expect((await app.send("POST", "/auth/login", old)).code).toBe(401);
});

test("a session ends when it was idle for long, and at its end however much it is used", async () => {
  const { app, who } = await withAnn();
  await using _ = app;
  const day = 86_400_000;
  const refresh = async (refreshToken: string) => {
    const { code, body } = await app.send("POST", "/auth/refresh", { refreshToken });
    await settle();
    return { code, token: String(body["refreshToken"]) };
  };
  const idle = await logIn(app, "ann");
  await app.clock.advance(7 * day);
  expect((await refresh(idle.refreshToken)).code).toBe(401);
  let { refreshToken: token } = await logIn(app, "ann");
  for (let passed = 0; passed < 29; passed += 5) {
    await app.clock.advance(5 * day - 1_000);
    if (passed < 25) ({ token } = await refresh(token));
  }
  await app.clock.advance(60_000);
  expect((await refresh(token)).code).toBe(401);
  expect((await who(idle.accessToken)).code).toBe(401);
});

test("logout ends the session", async () => {
  const { app, who } = await withAnn();
  await using _ = app;
  const one = await logIn(app, "ann");
  const two = await logIn(app, "ann");
  expect((await app.send("POST", "/auth/logout", undefined, bearing(one.accessToken))).code).toBe(
    200,
  );
  await app.clock.advance(16 * 60_000);
  const { refreshToken } = two;
  expect((await app.send("POST", "/auth/logout", { refreshToken })).code).toBe(200);
  expect((await app.send("POST", "/auth/refresh", { refreshToken })).code).toBe(401);
  expect((await who(one.accessToken)).code).toBe(401);
});

test("one sees and ends one's own sessions, and nobody else's", async () => {
  const { app, who } = await withAnn();
  await using _ = app;
  await addPerson(app, "bob");
  const [one, two, bobs] = [
    await logIn(app, "ann"),
    await logIn(app, "ann"),
    await logIn(app, "bob"),
  ];
  const { body } = await app.send("GET", "/auth/sessions", undefined, bearing(one.accessToken));
  const names = (body["items"] as { readonly metadata: { readonly name: string } }[]).map(
    ({ metadata }) => metadata.name,
  );
  expect(new Set(names)).toEqual(new Set([one.session, two.session]));
  const end = (name: string) =>
    app.send("DELETE", `/auth/sessions/${name}`, undefined, bearing(one.accessToken));
  expect((await end(bobs.session)).code).toBe(404);
  expect((await end(two.session)).code).toBe(200);
  expect((await who(two.accessToken)).code).toBe(401);
  expect((await who(bobs.accessToken)).code).toBe(201);
});

test("nobody makes or changes a Session", async () => {
  const { app } = await withAnn();
  await using _ = app;
  const { session } = await logIn(app, "ann");
  const { body } = await app.send("GET", `${sessionsPath}/${session}`, undefined, asMaster);
  const spec = { ...(body["spec"] as object), user: "root" };
  const made = { ...body, metadata: { name: "mine" }, spec };
  expect((await app.send("POST", sessionsPath, made, asMaster)).code).toBe(403);
  const patch = { metadata: { labels: { a: "b" } } };
  expect((await app.send("PATCH", `${sessionsPath}/${session}`, patch, merge)).code).toBe(403);
  const status = { status: { lastUsed: "2030-01-01T00:00:00Z" } };
  expect((await app.send("PATCH", `${sessionsPath}/${session}/status`, status, merge)).code).toBe(
    403,
  );
});

test("a new password ends the other sessions", async () => {
  const { app, who } = await withAnn();
  await using _ = app;
  const [one, two] = [await logIn(app, "ann"), await logIn(app, "ann")];
  const path = `${usersPath}/ann/password`;
  const change = (body: object) => app.send("PUT", path, body, bearing(one.accessToken));
  const password = "another-lamp-on-the-quay";
  expect((await change({ password })).code).toBe(403);
  expect((await change({ password, current: "wrong-wrong-wrong" })).code).toBe(403);
  expect((await change({ password: "short", current: goodPassword })).code).toBe(422);
  expect((await change({ password, current: goodPassword })).code).toBe(200);
  expect((await who(one.accessToken)).code).toBe(201);
  expect((await who(two.accessToken)).code).toBe(401);
  expect((await setPassword(app, "ann", goodPassword)).code).toBe(200);
  expect((await who(one.accessToken)).code).toBe(401);
});

test("only whom the server knows by a session is its user", async () => {
  const { app } = await withAnn();
  await using _ = app;
  const path = `${usersPath}/ann/password`;
  const body = { password: "another-lamp-on-the-quay", current: goodPassword };
  const named = { headers: asUser("ann") };
  expect((await app.send("PUT", path, body, named)).code).toBe(403);
  const { accessToken } = await logIn(app, "ann");
  await addPerson(app, "bob");
  const other = `${usersPath}/bob/password`;
  expect((await app.send("PUT", other, body, bearing(accessToken))).code).toBe(403);
});

test("a browser gets a cookie that no script reads, and that only our own pages use", async () => {
  const { app } = await withAnn();
  await using _ = app;
  const page = browsing("");
  const body = { email: "ann", password: goodPassword, client: "Browser" };
  const answer = await app.send("POST", "/auth/login", body, { headers: page });
  const cookie = String(answer.headers["set-cookie"]);
  expect(cookie).toMatch(
    /^__Host-lighthouse=lhc_\S+; Path=\/; Max-Age=43200; Secure; HttpOnly; SameSite=Strict$/,
  );
  expect(answer.text).not.toMatch(/lh[src]_/);
  const headers = browsing(cookie);
  const ask = (more: Record<string, string | undefined>) => {
    const all = Object.entries({ ...headers, ...more }).filter(([, value]) => value !== undefined);
    return app.send("POST", whoami, review, { headers: Object.fromEntries(all) as typeof headers });
  };
  expect((await ask({})).code).toBe(201);
  expect((await ask({ origin: "https://evil.test" })).code).toBe(403);
  expect((await ask({ origin: "https://lighthouse.test.evil.test" })).code).toBe(403);
  expect((await ask({ origin: "http://lighthouse.test" })).code).toBe(403);
  expect((await ask({ origin: "null" })).code).toBe(403);
  expect((await ask({ "sec-fetch-site": "same-site" })).code).toBe(403);
  expect((await ask({ origin: undefined })).code).toBe(403);
  expect((await ask({ origin: undefined, "sec-fetch-site": "same-origin" })).code).toBe(201);
  expect((await ask({ "lighthouse-csrf": undefined })).code).toBe(403);
  expect((await ask({ cookie: `${headers["cookie"]}; __Host-lighthouse=x` })).code).toBe(401);
  const stolen = headers["cookie"]?.split("=")[1] ?? "";
  expect((await app.send("POST", whoami, review, bearing(stolen))).code).toBe(401);
  const out = await app.send("POST", "/auth/logout", undefined, { headers });
  expect(String(out.headers["set-cookie"])).toContain("Max-Age=0");
  expect((await ask({})).code).toBe(401);
});

test("a refresh that meets the end of its session gives no tokens", async () => {
  const store = memoryStore();
  let ending: string | undefined;
  const racing = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name !== "put")
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      return async (...[key, text, expected]: Parameters<typeof store.put>) => {
        const secret = ending !== undefined && key === keyOf.sessionSecret(ending);
        // Another server was asked to log out just now.
        if (secret) await store.delete(key, expected ?? 0);
        return store.put(key, text, expected);
      };
    },
  });
  await using app = await openTestApp({ guarded: true, store: racing });
  await addPerson(app, "ann");
  const { refreshToken, session } = await logIn(app, "ann");
  ending = session;
  expect((await app.send("POST", "/auth/refresh", { refreshToken })).code).toBe(401);
  const { entries } = await store.list({ prefix: prefixOf.sessionSecrets });
  expect(entries).toEqual([]);
});

test("tokens that somebody made up ask the store so often and no more", async () => {
  await using store = memoryStore();
  await using cache = await openWatchCache(store);
  let asked = 0;
  const counting = new Proxy(store, {
    get(target, name) {
      if (name === "get") asked += 1;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  const clock = manualClock();
  const onError = (err: unknown): never => {
    throw err;
  };
  const sessions = openSessions({ storage: { store: counting, cache }, clock, onError });
  const guess = () =>
    sessions.find({ kind: "access", session: newSessionName(), secret: newSecret() });
  for (let tries = 0; tries < 500; tries += 1) expect(await guess()).toBeUndefined();
  expect(asked).toBe(200);
  await clock.advance(1_000);
  await guess();
  expect(asked).toBe(201);
});
