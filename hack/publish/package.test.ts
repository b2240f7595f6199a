import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { readLockfile, root } from "./lockfile.ts";
import { packageFiles, toJavaScript } from "./package-files.ts";
import { reproducible, sbomFormats, uuidOf } from "./sbom.ts";
import { tarballOf } from "./tarball.ts";

test.each([
  ['import { a } from "./a.ts";', 'import { a } from "./a.js";'],
  ['await import("../b/c.ts")', 'await import("../b/c.js")'],
  ['new URL("./worker.ts", import.meta.url)', 'new URL("./worker.js", import.meta.url)'],
  ['const file = "./a.ts";', 'const file = "./a.ts";'],
  ["let a: number = 1;", "let a         = 1;"],
])("toJavaScript() %j", (source, want) => {
  expect(toJavaScript(source)).toBe(want);
});

test("the package has the same bytes each time, and runs where Node.js strips no types", async () => {
  const files = await packageFiles(await readLockfile());
  const again = await packageFiles(await readLockfile());
  expect((await tarballOf(files)).equals(await tarballOf(again))).toBe(true);
  const names = files.map(({ path: name }) => name);
  expect(names.filter((name) => name.endsWith(".ts") || name.includes(".test."))).toEqual([]);
  expect(names).toEqual(expect.arrayContaining(["package.json", "npm-shrinkwrap.json", "LICENSE"]));

  const folder = await mkdtemp(path.join(tmpdir(), "lighthouse-package-"));
  try {
    const installed = path.join(folder, "node_modules", "lighthouse");
    for (const { path: name, bytes } of files) {
      await mkdir(path.dirname(path.join(installed, name)), { recursive: true });
      await writeFile(path.join(installed, name), bytes);
    }
    const modules = path.join(root, "node_modules");
    for (const name of (await readdir(modules)).filter((one) => !/^\.|^lighthouse$/.test(one))) {
      await symlink(path.join(modules, name), path.join(folder, "node_modules", name));
    }
    const program = path.join(installed, "cli", "lighthouse.mjs");
    const argv = [program, "version", "--client"];
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/\d+\.\d+\.\d+/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.each(sbomFormats)("a bill of materials is the same for the same release: %s", (format) => {
  const release = { name: "lighthouse", version: "1.0.0", time: "2026-11-21T00:00:00.000Z" };
  const bill = (uuid: string, time: string): object =>
    format === "spdx"
      ? {
          documentNamespace: `http://x/lighthouse-${uuid}`,
          creationInfo: { created: time, creators: ["npm"] },
        }
      : {
          serialNumber: `urn:uuid:${uuid}`,
          metadata: { timestamp: time, component: { name: "main" } },
        };
  const one = reproducible(format, bill(uuidOf("a"), "2026-11-21T10:00:00.123Z"), release);
  const two = reproducible(format, bill(uuidOf("b"), "2026-11-22T11:00:00.456Z"), release);
  expect(one).toEqual(two);
  expect(JSON.stringify(one)).toContain(release.time);
  expect(JSON.stringify(one)).not.toContain('"main"');
});
