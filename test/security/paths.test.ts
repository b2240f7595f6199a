import { afterAll, beforeAll, expect, test } from "vitest";
import { type AttackRig, openAttackRig } from "./kit/rig.ts";
import type { Access } from "../../api/server/pki/kubeconfig.ts";

/** May read ConfigMaps of the namespace `open`, and nothing else. */
let reader: Access;
let rig: AttackRig;

beforeAll(async () => {
  rig = await openAttackRig();
  for (const name of ["open", "closed"]) {
    await rig.arrange("POST", "/api/v1/namespaces", { metadata: { name } });
    const prize = { metadata: { name: "prize" }, data: { canary: `canary-${name}` } };
    await rig.arrange("POST", `/api/v1/namespaces/${name}/configmaps`, prize);
  }
  const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/open";
  await rig.arrange("POST", `${rbac}/roles`, {
    metadata: { name: "reader" },
    rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list"] }],
  });
  await rig.arrange("POST", `${rbac}/rolebindings`, {
    metadata: { name: "reader" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "reader" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "reader" }],
  });
  reader = await rig.as("reader");
});
afterAll(() => rig[Symbol.asyncDispose]());

test("the reader reads what it may", async () => {
  const path = "/api/v1/namespaces/open/configmaps/prize";
  expect((await rig.send("GET", path, { as: reader })).text).toContain("canary-open");
});

test.each([
  "/api/v1/namespaces/open/../closed/configmaps/prize",
  "/api/v1/namespaces/open/%2e%2e/closed/configmaps/prize",
  "/api/v1/namespaces/open/..%2fclosed/configmaps/prize",
  "/api/v1/namespaces/open%2f..%2fclosed/configmaps/prize",
  "/api/v1/namespaces/open/configmaps/%2e%2e/%2e%2e/closed/configmaps/prize",
  "/api/v1/namespaces/closed/configmaps/prize",
  "//api/v1/namespaces/closed/configmaps/prize",
  "/api//v1/namespaces/closed/configmaps/prize",
  "/api/v1/namespaces//closed/configmaps/prize",
  "/API/v1/namespaces/closed/configmaps/prize",
  "/api/v1/namespaces/closed/configmaps/prize/",
  "/api/v1/namespaces/closed/configmaps/prize%00",
  "/api/v1/namespaces/open%00/../closed/configmaps/prize",
  "/api/v1/namespaces/open;/../closed/configmaps/prize",
  "/api/v1/namespaces/open\\..\\closed/configmaps/prize",
  "/api/v1/namespaces/clos%65d/configmaps/prize",
  "/api/v1/namespaces/clos%2565d/configmaps/prize",
  "/%61pi/v1/namespaces/closed/configmaps/prize",
  "/api/v1/configmaps?fieldSelector=metadata.namespace%3Dopen",
  "/api/v1/configmaps?fieldSelector=metadata.namespace%3Dopen,metadata.namespace%3Dclosed",
  "/api/v1/watch/namespaces/closed/configmaps",
  "/api/v1/namespaces/closed/configmaps?fieldSelector=metadata.name%3Dprize",
  "/.well-known/lighthouse/ca.crt/../../../api/v1/namespaces/closed/configmaps/prize",
  "https://127.0.0.1/api/v1/namespaces/closed/configmaps/prize",
  "http://metadata.internal/api/v1/namespaces/closed/configmaps/prize",
  "/api/v1/namespaces/closed/configmaps/prize#/api/v1/namespaces/open/configmaps/prize",
  "/api/v1/namespaces/closed/configmaps/prize??/../open",
])("the path %s is judged by what it says, refused and audited", async (path) => {
  const { status, text } = await rig.send("GET", path, { as: reader });
  expect(text).not.toContain("canary-closed");
  expect(status).toBe(403);
  const { responseStatus } = await rig.audited(path, ({ requestURI, user }) => {
    return user.username === "reader" && requestURI === path;
  });
  expect(responseStatus?.code).toBe(403);
  await rig.stillServes();
});

test.each([
  ["/api/v1/namespaces/open/configmaps/..%2f..%2fclosed%2fconfigmaps%2fprize", 404],
  ["/api/v1/namespaces/open/configmaps/prize?namespace=closed", 200],
  ["/api/v1/namespaces/open/configmaps?namespace=closed", 200],
  ["/healthz/../api/v1/namespaces/closed/configmaps/prize", 404],
])("the path %s leads no further than where it begins", async (path, code) => {
  const { status, text } = await rig.send("GET", path, { as: reader });
  expect(text).not.toContain("canary-closed");
  expect(status).toBe(code);
});
