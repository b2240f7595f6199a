import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultRange, freeSubnet, isRange } from "./subnets.ts";

test.each([
  ["10.76.0.0/14", true],
  ["192.168.7.9/24", true],
  ["10.0.0.0/33", false],
  ["10.0.0.256/24", false],
  ["fd00::/8", false],
  ["10.0.0.0", false],
])("isRange(%s) is %s", (text, want) => {
  expect(isRange(text)).toBe(want);
});

test("freeSubnet() cuts networks of 1,022 addresses, or the whole of a smaller range", () => {
  expect(freeSubnet(defaultRange, [], "a")).toMatch(/^10\.7[6-9]\.\d+\.0\/22$/);
  expect(freeSubnet("192.168.9.77/26", [], "a")).toBe("192.168.9.64/26");
});

test("freeSubnet() gives out each part of a range once, whatever the seed", () => {
  fc.assert(
    fc.property(fc.string(), (seed) => {
      const taken: string[] = [];
      for (let i = 0; i < 16; i += 1) taken.push(freeSubnet("10.76.0.0/18", taken, seed) ?? "none");
      expect(new Set(taken).size).toBe(16);
      expect(taken).not.toContain("none");
      expect(freeSubnet("10.76.0.0/18", taken, seed)).toBeUndefined();
    }),
    { numRuns: 50 },
  );
});

test("freeSubnet() keeps off what others have a part of, wider or narrower", () => {
  expect(freeSubnet(defaultRange, ["10.0.0.0/8"], "a")).toBeUndefined();
  const first = freeSubnet("10.76.0.0/21", [], "a");
  const host = first?.replace(".0/22", ".9/32") ?? "";
  expect(freeSubnet("10.76.0.0/21", [host, "fd00::/64", ""], "a")).not.toBe(first);
});

test("freeSubnet() begins elsewhere for another seed", () => {
  const seeds = Array.from({ length: 40 }, (_, i) => `engine-${i}/shop`);
  expect(new Set(seeds.map((seed) => freeSubnet(defaultRange, [], seed))).size).toBeGreaterThan(25);
});
