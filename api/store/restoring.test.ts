import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { isExpired } from "../machinery/errors.ts";
import { openStore } from "./open.ts";
import { beginRestore } from "./restoring.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);

async function tempUrl(): Promise<{ readonly dir: string; readonly url: string }> {
  const root = await mkdtemp(join(tmpdir(), "lighthouse-restoring-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const dir = join(root, "store");
  return { dir, url: `lmdb://${dir}` };
}

test("beginRestore() begins a history behind all that clients may have seen", async () => {
  const { url } = await tempUrl();
  const seen = 65_536 * 1_000 + 17;
  await using restore = await beginRestore(url, seen);
  await restore.store.put("/a", bytes("1"), 0);
  await restore.finish();
  await using store = await openStore(url);
  const { revision, compacted } = await store.head();
  expect(compacted * 65_536).toBeGreaterThan(seen);
  expect(revision).toBe(compacted + 1);
  await expect(store.list({ prefix: "/", at: 900 })).rejects.toSatisfy(isExpired);
  const watch = store.watch("/", 900, AbortSignal.timeout(5_000))[Symbol.asyncIterator]();
  await expect(watch.next()).rejects.toSatisfy(isExpired);
});

test("a restore that was interrupted is refused by openStore() and begun anew by beginRestore()", async () => {
  const { url } = await tempUrl();
  const first = await beginRestore(url, 5);
  await first.store.put("/half", bytes("1"), 0);
  await first[Symbol.asyncDispose]();
  await expect(openStore(url)).rejects.toThrow(
    'a restore into it was interrupted; run "lighthouse restore" again',
  );
  await using again = await beginRestore(url, 5);
  expect((await again.store.list({ prefix: "" })).entries).toEqual([]);
  await again.finish();
  await using store = await openStore(url);
  expect((await store.list({ prefix: "" })).entries).toEqual([]);
});

test("beginRestore() leaves alone what is there", async () => {
  const { dir, url } = await tempUrl();
  {
    await using store = await openStore(url);
    await store.put("/a", bytes("1"), 0);
    await expect(beginRestore(url, 5)).rejects.toThrow("it holds a store already");
  }
  await expect(beginRestore(url, 5)).rejects.toThrow("it holds a store already");
  await writeFile(`${dir}.txt`, "");
  await expect(beginRestore(`lmdb://${dir}/..`, 5)).rejects.toThrow("it holds other things");
  await expect(beginRestore("memory:", 5)).rejects.toThrow("it ends with this command");
  await using store = await openStore(url);
  expect((await store.list({ prefix: "" })).entries).toHaveLength(1);
});

test("two restores into one directory do not mix", async () => {
  const { url } = await tempUrl();
  await using first = await beginRestore(url, 5);
  await expect(beginRestore(url, 5)).rejects.toThrow(/is using it/);
  await first.finish();
});
