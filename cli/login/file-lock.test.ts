import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lockFile } from "./file-lock.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lighthouse-lock-"));
});
afterAll(() => rm(folder, { recursive: true }));

const limits = { waitMs: 2_000, maxHeldMs: 60_000 };
const never = new AbortController().signal;
/** No process has such an id: Linux ends at 2^22. */
const nobody = 4_999_999;

test("lockFile() lets one in at a time", async () => {
  const path = join(folder, "turns");
  let inside = 0;
  let most = 0;
  const turns = Array.from({ length: 5 }, async () => {
    await using _lock = await lockFile(path, limits, never);
    inside += 1;
    most = Math.max(most, inside);
    await Promise.resolve();
    inside -= 1;
  });
  await Promise.all(turns);
  expect(most).toBe(1);
  expect(await readdir(folder)).toEqual([]);
});

test("lockFile() waits for who lives, and says who that is", async () => {
  const path = join(folder, "held");
  await using lock = await lockFile(path, limits, never);
  await expect(lockFile(path, { ...limits, waitMs: 0 }, never)).rejects.toThrow(
    new RegExp(`Cannot get the lock ${path}: process ${process.pid} `),
  );
  await expect(lockFile(path, limits, AbortSignal.abort(new Error("enough")))).rejects.toThrow(
    /aborted|enough/,
  );
  expect(await lock.isHeld()).toBe(true);
});

test.each([
  ["of a process that died", `${nobody} 00\n`, 0],
  ["that is held for too long", `${process.pid} 00\n`, 120],
  ["that was never written", "", 5],
])(
  "lockFile() takes over one %s, and only one of several gets it",
  async (_what, mark, ageSeconds) => {
    const path = join(folder, "left");
    await writeFile(path, mark);
    const at = new Date(Date.now() - ageSeconds * 1_000);
    await utimes(path, at, at);
    let inside = 0;
    const turns = Array.from({ length: 4 }, async () => {
      await using lock = await lockFile(path, limits, never);
      inside += 1;
      expect([inside, await lock.isHeld()]).toEqual([1, true]);
      inside -= 1;
    });
    await Promise.all(turns);
    expect(await readdir(folder)).toEqual([]);
  },
);
