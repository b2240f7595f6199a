import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Revision, Store } from "../../store/store.ts";

/** Where the store remembers how it is encrypted. Outside of the objects: no route serves it. */
export const recordKey = "/lighthouse-encryption";
/** Servers of a shared store say here which keys they have; each under its own name. */
export const serversPrefix = "/lighthouse-encryption-servers/";

const record = z.object({
  format: z.literal(1),
  store: z.string().min(1),
  writing: z.string().min(1),
  keys: z.array(z.string()),
});

/** How a store is encrypted. Holds no secret. */
export type EncryptionRecord = {
  readonly format: 1;
  /** What the store calls itself, 16 hex digits by chance. */
  readonly store: string;
  /** Id of the key that all servers write with. */
  readonly writing: string;
  /** Ids of all keys that stored values may need. */
  readonly keys: readonly string[];
};

/** The record and the revision that it must be replaced at, 0 to create. */
export type StoredRecord = { readonly record: EncryptionRecord; readonly at: Revision };

/** A name for a store that has none. */
export const newStoreId = (): string => randomBytes(8).toString("hex");

/** @throws Error if it is there and cannot be read */
export async function readRecord(store: Store): Promise<StoredRecord | undefined> {
  const entry = await store.get(recordKey);
  if (entry === undefined) return undefined;
  try {
    return { record: record.parse(JSON.parse(Buffer.from(entry.value).toString())), at: entry.at };
  } catch (cause) {
    throw new Error(
      `Cannot open the store: what it says of its encryption (${recordKey}) is damaged, or was written by a newer version`,
      { cause },
    );
  }
}

/** @throws StatusError `Conflict` if somebody else was faster */
export async function writeRecord(store: Store, { record, at }: StoredRecord): Promise<void> {
  await store.put(recordKey, Buffer.from(JSON.stringify(record)), at);
}
