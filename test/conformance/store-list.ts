import { describe, expect, test } from "vitest";
import { isTimeout } from "../../api/machinery/errors.ts";
import type { Revision } from "../../api/store/store.ts";
import { bytes, text, type Start } from "./store-kit.ts";

/** Order, pages, and the state at a revision. */
export function storeList(start: Start): void {
  describe("list()", () => {
    test("gives the keys of the prefix in byte order, and no others", async () => {
      const { store } = await start();
      const keys = ["/p/b", "/p/a", "/p/a/x", "/p0", "/p/ä", "/p/\u{1F600}", "/p/\u{FF5E}", "/p"];
      for (const key of keys) await store.put(key, bytes(key), 0);
      const page = await store.list({ prefix: "/p/" });
      expect(page.entries.map(({ key }) => key)).toEqual([
        "/p/a",
        "/p/a/x",
        "/p/b",
        "/p/ä",
        "/p/\u{FF5E}",
        "/p/\u{1F600}",
      ]);
      expect(page.remaining).toBe(0);
      expect(page.revision).toBe((await store.head()).revision);
      expect(page.entries.every(({ key, value }) => text(value) === key)).toBe(true);
    });

    test("an empty prefix names everything, an unknown one nothing", async () => {
      const { store } = await start();
      await store.put("/a", bytes("1"), 0);
      await store.put("/b", bytes("2"), 0);
      const all = await store.list({ prefix: "" });
      expect(all.entries.map(({ key }) => key)).toEqual(["/a", "/b"]);
      expect((await store.list({ prefix: "/zzz" })).entries).toEqual([]);
    });

    test("pages join up and count what remains", async () => {
      const { store } = await start();
      for (let i = 0; i < 7; i++) await store.put(`/p/${i}`, bytes(String(i)), 0);
      const first = await store.list({ prefix: "/p/", limit: 3 });
      expect(first.entries.map(({ key }) => key)).toEqual(["/p/0", "/p/1", "/p/2"]);
      expect(first.remaining).toBe(4);
      const rest = { prefix: "/p/", limit: 3, at: first.revision };
      const second = await store.list({ ...rest, after: "/p/2" });
      expect(second.remaining).toBe(1);
      const third = await store.list({ ...rest, after: "/p/5" });
      expect(third.entries.map(({ key }) => key)).toEqual(["/p/6"]);
      expect(third.remaining).toBe(0);
      const exact = await store.list({ prefix: "/p/", limit: 7 });
      expect([exact.entries.length, exact.remaining]).toEqual([7, 0]);
    });

    test("at a revision shows the past: creations, updates, deletions, new lives", async () => {
      const { store } = await start();
      const states: [Revision, string][] = [];
      const shown = async (at?: Revision): Promise<string> => {
        const page = await store.list(at === undefined ? { prefix: "/" } : { prefix: "/", at });
        const parts = page.entries.map((e) => `${e.key}=${text(e.value)}@${e.at}/${e.createdAt}`);
        return parts.join(" ");
      };
      const note = async (at: Revision): Promise<Revision> => {
        states.push([at, await shown()]);
        return at;
      };
      const a1 = await note(await store.put("/a", bytes("1"), 0));
      const b1 = await note(await store.put("/b", bytes("1"), 0));
      const a2 = await note(await store.put("/a", bytes("2"), a1));
      await note(await store.delete("/b", b1));
      const b3 = await note(await store.put("/b", bytes("3"), 0));
      await note(await store.put("/b", bytes("4"), b3));
      await note(await store.delete("/a", a2));
      for (const [at, state] of states) expect(await shown(at), `at ${at}`).toBe(state);
    });

    test("pages at one revision are one consistent state while writes go on", async () => {
      const { store } = await start();
      const live = new Map<number, Revision>();
      await Promise.all(
        Array.from({ length: 60 }, async (_, i) => {
          live.set(i, await store.put(`/p/${String(i).padStart(3, "0")}`, bytes("old"), 0));
        }),
      );
      const writing = new AbortController();
      const writers = Array.from({ length: 4 }, async (_, w) => {
        for (let n = 0; !writing.signal.aborted; n++) {
          const i = (n * 4 + w) % 60;
          const key = `/p/${String(i).padStart(3, "0")}`;
          const at = live.get(i) ?? 0;
          const remove = n % 3 === 0 && at !== 0;
          live.set(
            i,
            remove ? (await store.delete(key, at), 0) : await store.put(key, bytes("new"), at),
          );
        }
      });
      const first = await store.list({ prefix: "/p/", limit: 7 });
      const keys = first.entries.map(({ key }) => key);
      const whole = await store.list({ prefix: "/p/", at: first.revision });
      for (let page = first; page.remaining > 0;) {
        const after = keys.at(-1) ?? "";
        page = await store.list({ prefix: "/p/", limit: 7, at: first.revision, after });
        expect(page.revision).toBe(first.revision);
        expect(page.entries.every((entry) => entry.at <= first.revision)).toBe(true);
        keys.push(...page.entries.map(({ key }) => key));
        expect(page.remaining).toBe(whole.entries.length - keys.length);
      }
      writing.abort();
      await Promise.all(writers);
      expect(keys).toEqual(whole.entries.map(({ key }) => key));
      expect(await store.list({ prefix: "/p/", at: first.revision })).toEqual(whole);
    });

    test("a revision of the future is a Timeout, not an answer", async () => {
      const { store } = await start();
      const at = await store.put("/a", bytes("1"), 0);
      await expect(store.list({ prefix: "/", at: at + 1_000 })).rejects.toSatisfy(isTimeout);
    });
  });
}
