import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { KubeConfig } from "@kubernetes/client-node";
import { mergeKubeconfig, writeKubeconfig } from "./kubeconfig.ts";

const access = {
  server: "https://127.0.0.1:6443",
  authority: "CA",
  client: { certificate: "CERT", key: "KEY" },
};

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "lighthouse-kubeconfig-"));
});
afterEach(() => rm(root, { recursive: true }));

test("writeKubeconfig() writes what client-node reads, for the owner only", async () => {
  const path = join(root, "deep", "config");
  await writeKubeconfig(path, access);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const config = new KubeConfig();
  config.loadFromFile(path);
  expect(config.getCurrentContext()).toBe("lighthouse");
  expect(config.getCurrentCluster()?.server).toBe("https://127.0.0.1:6443");
  expect(atob(config.getCurrentUser()?.keyData ?? "")).toBe("KEY");
});

test("writeKubeconfig() keeps other clusters, the current context and an unchanged file", async () => {
  const path = join(root, "config");
  await writeFile(
    path,
    "clusters: [{name: other, cluster: {server: https://x}}]\ncurrent-context: other\nextra: 1\n",
  );
  await writeKubeconfig(path, access);
  await writeKubeconfig(path, { ...access, server: "https://127.0.0.1:7443" });
  const text = await readFile(path, "utf8");
  expect(text).toContain("name: other");
  expect(text).toContain("current-context: other");
  expect(text).toContain("extra: 1");
  expect(text.match(/name: lighthouse/g)).toHaveLength(3);
  expect(text).toContain("https://127.0.0.1:7443");
  const { mtimeMs } = await stat(path);
  await writeKubeconfig(path, { ...access, server: "https://127.0.0.1:7443" });
  expect((await stat(path)).mtimeMs).toBe(mtimeMs);
});

test.each([
  ["a list", "- a\n", "it is no kubeconfig"],
  ["no YAML", "a: [", "it is no YAML"],
])("writeKubeconfig() does not replace %s", async (_what, text, why) => {
  const path = join(root, "config");
  await writeFile(path, text);
  await expect(writeKubeconfig(path, access)).rejects.toThrow(
    `Cannot write kubeconfig ${path}: ${why}; choose a file with --kubeconfig`,
  );
  expect(await readFile(path, "utf8")).toBe(text);
});

test("writeKubeconfig() names a path that cannot be written", async () => {
  await mkdir(join(root, "is-a-directory"));
  await expect(writeKubeconfig(join(root, "is-a-directory"), access)).rejects.toThrow(
    /Cannot write kubeconfig .*is-a-directory: EISDIR/,
  );
  await writeFile(join(root, "file"), "");
  await chmod(join(root, "file"), 0o600);
  await expect(writeKubeconfig(join(root, "file", "config"), access)).rejects.toThrow(/ENOTDIR/);
});

test("mergeKubeconfig() takes over an empty current context", () => {
  expect(mergeKubeconfig({ "current-context": "" }, access)["current-context"]).toBe("lighthouse");
});
