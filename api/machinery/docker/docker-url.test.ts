import fc from "fast-check";
import { expect, test } from "vitest";
import { dockerUrlText, queryValue, readDockerUrl } from "./docker-url.ts";

test.each([
  ["/v1.41/containers/json?all=1", "1.41", "/containers/json", [["all", "1"]]],
  ["/_ping", "", "/_ping", []],
  ["", "", "/", []],
  ["/", "", "/", []],
  ["/v1.44", "1.44", "/", []],
  ["/images/a/b%3Av1/json", "", "/images/a/b:v1/json", []],
  ["/build?t=a+b&t=c%26d&q", "", "/build", [["t", "a b"], ["t", "c&d"], ["q", ""]]], // prettier-ignore
])("readDockerUrl() reads %s", (raw, version, path, query) => {
  expect(readDockerUrl(raw)).toEqual({ version, path, query });
});

test.each([
  ["/containers/../swarm", "a segment"],
  ["/containers/%2e%2e/swarm", "a segment"],
  ["/containers/./json", "a segment"],
  ["/containers//json", "an empty segment"],
  ["/v1.41/containers/a/", "an empty segment"],
  ["//containers/json", "an empty segment"],
  ["/containers/a%2fb/json", "an encoded slash"],
  ["/containers/a%252fb/json", "no name may have"],
  ["/containers/a%00/json", "no name may have"],
  ["/containers/a%5cb/json", "no name may have"],
  ["/containers/a%0d%0aX/json", "no name may have"],
  ["/containers/%ff/json", "not encoded"],
  ["/containers/%/json", "not encoded"],
  ["containers/json", "does not begin with a slash"],
  ["/v1.20/containers/a/start", "too old"],
  ["/build?t=a;networkmode=host", "a semicolon"],
  ["/build?=x", "without a name"],
  ["/build?a=%00", "a NUL"],
  ["/build?t=%zz", "not encoded"],
])("readDockerUrl() refuses %s: %s", (raw, why) => {
  expect(() => readDockerUrl(raw)).toThrow(why);
});

test("a version that is none is a part of the path, which no table knows", () => {
  expect(readDockerUrl("/v2.0/containers/json").path).toBe("/v2.0/containers/json");
  expect(readDockerUrl("/v1/info")).toMatchObject({ version: "", path: "/v1/info" });
});

test("dockerUrlText() is read as what it was made from", () => {
  const segment = fc.string({ minLength: 1 });
  const pairs = fc.array(fc.tuple(fc.string({ minLength: 1 }), fc.string()));
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1 }), pairs, (segments, query) => {
      const url = { version: "1.41", path: `/${segments.join("/")}`, query };
      const text = dockerUrlText(url);
      let read;
      try {
        read = readDockerUrl(text);
      } catch {
        return; // refused: nobody can be misled
      }
      expect(read).toEqual(url);
      expect(dockerUrlText(read)).toBe(text);
    }),
  );
});

test("queryValue() gives the first of several values, as Docker does", () => {
  const { query } = readDockerUrl("/build?t=a&t=b");
  expect(queryValue(query, "t")).toBe("a");
  expect(queryValue(query, "q")).toBeUndefined();
});
