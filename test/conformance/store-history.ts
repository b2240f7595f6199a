import { describe, expect, test } from "vitest";
import { isConflict, isExpired, isUnavailable } from "../../api/machinery/errors.ts";
import type { Revision, StoreEvent } from "../../api/store/store.ts";
import {
  bytes,
  collect,
  increment,
  line,
  text,
  type Start,
  type StoreTraits,
} from "./store-kit.ts";

/** Compaction, closing, and what a restart must find again. */
export function storeHistory(start: Start, traits: StoreTraits): void {
  describe("compact()", () => {
    test("gives Expired below the floor, and the truth at and above it", async () => {
      const { store, signal } = await start();
      const { revision: base } = await store.head();
      const a1 = await store.put("/a", bytes("1"), 0);
      const b1 = await store.put("/b", bytes("1"), 0);
      const a2 = await store.put("/a", bytes("2"), a1);
      const b2 = await store.delete("/b", b1);
      const a3 = await store.put("/a", bytes("3"), a2);
      await store.compact(a2);
      expect((await store.head()).compacted).toBe(a2);
      await expect(store.list({ prefix: "/", at: b1 })).rejects.toSatisfy(isExpired);
      for (const since of [base, b1]) {
        const watching = Array.fromAsync(store.watch("/", since, signal));
        await expect(watching, `watch from ${since}`).rejects.toSatisfy(isExpired);
      }
      const { entries } = await store.list({ prefix: "/", at: a2 });
      expect(entries.map(({ key, value }) => `${key}=${text(value)}`)).toEqual(["/a=2", "/b=1"]);
      const events = await collect(store.watch("/", a2, signal), (_, at) => at >= a3);
      expect(events.map(line)).toEqual([`${b2} delete /b 1`, `${a3} put /a 3 was 2`]);
    });

    test("keeps live entries, also those that never changed since", async () => {
      const { store } = await start();
      const old = await store.put("/old", bytes("x"), 0);
      for (let i = 0; i < 20; i++) await increment(store, "/busy");
      const gone = await store.put("/gone", bytes("x"), 0);
      await store.delete("/gone", gone);
      const before = await store.list({ prefix: "/" });
      await store.compact(before.revision);
      expect(await store.list({ prefix: "/" })).toEqual(before);
      expect(await store.get("/old")).toMatchObject({ at: old, createdAt: old });
      expect(await store.get("/gone")).toBeUndefined();
      const next = await store.put("/gone", bytes("y"), 0);
      expect(await store.get("/gone")).toMatchObject({ at: next, createdAt: next });
    });

    test("twice, backwards and past the head is harmless", async () => {
      const { store } = await start();
      const a1 = await store.put("/a", bytes("1"), 0);
      const a2 = await store.put("/a", bytes("2"), a1);
      await store.compact(a2);
      await store.compact(a2);
      await store.compact(a1);
      await store.compact(0);
      await store.compact(a2 + 1_000);
      const head = await store.head();
      expect(head).toEqual({ revision: a2, compacted: a2 });
      const a3 = await store.put("/a", bytes("3"), a2);
      expect(a3).toBeGreaterThan(a2);
      expect((await store.list({ prefix: "/", at: a2 })).entries).toHaveLength(1);
    });

    test("a watch that has seen all goes on across a compaction", async () => {
      const { store, signal } = await start();
      const a1 = await store.put("/a", bytes("1"), 0);
      const watch = store.watch("/", a1, signal)[Symbol.asyncIterator]();
      await watch.next();
      await store.compact(a1);
      const a2 = await store.put("/a", bytes("2"), a1);
      const events: StoreEvent[] = [];
      while (events.length === 0) {
        const step = await watch.next();
        if (step.done === true) break;
        events.push(...step.value.events);
      }
      expect(events.map(line)).toEqual([`${a2} put /a 2 was 1`]);
    });
  });

  describe("close", () => {
    test("ends calls and watches with ServiceUnavailable, never silently", async () => {
      const { store, signal } = await start();
      const { revision } = await store.head();
      const watching = Array.fromAsync(store.watch("/", revision, signal));
      const ended = watching.then(
        () => "ended silently",
        (err: unknown) => err,
      );
      await store[Symbol.asyncDispose]();
      expect(await ended).toSatisfy(isUnavailable);
      await expect(store.get("/a")).rejects.toSatisfy(isUnavailable);
      await expect(store.put("/a", bytes("1"), 0)).rejects.toSatisfy(isUnavailable);
      await expect(store.list({ prefix: "/" })).rejects.toSatisfy(isUnavailable);
      await expect(store.head()).rejects.toSatisfy(isUnavailable);
    });
  });

  // A memory store is gone with its process: there is nothing to find again.
  describe.runIf(traits.durable)("restart", () => {
    test("finds entries, revisions and the compaction floor again", async () => {
      const { store, reopen } = await start();
      for (let i = 0; i < 10; i++) await store.put(`/k/${i}`, bytes(String(i)), 0);
      const gone = await store.put("/gone", bytes("x"), 0);
      await store.compact(await store.delete("/gone", gone));
      const before = await store.list({ prefix: "/" });
      const head = await store.head();
      const again = await reopen();
      expect((await again.head()).compacted).toBe(head.compacted);
      expect((await again.list({ prefix: "/" })).entries).toEqual(before.entries);
      const next = await again.put("/new", bytes("x"), 0);
      expect(next).toBeGreaterThan(head.revision);
      await expect(again.put("/k/1", bytes("x"), 0)).rejects.toSatisfy(isConflict);
    });

    test("a watch goes on where it was: no event twice, none missing", async () => {
      const { store, signal, reopen } = await start();
      const { revision } = await store.head();
      const at: Revision[] = [];
      for (let i = 0; i < 6; i++) at.push(await store.put("/p/a", bytes(`${i}`), at.at(-1) ?? 0));
      const before = await collect(
        store.watch("/p/", revision, signal),
        (events) => events.length >= 3,
      );
      const seen = before.slice(0, 3);
      const again = await reopen();
      for (let i = 6; i < 9; i++) at.push(await again.put("/p/a", bytes(`${i}`), at.at(-1) ?? 0));
      const end = at.at(-1) ?? 0;
      const after = await collect(
        again.watch("/p/", seen.at(-1)?.at ?? 0, signal),
        (_, covered) => covered >= end,
      );
      expect([...seen, ...after].map((event) => event.at)).toEqual(at);
      expect(text(after[0]?.previous)).toBe("2");
      const past = await again.list({ prefix: "/p/", at: at[2] ?? 0 });
      expect(past.entries.map(({ value }) => text(value))).toEqual(["2"]);
    });
  });
}
