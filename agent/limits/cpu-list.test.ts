import fc from "fast-check";
import { expect, test } from "vitest";
import { formatCpus, parseCpus } from "./cpu-list.ts";

test.each([
  ["", []],
  ["0", [0]],
  ["0-2,5", [0, 1, 2, 5]],
  ["3,1-1,0\n", [0, 1, 3]],
])("parseCpus(%j)", (text, want) => {
  expect(parseCpus(text)).toEqual(want);
});

test.each(["x", "1-", "2-1", "-1", "0-99999", "1;2"])("parseCpus(%j) is none", (text) => {
  expect(parseCpus(text)).toBeUndefined();
});

test("formatCpus() is read back by parseCpus(), however the CPUs come", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(200)), (cpus) => {
      const sorted = cpus.toSorted((a, b) => a - b);
      expect(parseCpus(formatCpus(cpus))).toEqual(sorted);
    }),
  );
  expect(formatCpus([5, 1, 0, 2])).toBe("0-2,5");
});
