import { expect, test } from "vitest";
import type { KubeObject } from "./object.ts";
import { controllerOf, controllerReference, isControlledBy, withoutOwner } from "./owner.ts";

const owner: KubeObject = {
  apiVersion: "lighthouse.dev/v1",
  kind: "Application",
  metadata: { name: "web", uid: "u1", resourceVersion: "7", creationTimestamp: "" },
};
const reference = {
  apiVersion: "lighthouse.dev/v1",
  kind: "Application",
  name: "web",
  uid: "u1",
  controller: true,
  blockOwnerDeletion: true,
};
const plain = { apiVersion: "v1", kind: "Node", name: "n", uid: "u2" };

test("controllerReference() links by uid and blocks foreground deletion", () => {
  expect(controllerReference(owner)).toEqual(reference);
});

test("controllerOf() finds the managing owner among others", () => {
  expect(controllerOf({ metadata: { ownerReferences: [plain, reference] } })).toEqual(reference);
  expect(controllerOf({ metadata: { ownerReferences: [plain] } })).toBeUndefined();
  expect(controllerOf({ metadata: {} })).toBeUndefined();
});

test("isControlledBy() compares uids", () => {
  const child = { metadata: { ownerReferences: [reference] } };
  expect(isControlledBy(child, "u1")).toBe(true);
  expect(isControlledBy(child, "u2")).toBe(false);
  expect(isControlledBy({ metadata: {} }, "u1")).toBe(false);
});

test("withoutOwner() drops the references to one owner", () => {
  expect(withoutOwner([plain, reference], "u1")).toEqual([plain]);
  expect(withoutOwner(undefined, "u1")).toEqual([]);
});
