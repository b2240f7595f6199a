import { expect, test } from "vitest";
import { builtIn } from "./built-in.ts";
import type { Kind } from "./kind.ts";
import { kindTable } from "./table.ts";

const kind = (plural: string, version = "v1", group = "example.com"): Kind =>
  builtIn(
    { group, version, kind: plural.toUpperCase(), plural, namespaced: true, definition: plural },
    { prune: () => [] },
  );

test("kindTable() finds kinds by all three parts, and built-in ones win", () => {
  const pods = kind("pods", "v1", "");
  const table = kindTable([pods]);
  table.set("crd", [kind("pods", "v1", ""), kind("widgets")]);
  expect(table.find("", "v1", "pods")).toBe(pods);
  expect(table.find("example.com", "v1", "widgets")?.kind).toBe("WIDGETS");
  expect(table.find("example.com", "v2", "widgets")).toBeUndefined();
  expect(table.list()).toHaveLength(2);
});

test("kindTable() tells of each change, until nobody listens", () => {
  const table = kindTable([]);
  const seen: number[] = [];
  const stop = table.onChange(() => seen.push(table.list().length));
  table.set("a", [kind("as"), kind("as", "v2")]);
  table.set("b", [kind("bs")]);
  table.set("a", []);
  stop();
  table.set("b", []);
  expect(seen).toEqual([2, 3, 1]);
});
