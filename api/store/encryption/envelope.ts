import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { type EncryptionKey, findKey, type KeyRing, keyBytes } from "./key-ring.ts";

/**
 * How a sealed value is laid out: the text `lighthouse:enc:v1:KEY-ID:`, the wrapped data key
 * (40 bytes), the nonce (12), the tag (16), the ciphertext.
 *
 * Each process makes data keys of its own, wrapped with AES key wrap (RFC 3394), which takes no nonce: there
 * is no number of writes after which a key of the file wears out. A data key seals at most 2^20 values with
 * nonces by chance, far below the 2^32 of NIST SP 800-38D, 8.3. The value is AES-256-GCM; header and store key
 * are authenticated with it, so a value that was moved to another key, e.g. a Secret into a namespace of
 * the thief's, does not open.
 */
const magic = "lighthouse:enc:v1:";
const magicBytes = Buffer.from(magic);
const idLength = 16;
const headerLength = magic.length + idLength + 1;
const wrappedBytes = keyBytes + 8;
const nonceBytes = 12;
const tagBytes = 16;
const overhead = headerLength + wrappedBytes + nonceBytes + tagBytes;

const wrapIv = Buffer.alloc(8, 0xa6);

/** Why a sealed value cannot be opened: its key is not here, or it is not what was written. */
export type SealFault =
  { readonly fault: "unknown-key"; readonly keyId: string } | { readonly fault: "damaged" };

/** A value that cannot be opened. */
export class SealError extends Error {
  override readonly name = "SealError";
  readonly why: SealFault;
  constructor(why: SealFault) {
    super(
      why.fault === "unknown-key"
        ? `it was encrypted with the key ${why.keyId}, which is not in the file of encryption keys`
        : "it is damaged: it is not what was encrypted for this place",
    );
    this.why = why;
  }
}

const view = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Whether a stored value is sealed. Everything else that is stored is JSON, which begins with a brace. */
export function isSealed(value: Uint8Array): boolean {
  return (
    value[0] === magicBytes[0] &&
    value.byteLength >= magicBytes.length &&
    view(value).subarray(0, magicBytes.length).equals(magicBytes)
  );
}

/** The id of the key that a sealed value needs. @throws SealError if the header is damaged */
export function sealedWith(value: Uint8Array): string {
  const id = view(value).toString("latin1", magicBytes.length, magicBytes.length + idLength);
  if (value.byteLength < overhead || !/^[0-9a-f]{16}$/.test(id)) {
    throw new SealError({ fault: "damaged" });
  }
  return id;
}

const authenticated = (header: Uint8Array, storeKey: string): Buffer =>
  Buffer.concat([header, Buffer.from(storeKey)]);

/** A key that seals values, and how it is kept beside them. */
type DataKey = { readonly secret: KeyObject; readonly wrapped: Buffer };

const maxSealed = 2 ** 20;
const writing = new WeakMap<EncryptionKey, { readonly dataKey: DataKey; left: number }>();

function newDataKey({ secret }: EncryptionKey): DataKey {
  const bytes = randomBytes(keyBytes);
  const wrap = createCipheriv("id-aes256-wrap", secret, wrapIv);
  const wrapped = Buffer.concat([wrap.update(bytes), wrap.final()]);
  const dataKey = { secret: createSecretKey(bytes), wrapped };
  bytes.fill(0);
  return dataKey;
}

/** The data key that this process seals with at the moment. */
function dataKeyOf(key: EncryptionKey): DataKey {
  let current = writing.get(key);
  if (current === undefined || current.left === 0) {
    current = { dataKey: newDataKey(key), left: maxSealed };
    writing.set(key, current);
  }
  current.left -= 1;
  return current.dataKey;
}

/** Data keys that were unwrapped lately, by their wrapped form; each process that wrote has a few. */
const unwrapped = new WeakMap<EncryptionKey, Map<string, KeyObject>>();
const maxUnwrapped = 1_000;

/** @throws Error if it was not wrapped with this key */
function unwrap(key: EncryptionKey, wrapped: Buffer): KeyObject {
  const known = unwrapped.get(key) ?? new Map<string, KeyObject>();
  unwrapped.set(key, known);
  const name = wrapped.toString("latin1");
  const found = known.get(name);
  if (found !== undefined) return found;
  const unwrapping = createDecipheriv("id-aes256-wrap", key.secret, wrapIv);
  const bytes = Buffer.concat([unwrapping.update(wrapped), unwrapping.final()]);
  const secret = createSecretKey(bytes);
  bytes.fill(0);
  if (known.size >= maxUnwrapped) known.clear();
  known.set(name, secret);
  return secret;
}

/** Seals a value for one store key. */
export function seal(key: EncryptionKey, storeKey: string, value: Uint8Array): Buffer {
  const header = Buffer.from(`${magic}${key.id}:`);
  const { secret, wrapped } = dataKeyOf(key);
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", secret, nonce);
  cipher.setAAD(authenticated(header, storeKey));
  const sealed = cipher.update(value);
  cipher.final();
  return Buffer.concat([header, wrapped, nonce, cipher.getAuthTag(), sealed]);
}

/** Opens what {@link seal} made for the same store key. @throws SealError */
export function unseal(ring: Pick<KeyRing, "keys">, storeKey: string, value: Uint8Array): Buffer {
  const keyId = sealedWith(value);
  const key = findKey(ring, keyId);
  if (key === undefined) throw new SealError({ fault: "unknown-key", keyId });
  try {
    return unsealWith(key, storeKey, view(value));
  } catch {
    // The cipher's own words ("bad decrypt") tell nothing more.
    throw new SealError({ fault: "damaged" });
  }
}

function unsealWith(key: EncryptionKey, storeKey: string, value: Buffer): Buffer {
  const nonceAt = headerLength + wrappedBytes;
  const tagAt = nonceAt + nonceBytes;
  const header = value.subarray(0, headerLength);
  const secret = unwrap(key, value.subarray(headerLength, nonceAt));
  const decipher = createDecipheriv("aes-256-gcm", secret, value.subarray(nonceAt, tagAt), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(authenticated(header, storeKey));
  decipher.setAuthTag(value.subarray(tagAt, overhead));
  const opened = decipher.update(value.subarray(overhead));
  decipher.final();
  return opened;
}
