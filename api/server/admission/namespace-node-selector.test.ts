import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, asUser, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { nodeSelectorAnnotation, readNodeSelector } from "./namespace-node-selector.ts";

const root = { headers: asUser("root", "system:masters") };
const ann = { headers: asUser("ann") };
const applications = "/apis/lighthouse.dev/v1/namespaces/shop/applications";
const pods = "/api/v1/namespaces/shop/pods";

let server: TestApp;
beforeAll(async () => {
  server = await openTestApp({ guarded: true });
  for (const name of ["n1", "n2"]) {
    const labels = { "kubernetes.io/hostname": name };
    await server.send("POST", "/api/v1/nodes", { metadata: { name, labels } }, root);
  }
  const annotations = { [nodeSelectorAnnotation]: "kubernetes.io/hostname=n1" };
  const namespace = { metadata: { name: "shop", annotations } };
  await server.send("POST", "/api/v1/namespaces", namespace, root);
  const group = "rbac.authorization.k8s.io";
  const bindings = `/apis/${group}/v1/namespaces/shop/rolebindings`;
  const binding = {
    metadata: { name: "ann" },
    roleRef: { apiGroup: group, kind: "ClusterRole", name: "admin" },
    subjects: [{ kind: "User", name: "ann" }],
  };
  await server.send("POST", bindings, binding, root);
});
afterAll(() => server[Symbol.asyncDispose]());

const containers = [{ name: "web", image: "web:1" }];
let count = 0;

const makePod = (spec: object): Promise<Answer> =>
  server.send(
    "POST",
    pods,
    { metadata: { name: `p${(count += 1)}` }, spec: { containers, ...spec } },
    ann,
  );

const makeApplication = (placement: object, more: object = {}): Promise<Answer> => {
  const template = { spec: { containers } };
  const body = {
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: { name: `a${(count += 1)}` },
    spec: { placement, template, ...more },
  };
  return server.send("POST", applications, body, ann);
};

test("a Pod is kept on the hosts of its namespace", async () => {
  const { code, body } = await makePod({ nodeSelector: { disk: "ssd" } });
  expect(code).toBe(201);
  expect(body["spec"]).toMatchObject({
    nodeSelector: { disk: "ssd", "kubernetes.io/hostname": "n1" },
  });
  expect((await makePod({ nodeName: "n1" })).code).toBe(201);
});

test.each([
  ["names another host", { nodeName: "n2" }, 'node "n2" is not for namespace "shop"'],
  ["names a host that is not there", { nodeName: "n3" }, 'node "n3" is not for'],
  [
    "selects another host",
    { nodeSelector: { "kubernetes.io/hostname": "n2" } },
    "kubernetes.io/hostname=n2 conflicts with that of namespace",
  ],
])("a Pod that %s is refused", async (_what, spec, why) => {
  const { code, body } = await makePod(spec);
  expect(code).toBe(403);
  expect(body["message"]).toContain(why);
});

test("an Application is kept there, whatever its placement says", async () => {
  const { code, body } = await makeApplication({ perNode: true });
  expect(code).toBe(201);
  expect(body["spec"]).toMatchObject({
    placement: { nodeSelector: { "kubernetes.io/hostname": "n1" } },
  });
  expect((await makeApplication({ nodes: ["n2"] })).code).toBe(403);
  expect((await makeApplication({ nodes: ["n1"] })).code).toBe(201);
  const other = { nodeSelector: { "kubernetes.io/hostname": "n2" } };
  expect((await makeApplication(other, { replicas: 1 })).code).toBe(403);
  const name = (body["metadata"] as { readonly name: string }).name;
  const patch = { spec: { placement: { nodeSelector: { "kubernetes.io/hostname": null } } } };
  const merge = { ...ann, type: "application/merge-patch+json" };
  const patched = await server.send("PATCH", `${applications}/${name}`, patch, merge);
  expect(patched.body["spec"]).toMatchObject({
    placement: { nodeSelector: { "kubernetes.io/hostname": "n1" } },
  });
});

test("who rules in the namespace cannot take the annotation off", async () => {
  const patch = { metadata: { annotations: { [nodeSelectorAnnotation]: null } } };
  const url = "/api/v1/namespaces/shop";
  const merge = { type: "application/merge-patch+json" };
  expect((await server.send("PATCH", url, patch, { ...ann, ...merge })).code).toBe(403);
  const wrong = { metadata: { annotations: { [nodeSelectorAnnotation]: "n1" } } };
  expect((await server.send("PATCH", url, wrong, { ...root, ...merge })).code).toBe(422);
});

test.each([
  ["", {}],
  ["a=b", { a: "b" }],
  ["a=b, c.d/e=", { a: "b", "c.d/e": "" }],
  ["a", undefined],
  ["a=b=c", undefined],
  ["a in (b)", undefined],
  [",", undefined],
])("readNodeSelector(%j)", (text, labels) => {
  expect(readNodeSelector(text)).toEqual(labels);
});
