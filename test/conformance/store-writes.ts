import { describe, expect, test } from "vitest";
import { isConflict } from "../../api/machinery/errors.ts";
import { bytes, increment, text, type Start, type StoreTraits } from "./store-kit.ts";

/** Compare-and-set, one history of revisions, many writers. */
export function storeWrites(start: Start, traits: StoreTraits): void {
  describe("put() and get()", () => {
    test("a write takes the next revision of one global history", async () => {
      const { store } = await start();
      const { revision } = await store.head();
      const first = await store.put("/a/1", bytes("one"), 0);
      const second = await store.put("/b/1", bytes("two"), 0);
      const third = await store.put("/a/1", bytes("three"), first);
      const fourth = await store.delete("/b/1", second);
      expect([first, second, third, fourth]).toEqual(
        [first, second, third, fourth].toSorted((a, b) => a - b),
      );
      expect(new Set([revision, first, second, third, fourth]).size).toBe(5);
      expect(fourth).toBe(traits.dense ? revision + 4 : fourth);
      expect((await store.head()).revision).toBe(fourth);
    });

    test("get() sees what was written, with both of its revisions", async () => {
      const { store } = await start();
      const created = await store.put("/a/1", bytes("one"), 0);
      const updated = await store.put("/a/1", bytes("two"), created);
      const entry = await store.get("/a/1");
      expect(text(entry?.value)).toBe("two");
      expect(entry).toMatchObject({ key: "/a/1", at: updated, createdAt: created });
      expect(await store.get("/a/2")).toBeUndefined();
      expect(await store.get("/a")).toBeUndefined();
    });

    test("values are any bytes, empty and one megabyte too", async () => {
      const { store } = await start();
      const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      const large = new Uint8Array(1 << 20).fill(7);
      for (const [key, value] of Object.entries({
        "/all": all,
        "/large": large,
        "/empty": new Uint8Array(),
      })) {
        await store.put(key, value, 0);
        const read = await store.get(key);
        expect(Buffer.compare(read?.value ?? bytes("absent"), value), key).toBe(0);
      }
    });

    test("a guarded write counts only while the guard's entry is as it was", async () => {
      const { store } = await start();
      const leader = await store.put("/lease", bytes("one"), 0);
      const guard = { key: "/lease", at: leader };
      const first = await store.put("/a", bytes("first"), 0, guard);
      const second = await store.put("/a", bytes("second"), first, guard);
      await store.put("/lease", bytes("two"), leader);
      await expect(store.put("/a", bytes("x"), second, guard)).rejects.toSatisfy(isConflict);
      await expect(store.put("/b", bytes("x"), 0, guard)).rejects.toSatisfy(isConflict);
      await expect(store.delete("/a", second, guard)).rejects.toSatisfy(isConflict);
      expect(text((await store.get("/a"))?.value)).toBe("second");
      expect(await store.get("/b")).toBeUndefined();
    });

    test("a guard that was never there, or is gone, refuses every write", async () => {
      const { store } = await start();
      const lease = await store.put("/lease", bytes("one"), 0);
      const never = { key: "/none", at: lease };
      await expect(store.put("/a", bytes("x"), 0, never)).rejects.toSatisfy(isConflict);
      await store.delete("/lease", lease);
      const gone = { key: "/lease", at: lease };
      await expect(store.put("/a", bytes("x"), 0, gone)).rejects.toSatisfy(isConflict);
    });

    test("of a guarded write and a change of its guard, both at once, the order decides", async () => {
      const { store } = await start();
      const lease = await store.put("/lease", bytes("one"), 0);
      const guard = { key: "/lease", at: lease };
      const outcomes = await Promise.allSettled([
        store.put("/a", bytes("before"), 0, guard),
        store.put("/lease", bytes("two"), lease),
        store.put("/b", bytes("after"), 0, guard),
      ]);
      const [before, taken, after] = outcomes.map((one) =>
        one.status === "fulfilled" ? one.value : undefined,
      );
      expect(taken).toBeDefined();
      for (const at of [before, after]) expect(at ?? 0).toBeLessThan(taken ?? 0);
    });

    test.each([
      ["creates what exists", 0, "absent"],
      ["has seen an older revision", -1, "older"],
      ["has seen a revision of the future", 1, "newer"],
    ])("put() refuses with Conflict when the writer %s", async (_why, offset, kind) => {
      const { store } = await start();
      const first = await store.put("/a", bytes("one"), 0);
      const live = await store.put("/a", bytes("two"), first);
      const expected = kind === "absent" ? 0 : live + offset;
      await expect(store.put("/a", bytes("x"), expected)).rejects.toSatisfy(isConflict);
      await expect(store.delete("/a", expected)).rejects.toSatisfy(isConflict);
      expect(text((await store.get("/a"))?.value)).toBe("two");
      expect((await store.head()).revision).toBe(live);
    });

    test("a write to an absent key is refused unless it creates", async () => {
      const { store } = await start();
      await expect(store.put("/a", bytes("x"), 7)).rejects.toSatisfy(isConflict);
      await expect(store.delete("/a", 7)).rejects.toSatisfy(isConflict);
      await expect(store.delete("/a", 0)).rejects.toSatisfy(isConflict);
      expect(await store.get("/a")).toBeUndefined();
    });

    test("delete() removes; a new creation starts a new life", async () => {
      const { store } = await start();
      const created = await store.put("/a", bytes("one"), 0);
      const gone = await store.delete("/a", created);
      expect(gone).toBeGreaterThan(created);
      expect(await store.get("/a")).toBeUndefined();
      await expect(store.put("/a", bytes("x"), created)).rejects.toSatisfy(isConflict);
      const again = await store.put("/a", bytes("two"), 0);
      expect(await store.get("/a")).toMatchObject({ at: again, createdAt: again });
    });

    test("of 64 writers on one key exactly one wins each revision", async () => {
      const { store } = await start();
      const wins = await Promise.all(
        Array.from({ length: 64 }, () => increment(store, "/counter")),
      );
      expect(new Set(wins).size).toBe(64);
      expect(text((await store.get("/counter"))?.value)).toBe("64");
    }, 60_000);

    test("64 writers at the same expected revision: one wins, 63 get Conflict", async () => {
      const { store } = await start();
      const at = await store.put("/a", bytes("start"), 0);
      const results = await Promise.allSettled(
        Array.from({ length: 64 }, (_, i) => store.put("/a", bytes(String(i)), at)),
      );
      const won = results.filter((result) => result.status === "fulfilled");
      const lost = results.filter((result) => result.status === "rejected");
      expect(won).toHaveLength(1);
      expect(lost.every(({ reason }) => isConflict(reason))).toBe(true);
      const winner = results.findIndex((result) => result.status === "fulfilled");
      expect(text((await store.get("/a"))?.value)).toBe(String(winner));
    });

    test("writers do not disturb each other's keys", async () => {
      const { store } = await start();
      const at = await Promise.all(
        Array.from({ length: 200 }, (_, i) => store.put(`/k/${i}`, bytes(String(i)), 0)),
      );
      expect(new Set(at).size).toBe(200);
      const { entries } = await store.list({ prefix: "/k/" });
      expect(entries).toHaveLength(200);
      for (const entry of entries) expect(entry.at).toBe(at[Number(text(entry.value))]);
    });
  });
}
