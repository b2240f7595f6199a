import { expect, test } from "vitest";
import { isTrue, requestInfo } from "./request-info.ts";

const base = {
  group: "",
  version: "v1",
  plural: "pods",
  subresource: "",
  namespace: "",
  name: "",
  rest: "",
};
const crd = { ...base, group: "lighthouse.dev", plural: "applications" };

test.each([
  ["GET", "/api/v1/pods", "list", base],
  ["GET", "/api/v1/pods/", "list", base],
  ["HEAD", "/api/v1/pods?watch=1", "watch", base],
  ["GET", "/api/v1/pods?watch=false", "list", base],
  ["GET", "/api/v1/watch/pods", "watch", base],
  ["GET", "/api/v1/pods?fieldSelector=metadata.name%3Dweb", "list", { ...base, name: "web" }],
  ["GET", "/api/v1/pods?fieldSelector=metadata.name!%3Dweb", "list", base],
  ["DELETE", "/api/v1/pods?fieldSelector=metadata.name%3Dweb", "deletecollection", base],
  ["POST", "/api/v1/namespaces/shop/pods", "create", { ...base, namespace: "shop" }],
  [
    "PATCH",
    "/apis/lighthouse.dev/v1/namespaces/shop/applications/web/status",
    "patch",
    { ...crd, namespace: "shop", name: "web", subresource: "status" },
  ],
  [
    "GET",
    "/api/v1/namespaces/shop",
    "get",
    { ...base, plural: "namespaces", namespace: "shop", name: "shop" },
  ],
  [
    "PUT",
    "/api/v1/namespaces/shop/finalize",
    "update",
    { ...base, plural: "namespaces", namespace: "shop", name: "shop", subresource: "finalize" },
  ],
  [
    "GET",
    "/api/v1/nodes/a/proxy/v1.44/info",
    "get",
    { ...base, plural: "nodes", name: "a", subresource: "docker-read", rest: "v1.44/info" },
  ],
  [
    "GET",
    "/api/v1/nodes/a/proxy/v1.44/containers/b/export?watch=true",
    "create",
    {
      ...base,
      plural: "nodes",
      name: "a",
      subresource: "docker-exec",
      rest: "v1.44/containers/b/export",
    },
  ],
  [
    "GET",
    "/api/v1/nodes/a/proxy/nothing",
    "get",
    { ...base, plural: "nodes", name: "a", subresource: "proxy", rest: "nothing" },
  ],
])("requestInfo() reads %s %s as %s", (method, url, verb, resource) => {
  const info = requestInfo(method, url);
  expect({ verb: info.verb, resource: info.resource }).toEqual({ verb, resource });
});

test.each([
  ["GET", "/healthz/", "/healthz"],
  ["GET", "/", "/"],
  ["GET", "/apis/", "/apis"],
  ["GET", "/apis/lighthouse.dev/v1", "/apis/lighthouse.dev/v1"],
])("requestInfo() sees no resource in %s %s", (method, url, path) => {
  expect(requestInfo(method, url)).toEqual({ verb: "get", path });
});

test.each([
  ["", true],
  ["True", true],
  ["1", true],
  ["0", false],
  ["False", false],
  [undefined, false],
])("isTrue() reads %j as %s", (text, want) => {
  expect(isTrue(text)).toBe(want);
});
