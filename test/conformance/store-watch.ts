import { describe, expect, test } from "vitest";
import { isExpired } from "../../api/machinery/errors.ts";
import type { Revision, StoreEvent } from "../../api/store/store.ts";
import { bytes, collect, line, take, type Start } from "./store-kit.ts";

/** Every event once and in order, progress, slow and leaving readers. */
export function storeWatch(start: Start): void {
  describe("watch()", () => {
    test("yields every later event once and in order, with values before and after", async () => {
      const { store, signal } = await start();
      await store.put("/p/before", bytes("x"), 0);
      const { revision: since } = await store.head();
      const a1 = await store.put("/p/a", bytes("1"), 0);
      const other = await store.put("/q/a", bytes("1"), 0);
      const a2 = await store.put("/p/a", bytes("2"), a1);
      const a3 = await store.delete("/p/a", a2);
      const a4 = await store.put("/p/a", bytes("4"), 0);
      const events = await collect(store.watch("/p/", since, signal), (_, at) => at >= a4);
      expect(events.map(line)).toEqual([
        `${a1} put /p/a 1`,
        `${a2} put /p/a 2 was 1`,
        `${a3} delete /p/a 2`,
        `${a4} put /p/a 4`,
      ]);
      expect(other).toBeGreaterThan(a1);
    });

    test("many watchers from many revisions under load see exactly their part", async () => {
      const { store, signal } = await start();
      const { revision: base } = await store.head();
      const starts = [base];
      const total = 400;
      const watching: Promise<StoreEvent[]>[] = [];
      const all = (since: Revision): Promise<StoreEvent[]> =>
        collect(store.watch("/w/", since, signal), (events) =>
          events.some(({ key }) => key === "/w/last"),
        );
      watching.push(all(base));
      await Promise.all(
        Array.from({ length: 8 }, async (_, w) => {
          for (let i = 0; i < total / 8; i++) {
            const at = await store.put(`/w/${w}/${i}`, bytes(`${w}.${i}`), 0);
            if (i % 20 !== 0) continue;
            starts.push(at);
            watching.push(all(at));
          }
        }),
      );
      await store.put("/w/last", bytes("end"), 0);
      const seen = await Promise.all(watching);
      const full = seen[0] ?? [];
      expect(full).toHaveLength(total + 1);
      expect(new Set(full.map(({ at }) => at)).size).toBe(total + 1);
      for (const [i, events] of seen.entries()) {
        expect(events.map(line)).toEqual(full.filter(({ at }) => at > (starts[i] ?? 0)).map(line));
      }
    });

    test("the first batch comes at once, if only as progress", async () => {
      const { store, signal } = await start();
      const at = await store.put("/other", bytes("1"), 0);
      const [first] = await Array.fromAsync(take(store.watch("/quiet/", at, signal), 1));
      expect(first?.events).toEqual([]);
      expect(first?.revision).toBeGreaterThanOrEqual(at);
    });

    test("progress tells a quiet prefix how far the store has come", async () => {
      const { store, signal } = await start();
      const { revision: since } = await store.head();
      let target = Infinity;
      const quiet = collect(store.watch("/quiet/", since, signal), (_, at) => at >= target);
      for (let i = 0; i < 5; i++) target = await store.put(`/busy/${i}`, bytes("x"), 0);
      expect(await quiet).toEqual([]);
    });

    test("an abort ends it without an error, waiting or not yet begun", async () => {
      const { store } = await start();
      const { revision } = await store.head();
      const abort = new AbortController();
      const waiting = Array.fromAsync(store.watch("/p/", revision, abort.signal));
      const [first] = await Array.fromAsync(take(store.watch("/p/", revision, abort.signal), 1));
      expect(first?.events).toEqual([]);
      abort.abort();
      expect((await waiting).flatMap(({ events }) => events)).toEqual([]);
      expect(await Array.fromAsync(store.watch("/p/", revision, abort.signal))).toEqual([]);
    });

    test("a reader that leaves early leaves nothing behind", async () => {
      const { store, signal } = await start();
      const { revision } = await store.head();
      for (let i = 0; i < 50; i++) {
        await Array.fromAsync(take(store.watch("/p/", revision, signal), 1));
      }
      const at = await store.put("/p/a", bytes("1"), 0);
      const events = await collect(store.watch("/p/", revision, signal), (_, seen) => seen >= at);
      expect(events).toHaveLength(1);
    });

    test.each([
      ["served from history", false],
      ["cut with Expired once its place is compacted, never skipped", true],
    ])("a slow reader is %s", async (_what, compacted) => {
      const { store, signal } = await start();
      const { revision } = await store.head();
      const slow = store.watch("/p/", revision, signal)[Symbol.asyncIterator]();
      await slow.next();
      const value = new Uint8Array(300_000);
      const at = await Promise.all(
        Array.from({ length: 40 }, (_, i) => store.put(`/p/${i}`, value, 0)),
      );
      if (compacted) await store.compact(Math.max(...at));
      const seen: Revision[] = [];
      const drain = async (): Promise<string> => {
        for (let step = await slow.next(); step.done !== true; step = await slow.next()) {
          for (const event of step.value.events) {
            expect(event.at).toBeGreaterThan(seen.at(-1) ?? 0);
            seen.push(event.at);
          }
          if (seen.length === 40) return "served all";
        }
        return "ended silently";
      };
      const outcome = await drain().catch((err: unknown) => (isExpired(err) ? "cut" : err));
      expect(compacted ? ["served all", "cut"] : ["served all"]).toContain(outcome);
    });

    test("a revision that this history never had is Expired: the caller must list", async () => {
      const { store, signal } = await start();
      const at = await store.put("/a", bytes("1"), 0);
      const ahead = Array.fromAsync(store.watch("/", at + 1_000, signal));
      await expect(ahead).rejects.toSatisfy(isExpired);
    });
  });
}
