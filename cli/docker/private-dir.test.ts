import { chmod, mkdtemp, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { privateDirectory, runtimeDirectory } from "./private-dir.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lh-private-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("privateDirectory() makes one for the user alone, and takes it again", async () => {
  const path = join(folder, "own");
  expect(await privateDirectory(path)).toBe(path);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  expect(await privateDirectory(path)).toBe(path);
});

test("privateDirectory() refuses what others can look into, or have put there", async () => {
  const open = join(folder, "open");
  await privateDirectory(open);
  await chmod(open, 0o755);
  await expect(privateDirectory(open)).rejects.toThrow("closed to others");
  const link = join(folder, "link");
  await symlink(join(folder, "own"), link);
  await expect(privateDirectory(link)).rejects.toThrow(`Cannot use ${link}`);
});

test("runtimeDirectory() is below XDG_RUNTIME_DIR", async () => {
  expect(await runtimeDirectory({ XDG_RUNTIME_DIR: folder })).toBe(join(folder, "lighthouse"));
});
