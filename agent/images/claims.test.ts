import { expect, test } from "vitest";
import { type Claim, formatClaims, parseClaims } from "./claims.ts";

const id = (n: number): string => `sha256:${n.toString(16).padStart(64, "0")}`;
const claim = (n: number): Claim => {
  return { id: id(n), usedMs: n, application: "shop/web", references: [`web:${n}`] };
};

test("formatClaims() is read back by parseClaims(), the newest two hundred of it", () => {
  expect(parseClaims(formatClaims([claim(1), claim(2)]))).toEqual([claim(2), claim(1)]);
  const many = parseClaims(formatClaims(Array.from({ length: 300 }, (_, n) => claim(n))));
  expect(many).toHaveLength(200);
  expect(many.every(({ usedMs }) => usedMs >= 100)).toBe(true);
  expect(formatClaims(Array.from({ length: 300 }, (_, n) => claim(n))).length).toBeLessThan(64_000);
});

test.each([
  [undefined],
  ["no JSON"],
  ["[]"],
  ["null"],
  ['{"web": [1, "", []]}'],
  [`{"${id(1)}": {}}`],
  [`{"${id(1)}": ["1", "", []]}`],
  [`{"${id(1)}": [1, "", [2]]}`],
])("parseClaims(%j) claims nothing", (text) => {
  expect(parseClaims(text)).toEqual([]);
});
