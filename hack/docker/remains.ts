import { execFile } from "node:child_process";
import { readdir, readFile, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Layout } from "./layout.ts";

const exec = promisify(execFile);
const cgroupRoot = "/sys/fs/cgroup";

/** The control group of one private dockerd: one directory per hierarchy on cgroup v1, one on v2. */
async function cgroupDirs(name: string): Promise<readonly string[]> {
  const controllers = await readdir(cgroupRoot).catch(() => []);
  const found = await Promise.all(
    [cgroupRoot, ...controllers.map((controller) => join(cgroupRoot, controller))].map(
      async (parent) => {
        const names: readonly string[] = await readdir(parent).catch(() => []);
        return names.includes(name) ? [join(parent, name)] : [];
      },
    ),
  );
  return found.flat();
}

async function subdirectories(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  const below = await Promise.all(
    entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => subdirectories(join(dir, name))),
  );
  return [...below.flat(), dir]; // the deepest first
}

/** Every process below `dir`'s control group. */
async function cgroupPids(layout: Layout): Promise<readonly number[]> {
  const tops = await cgroupDirs(layout.cgroup);
  const dirs = (await Promise.all(tops.map(subdirectories))).flat();
  const lists = await Promise.all(
    dirs.map((dir) => readFile(join(dir, "cgroup.procs"), "utf8").catch(() => "")),
  );
  const pids = lists.flatMap((list) => list.split("\n").filter((line) => line !== ""));
  return [...new Set(pids.map(Number))];
}

/** containerd and its shims: their command line names our directory, which nobody else's does. */
async function runtimePids({ execRoot }: Layout): Promise<readonly number[]> {
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const ours = await Promise.all(
    names.map(async (name) => {
      const line = await readFile(join("/proc", name, "cmdline"), "utf8").catch(() => "");
      return line.includes(`${execRoot}/`) ? [Number(name)] : [];
    }),
  );
  return ours.flat();
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended in the meantime.
  }
}

/** Kills what a dead dockerd left running: containers, shims, containerd. */
export async function killRemains(layout: Layout): Promise<void> {
  for (let attempt = 0; attempt < 40; attempt += 1) {
    const pids = [...(await runtimePids(layout)), ...(await cgroupPids(layout))];
    if (pids.length === 0) return;
    pids.forEach(kill);
    await sleep(50);
  }
  throw new Error(`Cannot end all processes of the dockerd in ${layout.dir}`);
}

/** Unmounts what is mounted below the directory, the deepest first, and drops the control group. */
export async function releaseRemains(layout: Layout): Promise<void> {
  const mounts = await readFile("/proc/self/mounts", "utf8");
  const points = mounts
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((point) => point.startsWith(`${layout.dir}/`))
    .sort()
    .reverse();
  for (const point of points) await exec("umount", ["-l", point]).catch(() => undefined);
  const tops = await cgroupDirs(layout.cgroup);
  const dirs = (await Promise.all(tops.map(subdirectories))).flat();
  for (const dir of dirs) await rmdir(dir).catch(() => undefined); // a busy one goes with its last process
}
