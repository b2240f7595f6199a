import { assert, property, string, uint8Array } from "fast-check";
import { expect, test } from "vitest";
import {
  generatedName,
  generatedNameBytes,
  joinedName,
  labelNameProblems,
  labelValueProblems,
  qualifiedNameProblems,
  shortHash,
  subdomainProblems,
} from "./names.ts";

const labelText =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const nameText =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

test.each([
  ["web-0", []],
  ["Web", [labelText]],
  ["", [labelText]],
  ["a".repeat(64), ["must be no more than 63 characters"]],
  [`${"a".repeat(64)}.`, ["must be no more than 63 characters", labelText]],
])("labelNameProblems(%j) says what Kubernetes says", (text, want) => {
  expect(labelNameProblems(text)).toEqual(want);
});

test.each(["a.b-c.d", "0", "a".repeat(253)])("subdomainProblems(%j) finds none", (text) => {
  expect(subdomainProblems(text)).toEqual([]);
});

test.each(["a..b", ".a", "a.", "-a", "a/b", "a_b", "a".repeat(254)])(
  "subdomainProblems(%j) finds one",
  (text) => {
    expect(subdomainProblems(text)).toHaveLength(1);
  },
);

test.each([
  ["app.kubernetes.io/name", []],
  ["app", []],
  ["", ["name part must be non-empty", `name part ${nameText}`]],
  ["/app", ["prefix part must be non-empty"]],
  ["example.com/", ["name part must be non-empty", `name part ${nameText}`]],
  ["a b", [`name part ${nameText}`]],
  ["x".repeat(64), ["name part must be no more than 63 characters"]],
  [
    "a/b/c",
    [
      `a qualified name ${nameText} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ],
  ],
])("qualifiedNameProblems(%j) says what Kubernetes says", (text, want) => {
  expect(qualifiedNameProblems(text)).toEqual(want);
});

test("qualifiedNameProblems() names the prefix", () => {
  expect(qualifiedNameProblems("Upper/x")[0]).toMatch(
    /^prefix part a lowercase RFC 1123 subdomain/,
  );
});

test.each([
  ["", 0],
  ["v1.2_3-x", 0],
  ["-x", 1],
  ["x y", 1],
  [`${"x".repeat(63)}-`, 2],
])("labelValueProblems(%j) finds %d", (text, count) => {
  expect(labelValueProblems(text)).toHaveLength(count);
});

test("generatedName() is a valid name that keeps the base", () => {
  const bytes = uint8Array({ minLength: generatedNameBytes, maxLength: generatedNameBytes });
  assert(
    property(bytes, (random) => {
      expect(labelNameProblems(generatedName("web-", random))).toEqual([]);
      expect(generatedName("w".repeat(80), random)).toHaveLength(63);
    }),
  );
  expect(generatedName("web-", Uint8Array.of(0, 1, 26, 27, 255))).toBe("web-bc9bq");
});

test("shortHash() depends on the text only and is a valid name", () => {
  expect(shortHash("")).toBe(shortHash(""));
  assert(
    property(string(), (text) => {
      expect(shortHash(text)).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{10}$/);
    }),
  );
  expect(shortHash("a")).not.toBe(shortHash("b"));
});

test("joinedName() keeps what fits and hashes what does not", () => {
  expect(joinedName(["web", 3, 0])).toBe("web-3-0");
  const long = joinedName(["a".repeat(80), "x"]);
  expect(long).toHaveLength(63);
  expect(long).not.toBe(joinedName(["a".repeat(80), "y"]));
  expect(joinedName(["abc.", "defghijklmnop"], 16)).toMatch(/^abc-[a-z0-9]{10}$/);
});
