import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** A process that outlives the script which started it, known by its pid file. */
export type Daemon = {
  /** For people, e.g. `Lighthouse`. */
  readonly name: string;
  readonly pidFile: string;
  readonly logFile: string;
  /** A word of its command line: a pid may have been given to somebody else since. */
  readonly mark: string;
};

async function commandLine(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
}

/** The pid of the running daemon, or `undefined`. */
export async function runningPid({ pidFile, mark }: Daemon): Promise<number | undefined> {
  const pid = Number(await readFile(pidFile, "utf8").catch(() => ""));
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  return (await commandLine(pid)).includes(mark) ? pid : undefined;
}

/** Starts a daemon in its own session, its output going to its log file. */
export async function startDaemon(daemon: Daemon, argv: readonly string[]): Promise<ChildProcess> {
  const [command = "", ...args] = argv;
  const log = openSync(daemon.logFile, "a");
  const child = spawn(command, args, { detached: true, stdio: ["ignore", log, log] });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  await writeFile(daemon.pidFile, `${child.pid ?? 0}\n`);
  child.unref();
  return child;
}

/** Asks a daemon to end and waits for it; after `graceMs` it is killed. */
export async function stopDaemon(daemon: Daemon, graceMs: number): Promise<boolean> {
  const pid = await runningPid(daemon);
  if (pid !== undefined) {
    process.kill(pid, "SIGTERM");
    const deadline = Date.now() + graceMs;
    while ((await commandLine(pid)) !== "" && Date.now() < deadline) await sleep(50);
    if ((await commandLine(pid)) !== "") process.kill(pid, "SIGKILL");
  }
  await rm(daemon.pidFile, { force: true });
  return pid !== undefined;
}

/** What the log says from `offset` on. */
export async function logSince({ logFile }: Daemon, offset: number): Promise<string> {
  const text = await readFile(logFile).catch(() => Buffer.alloc(0));
  return text.subarray(offset).toString("utf8");
}
