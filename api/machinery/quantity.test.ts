import { assert, bigInt, constantFrom, property, record, string } from "fast-check";
import { expect, test } from "vitest";
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  type Quantity,
  wholeUnits,
} from "./quantity.ts";

const nanos = (text: string | number): bigint | undefined => parseQuantity(text)?.nanos;

test.each<[string | number, bigint]>([
  ["0", 0n],
  ["1", 1_000_000_000n],
  [2, 2_000_000_000n],
  [0.5, 500_000_000n],
  ["500m", 500_000_000n],
  [".5", 500_000_000n],
  ["5.", 5_000_000_000n],
  ["+1.25k", 1_250_000_000_000n],
  ["-3", -3_000_000_000n],
  ["1Ki", 1_024_000_000_000n],
  ["0.5Mi", 524_288_000_000_000n],
  ["1e3", 1_000_000_000_000n],
  ["1E3", 1_000_000_000_000n],
  ["1e-3", 1_000_000n],
  ["1E", 10n ** 27n],
  ["100n", 100n],
  ["100u", 100_000n],
  ["0.1n", 1n],
  ["0.0000000001", 1n],
  ["1e-900000000", 1n],
  ["0e900000000", 0n],
  ["1e900000000", (2n ** 63n - 1n) * 1_000_000_000n],
  ["9E", 9n * 10n ** 27n],
  ["8Ei", (2n ** 63n - 1n) * 1_000_000_000n],
])("parseQuantity(%j) is %d billionths", (text, want) => {
  expect(nanos(text)).toBe(want);
});

test.each([
  "",
  ".",
  "+",
  "1 ",
  "1ki",
  "1KI",
  "1mi",
  "1x",
  "1e",
  "e3",
  "1.2.3",
  "0x1",
  "--1",
  "1".repeat(65),
])("parseQuantity(%j) is none", (text) => {
  expect(parseQuantity(text)).toBeUndefined();
});

test.each([
  ["0", "0"],
  ["0Ki", "0"],
  ["0.5", "500m"],
  ["1500m", "1500m"],
  ["1000m", "1"],
  ["1000", "1k"],
  ["12000000", "12M"],
  ["1024Mi", "1Gi"],
  ["1536Mi", "1536Mi"],
  ["512Ki", "512Ki"],
  ["0.5Ki", "512"],
  ["1.5Ki", "1536"],
  ["1000.5Ki", "1024512"],
  ["1025.0001Ki", "1049600102400u"],
  ["1025Ki", "1025Ki"],
  ["1e3", "1e3"],
  ["12e0", "12"],
  ["1e-1", "100e-3"],
  ["-2048Ki", "-2Mi"],
  ["1048576Ti", "1Ei"],
])("formatQuantity(parseQuantity(%j)) is %s", (text, want) => {
  const quantity = parseQuantity(text);
  expect(quantity && formatQuantity(quantity)).toBe(want);
});

const amounts = record<Quantity>({
  nanos: bigInt({ min: -(10n ** 24n), max: 10n ** 24n }),
  format: constantFrom("BinarySI", "DecimalSI", "DecimalExponent"),
});

test("formatQuantity() loses nothing", () => {
  assert(
    property(amounts, (quantity) => {
      expect(nanos(formatQuantity(quantity))).toBe(quantity.nanos);
    }),
  );
});

test("parseQuantity() ends on any text", () => {
  assert(property(string(), (text) => void parseQuantity(text)));
});

test("addQuantities() is written like its first amount", () => {
  const [zero, gi, k] = ["0", "1Gi", "1k"].map(parseQuantity);
  const sum = (left?: Quantity, right?: Quantity): string | undefined =>
    left && right && formatQuantity(addQuantities(left, right));
  expect(sum(gi, gi)).toBe("2Gi");
  expect(sum(zero, gi)).toBe("1Gi");
  expect(sum(k, k)).toBe("2k");
});

test("compareQuantities() orders by amount", () => {
  const sorted = ["1Gi", "1G", "500m", "-1", "0.5"]
    .flatMap((text) => parseQuantity(text) ?? [])
    .sort(compareQuantities)
    .map(formatQuantity);
  expect(sorted).toEqual(["-1", "500m", "500m", "1G", "1Gi"]);
});

test.each([
  ["1500m", 2n],
  ["-1500m", -2n],
  ["2", 2n],
  ["0", 0n],
])("wholeUnits(%s) is %d", (text, want) => {
  const quantity = parseQuantity(text);
  expect(quantity && wholeUnits(quantity)).toBe(want);
});
