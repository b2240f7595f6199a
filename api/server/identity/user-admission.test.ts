import { expect, test } from "vitest";
import { asUser, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { asMaster, userOf, usersPath } from "../../../test/kit/people.ts";

const rbac = "/apis/rbac.authorization.k8s.io/v1";
const merge = { type: "application/merge-patch+json" };
const apiGroup = "rbac.authorization.k8s.io";

type Grant = { readonly to: string; readonly kind?: "User" | "Group"; readonly namespace?: string };

/** Lets somebody do something, by a role of its own. */
async function grant(
  { send }: TestApp,
  rules: readonly object[],
  { to, kind = "User", namespace }: Grant,
) {
  const role = { metadata: { name: `r-${to}` }, rules };
  await send("POST", `${rbac}/clusterroles`, role, asMaster);
  const place = namespace === undefined ? rbac : `${rbac}/namespaces/${namespace}`;
  const plural = namespace === undefined ? "clusterrolebindings" : "rolebindings";
  const roleRef = { apiGroup, kind: "ClusterRole", name: `r-${to}` };
  const binding = {
    metadata: { name: `b-${to}` },
    roleRef,
    subjects: [{ kind, apiGroup, name: to }],
  };
  const { code, text } = await send("POST", `${place}/${plural}`, binding, asMaster);
  if (code !== 201) throw new Error(text);
}

const rule = (apiGroupOf: string, resources: readonly string[], verbs: readonly string[]) => ({
  apiGroups: [apiGroupOf],
  resources,
  verbs,
});
const clerkRule = rule("lighthouse.dev", ["users", "users/password"], ["*"]);
const readPods = rule("", ["pods"], ["get", "list"]);
const asClerk = { headers: asUser("clerk") };

test("an email is one user's alone, whatever the case of its letters", async () => {
  await using app = await openTestApp({ guarded: true });
  const add = (name: string, email: string) =>
    app.send("POST", usersPath, userOf(name, { email }), asMaster);
  expect((await add("ann", "ann@example.com")).code).toBe(201);
  const { code, body } = await add("other", "ANN@Example.COM");
  expect([code, body["message"]]).toEqual([
    422,
    'User.lighthouse.dev "other" is invalid: spec.email: Duplicate value: "ANN@Example.COM": another user has this email',
  ]);
  expect((await add("bob", "bob@example.com")).code).toBe(201);
  const patch = (name: string, email: string) =>
    app.send("PATCH", `${usersPath}/${name}`, { spec: { email } }, { ...merge, ...asMaster });
  expect((await patch("bob", "Ann@example.com")).code).toBe(422);
  expect((await patch("ann", "ANN@example.com")).code).toBe(200);
});

test.each(["system:admin", "Ann", "ann@example.com", "", "a".repeat(254)])(
  "a user is not called %j",
  async (name) => {
    await using app = await openTestApp({ guarded: true });
    const spec = { email: "ann@example.com" };
    expect((await app.send("POST", usersPath, userOf(name, spec), asMaster)).code).toBe(422);
  },
);

test("whoever makes or regroups users gives no rights that they do not have", async () => {
  await using app = await openTestApp({ guarded: true });
  await grant(app, [clerkRule], { to: "clerk" });
  await grant(app, [readPods], { to: "bound" });
  await grant(app, [readPods], { to: "there", namespace: "default" });
  await grant(app, [readPods], { to: "wheel", kind: "Group" });
  const add = (name: string, groups: readonly string[] = []) =>
    app.send("POST", usersPath, userOf(name, { email: `${name}@example.com`, groups }), asClerk);
  expect((await add("plain")).code).toBe(201);
  for (const refused of [await add("bound"), await add("there"), await add("new", ["wheel"])]) {
    expect(refused.code).toBe(403);
    expect(refused.text).toContain('{APIGroups:[\\"\\"], Resources:[\\"pods\\"], Verbs:[');
  }
  const patch = (body: object) =>
    app.send("PATCH", `${usersPath}/plain`, body, { ...merge, ...asClerk });
  expect((await patch({ spec: { groups: ["wheel"] } })).code).toBe(403);
  expect((await patch({ spec: { groups: ["harmless"] } })).code).toBe(200);
  expect((await patch({ spec: { displayName: "Plain" } })).code).toBe(200);
});

test("whoever has the rights, or may act as the user anyway, may", async () => {
  await using app = await openTestApp({ guarded: true });
  await grant(app, [clerkRule, readPods], { to: "clerk" });
  await grant(app, [clerkRule, rule("", ["users", "groups"], ["impersonate"])], { to: "actor" });
  await grant(app, [clerkRule, rule("", ["users"], ["impersonate"])], { to: "half" });
  await grant(app, [readPods], { to: "wheel", kind: "Group" });
  await grant(app, [rule("", ["secrets"], ["get"])], { to: "secret", kind: "Group" });
  const add = (by: string, name: string, group: string) => {
    const spec = { email: `${name}@example.com`, groups: [group] };
    return app.send("POST", usersPath, userOf(name, spec), { headers: asUser(by) });
  };
  expect((await add("clerk", "one", "wheel")).code).toBe(201);
  expect((await add("clerk", "two", "secret")).code).toBe(403);
  expect((await add("actor", "two", "secret")).code).toBe(201);
  expect((await add("half", "three", "secret")).code).toBe(403);
});

test("the password of somebody mightier is not set, and nobody reads one", async () => {
  await using app = await openTestApp({ guarded: true });
  await grant(app, [clerkRule], { to: "clerk" });
  await app.send("POST", usersPath, userOf("boss", { email: "boss@example.com" }), asMaster);
  await app.send("POST", usersPath, userOf("plain", { email: "plain@example.com" }), asMaster);
  await grant(app, [rule("*", ["*"], ["*"])], { to: "boss" });
  const password = "wet-harbour-lamp-42";
  const set = (name: string, body: unknown = { password }) =>
    app.send("PUT", `${usersPath}/${name}/password`, body, asClerk);
  expect((await set("boss")).code).toBe(403);
  expect((await set("plain")).code).toBe(200);
  expect((await set("nobody")).code).toBe(404);
  expect((await set("plain", { password: "plain@example.com" })).code).toBe(422);
  expect((await set("plain", '{"password":"a","password":"b"}')).code).toBe(400);
  expect((await set("plain", { password, more: "x" })).code).toBe(400);
  for (const method of ["GET", "PATCH", "DELETE", "POST"] as const) {
    const { code } = await app.send(method, `${usersPath}/plain/password`, {}, asMaster);
    expect([method, code]).toEqual([method, 405]);
  }
});

test("somebody mightier is not deleted, one by one or all at once", async () => {
  await using app = await openTestApp({ guarded: true });
  await grant(app, [clerkRule], { to: "clerk" });
  await app.send("POST", usersPath, userOf("boss", { email: "boss@example.com" }), asMaster);
  await app.send("POST", usersPath, userOf("plain", { email: "plain@example.com" }), asMaster);
  await grant(app, [rule("*", ["*"], ["*"])], { to: "boss" });
  const remove = (path: string) => app.send("DELETE", path, undefined, asClerk);
  const refused = await remove(`${usersPath}/boss`);
  expect(refused.code).toBe(403);
  expect(refused.text).toContain("RBAC permissions not currently held");
  const only = `${usersPath}?fieldSelector=metadata.name%3Dboss`;
  expect((await remove(only)).code).toBe(403);
  const bound = await app.send("GET", `${rbac}/clusterrolebindings/b-boss`, undefined, asMaster);
  expect(bound.code).toBe(200);
  expect((await remove(`${usersPath}/plain`)).code).toBe(200);
});

test("a dry run sets no password", async () => {
  await using app = await openTestApp({ guarded: true });
  await app.send("POST", usersPath, userOf("ann", { email: "ann@example.com" }), asMaster);
  const password = "wet-harbour-lamp-42";
  const path = `${usersPath}/ann/password?dryRun=All`;
  expect((await app.send("PUT", path, { password }, asMaster)).code).toBe(200);
  const login = await app.send("POST", "/auth/login", { email: "ann", password });
  expect(login.code).toBe(401);
});
