import { randomBytes } from "node:crypto";
import { link, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

const codeOf = (err: unknown): unknown => (err instanceof Error && "code" in err ? err.code : "");

function explained(path: string, err: unknown): unknown {
  const code = codeOf(err);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new Error(`Cannot write ${path}: the disk is full; nothing was left behind`, {
      cause: err,
    });
  }
  if (code === "EEXIST") {
    return new Error(`Cannot write ${path}: it is there already; use --force to replace it`);
  }
  if (["EACCES", "EPERM", "EROFS", "ENOENT", "ENOTDIR"].includes(String(code))) {
    const why = err instanceof Error ? err.message : String(err);
    return new Error(`Cannot write ${path}: ${why}`, { cause: err });
  }
  return err;
}

/** How a file is written. */
export type WriteOptions = {
  /** Replace one that is there. */
  readonly force: boolean;
  /** Told of all bytes so far. */
  readonly onBytes?: (bytes: number) => void;
};

/**
 * Writes a file of mode 0600 as a whole or not at all: what is there stays until the new one is on the
 * disk, and a draft that was not finished is removed. Resolves to its size in bytes.
 * @throws Error that names the file: full disk, no right, there already
 */
export async function writeWhole(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  { force, onBytes }: WriteOptions,
): Promise<number> {
  const draft = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const bytes = await writeDraft(draft, chunks, onBytes);
    // A link never replaces anything, however late the other file came.
    if (force) await rename(draft, path);
    else await link(draft, path);
    await rm(draft, { force: true });
    await syncFolder(dirname(path));
    return bytes;
  } catch (err) {
    await rm(draft, { force: true });
    throw explained(path, err);
  }
}

async function writeDraft(
  draft: string,
  chunks: AsyncIterable<Uint8Array>,
  onBytes: WriteOptions["onBytes"],
): Promise<number> {
  await using file = await open(draft, "wx", 0o600);
  await file.chmod(0o600);
  let bytes = 0;
  for await (const chunk of chunks) {
    await file.writeFile(chunk); // goes on where the last one ended
    bytes += chunk.byteLength;
    onBytes?.(bytes);
  }
  await file.sync();
  return bytes;
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}
