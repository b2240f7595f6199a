import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, realpath, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Whether an error of the file system has that code, e.g. `ENOENT`. */
export function isFileError(err: unknown, code: string): boolean {
  return err instanceof Error && "code" in err && err.code === code;
}

/** A text file; `undefined` when there is none. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (err) {
    if (isFileError(err, "ENOENT")) return undefined;
    throw err;
  }
}

/** Makes the folder of a file where it is missing, for its owner alone. */
export async function makeFolderOf(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
}

/** Where a path leads: files are replaced where they are, and a link to them stays one. */
async function targetOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (err) {
    if (isFileError(err, "ENOENT")) return path;
    throw err;
  }
}

/**
 * Replaces a file, readable for its owner alone: others see the old content or the new, never a part.
 * @throws Error when its folder is missing
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  const target = await targetOf(path);
  const draft = `${target}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await using file = await open(draft, "wx", 0o600);
    await file.writeFile(text);
    await file.sync();
    await rename(draft, target);
  } catch (err) {
    await rm(draft, { force: true });
    throw err;
  }
  await using folder = await open(dirname(target), "r");
  await folder.sync();
}
