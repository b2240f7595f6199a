import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { stringify } from "yaml";
import { missingProgram } from "../kit/missing.ts";
import { type Ran, run } from "../kit/run.ts";
import { gapOf } from "./kit/gaps.ts";
import { application, configMap } from "./kit/manifests.ts";
import { openRaw } from "./kit/raw.ts";
import { freshNamespace } from "./kit/suite.ts";

// No Debian package brings it, so that it is a test only where it happens to be.
const missing = missingProgram("kpt");
if (missing !== undefined) console.warn("skipped kpt: kpt is not on PATH");

describe.skipIf(missing !== undefined)("kpt", () => {
  const name = "live applies, prunes and destroys a package";
  const reason = gapOf(`kpt: ${name}`);
  const register = reason === undefined ? test : test.fails;
  const play = async (): Promise<void> => {
    const site = inject("site");
    const namespace = await freshNamespace(site, "kpt");
    const folder = join(site.folder, namespace);
    await mkdir(folder);
    const env = { KUBECONFIG: site.kubeconfig, HOME: folder };
    const kpt = async (...args: readonly string[]): Promise<Ran> => {
      const ran = await run(["kpt", "live", ...args], { env, cwd: folder, timeoutMs: 90_000 });
      expect(`${ran.code} ${ran.stdout}${ran.stderr}`).toMatch(/^0 /);
      return ran;
    };
    const write = (file: string, object: object): Promise<void> =>
      writeFile(join(folder, file), stringify(object));
    const at = { namespace };
    await write("Kptfile", {
      apiVersion: "kpt.dev/v1",
      kind: "Kptfile",
      metadata: { name: "pkg" },
    });
    await write("map.yaml", configMap("map", { a: "1" }, at));
    await write("app.yaml", { ...application("web"), metadata: { name: "web", ...at } });
    await kpt("install-resource-group");
    await kpt("init", ".", "--namespace", namespace, "--name", "inventory", "--quiet");
    const first = await kpt("apply", ".", "--reconcile-timeout=0s", "--output=events");
    expect(first.stdout).toMatch(/configmap\/map (created|apply successful)/);
    expect(first.stdout).toMatch(/application\S*\/web (created|apply successful)/);
    await write("map.yaml", configMap("other", {}, at));
    const second = await kpt("apply", ".", "--reconcile-timeout=0s", "--output=events");
    expect(second.stdout).toMatch(/configmap\/map (pruned|prune successful)/);
    await using raw = await openRaw(site);
    expect((await raw.send("GET", `/api/v1/namespaces/${namespace}/configmaps/map`)).code).toBe(
      404,
    );
    await kpt("status", ".", "--poll-until=known", "--timeout=20s", "--output=events");
    await kpt("destroy", ".", "--output=events");
    expect((await raw.send("GET", `/api/v1/namespaces/${namespace}/configmaps/other`)).code).toBe(
      404,
    );
  };
  register(name, play);
});
