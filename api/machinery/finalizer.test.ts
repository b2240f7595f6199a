import { expect, test } from "vitest";
import { addFinalizer, hasFinalizer, isDeleting, removeFinalizer } from "./finalizer.ts";

test("isDeleting() follows the deletion timestamp", () => {
  expect(isDeleting({ metadata: {} })).toBe(false);
  expect(isDeleting({ metadata: { deletionTimestamp: "2026-11-21T09:30:00Z" } })).toBe(true);
});

test("hasFinalizer() looks for the exact name", () => {
  expect(hasFinalizer({ metadata: {} }, "a")).toBe(false);
  expect(hasFinalizer({ metadata: { finalizers: ["a", "b"] } }, "b")).toBe(true);
  expect(hasFinalizer({ metadata: { finalizers: ["a"] } }, "b")).toBe(false);
});

test("addFinalizer() adds once", () => {
  expect(addFinalizer(undefined, "a")).toEqual(["a"]);
  const list = ["a"];
  expect(addFinalizer(list, "a")).toBe(list);
  expect(addFinalizer(list, "b")).toEqual(["a", "b"]);
});

test("removeFinalizer() keeps the order of the others", () => {
  expect(removeFinalizer(["a", "b", "c"], "b")).toEqual(["a", "c"]);
  expect(removeFinalizer(undefined, "b")).toEqual([]);
});
