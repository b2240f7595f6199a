import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, asUser, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { memoryStore } from "../../store/memory.ts";

const rbac = "/apis/rbac.authorization.k8s.io/v1";
const bindings = `${rbac}/namespaces/default/rolebindings`;
const applications = "/apis/lighthouse.dev/v1/namespaces/default/applications";
const root = { headers: asUser("root", "system:masters") };
const ann = { headers: asUser("ann") };
const bo = { headers: asUser("bo") };

let server: TestApp;
beforeAll(async () => {
  server = await openTestApp({ guarded: true });
  const rules = [{ verbs: ["create"], apiGroups: ["lighthouse.dev"], resources: ["applications"] }];
  const role = { metadata: { name: "creator" }, rules };
  await server.send("POST", `${rbac}/namespaces/default/roles`, role, root);
  const subjects = [
    { kind: "User", name: "ann" },
    { kind: "User", name: "bo" },
    { kind: "ServiceAccount", name: "robot", namespace: "default" },
  ];
  const roleRef = { kind: "Role", name: "creator" };
  await server.send("POST", bindings, { metadata: { name: "creators" }, roleRef, subjects }, root);
});
afterAll(() => server[Symbol.asyncDispose]());

const application = (name: string, spec: object = {}): object => ({
  apiVersion: "lighthouse.dev/v1",
  kind: "Application",
  metadata: { name },
  spec: { replicas: 1, template: { spec: { containers: [{ name: "c", image: "i" }] } }, ...spec },
});

const create = (name: string, as: object, query = ""): Promise<Answer> =>
  server.send("POST", `${applications}${query}`, application(name), as);

const get = async (name: string, as: object): Promise<number> =>
  (await server.send("GET", `${applications}/${name}`, undefined, as)).code;

const remove = (name: string, as: object): Promise<Answer> =>
  server.send("DELETE", `${applications}/${name}`, undefined, as);

async function grants(): Promise<readonly string[]> {
  const { body } = await server.send("GET", bindings, undefined, root);
  const items = body["items"] as readonly { readonly metadata: { readonly name: string } }[];
  return items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith("owner:"));
}

test("who creates an Application owns that one", async () => {
  expect((await create("web", ann)).code).toBe(201);
  expect((await create("db", bo)).code).toBe(201);
  expect([await get("web", ann), await get("db", ann), await get("web", bo)]).toEqual([
    200, 403, 403,
  ]);
  const scale = { spec: { replicas: 2 } };
  const merge = { ...ann, type: "application/merge-patch+json" };
  expect((await server.send("PATCH", `${applications}/web/scale`, scale, merge)).code).toBe(200);
  const approve = await server.send("POST", `${applications}/web/approve`, {}, ann);
  expect(approve.code).toBe(403);
  const list = `${applications}?fieldSelector=metadata.name%3Dweb`;
  expect((await server.send("GET", list, undefined, ann)).code).toBe(200);
  expect((await server.send("GET", applications, undefined, ann)).code).toBe(403);
});

test("an Application made anew under the name is not the former owner's", async () => {
  await create("again", ann);
  expect(await get("again", ann)).toBe(200);
  const before = await grants();
  expect((await remove("again", ann)).code).toBe(200);
  expect((await create("again", bo)).code).toBe(201);
  // No collector runs here: the binding is still there, and holds for nothing.
  expect(await grants()).toEqual(expect.arrayContaining([...before]));
  expect([await get("again", ann), await get("again", bo)]).toEqual([403, 200]);
});

test("a creation that fails gives nothing", async () => {
  await create("taken", bo);
  const before = await grants();
  expect((await create("taken", ann)).code).toBe(409);
  const wrong = application("wrong", { replicas: -1 });
  expect((await server.send("POST", applications, wrong, ann)).code).toBe(422);
  expect((await create("dry", ann, "?dryRun=All")).code).toBe(201);
  expect(await grants()).toEqual(before);
  expect(await get("taken", ann)).toBe(403);
  await server.send("POST", applications, application("wrong"), root);
  expect(await get("wrong", ann)).toBe(403);
});

test("an Application that is applied has an owner too", async () => {
  const url = `${applications}/applied?fieldManager=test`;
  const apply = { ...ann, type: "application/apply-patch+yaml" };
  const asked = await server.send("PATCH", url, application("applied"), apply);
  expect(asked.code).toBe(403); // patch is asked for by name, and nobody owns it yet
  const rules = [{ verbs: ["patch"], apiGroups: ["lighthouse.dev"], resources: ["applications"] }];
  const patcher = { metadata: { name: "patcher" }, rules };
  await server.send("POST", `${rbac}/namespaces/default/roles`, patcher, root);
  const roleRef = { kind: "Role", name: "patcher" };
  const subjects = [{ kind: "User", name: "ann" }];
  const binding = { metadata: { name: "patcher" }, roleRef, subjects };
  await server.send("POST", bindings, binding, root);
  expect((await server.send("PATCH", url, application("applied"), apply)).code).toBe(201);
  expect(await get("applied", ann)).toBe(200);
});

test("robots and administrators own nothing", async () => {
  const before = await grants();
  await create("by-root", root);
  await create("by-robot", { headers: asUser("system:serviceaccount:default:robot") });
  expect(await get("by-robot", root)).toBe(200);
  expect(await grants()).toEqual(before);
});

test("an administrator takes ownership away, and shares", async () => {
  await create("shared", ann);
  const [mine = ""] = (await grants()).filter((name) => name.startsWith("owner:shared:"));
  const { body } = await server.send("GET", `${bindings}/${mine}`, undefined, root);
  const roleRef = body["roleRef"];
  const subjects = [{ kind: "User", name: "bo" }];
  const share = { metadata: { name: "share" }, roleRef, subjects };
  await server.send("POST", bindings, share, root);
  expect(await get("shared", bo)).toBe(200);
  await server.send("DELETE", `${bindings}/share`, undefined, root);
  expect(await get("shared", bo)).toBe(403);
  await server.send("DELETE", `${bindings}/${mine}`, undefined, root);
  expect(await get("shared", ann)).toBe(403);
});

test("an owner knows nothing on another server that the Application is not on", async () => {
  await using store = memoryStore();
  await using first = await openTestApp({ guarded: true, store });
  const metadata = {
    name: "forged",
    ownerReferences: [
      { apiVersion: "lighthouse.dev/v1", kind: "Application", name: "web", uid: "none" },
    ],
  };
  const roleRef = { kind: "ClusterRole", name: "view" };
  const binding = { metadata, roleRef, subjects: [{ kind: "User", name: "ann" }] };
  expect((await first.send("POST", bindings, binding, root)).code).toBe(201);
  const pods = "/api/v1/namespaces/default/pods";
  expect((await first.send("GET", pods, undefined, ann)).code).toBe(403);
});
