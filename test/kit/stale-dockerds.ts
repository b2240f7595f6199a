import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stopDockerd } from "../../hack/docker/private-dockerd.ts";

/** Where private dockerds of tests live. Not TMPDIR: the paths of their sockets must be short. */
export const dockerdPrefix = "/tmp/lhd-";

const ownerFile = "owner";
/** A directory without an owner may be one that is just being made. */
const graceMs = 120_000;

/** Start time of a process in clock ticks since boot: tells a pid from its later reuse. */
async function startTicks(pid: number): Promise<string | undefined> {
  const line = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The command, which may hold spaces, ends at the last parenthesis; the start is field 22.
  return line.slice(line.lastIndexOf(")") + 2).split(" ")[19];
}

/** Notes that this process looks after the dockerd in `dir`. */
export async function claim(dir: string): Promise<void> {
  const ticks = await startTicks(process.pid);
  await writeFile(join(dir, ownerFile), `${process.pid} ${ticks ?? ""}`);
}

async function isOrphan(dir: string): Promise<boolean> {
  const owner = await readFile(join(dir, ownerFile), "utf8").catch(() => "");
  const [pid = "", ticks = ""] = owner.split(" ");
  if (ticks !== "") return (await startTicks(Number(pid))) !== ticks;
  // Nobody claimed it: stale only when nothing runs in it, and it is not just being made.
  const dockerd = Number(await readFile(join(dir, "dockerd.pid"), "utf8").catch(() => "0"));
  if ((await startTicks(dockerd)) !== undefined) return false;
  const { mtimeMs } = await stat(dir);
  return Date.now() - mtimeMs > graceMs;
}

/** Takes away what tests left behind that were killed before they could. */
export async function sweepStaleDockerds(): Promise<void> {
  const names = (await readdir("/tmp")).filter((name) => `/tmp/${name}`.startsWith(dockerdPrefix));
  for (const dir of names.map((name) => join("/tmp", name))) {
    const orphan = await isOrphan(dir).catch(() => false); // another sweep was faster
    if (orphan) await stopDockerd(dir, { purge: true });
  }
}
