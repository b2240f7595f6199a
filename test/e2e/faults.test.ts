import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { skipWithoutDockerd } from "../kit/dockerd.ts";
import { eventually } from "../kit/eventually.ts";
import { testImages } from "../kit/images.ts";
import { startLighthouse } from "../kit/lighthouse.ts";
import { run } from "../kit/run.ts";
import { manifest, openSite, type Site } from "./site.ts";

const program = join(import.meta.dirname, "..", "..", "cli", "lighthouse.mjs");

describe.skipIf(skipWithoutDockerd())("lighthouse up when things go wrong", () => {
  let site: Site;
  let folder: string;
  beforeAll(async () => {
    site = await openSite();
    folder = await mkdtemp(join(tmpdir(), "lighthouse-faults-"));
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const apply = (name: string, image: string, ...flags: readonly string[]) =>
    site.lighthouse.cli(["apply", "-f", "-", ...flags], { stdin: manifest(name, image) });
  const containers = async (name: string): Promise<readonly string[]> =>
    (await site.engine.containers.list({ "lighthouse.dev/application": name })).map(
      ({ image, phase }) => `${image} ${phase}`,
    );
  const up = (...flags: readonly string[]) =>
    run([process.execPath, program, "up", `--encryption-keys=${folder}/keys.yaml`, ...flags], {
      timeoutMs: 30_000,
    });
  const url = (): string => `--docker=${site.docker.url}`;

  test("kill -9 in the middle of a rollout, and a new start converges", async () => {
    expect((await apply("crashed", testImages.web, "--wait")).code).toBe(0);
    await apply("crashed", testImages.web2);
    await eventually("the first new container runs", async () =>
      (await containers("crashed")).includes(`${testImages.web2} running`),
    );
    await site.lighthouse.stop("SIGKILL");
    await site.start();
    const status = await site.lighthouse.cli(["rollout", "status", "crashed"], {
      timeoutMs: 90_000,
    });
    expect(status).toMatchObject({ code: 0 });
    await eventually(
      "only the new version is left",
      async () =>
        (await containers("crashed")).join() === Array(3).fill(`${testImages.web2} running`).join(),
      { timeoutMs: 30_000 },
    );
  });

  test("Ctrl-C ends cleanly, containers go on, and the next start finds its data at once", async () => {
    const before = await containers("crashed");
    expect(await site.lighthouse.stop("SIGINT")).toBe(0);
    expect(await containers("crashed")).toEqual(before);
    const again = await site.start();
    expect((await again.cli(["get", "app", "crashed"])).stdout).toMatch(/crashed\s+3\/3/);
    expect(await containers("crashed")).toEqual(before);
  });

  test("a second process on the same data dir is refused by name", async () => {
    const { code, stderr } = await up(`--data-dir=${site.dataDir}`, "--listen=127.0.0.1:0", url());
    expect(code).toBe(1);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stderr).toContain(site.dataDir);
    expect(stderr).toContain(String(site.lighthouse.pid));
  });

  test("a taken port is named with the way out", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { readonly port: number };
    const dir = join(folder, "port");
    const { code, stderr } = await up(`--data-dir=${dir}`, `--listen=127.0.0.1:${port}`, url());
    server.close();
    expect(code).toBe(1);
    expect(stderr).toContain(`127.0.0.1:${port}`);
    expect(stderr).toContain("in use");
    expect(stderr).toContain("--listen");
  });

  test("an engine that does not answer is named with the way out", async () => {
    const { code, stderr } = await up(
      `--data-dir=${join(folder, "engine")}`,
      "--listen=127.0.0.1:0",
      `--docker=unix://${folder}/none.sock`,
    );
    expect(code).toBe(1);
    expect(stderr).toContain(`${folder}/none.sock`);
  });

  test("a folder with other things in it is not taken for a data dir", async () => {
    const dir = join(folder, "foreign");
    await mkdir(dir);
    await writeFile(join(dir, "diary.txt"), "mine");
    const { code, stderr } = await up(`--data-dir=${dir}`, "--listen=127.0.0.1:0", url());
    expect(code).toBe(1);
    expect(stderr).toContain(dir);
    expect(await readdir(dir)).toEqual(["diary.txt"]);
  });

  test("a kubeconfig that cannot be written is named, and nothing is left running", async () => {
    const blocked = join(folder, "blocked");
    await writeFile(blocked, "a file, not a folder");
    const { code, stderr } = await up(
      `--data-dir=${join(folder, "kubeconfig")}`,
      "--listen=127.0.0.1:0",
      `--kubeconfig=${blocked}/kubeconfig`,
      url(),
    );
    expect(code).toBe(1);
    expect(stderr).toContain(`${blocked}/kubeconfig`);
  });

  test("keys and kubeconfig are for their owner alone", async () => {
    const { mode } = await stat(site.lighthouse.kubeconfig);
    expect(mode & 0o777).toBe(0o600);
    expect((await stat(join(site.dataDir, "pki"))).mode & 0o077).toBe(0);
  });

  test.each([
    ["--docker=ftp://x", "ftp://x"],
    ["--listen=nowhere:99999999", "nowhere:99999999"],
    ["--store=mysql://x", "mysql"],
  ])("%s is refused by name", async (flag, says) => {
    const { code, stderr } = await up(`--data-dir=${join(folder, "flags")}`, flag);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain(says);
  });

  test("apply names file, line and field, and applies nothing of the file", async () => {
    const file = join(folder, "bad.yaml");
    await writeFile(
      file,
      `apiVersion: v1
kind: ConfigMap
metadata: { name: first }
---
apiVersion: lighthouse.dev/v1
kind: Application
metadata: { name: bad }
spec:
  replicas: -1
  template:
    spec:
      containers:
        - name: web
          image: ${testImages.web}
  strategy:
    onFailure: Explode
`,
    );
    const { code, stderr } = await site.lighthouse.cli(["apply", "-f", file]);
    expect(code).toBe(1);
    expect(stderr).toContain(`${file}:9: spec.replicas`);
    expect(stderr).toContain(`${file}:16: spec.strategy.onFailure`);
    expect(stderr).toContain('"Rollback", "Pause"');
    expect(stderr).toContain("None of the objects was applied");
    expect((await site.lighthouse.cli(["get", "cm", "first"])).code).toBe(1);
  });

  test("an engine that goes away and comes back loses nothing", async () => {
    const before = await containers("crashed");
    await site.docker.stop();
    await eventually(
      "the Node is not Ready",
      async () => (await site.lighthouse.cli(["get", "nodes"])).stdout.includes("NotReady"),
      { timeoutMs: 60_000, intervalMs: 500 },
    );
    await site.docker.start();
    await eventually(
      "everything is Ready again",
      async () => {
        const { stdout } = await site.lighthouse.cli(["get", "app", "crashed"]);
        return /3\/3/.test(stdout) && (await containers("crashed")).length === before.length;
      },
      { timeoutMs: 90_000, intervalMs: 500 },
    );
  });

  test("a damaged store is named and left as it is", async () => {
    const dir = join(folder, "damaged");
    const first = await startLighthouse({ dataDir: dir, docker: [site.docker.url] });
    await first.stop();
    const stores = (await readdir(dir, { recursive: true })).filter((name) =>
      name.endsWith(".mdb"),
    );
    for (const name of stores.filter((one) => !one.includes("lock"))) {
      await writeFile(join(dir, name), Buffer.alloc(8192, 7));
    }
    const { code, stderr } = await up(`--data-dir=${dir}`, "--listen=127.0.0.1:0", url());
    expect(code).toBe(1);
    expect(stderr).toContain(dir);
  });
});
