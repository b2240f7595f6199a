import { expect, test } from "vitest";
import { dataSources, parseDataSource } from "./data-source.ts";

const sum = "a".repeat(64);

test("parseDataSource() takes the checksum from the fragment", () => {
  expect(
    parseDataSource("in", `https://files.example/a.zip?x=1#sha256=${sum.toUpperCase()}`),
  ).toEqual({ volume: "in", url: "https://files.example/a.zip?x=1", sha256: sum });
});

test.each([
  ["files.example/a.zip", "must be an http or https URL"],
  [`file:///etc/passwd#sha256=${sum}`, "must be an http or https URL"],
  [`https://ann:secret@files.example/a#sha256=${sum}`, "must not hold a user or password"],
  ["https://files.example/a.zip", "must end with #sha256= and 64 hexadecimal digits"],
  [`https://files.example/a#sha256=${sum}0`, "must end with #sha256= and 64 hexadecimal digits"],
  [
    `https://files.example/${"a".repeat(3_000)}#sha256=${sum}`,
    "must be no more than 2048 characters",
  ],
])("parseDataSource() refuses %.40s", (value, why) => {
  expect(parseDataSource("in", value)).toBe(why);
});

test("dataSources() finds them among annotations", () => {
  const annotations = {
    "data.lighthouse.dev/in": `http://files.example/a#sha256=${sum}`,
    "data.lighthouse.dev/wrong": "no",
    "example.org/in": "other",
  };
  expect(dataSources(annotations).map(({ volume }) => volume)).toEqual(["in"]);
  expect(dataSources()).toEqual([]);
});
