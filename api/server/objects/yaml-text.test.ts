import fc from "fast-check";
import { expect, test } from "vitest";
import { parseYaml } from "./yaml-body.ts";
import { yamlText } from "./yaml-text.ts";

test("yamlText() writes blocks", () => {
  const object = {
    kind: "Pod",
    metadata: { labels: {}, name: "web" },
    spec: { containers: [{ name: "web", args: ["-v", "on"], ports: [] }], nested: [[1, null]] },
  };
  expect(yamlText(object)).toBe(`kind: Pod
metadata:
  labels: {}
  name: web
spec:
  containers:
  - name: web
    args:
    - "-v"
    - "on"
    ports: []
  nested:
  - - 1
    - null
`);
});

test.each([
  "yes",
  "N",
  "null",
  "~",
  "1",
  "1e3",
  "0x1f",
  "12:30:45",
  "2026-01-02",
  "",
  " a",
  "a: b",
])("yamlText() keeps %j a text", (text) => {
  expect(parseYaml(yamlText({ a: text })).value).toEqual({ a: text });
});

const json = fc
  .jsonValue({ stringUnit: "binary" })
  .map((value): unknown => JSON.parse(JSON.stringify(value)))
  .filter((value) => !JSON.stringify(value).includes("__proto__"));

test("yamlText() is read back as what was written", () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(parseYaml(yamlText(value)).value).toEqual(value);
    }),
    { numRuns: 200 },
  );
});
