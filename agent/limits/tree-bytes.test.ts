import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { logBytes, treeBytes } from "./tree-bytes.ts";

const signal = new AbortController().signal;

async function scratch(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "lh-tree-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  return dir;
}

test("treeBytes() adds up what files take, and follows no link out of the tree", async () => {
  const dir = await scratch();
  await mkdir(join(dir, "deep", "er"), { recursive: true });
  await writeFile(join(dir, "deep", "er", "file"), Buffer.alloc(100_000, 1));
  const before = (await treeBytes(dir, signal)) ?? 0;
  expect(before).toBeGreaterThanOrEqual(100_000);
  await symlink("/usr", join(dir, "away"));
  expect((await treeBytes(dir, signal)) ?? 0).toBeLessThan(before + 10_000);
});

test("treeBytes() of what is not there is unknown, and ends with its signal", async () => {
  const dir = await scratch();
  expect(await treeBytes(join(dir, "absent"), signal)).toBeUndefined();
  await writeFile(join(dir, "file"), "x");
  const aborted = AbortSignal.abort(new Error("enough"));
  await expect(treeBytes(dir, aborted)).rejects.toThrow("enough");
});

test("logBytes() counts rotated files, and no others", async () => {
  const dir = await scratch();
  for (const name of ["c-json.log", "c-json.log.1", "config.json"])
    await writeFile(join(dir, name), Buffer.alloc(8_192, 1));
  const bytes = await logBytes(join(dir, "c-json.log"));
  expect(bytes).toBeGreaterThanOrEqual(16_384);
  expect(bytes).toBeLessThan(24_000);
  expect(await logBytes("")).toBe(0);
  expect(await logBytes(join(dir, "absent", "log"))).toBe(0);
});
