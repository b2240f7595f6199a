import { expect, test } from "vitest";
import { numberingOf } from "./block-items.ts";
import type { Slot } from "../seen.ts";
import type { View } from "../slots.ts";

/** A slot whose pod is on a Node, as far as numbering looks. */
const view = (slot: Slot, node?: string): View =>
  ({
    slot,
    others: [],
    rivals: node === undefined ? [] : [{ node }],
    leaving: [],
    blocked: false,
  }) as unknown as View;

const onNode = (node: string): View => view({ id: node, node });

test("an ordinal is its own number, whatever comes and goes", () => {
  const { instances, itemOf } = numberingOf([view({ id: "0" }, "a"), view({ id: "2" })], []);
  expect([...itemOf]).toEqual([
    ["0", 0],
    ["2", 2],
  ]);
  expect(instances).toEqual(["a", "", ""]);
});

test("a slot that stands for a Node keeps the number it was given", () => {
  const first = numberingOf([onNode("b"), onNode("d")], []);
  expect(first.instances).toEqual(["b", "d"]);
  const later = numberingOf([onNode("a"), onNode("b"), onNode("c")], first.instances);
  expect(later.instances).toEqual(["b", "d", "a", "c"]);
  expect(later.itemOf.get("b")).toBe(0);
});

test("the Node of a number is the first one that was known: told lines do not change", () => {
  const before = numberingOf([view({ id: "0" })], []);
  const bound = numberingOf([view({ id: "0" }, "a")], before.instances);
  const moved = numberingOf([view({ id: "0" }, "b")], bound.instances);
  expect([before.instances, bound.instances, moved.instances]).toEqual([[""], ["a"], ["a"]]);
});
