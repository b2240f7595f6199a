import { mkdir, readdir, rm } from "node:fs/promises";

/** Every release has it. */
const mark = "SHA256SUMS";

/**
 * Makes a folder that is empty. One with a former release is emptied; one with anything else is left, for
 * somebody may name their home by mistake.
 * @throws Error naming the folder and what is in it
 */
export async function emptyFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const names = await readdir(folder);
  if (names.length > 0 && !names.includes(mark)) {
    throw new Error(
      `Cannot empty ${folder}: it holds no release but ${names.slice(0, 3).join(", ")}; name another folder with --out`,
    );
  }
  await rm(folder, { recursive: true });
  await mkdir(folder);
}
