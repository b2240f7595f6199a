import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { emptyFolder } from "./empty-folder.ts";

test("emptyFolder() replaces a former release and nothing else", async () => {
  const root = await mkdtemp(join(tmpdir(), "lighthouse-release-"));
  onTestFinished(() => rm(root, { recursive: true }));
  const dist = join(root, "dist");
  await emptyFolder(dist);
  await writeFile(join(dist, "SHA256SUMS"), "");
  await writeFile(join(dist, "old.tgz"), "");
  await emptyFolder(dist);
  expect(await readdir(dist)).toEqual([]);
  const home = join(root, "home");
  await mkdir(home);
  await writeFile(join(home, "thesis.txt"), "");
  await expect(emptyFolder(home)).rejects.toThrow("thesis.txt");
  expect(await readdir(home)).toEqual(["thesis.txt"]);
});
