import { lstat, opendir, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** More files than this in one tree are not counted: the walk has to end. */
const maxEntries = 200_000;
const blockBytes = 512;

type Listing = { readonly dirs: readonly string[]; readonly bytes: number; readonly count: number };

async function list(dir: string, signal: AbortSignal): Promise<Listing> {
  const dirs: string[] = [];
  let [bytes, count] = [0, 0];
  for await (const entry of await opendir(dir)) {
    signal.throwIfAborted();
    const path = join(dir, entry.name);
    if (entry.isDirectory()) dirs.push(path);
    bytes += await diskBytesOf(path);
    count += 1;
    if (count >= maxEntries) break;
  }
  return { dirs, bytes, count };
}

/**
 * Bytes that the files below a directory of this machine take on its disk, holes left out;
 * `undefined` when it cannot be read. Files that come and go meanwhile count or do not.
 */
export async function treeBytes(root: string, signal: AbortSignal): Promise<number | undefined> {
  let [bytes, entries] = [0, 0];
  const pending = [root];
  for (let dir = pending.pop(); dir !== undefined; dir = pending.pop()) {
    const listing = await list(dir, signal).catch(() => undefined); // gone, or not ours to read
    signal.throwIfAborted();
    if (listing === undefined && dir === root) return undefined;
    pending.push(...(listing?.dirs ?? []));
    bytes += listing?.bytes ?? 0;
    entries += listing?.count ?? 0;
    if (entries >= maxEntries) return bytes;
  }
  return bytes;
}

async function diskBytesOf(path: string): Promise<number> {
  const stats = await lstat(path).catch(() => undefined); // gone meanwhile
  return stats === undefined ? 0 : stats.blocks * blockBytes;
}

/** Bytes of a log file of this machine with its rotated ones; 0 when there is none. */
export async function logBytes(path: string): Promise<number> {
  if (path === "") return 0;
  const names = await readdir(dirname(path)).catch(() => []);
  const own = names.filter((name) => name.startsWith(basename(path)));
  const sizes = await Promise.all(own.map((name) => diskBytesOf(join(dirname(path), name))));
  return sizes.reduce((sum, one) => sum + one, 0);
}
