import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const graceMs = 2_000;

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return ""; // the process is gone, or not ours to look at
  }
}

/** Every exec begins a session of its own; shells give their jobs groups, and keep the session. */
async function processesOf(session: number): Promise<readonly number[]> {
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found: number[] = [];
  for (const pid of pids) {
    // `pid (name) state parent group session …`; the name may hold anything.
    const stat = await read(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (Number(fields[3]) === session) found.push(Number(pid));
  }
  return found;
}

function send(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended meanwhile, or belongs to somebody whom we may not signal.
    }
  }
}

/** Whether a process of this machine is one of a container: process ids are used again. */
async function isIn(containerId: string, pid: number): Promise<boolean> {
  return (await read(`/proc/${pid}/cgroup`)).includes(containerId);
}

/**
 * Ends a command in a container, and what it started: hangs up, then kills after two seconds. Docker has
 * no call for that, so it works only where the engine's processes are ours to see and to signal; else
 * nothing happens, see `end-marked.ts`.
 */
export async function endProcess(containerId: string, pid: number): Promise<void> {
  if (!(await isIn(containerId, pid))) return;
  const before = await processesOf(pid);
  send(before, "SIGHUP");
  const end = Date.now() + graceMs;
  let left = before;
  while (left.length > 0 && Date.now() < end) {
    await sleep(50, undefined, { ref: false });
    left = await processesOf(pid);
  }
  const known = new Set(before);
  const ours: number[] = [];
  for (const one of left) if (known.has(one) || (await isIn(containerId, one))) ours.push(one);
  send(ours, "SIGKILL");
}
