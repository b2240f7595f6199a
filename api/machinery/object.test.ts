import { expect, test } from "vitest";
import { keyOf, keyText, parseKey } from "./object.ts";

test.each([
  ["shop/web", { namespace: "shop", name: "web" }],
  ["node-1", { name: "node-1" }],
])("parseKey(%j) is the inverse of keyText()", (text, key) => {
  expect(parseKey(text)).toEqual(key);
  expect(keyText(key)).toBe(text);
});

test("keyOf() has a namespace only when the object has one", () => {
  const metadata = { name: "web", uid: "u", resourceVersion: "1", creationTimestamp: "" };
  expect(keyOf({ apiVersion: "v1", kind: "Node", metadata })).toEqual({ name: "web" });
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { ...metadata, namespace: "shop" } };
  expect(keyOf(pod)).toEqual({ namespace: "shop", name: "web" });
});
