import { createHash, createSecretKey, type KeyObject, randomBytes } from "node:crypto";

/** A key that wraps the data keys of values. It never leaves the process but into its own file. */
export type EncryptionKey = {
  /** Tells which key a value needs: 16 hex digits, derived from the key itself. */
  readonly id: string;
  /** When it was made, in milliseconds since the Unix epoch: the newest is to write. */
  readonly createdMs: number;
  /** 32 bytes. */
  readonly secret: KeyObject;
};

/** The keys of a server. Replaced as a whole when its file changes. */
export type KeyRing = {
  /** At least one, each `id` once. */
  readonly keys: readonly EncryptionKey[];
  /** The `id` of the one that new values are sealed with; it is among `keys`. */
  readonly writing: string;
  /** Store prefixes whose values are sealed, e.g. `/registry/core/secrets/`. */
  readonly prefixes: readonly string[];
};

/** Length of a key in bytes: AES-256. */
export const keyBytes = 32;

// A digest of 32 random bytes tells nothing of them, and a key with a flipped bit gets another id.
const idOf = (secret: Uint8Array): string =>
  createHash("sha256")
    .update("lighthouse encryption key\0")
    .update(secret)
    .digest("hex")
    .slice(0, 16);

/** The key of 32 bytes. @throws Error if there are more or fewer; it never shows them */
export function encryptionKey(secret: Uint8Array, createdMs: number): EncryptionKey {
  if (secret.byteLength !== keyBytes) {
    throw new Error(`an encryption key has ${secret.byteLength} bytes, expected ${keyBytes}`);
  }
  return { id: idOf(secret), createdMs, secret: createSecretKey(secret) };
}

/** A key that nobody else has. */
export function newEncryptionKey(createdMs: number): EncryptionKey {
  return encryptionKey(randomBytes(keyBytes), createdMs);
}

/** The key with this id. */
export function findKey({ keys }: Pick<KeyRing, "keys">, id: string): EncryptionKey | undefined {
  return keys.find((key) => key.id === id);
}

/** Whether values of this store key are sealed. */
export function isProtected({ prefixes }: Pick<KeyRing, "prefixes">, storeKey: string): boolean {
  return prefixes.some((prefix) => storeKey.startsWith(prefix));
}
