import { randomBytes } from "node:crypto";
import { link, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isFileError, readIfPresent } from "../../api/client/whole-file.ts";

/** A lock that is held. Dispose of it to let go. */
export type FileLock = AsyncDisposable & {
  /** Whether it is still ours: one that seemed dead for too long loses it. */
  isHeld(): Promise<boolean>;
};

/** How long one waits, and how long a lock of a process that lives may be held. */
export type LockOptions = { readonly waitMs: number; readonly maxHeldMs: number };

const pollMs = 50;

/** Whether a process of that id is there; of another user's it is only known that it is. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (err) {
    return isFileError(err, "EPERM");
  }
}

/** Whether the owner of a lock will not come back: it is dead, or has held it for too long. */
async function isLeft(path: string, mark: string, maxHeldMs: number): Promise<boolean> {
  const pid = Number.parseInt(mark, 10);
  try {
    const heldMs = Date.now() - (await stat(path)).mtimeMs;
    if (heldMs > maxHeldMs) return true;
    // The mark is written after the file is made: an empty one is given that moment.
    return Number.isNaN(pid) ? heldMs > 1_000 : !isAlive(pid);
  } catch (err) {
    if (isFileError(err, "ENOENT")) return false; // let go meanwhile
    throw err;
  }
}

/** Takes a lock that was left out of the way; of several that do so at once, none takes a new one. */
async function clearAway(path: string, mark: string): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await rename(path, aside);
  } catch (err) {
    if (isFileError(err, "ENOENT")) return;
    throw err;
  }
  try {
    // Somebody was faster, and this is the lock of who came next: put it back.
    if ((await readIfPresent(aside)) !== mark) await link(aside, path);
  } catch (err) {
    if (!isFileError(err, "EEXIST")) throw err;
  } finally {
    await rm(aside, { force: true });
  }
}

async function taken(path: string, mark: string): Promise<boolean> {
  try {
    await writeFile(path, mark, { flag: "wx", mode: 0o600 });
    return true;
  } catch (err) {
    if (isFileError(err, "EEXIST")) return false;
    throw err;
  }
}

/**
 * Holds a lock between processes: a file that only one can make. One whose owner died is taken over.
 * @throws Error when it is not free within `waitMs`; the signal's reason
 */
export async function lockFile(
  path: string,
  { waitMs, maxHeldMs }: LockOptions,
  signal: AbortSignal,
): Promise<FileLock> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const mark = `${process.pid} ${randomBytes(8).toString("hex")}\n`;
  const endMs = Date.now() + waitMs;
  while (!(await taken(path, mark))) {
    const owner = await readIfPresent(path);
    if (owner !== undefined && (await isLeft(path, owner, maxHeldMs))) {
      await clearAway(path, owner);
      continue;
    }
    if (Date.now() >= endMs) {
      throw new Error(`Cannot get the lock ${path}: process ${owner?.trim() ?? "?"} holds it`);
    }
    await sleep(pollMs, undefined, { signal });
  }
  const isHeld = async (): Promise<boolean> => (await readIfPresent(path)) === mark;
  return {
    isHeld,
    async [Symbol.asyncDispose]() {
      if (await isHeld()) await rm(path, { force: true });
    },
  };
}
