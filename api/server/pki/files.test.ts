import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makePrivateDirectory, readIfPresent, secretMode, writeAtomically } from "./files.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "lighthouse-files-"));
});
afterEach(() => rm(root, { recursive: true }));

test("writeAtomically() replaces content and mode, and leaves no draft", async () => {
  const path = join(root, "key");
  await writeFile(path, "old", { mode: 0o644 });
  await writeAtomically(path, "new", secretMode);
  expect(await readFile(path, "utf8")).toBe("new");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(root)).toEqual(["key"]);
});

test("writeAtomically() that fails leaves the target and no draft", async () => {
  const path = join(root, "taken");
  await mkdir(path);
  await expect(writeAtomically(path, "new", secretMode)).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
  expect(await readdir(root)).toEqual(["taken"]);
});

test("readIfPresent() tells absence from failure", async () => {
  expect(await readIfPresent(join(root, "absent"))).toBeUndefined();
  await expect(readIfPresent(root)).rejects.toThrow("EISDIR");
});

test("makePrivateDirectory() repairs a mode that lets others in", async () => {
  const path = join(root, "deep", "pki");
  await makePrivateDirectory(path);
  await chmod(path, 0o755);
  await makePrivateDirectory(path);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
});
