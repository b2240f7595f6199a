import type { Clock } from "../../machinery/clock.ts";
import { isConflict } from "../../machinery/errors.ts";
import { findKey, type KeyRing, newEncryptionKey } from "../../store/encryption/key-ring.ts";
import type { Store } from "../../store/store.ts";
import { createKeysFile, type KeysFile, newestKey, readKeysFile } from "./keys-file.ts";
import { credentialFile, defaultKeysFile, type Surroundings } from "./places.ts";
import { protectedPrefixes } from "./protected.ts";
import { type EncryptionRecord, newStoreId, readRecord, writeRecord } from "./record.ts";
import { type Survey, surveyStore } from "./survey.ts";

/** What finding the keys of a store takes. */
export type OpenKeysOptions = {
  /** The one beneath the encryption. */
  readonly store: Store;
  /** Absolute path of the file of keys. Default: see `credentialFile`, then `defaultKeysFile`. */
  readonly file?: string;
  readonly surroundings: Surroundings;
  readonly clock: Pick<Clock, "nowMs">;
};

/** The keys of a store, and what they are for. */
export type OpenedKeys = {
  readonly path: string;
  readonly file: KeysFile;
  readonly storeId: string;
  readonly ring: KeyRing;
  readonly survey: Survey;
  /** The file was not there before. */
  readonly made: boolean;
};

const plural = (count: number, one: string): string =>
  count === 1 ? `1 ${one}` : `${count} ${one}s`;

const copyIt =
  "restore it from its backup, copy it from another server of the same store, or name it with --encryption-keys";

function missingFile(path: string, ids: readonly string[]): Error {
  return new Error(
    `Cannot open the store: it is encrypted with ${ids.join(", ")}, and ${path} is not there; ${copyIt}`,
  );
}

/** `needed` has how many values need a key, by its id. @throws Error when the file lacks one of them */
export function checkKeys(
  path: string,
  file: KeysFile,
  needed: Readonly<Record<string, number>>,
): void {
  const missing = Object.entries(needed).filter(([id]) => findKey(file, id) === undefined);
  if (missing.length === 0) return;
  const list = missing.map(([id, count]) => `${id} (${plural(count, "value")})`).join(", ");
  throw new Error(
    `Cannot open the store: it is encrypted with ${list}, and ${path} has only ` +
      `${file.keys.map(({ id }) => id).join(", ")}; add the missing key, or ${copyIt}`,
  );
}

async function placeOf({ file, surroundings }: OpenKeysOptions, storeId: string): Promise<string> {
  if (file !== undefined) return file;
  const credential = credentialFile(surroundings);
  if (credential !== undefined && (await readKeysFile(credential)) !== undefined) return credential;
  return defaultKeysFile(storeId, surroundings);
}

const noKeys = (resources: readonly string[]): KeyRing => ({
  keys: [],
  writing: "",
  prefixes: protectedPrefixes(resources),
});

/** The keys that something stored needs, whether they are here or not, and how many values do. */
async function neededKeys(
  store: Store,
  record: EncryptionRecord | undefined,
): Promise<Readonly<Record<string, number>>> {
  const { byKey } = await surveyStore(store, noKeys([]));
  return record === undefined ? byKey : { [record.writing]: 0, ...byKey };
}

/**
 * Finds the keys of a store, or makes the first one of a store that has nothing encrypted yet.
 * Nothing is written before every key that stored values need was found.
 * @throws Error naming the file and the way out: missing, damaged, or without a key that is needed
 */
export async function openKeys(options: OpenKeysOptions): Promise<OpenedKeys> {
  const { store, clock } = options;
  const stored = await readRecord(store);
  const storeId = stored?.record.store ?? newStoreId();
  const path = await placeOf(options, storeId);
  const needed = await neededKeys(store, stored?.record);
  const found = await readKeysFile(path);
  if (found === undefined && Object.keys(needed).length > 0) {
    throw missingFile(path, Object.keys(needed));
  }
  const fresh = { keys: [newEncryptionKey(clock.nowMs())], resources: [] };
  const file = found ?? (await createKeysFile(path, fresh));
  checkKeys(path, file, needed);
  if (stored === undefined) {
    const writing = newestKey(file).id;
    const keys = [...new Set([writing, ...Object.keys(needed)])];
    const record: EncryptionRecord = { format: 1, store: storeId, writing, keys };
    try {
      await writeRecord(store, { record, at: 0 });
    } catch (err) {
      if (!isConflict(err)) throw err;
      return openKeys(options); // another server was first: its keys count
    }
    return opened(options.store, { path, file, record, made: found === undefined });
  }
  return opened(options.store, { path, file, record: stored.record, made: found === undefined });
}

type Found = Pick<OpenedKeys, "path" | "file" | "made"> & { readonly record: EncryptionRecord };

async function opened(store: Store, { path, file, record, made }: Found): Promise<OpenedKeys> {
  const ring: KeyRing = {
    keys: file.keys,
    writing: record.writing,
    prefixes: protectedPrefixes(file.resources),
  };
  const survey = await surveyStore(store, ring);
  checkKeys(path, file, survey.byKey);
  return { path, file, storeId: record.store, ring, survey, made };
}
