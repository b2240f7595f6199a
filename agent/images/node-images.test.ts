import { expect, test } from "vitest";
import { nodeImages } from "./node-images.ts";

const image = (id: string, sizeBytes: number, tags: readonly string[] = []) => {
  return { id, sizeBytes, tags, digests: [] };
};

test("nodeImages() tells the largest first, and the same whatever the engine's order", () => {
  const all = [image("b", 1, ["z:1", "a:1"]), image("a", 1), image("c", 9)];
  const want = [
    { names: ["c"], sizeBytes: 9 },
    { names: ["a"], sizeBytes: 1 },
    { names: ["a:1", "z:1"], sizeBytes: 1 },
  ];
  expect(nodeImages(all)).toEqual(want);
  expect(nodeImages(all.toReversed())).toEqual(want);
});

test("nodeImages() tells fifty images, and five names of each", () => {
  const names = Array.from({ length: 9 }, (_, n) => `web:${n}`);
  const many = Array.from({ length: 60 }, (_, n) => image(`${n}`, n, names));
  expect(nodeImages(many)).toHaveLength(50);
  expect(nodeImages(many)[0]?.names).toHaveLength(5);
});
