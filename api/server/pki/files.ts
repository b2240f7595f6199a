import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readFile, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

/** Mode of files with keys in them: nobody but the owner. */
export const secretMode = 0o600;
/** Mode of certificates, which are public. */
export const publicMode = 0o644;

const codeOf = (err: unknown): string | undefined =>
  err instanceof Error && "code" in err && typeof err.code === "string" ? err.code : undefined;

/** Creates a directory that only its owner may enter, and repairs the mode of an older one. */
export async function makePrivateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
}

/** The text of a file, or `undefined` if there is none. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (err) {
    if (codeOf(err) === "ENOENT") return undefined;
    throw err;
  }
}

async function syncAndClose(file: FileHandle): Promise<void> {
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Brings new names of a directory to the disk: a file that was synced may else lose its own. */
export async function syncDirectory(path: string): Promise<void> {
  await syncAndClose(await open(path, "r"));
}

/**
 * Writes a file as a whole or not at all: a crash leaves the old content or the new one, and what
 * was reported as written survives a power cut.
 */
export async function writeAtomically(path: string, text: string, mode: number): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const file = await open(draft, "wx", mode);
    try {
      await file.writeFile(text);
      await file.chmod(mode); // the umask may have taken bits
    } finally {
      await syncAndClose(file);
    }
    await rename(draft, path);
  } catch (err) {
    await rm(draft, { force: true });
    throw err;
  }
  await syncDirectory(dirname(path));
}
