import { expect, test } from "vitest";
import {
  apiVersionOf,
  collectionPath,
  objectPath,
  parseApiVersion,
  resourceText,
  type ResourceType,
} from "./gvk.ts";

const applications: ResourceType = {
  group: "lighthouse.dev",
  version: "v1",
  kind: "Application",
  plural: "applications",
  namespaced: true,
};
const nodes: ResourceType = {
  group: "",
  version: "v1",
  kind: "Node",
  plural: "nodes",
  namespaced: false,
};

test.each([
  ["v1", { group: "", version: "v1" }],
  ["lighthouse.dev/v1", { group: "lighthouse.dev", version: "v1" }],
  ["", undefined],
  ["/v1", undefined],
  ["lighthouse.dev/", undefined],
  ["a/b/c", undefined],
])("parseApiVersion(%j)", (text, want) => {
  expect(parseApiVersion(text)).toEqual(want);
});

test("apiVersionOf() and resourceText() leave the core group out", () => {
  expect([apiVersionOf(nodes), apiVersionOf(applications)]).toEqual(["v1", "lighthouse.dev/v1"]);
  expect([resourceText(nodes), resourceText(applications)]).toEqual([
    "nodes",
    "applications.lighthouse.dev",
  ]);
});

test("collectionPath() spans all namespaces without one", () => {
  expect(collectionPath(applications)).toBe("/apis/lighthouse.dev/v1/applications");
  expect(collectionPath(applications, "shop")).toBe(
    "/apis/lighthouse.dev/v1/namespaces/shop/applications",
  );
  expect(collectionPath(nodes, "shop")).toBe("/api/v1/nodes");
});

test("objectPath() encodes names and takes a subresource", () => {
  expect(objectPath(nodes, { name: "a/b" })).toBe("/api/v1/nodes/a%2Fb");
  expect(objectPath(applications, { namespace: "shop", name: "web" }, "status")).toBe(
    "/apis/lighthouse.dev/v1/namespaces/shop/applications/web/status",
  );
});
