import { expect, test } from "vitest";
import { metadataCauses, nameCauses, readMetadata } from "./metadata.ts";

test("readMetadata() keeps what there is, and reports what there is not", () => {
  const unknown: string[] = [];
  const raw = { name: "a", labels: { a: "b" }, selfLink: "/x", annotations: null, color: "red" };
  expect(readMetadata(raw, unknown)).toEqual({ name: "a", labels: { a: "b" } });
  expect(unknown).toEqual(["metadata.color"]);
  expect([readMetadata(undefined, []), readMetadata(null, [])]).toEqual([{}, {}]);
});

test.each([
  ["a text", "metadata must be an object"],
  [{ name: 1 }, "metadata.name must be string"],
  [{ generation: 1.5 }, "metadata.generation must be integer"],
  [{ labels: { a: 1 } }, "metadata.labels must be map of strings"],
  [{ labels: ["a"] }, "metadata.labels must be map of strings"],
  [{ finalizers: "a" }, "metadata.finalizers must be list of strings"],
  [{ ownerReferences: ["a"] }, "metadata.ownerReferences must be list of objects"],
])("readMetadata(%j) is refused", (raw, words) => {
  expect(() => readMetadata(raw, [])).toThrow(words);
});

const owner = { apiVersion: "v1", kind: "Pod", name: "a", uid: "u" };

test.each([
  ["a good one", { labels: { "a.example/b": "c" }, annotations: { "Upper/Case": "x" } }, []],
  ["a bad label key", { labels: { "-a": "" } }, ["metadata.labels"]],
  ["a bad label value", { labels: { a: "b c" } }, ["metadata.labels"]],
  ["a bad annotation key", { annotations: { "a b": "" } }, ["metadata.annotations"]],
  ["too many annotations", { annotations: { a: "x".repeat(262_145) } }, ["metadata.annotations"]],
  ["a bad finalizer", { finalizers: ["a b"] }, ["metadata.finalizers"]],
  ["a good owner", { ownerReferences: [owner] }, []],
  [
    "an owner without identity",
    { ownerReferences: [{ ...owner, uid: "", name: "" }] },
    ["metadata.ownerReferences[0].name", "metadata.ownerReferences[0].uid"],
  ],
  [
    "two controllers",
    {
      ownerReferences: [
        { ...owner, controller: true },
        { ...owner, controller: true },
      ],
    },
    ["metadata.ownerReferences"],
  ],
])("metadataCauses() of %s", (_what, meta, fields) => {
  expect(metadataCauses(meta).map(({ field }) => field)).toEqual(fields);
});

test("nameCauses() follows the rule of the kind", () => {
  expect(nameCauses({ name: "a.b" })).toEqual([]);
  expect(nameCauses({})).toMatchObject([{ reason: "FieldValueRequired" }]);
  expect(nameCauses({ name: "A" })).toMatchObject([{ reason: "FieldValueInvalid" }]);
  expect(nameCauses({ name: "a.b" }, () => ["no dots"])).toMatchObject([
    { message: 'Invalid value: "a.b": no dots' },
  ]);
});
