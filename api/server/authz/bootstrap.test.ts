import { expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { memoryStore } from "../../store/memory.ts";
import { objectIn, objectsIn } from "../kinds/fill.ts";
import type { JsonObject } from "../kinds/kind.ts";
import { bootstrapObjects } from "./bootstrap.ts";

const group = "rbac.authorization.k8s.io";
const roles = `/apis/${group}/v1/clusterroles`;
const bindings = `/apis/${group}/v1/clusterrolebindings`;
const merge = { type: "application/merge-patch+json" };

const get = async (server: TestApp, url: string): Promise<JsonObject> =>
  (await server.send("GET", url)).body;
const resourcesOf = (role: JsonObject): readonly unknown[] =>
  objectsIn(role, "rules").flatMap(({ resources }) => resources);

test("a fresh server has all bootstrap objects, aggregated ones with their rules", async () => {
  await using server = await openTestApp();
  const list = await get(server, roles);
  const wanted = bootstrapObjects().filter(({ plural }) => plural === "clusterroles");
  expect(objectsIn(list, "items")).toHaveLength(wanted.length);
  for (const name of ["view", "edit", "admin", "viewer", "release-manager", "approver"]) {
    expect(resourcesOf(await get(server, `${roles}/${name}`))).toContain("applications");
  }
  expect(resourcesOf(await get(server, `${roles}/view`))).not.toContain("secrets");
  expect(resourcesOf(await get(server, `${roles}/admin`))).toContain("rolebindings");
});

test("a start adds what is missing, keeps what was added, and leaves what opted out", async () => {
  await using store = memoryStore();
  const added = { verbs: ["get"], apiGroups: ["x.dev"], resources: ["things"] };
  {
    await using server = await openTestApp({ store });
    const patch = (url: string, body: object) => server.send("PATCH", url, body, merge);
    await patch(`${roles}/system:basic-user`, { rules: [added] });
    await patch(`${roles}/system:lighthouse:beacon`, { rules: [added] });
    await patch(`${bindings}/system:discovery`, { subjects: [{ kind: "Group", name: "g" }] });
    const annotations = { "rbac.authorization.kubernetes.io/autoupdate": "false" };
    await patch(`${roles}/system:discovery`, { metadata: { annotations }, rules: [] });
    await server.send("DELETE", `${roles}/cluster-admin`);
    const other = {
      metadata: {
        name: "system:monitoring",
        annotations: { ...annotations, "rbac.authorization.kubernetes.io/autoupdate": "true" },
      },
      roleRef: { kind: "ClusterRole", name: "view" },
    };
    await server.send("DELETE", `${bindings}/system:monitoring`);
    await server.send("POST", bindings, other);
  }
  await using server = await openTestApp({ store });
  expect(resourcesOf(await get(server, `${roles}/system:basic-user`))).toEqual([
    "things",
    "selfsubjectaccessreviews",
    "selfsubjectrulesreviews",
    "selfsubjectreviews",
  ]);
  // Rights of our own parts are exactly those of this version.
  expect(resourcesOf(await get(server, `${roles}/system:lighthouse:beacon`))).not.toContain(
    "things",
  );
  const subjects = objectsIn(await get(server, `${bindings}/system:discovery`), "subjects");
  expect(subjects.map(({ name }) => name)).toEqual(["g", "system:authenticated"]);
  expect(resourcesOf(await get(server, `${roles}/system:discovery`))).toEqual([]);
  expect(resourcesOf(await get(server, `${roles}/cluster-admin`))).toContain("*");
  const monitoring = await get(server, `${bindings}/system:monitoring`);
  expect(objectIn(monitoring, "roleRef")?.["name"]).toBe("system:monitoring");
});

test("a second start writes nothing", async () => {
  await using store = memoryStore();
  await (await openTestApp({ store }))[Symbol.asyncDispose]();
  const { revision } = await store.head();
  await (await openTestApp({ store }))[Symbol.asyncDispose]();
  expect((await store.head()).revision).toBe(revision);
});

test("aggregated rules follow the roles that are selected", async () => {
  await using server = await openTestApp();
  const label = "x.dev/part";
  const selectors = [{ matchLabels: { [label]: "a" } }, { matchLabels: { [label]: "b" } }];
  await server.send("POST", roles, {
    metadata: { name: "sum", labels: { [label]: "a" } },
    aggregationRule: { clusterRoleSelectors: selectors },
    rules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
  });
  const part = (name: string, value: string, resource: string): Promise<unknown> =>
    server.send("POST", roles, {
      metadata: { name, labels: { [label]: value } },
      rules: [{ verbs: ["get"], apiGroups: [""], resources: [resource] }],
    });
  const settled = async (want: readonly string[]): Promise<void> => {
    await expect.poll(async () => resourcesOf(await get(server, `${roles}/sum`))).toEqual(want);
  };
  await settled([]);
  await part("q", "b", "nodes");
  await part("p", "a", "pods");
  await part("r", "c", "secrets");
  await settled(["pods", "nodes"]);
  await server.send("DELETE", `${roles}/p`);
  await settled(["nodes"]);
  const body = { metadata: { labels: { [label]: "b" } } };
  await server.send("PATCH", `${roles}/r`, body, merge);
  await settled(["nodes", "secrets"]);
});

test("a start takes away what former versions granted to all agents", async () => {
  await using store = memoryStore();
  const namespaced = `/apis/${group}/v1/namespaces/kube-node-lease`;
  const metadata = (autoupdate: string) => ({
    name: "system:lighthouse:beacon",
    annotations: { "rbac.authorization.kubernetes.io/autoupdate": autoupdate },
  });
  {
    await using server = await openTestApp({ store });
    await server.send("POST", `${namespaced}/roles`, { metadata: metadata("true"), rules: [] });
    const roleRef = { kind: "Role", name: "system:lighthouse:beacon" };
    await server.send("POST", `${namespaced}/rolebindings`, {
      metadata: metadata("false"),
      roleRef,
    });
  }
  await using server = await openTestApp({ store });
  const codes = ["roles", "rolebindings"].map(
    async (plural) =>
      (await server.send("GET", `${namespaced}/${plural}/system:lighthouse:beacon`)).code,
  );
  expect(await Promise.all(codes)).toEqual([404, 200]);
});
