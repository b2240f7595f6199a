import { assert, dictionary, jsonValue, nat, property, string } from "fast-check";
import { expect, test } from "vitest";
import { encodeObject, eventOf, frameOf, itemOf, keptItemOf } from "./item.ts";

const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "a", resourceVersion: "7" } };

test("encodeObject() leaves the version out, and itemOf() puts the entry's revision in", () => {
  const value = encodeObject(pod);
  expect(value.toString()).toBe('{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}');
  const { bytes, object } = itemOf("/k", value, 12);
  expect(bytes.toString()).toBe(
    '{"apiVersion":"v1","kind":"Pod","metadata":{"resourceVersion":"12","name":"a"}}',
  );
  expect(object).toEqual({ ...pod, metadata: { name: "a", resourceVersion: "12" } });
});

test("itemOf() shows no version for what was never stored", () => {
  expect(itemOf("/k", encodeObject(pod), 0).object.metadata.resourceVersion).toBeUndefined();
});

test("itemOf() refuses a value that is no object of ours", () => {
  expect(() => itemOf("/k", Buffer.from("{}"), 1)).toThrow("Cannot read a stored value");
});

test("eventOf() makes one line whose middle is the item", () => {
  const { frame, item } = eventOf("ADDED", { key: "/k", value: encodeObject(pod), at: 3 });
  expect(frame.toString()).toBe(`{"type":"ADDED","object":${item.bytes.toString()}}\n`);
  expect(item.bytes.buffer).toBe(frame.buffer);
});

test("frameOf() wraps any JSON", () => {
  expect(frameOf("ERROR", '{"a":1}').toString()).toBe('{"type":"ERROR","object":{"a":1}}\n');
});

test("any object survives, also one that holds the marker itself", () => {
  const anything = dictionary(string(), jsonValue());
  assert(
    property(anything, anything, nat(), (annotations, spec, at) => {
      const metadata = { name: '"metadata":{', annotations };
      const object = { apiVersion: '"metadata":{', kind: "X", metadata, spec };
      const read = itemOf("/k", encodeObject(object), at + 1).object;
      const plain = JSON.parse(JSON.stringify(object)) as typeof object;
      const resourceVersion = String(at + 1);
      expect(read).toEqual({ ...plain, metadata: { ...plain.metadata, resourceVersion } });
    }),
  );
});

test("keptItemOf() keeps parsed forms only as long as there is room for them", () => {
  const value = encodeObject({ ...pod, data: "x".repeat(7 << 20) });
  const items = [1, 2, 3, 4, 5].map((at) => keptItemOf(`/k${at}`, value, at));
  const [first] = items.map(({ object }) => object);
  expect(items[4]?.object).toBe(items[4]?.object);
  expect(items[0]?.object).not.toBe(first);
  expect(items[0]?.object).toEqual(first);
});
