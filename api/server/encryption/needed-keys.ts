import { findKey, type KeyRing } from "../../store/encryption/key-ring.ts";
import { type KeysFile, writeKeysFile } from "./keys-file.ts";

type Log = { warn(fields: object, text: string): void; error(fields: object, text: string): void };

/** What is known of keys beside their file. */
export type HeldKeys = {
  /** Of the file. */
  readonly path: string;
  /** What this process has. */
  readonly ring: Pick<KeyRing, "keys">;
  /** Ids of keys that stored values may need, as the store remembers. */
  readonly needed: readonly string[];
  readonly log: Log;
};

/**
 * What a file says, with the keys put back into it that stored values need and only this process still
 * has, e.g. after an older copy was put in its place: the next start would find nobody who can read them.
 * A file that cannot be written is told of, and taken as it is.
 */
export async function withNeededKeys(
  file: KeysFile,
  { path, ring, needed, log }: HeldKeys,
): Promise<KeysFile> {
  const lost = ring.keys.filter(({ id }) => needed.includes(id) && findKey(file, id) === undefined);
  if (lost.length === 0) return file;
  const whole = { ...file, keys: [...file.keys, ...lost] };
  const told = { file: path, keys: lost.map(({ id }) => id) };
  try {
    await writeKeysFile(path, whole);
    log.warn(told, "put keys back into the file of encryption keys: stored values need them");
    return whole;
  } catch (err) {
    log.error({ ...told, err }, "the file of encryption keys lacks some that stored values need");
    return file;
  }
}
