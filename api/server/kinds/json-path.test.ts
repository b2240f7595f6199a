import { expect, test } from "vitest";
import { compileJsonPath } from "./json-path.ts";
import { printerColumns } from "./printer-columns.ts";

const object = {
  metadata: { name: "web", labels: { "a.b/c": "label" } },
  spec: { list: [{ name: "x" }, { name: "y" }], count: 2 },
  status: {
    conditions: [
      { type: "Ready", status: "True", reason: "AllReady" },
      { type: "Progressing", status: "False" },
    ],
  },
};

test.each([
  [".metadata.name", ["web"]],
  ["metadata.name", ["web"]],
  [".metadata.labels['a.b/c']", ["label"]],
  [".metadata.labels.a\\.b/c", ["label"]],
  [".spec.list[0].name", ["x"]],
  [".spec.list[-1].name", ["y"]],
  [".spec.list[*].name", ["x", "y"]],
  ['.status.conditions[?(@.type=="Ready")].reason', ["AllReady"]],
  [".status.conditions[?(@.type == 'Absent')].reason", []],
  [".spec.count.deeper", []],
  [".nothing.at.all", []],
  [".constructor.name", []],
])("compileJsonPath(%s)", (path, want) => {
  expect(compileJsonPath(path)(object)).toEqual(want);
});

test.each([".a[", ".a[?(@.b>1)]", "", "."])("compileJsonPath(%j) is refused", (path) => {
  expect(() => compileJsonPath(path === "" ? "." : path)).toThrow("Cannot read the JSONPath");
});

test("a cell whose value does not fit its column is empty", () => {
  const cell = (type: string, value: unknown): unknown => {
    const [, column] = printerColumns([{ name: "X", type, jsonPath: ".v" }]);
    const metadata = { name: "a", uid: "", resourceVersion: "", creationTimestamp: "" };
    return column?.cell({ apiVersion: "v1", kind: "X", metadata, v: value }, 60_000);
  };
  expect([cell("integer", 1.5), cell("integer", "1"), cell("number", 1.5)]).toEqual([1, null, 1.5]);
  expect([cell("boolean", true), cell("boolean", "true")]).toEqual([true, null]);
  expect([cell("string", 1), cell("string", { a: 1 }), cell("string", null)]).toEqual([
    "1",
    '{"a":1}',
    null,
  ]);
  expect([cell("date", "1970-01-01T00:00:00Z"), cell("date", 1)]).toEqual(["60s", null]);
  expect(printerColumns([]).map(({ name }) => name)).toEqual(["Name", "Age"]);
});
