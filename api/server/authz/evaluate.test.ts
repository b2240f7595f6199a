import { expect, test } from "vitest";
import type { User } from "../access.ts";
import { requestInfo } from "../objects/request-info.ts";
import { builtInGrants, grantAuthorizer } from "./built-in.ts";
import { denial, refusal } from "./denial.ts";
import { evaluate, type Grant } from "./evaluate.ts";

const grants: readonly Grant[] = [
  {
    to: ["ops"],
    rules: [
      { verbs: ["get", "list"], groups: [""], resources: ["pods", "pods/log"] },
      { verbs: ["*"], groups: ["lighthouse.dev"], resources: ["applications"], names: ["web"] },
      { verbs: ["get"], groups: [""], resources: ["secrets"], namespaces: ["shop"] },
      { verbs: ["get"], groups: [""], resources: ["nodes/*"] },
      { verbs: ["get"], paths: ["/metrics", "/debug/*"] },
    ],
  },
];
const apps = "/apis/lighthouse.dev/v1/namespaces/shop/applications";

test.each([
  ["GET", "/api/v1/namespaces/shop/pods", true],
  ["GET", "/api/v1/pods?watch=true", false],
  ["GET", "/api/v1/namespaces/shop/pods/a/log", true],
  ["GET", "/api/v1/namespaces/shop/pods/a/exec", false],
  ["DELETE", "/api/v1/namespaces/shop/pods/a", false],
  ["DELETE", `${apps}/web`, true],
  ["DELETE", `${apps}/db`, false],
  ["GET", apps, false],
  ["GET", `${apps}?fieldSelector=metadata.name%3Dweb`, true],
  ["PATCH", `${apps}/web/status`, false],
  ["GET", "/api/v1/namespaces/shop/secrets/a", true],
  ["GET", "/api/v1/namespaces/other/secrets/a", false],
  ["GET", "/api/v1/nodes/n/proxy", true],
  ["GET", "/api/v1/nodes/n", false],
  ["GET", "/metrics", true],
  ["GET", "/metrics/more", false],
  ["GET", "/debug/heap", true],
  ["POST", "/metrics", false],
])("evaluate() %s %s: %s", (method, url, allowed) => {
  const request = requestInfo(method, url);
  expect(evaluate(grants, { groups: ["ops"] }, request)).toEqual({ allowed });
  expect(evaluate(grants, { groups: ["dev"] }, request)).toEqual({ allowed: false });
});

const admin: User = { name: "admin", groups: ["system:masters", "system:authenticated"] };
const controllers: User = { name: "c", groups: ["system:lighthouse:controllers"] };
const agent: User = { name: "a", groups: ["system:beacons", "system:authenticated"] };
const known: User = { name: "k", groups: ["system:authenticated"] };
const stranger: User = { name: "s", groups: ["system:unauthenticated"] };

test.each<[User, string, string, boolean]>([
  [admin, "DELETE", "/api/v1/nodes", true],
  [admin, "POST", "/anything", true],
  [controllers, "POST", apps, true],
  [controllers, "PATCH", `${apps}/web/status`, true],
  [controllers, "POST", "/api/v1/namespaces/shop/pods/a/binding", true],
  [controllers, "POST", "/api/v1/namespaces/shop/secrets", false],
  [controllers, "DELETE", "/apis/x.dev/v1/namespaces/shop/things", true],
  [controllers, "PUT", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x", false],
  [agent, "PATCH", "/api/v1/namespaces/shop/pods/a/status", true],
  [agent, "POST", "/api/v1/namespaces/shop/pods", false],
  [agent, "PATCH", "/api/v1/namespaces/shop/pods/a", false],
  [agent, "GET", "/api/v1/namespaces/shop/secrets", false],
  [agent, "PUT", "/apis/coordination.k8s.io/v1/namespaces/lighthouse-node-lease/leases/n", true],
  [agent, "PUT", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/n", false],
  [agent, "PATCH", `${apps}/web`, false],
  [known, "GET", "/openapi/v3/api/v1", true],
  [known, "GET", "/version", true],
  [known, "GET", "/api/v1/pods", false],
  [stranger, "GET", "/version", false],
  [stranger, "HEAD", "/livez/ping", true],
])("builtInGrants: %o %s %s: %s", async (user, method, url, allowed) => {
  const decision = await grantAuthorizer(builtInGrants).authorize(user, requestInfo(method, url));
  expect(decision.allowed).toBe(allowed);
});

test("denial() and refusal() speak as Kubernetes does", () => {
  const list = requestInfo("GET", "/api/v1/pods");
  expect(denial(known, list)).toBe(
    'User "k" cannot list resource "pods" in API group "" at the cluster scope',
  );
  expect(refusal(known, list).message).toBe(`pods is forbidden: ${denial(known, list)}`);
  const status = requestInfo("PATCH", `${apps}/web/status`);
  expect(refusal(known, status, "ask ops").message).toBe(
    'applications.lighthouse.dev "web" is forbidden: User "k" cannot patch resource "applications/status" in API group "lighthouse.dev" in the namespace "shop": ask ops',
  );
  expect(refusal(known, requestInfo("GET", "/metrics")).message).toBe(
    'forbidden: User "k" cannot get path "/metrics"',
  );
});
