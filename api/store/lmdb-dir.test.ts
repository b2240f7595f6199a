import { chmod, mkdtemp, open, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { markerFile } from "./lmdb-dir.ts";
import { openLmdbStore } from "./lmdb.ts";

async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "lighthouse-lmdb-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A directory with a store of a few entries in it, closed. */
async function filledDir(): Promise<string> {
  const dir = join(await tempDir(), "data.store");
  const store = await openLmdbStore(dir);
  await Promise.all(
    Array.from({ length: 200 }, (_, i) => store.put(`/k/${i}`, Buffer.alloc(2_000, i), 0)),
  );
  await store[Symbol.asyncDispose]();
  return dir;
}

async function overwrite(path: string, position: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "r+");
  await file.write(bytes, 0, bytes.length, position);
  await file.close();
}

test("openLmdbStore() creates its directory for its user alone", async () => {
  const dir = await filledDir();
  expect((await stat(dir)).mode & 0o777).toBe(0o700);
  expect(JSON.parse(await readFile(join(dir, markerFile), "utf8"))).toEqual({
    format: 2,
    initialized: true,
  });
});

test("openLmdbStore() refuses a directory that holds other things", async () => {
  const dir = await tempDir();
  for (const name of ["b.txt", "a.txt", "c.txt", "d.txt"]) await writeFile(join(dir, name), name);
  await expect(openLmdbStore(dir)).rejects.toThrow(
    `Cannot use ${dir} for the store: it holds other things (a.txt, b.txt, c.txt and 1 more)`,
  );
  expect(await readFile(join(dir, "a.txt"), "utf8")).toBe("a.txt");
});

test("openLmdbStore() refuses a file in the directory's place", async () => {
  const path = join(await tempDir(), "file");
  await writeFile(path, "x");
  await expect(openLmdbStore(path)).rejects.toThrow(`${path}: it is not a directory`);
});

test("openLmdbStore() goes on after a first start that was cut short", async () => {
  const dir = await tempDir();
  await writeFile(join(dir, markerFile), '{"format":1,"initialized":false}');
  const store = await openLmdbStore(dir);
  expect(await store.put("/a", Buffer.from("1"), 0)).toBe(1);
  await store[Symbol.asyncDispose]();
});

test("openLmdbStore() raises the format of older data, which an older program then refuses", async () => {
  const dir = await filledDir();
  await writeFile(join(dir, markerFile), '{"format":1,"initialized":true}');
  const store = await openLmdbStore(dir);
  expect((await store.list({ prefix: "/k/" })).entries).toHaveLength(200);
  await store[Symbol.asyncDispose]();
  const marker: unknown = JSON.parse(await readFile(join(dir, markerFile), "utf8"));
  expect(marker).toEqual({ format: 2, initialized: true });
});

test.each([
  ["was written by a newer program", '{"format":3,"initialized":true}', "its format is 3"],
  ["has a marker that is not JSON", "{", "its data is damaged"],
  ["has a marker of another program", "[]", "its data is damaged"],
])("openLmdbStore() refuses a directory that %s", async (_why, marker, message) => {
  const dir = await filledDir();
  await writeFile(join(dir, markerFile), marker);
  await expect(openLmdbStore(dir)).rejects.toThrow(message);
});

const damages: readonly (readonly [string, string, (path: string) => Promise<void>])[] = [
  ["is missing", "data.mdb is missing", (path) => rm(path)],
  ["is empty", "no LMDB file", (path) => truncate(path, 0)],
  ["is text", "no LMDB file", (path) => writeFile(path, "hello\n".repeat(5_000))],
  ["has a damaged head", "no LMDB file", (path) => overwrite(path, 24, Buffer.from("boom"))],
  ["was cut off", "was cut off", (path) => truncate(path, 20_000)],
];
test.each(damages)(
  "openLmdbStore() names the loss when data.mdb %s",
  async (_how, message, damage) => {
    const dir = await filledDir();
    await damage(join(dir, "data.mdb"));
    const opening = openLmdbStore(dir);
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toThrow("restore a backup of the directory, or move it away");
  },
);

test("a damaged page is an error that names the directory, not a crash", async () => {
  const dir = await filledDir();
  const path = join(dir, "data.mdb");
  const { size } = await stat(path);
  for (let page = 2; page * 4_096 < size; page++) {
    await overwrite(path, page * 4_096 + 24, Buffer.alloc(4_000, 0xee));
  }
  await expect(openLmdbStore(dir).then((store) => store.list({ prefix: "" }))).rejects.toThrow(dir);
});

// Skipped for root: permission bits do not bind it.
test.skipIf(process.getuid?.() === 0)("openLmdbStore() says when it may not write", async () => {
  const dir = await filledDir();
  await chmod(dir, 0o500);
  await expect(openLmdbStore(dir)).rejects.toThrow("this user may not write there");
});
