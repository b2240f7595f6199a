import { expect, test } from "vitest";
import { readNodeUsage } from "./node-usage.ts";

const usage = { cpuNanoCores: 1, memoryBytes: 2, atMs: 3, windowMs: 4 };

test("readNodeUsage() takes what an agent says", () => {
  const sent = {
    node: { ...usage, of: "machine" },
    pods: [{ uid: "u1", containers: { app: usage } }],
  };
  expect(readNodeUsage(JSON.parse(JSON.stringify(sent)))).toEqual(sent);
});

test.each([
  ["nothing", undefined],
  ["text", "x"],
  ["a list", [usage]],
  ["a node that is no object", { node: 5 }],
  ["a negative amount", { node: { ...usage, cpuNanoCores: -1 } }],
  ["a fraction", { node: { ...usage, memoryBytes: 0.5 } }],
  ["a number beyond all measure", { node: { ...usage, memoryBytes: 1e300 } }],
  ["a time that is none", { node: { ...usage, atMs: 9e15 } }],
  ["a time that Go cannot read", { node: { ...usage, atMs: 253_402_300_800_000 } }],
  ["a window of years", { node: { ...usage, windowMs: 1e12 } }],
  ["pods that are no list", { pods: { length: 1 } }],
  ["a pod without uid", { pods: [{ containers: { app: usage } }] }],
])("readNodeUsage() drops %s", (_what, sent) => {
  expect(readNodeUsage(sent)).toEqual({ pods: [] });
});

test("readNodeUsage() drops one container and keeps the others", () => {
  const sent = { pods: [{ uid: "u1", containers: { app: usage, bad: { ...usage, atMs: "x" } } }] };
  expect(readNodeUsage(sent).pods).toEqual([{ uid: "u1", containers: { app: usage } }]);
});
