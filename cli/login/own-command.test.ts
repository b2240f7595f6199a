import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ownCommand } from "./own-command.ts";

const script = fileURLToPath(new URL("../lighthouse.mjs", import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lighthouse-own-"));
  for (const name of ["ours", "others"]) await mkdir(join(folder, name));
  await symlink(script, join(folder, "ours", "lighthouse"));
  await writeFile(join(folder, "others", "lighthouse"), "");
});
afterAll(() => rm(folder, { recursive: true }));

const inPath = (...names: readonly string[]): readonly string[] =>
  ownCommand({ PATH: names.map((name) => join(folder, name)).join(delimiter) });

test("ownCommand() is the name where PATH leads to this very program", () => {
  expect(inPath("none", "ours", "others")).toEqual(["lighthouse"]);
});

test("ownCommand() is the script where PATH leads elsewhere or nowhere", () => {
  const whole = [process.execPath, script];
  expect(inPath("others", "ours")).toEqual(whole);
  expect(inPath("none")).toEqual(whole);
  expect(ownCommand({})).toEqual(whole);
});
