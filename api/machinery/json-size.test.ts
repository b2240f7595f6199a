import { describe, expect, test } from "vitest";
import { reasonOf } from "./errors.ts";
import { checkObjectSize, countValues, maxObjectValues } from "./json-size.ts";
import { applyJsonPatch, jsonPatchLimits } from "./patch-json.ts";
import { applyStrategicPatch } from "./patch-strategic.ts";

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

function reasonFor(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (err) {
    return reasonOf(err);
  }
}

describe("countValues()", () => {
  test.each([
    ["a scalar", 1, 0],
    ["null", null, 0],
    ["fields and what is in them", { a: 1, b: { c: 2 } }, 3],
    ["items of lists and what is in them", [[], [1], { a: 1 }], 5],
  ])("counts %s", (_name, value, want) => {
    expect(countValues(value, 100)).toBe(want);
  });

  test("stops soon after the limit", () => {
    const value = { a: numbers(10), b: numbers(1_000) };
    expect(countValues(value, 5)).toBeLessThan(20);
  });
});

describe("checkObjectSize()", () => {
  test("refuses one value too many", () => {
    expect(reasonFor(() => checkObjectSize({ a: numbers(maxObjectValues - 1) }))).toBeUndefined();
    const many = { a: numbers(maxObjectValues) };
    expect(reasonFor(() => checkObjectSize(many))).toBe("RequestEntityTooLarge");
  });

  test("counts metadata, but not who owns the fields", () => {
    const managedFields = numbers(maxObjectValues);
    expect(reasonFor(() => checkObjectSize({ metadata: { managedFields } }))).toBeUndefined();
    const finalizers = numbers(maxObjectValues);
    const object = { metadata: { managedFields, finalizers } };
    expect(reasonFor(() => checkObjectSize(object))).toBe("RequestEntityTooLarge");
  });
});

describe("patches of long lists", () => {
  const removals = numbers(10_000).map(() => ({ op: "remove", path: "/0" }));

  test("a JSON patch may empty a list of 2,000 from its head", () => {
    expect(applyJsonPatch(numbers(2_000), removals.slice(0, 2_000))).toEqual([]);
  });

  test("a JSON patch that moves too many items is refused", () => {
    const limit = jsonPatchLimits.shiftedItems;
    expect(() => applyJsonPatch(numbers(limit / 1_000), removals)).toThrow("list items");
  });

  test("a JSON patch with an endless pointer is refused", () => {
    const patch = [{ op: "test", path: "/".repeat(1_000_000), value: 0 }];
    expect(reasonFor(() => applyJsonPatch({}, patch))).toBe("BadRequest");
  });

  test("a strategic patch weaves 20,000 items into 20,000", () => {
    const env = (start: number): object[] =>
      numbers(20_000).map((i) => ({ name: `K${2 * i + start}` }));
    const container = (list: object[]): object => ({
      spec: { containers: [{ name: "c", env: list }] },
    });
    const merged = applyStrategicPatch("Pod", { ...container(env(0)) }, container(env(1)));
    expect(countValues(merged, Infinity)).toBe(80_005);
  });
});
