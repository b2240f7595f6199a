import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { openEngine } from "../../../agent/engine/dockerode.ts";
import { layoutOf } from "../../../hack/docker/layout.ts";
import { fetchText } from "../../conformance/engine-kit.ts";
import { privateDockerd, skipWithoutDockerd } from "../../kit/dockerd.ts";
import { eventually } from "../../kit/eventually.ts";
import { makeTestImages, testImages } from "../../kit/images.ts";
import { run } from "../../kit/run.ts";

/** Command lines of all processes that name `word`. */
async function processesNaming(word: string): Promise<readonly string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return lines.filter((line) => line.includes(word));
}

async function remains(dir: string): Promise<object> {
  const { bridge } = layoutOf(dir);
  const mounts = (await readFile("/proc/self/mounts", "utf8")).split("\n");
  return {
    processes: await processesNaming(dir),
    mounts: mounts.filter((line) => line.includes(dir)),
    bridge: (await run(["ip", "link", "show", bridge])).code === 0,
    files: await readdir(dir).catch(() => []),
  };
}

const nothing = { processes: [], mounts: [], bridge: false, files: [] };

/** Starts a web container on a free port of 127.0.0.1; resolves to the port. */
async function startWeb(url: string): Promise<number> {
  await using engine = openEngine(url);
  await makeTestImages(engine.images);
  const id = await engine.containers.create("web", {
    Image: testImages.web,
    HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "0" }] } },
  });
  await engine.containers.start(id);
  return (await engine.containers.inspect(id))?.ports[0]?.hostPort ?? 0;
}

/** Runs `script` in a process of its own, reads the line it prints, and kills it. */
async function killedAfterLine(script: string): Promise<string> {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
    cwd: import.meta.dirname,
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  child.kill("SIGKILL");
  await once(child, "exit");
  return line.toString().trim();
}

describe.skipIf(skipWithoutDockerd())("private dockerds", () => {
  test("are swept up by the next one when their test was killed", async () => {
    const dir = await killedAfterLine(`
      const { privateDockerd } = await import("../../kit/dockerd.ts");
      console.log((await privateDockerd()).dir);
      setInterval(() => undefined, 1_000);
    `);
    expect(await readdir(dir)).toContain("owner");
    await using next = await privateDockerd();
    expect(next.dir).not.toBe(dir);
    expect(await remains(dir)).toEqual(nothing);
  });

  test("run side by side, each with its own identity and network", async () => {
    await using first = await privateDockerd({ labels: ["rack=a"] });
    await using second = await privateDockerd();
    const infos = await Promise.all(
      [first, second].map(async ({ url }) => {
        await using engine = openEngine(url);
        return await engine.info();
      }),
    );
    expect(infos[0]?.id).not.toBe(infos[1]?.id);
    expect(infos[0]?.labels).toEqual({ rack: "a" });
    const ports = await Promise.all([startWeb(first.url), startWeb(second.url)]);
    for (const port of ports) expect(await fetchText("127.0.0.1", port)).toBe("v1");
  });

  test("leave nothing behind", async () => {
    const dockerd = await privateDockerd();
    await startWeb(dockerd.url);
    await dockerd[Symbol.asyncDispose]();
    expect(await remains(dockerd.dir)).toEqual(nothing);
  });

  test("leave nothing behind when dockerd was killed under running containers", async () => {
    const dockerd = await privateDockerd();
    const { pidFile } = layoutOf(dockerd.dir);
    await startWeb(dockerd.url);
    const pid = Number(await readFile(pidFile, "utf8"));
    process.kill(pid, "SIGKILL");
    await eventually("dockerd is dead", async () => {
      await using engine = openEngine(dockerd.url);
      const [asked] = await Promise.allSettled([engine.info()]);
      return asked.status === "rejected";
    });
    await dockerd[Symbol.asyncDispose]();
    expect(await remains(dockerd.dir)).toEqual(nothing);
  });
});
