import { expect, test } from "vitest";
import { readHostPorts } from "./host-ports.ts";

test("readHostPorts() takes ports and runs of them", () => {
  const allows = readHostPorts("80, 8000-8099,65535");
  expect([79, 80, 81, 7999, 8000, 8099, 8100, 65_535].map((port) => allows?.(port))).toEqual([
    false,
    true,
    false,
    false,
    true,
    true,
    false,
    true,
  ]);
  expect(readHostPorts("")?.(80)).toBe(false);
});

test.each(["0", "65536", "9-8", "80,", "*", "-1", "1-", "80;81"])(
  "readHostPorts() takes %j for no list",
  (text) => {
    expect(readHostPorts(text)).toBeUndefined();
  },
);
