import { expect, test } from "vitest";
import { serverUrlOf } from "./server-trust.ts";

test.each([
  ["lighthouse.example.com", "https://lighthouse.example.com:6443"],
  ["lighthouse.example.com:7443", "https://lighthouse.example.com:7443"],
  ["lighthouse.example.com:443", "https://lighthouse.example.com"],
  ["https://lighthouse.example.com", "https://lighthouse.example.com"],
  ["https://LIGHTHOUSE.example.com:6443/", "https://lighthouse.example.com:6443"],
  ["https://example.com/lighthouse/", "https://example.com/lighthouse"],
  ["10.0.0.1", "https://10.0.0.1:6443"],
  ["[::1]", "https://[::1]:6443"],
  ["[::1]:443", "https://[::1]"],
])("serverUrlOf(%j) is %s", (typed, want) => {
  expect(serverUrlOf(typed)).toBe(want);
});

test.each(["", "http://a", "https://user@a", "a b", "https://a?b", "ssh://a", "a#b"])(
  "serverUrlOf(%j) is refused",
  (typed) => {
    expect(() => serverUrlOf(typed)).toThrow(/SERVER must be HOST:PORT/);
  },
);
