import fc from "fast-check";
import { expect, test } from "vitest";
import type { Claim } from "./claims.ts";
import { type Collection, planCollection } from "./plan.ts";

const nowMs = 1_000_000;
const image = (id: string, tags: readonly string[] = [`${id}:1`]) => {
  return { id, tags, digests: [], sizeBytes: 10 };
};
const claim = (id: string, usedMs: number, application = ""): Claim => {
  return { id, usedMs, application, references: [`${id}:1`] };
};

function world(parts: Partial<Collection> = {}): Collection {
  return {
    disk: { usedBytes: 90, totalBytes: 100 },
    images: ["a", "b", "c"].map((id) => image(id)),
    inUse: new Set(),
    claims: [claim("a", 3), claim("b", 1), claim("c", 2)],
    policy: { highPercent: 85, lowPercent: 80, minimumAgeMs: 1000, kept: 1 },
    nowMs,
    ...parts,
  };
}

const ids = (seen: Collection) => planCollection(seen).remove.map(({ id }) => id);

test("planCollection() removes the longest unused first, down to the low mark", () => {
  expect(ids(world())).toEqual(["b", "c", "a"]);
  expect(planCollection(world()).wantedBytes).toBe(10);
});

test.each<[string, Partial<Collection>, readonly string[]]>([
  ["the disk is not full", { disk: { usedBytes: 84, totalBytes: 100 } }, []],
  ["nobody knows how full the disk is", { disk: { usedBytes: 0, totalBytes: 0 } }, []],
  ["a container uses it", { inUse: new Set(["b"]) }, ["c", "a"]],
  ["it is somebody else's", { claims: [claim("a", 1)] }, ["a"]],
  ["somebody else named it", { images: [image("a", ["a:1", "mine:1"]), image("b")] }, ["b"]],
  ["it lost its names", { images: [image("a", [])] }, ["a"]],
  ["it is young", { claims: [claim("a", nowMs - 999), claim("b", nowMs - 1000)] }, ["b"]],
  [
    "an Application may return to it",
    { claims: [claim("a", 3, "shop/web"), claim("b", 1, "shop/web"), claim("c", 2, "shop/db")] },
    ["b"],
  ],
])("planCollection() when %s", (_why, parts, want) => {
  expect(ids(world(parts))).toEqual(want);
});

test("planCollection() never removes at 100 percent", () => {
  const policy = { ...world().policy, highPercent: 100 };
  expect(ids(world({ policy, disk: { usedBytes: 100, totalBytes: 100 } }))).toEqual([]);
});

test("planCollection() never touches what is used, foreign or to return to", () => {
  const name: fc.Arbitrary<string> = fc.constantFrom("a", "b", "c", "d", "e");
  const claims = fc.array(
    fc.record({ id: name, usedMs: fc.nat(nowMs), application: fc.constantFrom("", "x/1", "x/2") }),
  );
  fc.assert(
    fc.property(claims, fc.array(name), fc.nat(100), (given, used, usedBytes) => {
      const own = [
        ...new Map(
          given.map((one) => [one.id, claim(one.id, one.usedMs, one.application)]),
        ).values(),
      ];
      const seen = world({
        claims: own,
        images: ["a", "b", "c", "d", "e"].map((id) => image(id)),
        inUse: new Set(used),
        disk: { usedBytes, totalBytes: 100 },
      });
      const removed = ids(seen);
      expect(removed.filter((id) => used.includes(id))).toEqual([]);
      expect(removed.every((id) => own.some((one) => one.id === id))).toBe(true);
      for (const application of ["x/1", "x/2"]) {
        const newest = own
          .filter((one) => one.application === application)
          .toSorted((a, b) => b.usedMs - a.usedMs || (a.id < b.id ? -1 : 1))[0];
        expect(removed).not.toContain(newest?.id);
      }
    }),
  );
});
