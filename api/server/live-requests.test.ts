import { afterAll, beforeAll, expect, test } from "vitest";
import { asUser, openTestApp, type OpenStream, type TestApp } from "../../test/kit/app.ts";
import { forbidden } from "../machinery/errors.ts";
import type { Request } from "./http.ts";
import { objectIn, textIn } from "./kinds/fill.ts";
import { liveRequests } from "./live-requests.ts";

const group = "rbac.authorization.k8s.io";
const bindings = `/apis/${group}/v1/namespaces/default/rolebindings`;
const accounts = "/api/v1/namespaces/default/serviceaccounts";
const pods = "/api/v1/namespaces/default/pods";
const watching = `${pods}?watch=true`;
const root = { headers: asUser("root", "system:masters") };

let server: TestApp;
beforeAll(async () => {
  server = await openTestApp({ guarded: true });
});
afterAll(() => server[Symbol.asyncDispose]());

async function bind(name: string, subject: object): Promise<void> {
  const roleRef = { apiGroup: group, kind: "ClusterRole", name: "view" };
  const body = { metadata: { name }, roleRef, subjects: [subject] };
  expect((await server.send("POST", bindings, body, root)).code).toBe(201);
}

const unbind = (name: string) => server.send("DELETE", `${bindings}/${name}`, undefined, root);

async function watchAs(headers: Record<string, string>, url = watching): Promise<OpenStream> {
  const open = await server.stream(url, { headers });
  expect(open.code).toBe(200);
  return open;
}

/** An account of its own with a token, which may view. */
async function robot(name: string): Promise<Record<string, string>> {
  await server.send("POST", accounts, { metadata: { name } }, root);
  await bind(name, { kind: "ServiceAccount", name, namespace: "default" });
  const { body } = await server.send("POST", `${accounts}/${name}/token`, {}, root);
  return { authorization: `Bearer ${textIn(objectIn(body, "status"), "token")}` };
}

test("a watch ends with 403 when its binding is taken away, and others go on", async () => {
  await bind("ann", { kind: "User", name: "ann" });
  await bind("bo", { kind: "User", name: "bo" });
  const cut = await watchAs(asUser("ann"));
  await using kept = await watchAs(asUser("bo"));
  await unbind("ann");
  const last = (await cut.rest()).at(-1);
  expect(last).toMatchObject({
    type: "ERROR",
    object: {
      kind: "Status",
      code: 403,
      reason: "Forbidden",
      message:
        'pods is forbidden: User "ann" cannot watch resource "pods" in API group "" in the namespace "default"',
    },
  });
  await server.send("POST", pods, { metadata: { name: "p" }, spec: pod }, root);
  expect((await kept.take(1))[0]?.type).toBe("ADDED");
});

const pod = { containers: [{ name: "c", image: "i" }] };

test("a watch ends with 401 when its account is deleted, also if another takes the name", async () => {
  const headers = await robot("gone");
  const cut = await watchAs(headers);
  await server.send("DELETE", `${accounts}/gone`, undefined, root);
  await server.send("POST", accounts, { metadata: { name: "gone" } }, root);
  expect((await cut.rest()).at(-1)).toMatchObject({ type: "ERROR", object: { code: 401 } });
});

test("a watch outlives its token, and not its account", async () => {
  const headers = await robot("late");
  const open = await watchAs(headers);
  await server.clock.advance(400 * 86_400_000);
  expect((await server.send("GET", pods, undefined, { headers })).code).toBe(401);
  await unbind("bo"); // judged again, with a token that has ended
  await bind("bo", { kind: "User", name: "bo" });
  await using other = await watchAs(asUser("bo"), `${watching}&fieldSelector=metadata.name=none`);
  await unbind("bo");
  await other.rest();
  await server.send("POST", pods, { metadata: { name: "late" }, spec: pod }, root);
  const seen = await open.take(2);
  expect(seen.at(-1)).toMatchObject({ type: "ADDED", object: { metadata: { name: "late" } } });
  await server.send("DELETE", `${accounts}/late`, undefined, root);
  expect((await open.rest()).at(-1)).toMatchObject({ type: "ERROR", object: { code: 401 } });
});

test("who impersonates is judged as both", async () => {
  const rules = [{ verbs: ["impersonate"], apiGroups: [""], resources: ["users"] }];
  const cluster = `/apis/${group}/v1`;
  await server.send("POST", `${cluster}/clusterroles`, { metadata: { name: "act" }, rules }, root);
  const binding = {
    metadata: { name: "act" },
    roleRef: { apiGroup: group, kind: "ClusterRole", name: "act" },
    subjects: [{ kind: "User", name: "eve" }],
  };
  await server.send("POST", `${cluster}/clusterrolebindings`, binding, root);
  await bind("zoe", { kind: "User", name: "zoe" });
  const open = await watchAs({ ...asUser("eve"), "impersonate-user": "zoe" });
  await server.send("DELETE", `${cluster}/clusterrolebindings/act`, undefined, root);
  expect((await open.rest()).at(-1)).toMatchObject({ type: "ERROR", object: { code: 403 } });
});

type Asked = { readonly live: ReturnType<typeof liveRequests>; readonly requests: Request[] };

/** So many requests that go on, without an app around them. */
function many(count: number, judge: (request: Request) => Promise<void>): Asked {
  const live = liveRequests({ judge, quietMs: 1 });
  const requests = Array.from({ length: count }, (): Request => {
    const request: Partial<Request> = { user: { name: "ann", groups: [] }, judgedAt: 0 };
    return request as Request;
  });
  for (const request of requests) live.endingOf(request);
  return { live, requests };
}

test("many changes at once are one pass", async () => {
  let judged = 0;
  const { live, requests } = many(1_000, async () => void (judged += 1));
  for (let index = 0; index < 50; index++) live.reconsider();
  await expect.poll(() => judged).toBe(1_000);
  const [first] = requests;
  if (first !== undefined) live.forget(first);
  live.reconsider();
  await expect.poll(() => judged).toBe(1_999);
});

test("a change that concerns nobody asks nobody", async () => {
  const asked: string[] = [];
  const { live } = many(1, async ({ user }) => void asked.push(user.name));
  live.reconsider(({ name }) => name === "bo");
  live.reconsider(({ name }) => name === "ann");
  await expect.poll(() => asked).toEqual(["ann"]);
});

test("what changed between judgement and beginning counts", async () => {
  const { live } = many(0, async () => {
    throw forbidden({ group: "", plural: "pods" }, "", "no");
  });
  live.reconsider();
  const late: Partial<Request> = { user: { name: "ann", groups: [] }, judgedAt: 0 };
  const ending = live.endingOf(late as Request);
  await expect.poll(() => ending.aborted).toBe(true);
});

test("who cannot be judged goes on until somebody can", async () => {
  let well = false;
  const { live, requests } = many(1, async () => {
    if (!well) throw new Error("no store");
    throw forbidden({ group: "", plural: "pods" }, "", "no");
  });
  live.reconsider();
  const [request] = requests;
  const ending = request === undefined ? undefined : live.endingOf(request);
  expect(ending?.aborted).toBe(false);
  well = true;
  await expect.poll(() => ending?.aborted).toBe(true);
});
