import { expect, test } from "vitest";
import { readBandwidth } from "./bandwidth.ts";

test.each([
  ["1k", 1_000],
  ["10M", 10_000_000],
  ["1Mi", 1_048_576],
  ["1P", 1e15],
])("readBandwidth(%j)", (text, bits) => {
  expect(readBandwidth(text)).toEqual({ bits });
});

test.each([
  ["fast", "must be a quantity of bits per second, e.g. 10M"],
  ["", "must be a quantity of bits per second, e.g. 10M"],
  ["999", "resource is unreasonably small (< 1kbit)"],
  ["-1M", "resource is unreasonably small (< 1kbit)"],
  ["2P", "resource is unreasonably large (> 1Pbit)"],
])("readBandwidth(%j) names what is wrong", (text, problem) => {
  expect(readBandwidth(text)).toEqual({ problem });
});
