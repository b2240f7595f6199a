import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { unavailable } from "../machinery/errors.ts";

/** Who has a data directory open. Linux gives all parts; elsewhere only the pid is compared. */
export type Owner = {
  readonly pid: number;
  /** Tells two uses of one pid apart: clock ticks from boot to the process's start. */
  readonly started: string;
  readonly boot: string;
  /** Pids count per namespace: containers that share a volume do not see each other's. */
  readonly pidNamespace: string;
  /** Tells two stores of one process apart. */
  readonly token: string;
};

/** The owner record of this process. */
export function thisOwner(): Owner {
  return {
    pid: process.pid,
    started: startedOf(process.pid) ?? "",
    boot: tryRead(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()) ?? "",
    pidNamespace: tryRead(() => readlinkSync("/proc/self/ns/pid")) ?? "",
    token: randomUUID(),
  };
}

/**
 * Whether the process behind a record still runs. `readers` are the pids that LMDB's own lock
 * file proves alive: the only sign of a process in another container.
 */
export function isAlive(owner: Owner, me: Owner, readers: ReadonlySet<number>): boolean {
  if (owner.boot !== me.boot) return false;
  if (owner.pidNamespace !== me.pidNamespace) return readers.has(owner.pid);
  if (owner.started !== "") return startedOf(owner.pid) === owner.started;
  return exists(owner.pid);
}

/** What the second opener of a directory is told. */
export function lockedError(dir: string, { pid, pidNamespace, started }: Owner, me: Owner): Error {
  const elsewhere = pidNamespace !== me.pidNamespace;
  const mine = !elsewhere && pid === me.pid && started === me.started;
  const here = mine ? `this process (pid ${pid})` : `process ${pid}`;
  const who = elsewhere ? `process ${pid} of another container` : here;
  return unavailable(
    `Cannot open the store in ${dir}: ${who} is using it; stop that process or choose another directory`,
  );
}

/** Reads back a record; `undefined` if it is none. */
export function parseOwner(text: string | undefined): Owner | undefined {
  if (text === undefined) return undefined;
  const value = tryRead(() => JSON.parse(text) as Partial<Owner> | null);
  if (typeof value?.pid !== "number") return undefined;
  const { pid, started = "", boot = "", pidNamespace = "", token = "" } = value;
  return { pid, started, boot, pidNamespace, token };
}

/** The pids of LMDB's table of readers: a heading, then lines of pid, thread, transaction. */
export function readerPids(list: string): ReadonlySet<number> {
  const lines = list.split("\n").map((line) => Number.parseInt(line.trim(), 10));
  return new Set(lines.filter((pid) => Number.isInteger(pid)));
}

// Fields 3 and 22 of /proc/PID/stat; the name in field 2 may itself hold spaces and parentheses.
function startedOf(pid: number): string | undefined {
  const text = tryRead(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ") ?? [];
  // A killed process stays listed until its parent asks for it, but holds nothing any more.
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (err) {
    return err instanceof Error && "code" in err && err.code === "EPERM";
  }
}

function tryRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined; // not Linux, or gone: absence is the answer
  }
}
