import {
  argon2,
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { promisify } from "node:util";
import { badRequest } from "../machinery/errors.ts";

/** What shall open a backup: any one of several. */
export type Lock =
  | { readonly type: "passphrase"; readonly passphrase: string; readonly cost?: Cost }
  /** X25519; who has the private key opens it. */
  | { readonly type: "recipient"; readonly publicKey: KeyObject };

/** What somebody has to open a backup with. */
export type Opener =
  | { readonly type: "passphrase"; readonly passphrase: string }
  | { readonly type: "identity"; readonly privateKey: KeyObject };

/** How much work one guess at a passphrase is. */
export type Cost = {
  readonly memoryKiB: number;
  readonly passes: number;
  readonly lanes: number;
};

/** A lock as it stands in the file: the file's key, wrapped. All bytes are base64. */
export type Slot =
  | ({ readonly type: "argon2id"; readonly salt: string; readonly wrapped: string } & Cost)
  | {
      readonly type: "x25519";
      /** First 16 hex digits of the SHA-256 of the recipient's key, so that people find theirs. */
      readonly recipient: string;
      readonly ephemeral: string;
      readonly wrapped: string;
    };

/** RFC 9106, section 4: the second recommended option, with twice its memory. */
const defaultCost: Cost = { memoryKiB: 128 << 10, passes: 3, lanes: 4 };
/** What a file may ask of us before it is known to be ours: 1 GiB, and some seconds. */
const maxCost: Cost = { memoryKiB: 1 << 20, passes: 16, lanes: 16 };

const keyBytes = 32;
const hash = promisify(argon2);

async function stretch(passphrase: string, salt: Buffer, cost: Cost): Promise<Buffer> {
  return hash("argon2id", {
    message: passphrase.normalize("NFC"),
    nonce: salt,
    memory: cost.memoryKiB,
    passes: cost.passes,
    parallelism: cost.lanes,
    tagLength: keyBytes,
  });
}

// Each wrapping key is used once, so its nonce may be constant.
const nonce = Buffer.alloc(12);

function wrap(wrapping: Buffer, key: Buffer): string {
  const cipher = createCipheriv("aes-256-gcm", wrapping, nonce);
  const bytes = [cipher.update(key), cipher.final(), cipher.getAuthTag()];
  return Buffer.concat(bytes).toString("base64");
}

function unwrap(wrapping: Buffer, wrapped: string): Buffer | undefined {
  const bytes = Buffer.from(wrapped, "base64");
  if (bytes.length !== keyBytes + 16) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", wrapping, nonce);
  decipher.setAuthTag(bytes.subarray(keyBytes));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(0, keyBytes)), decipher.final()]);
  } catch {
    return undefined;
  }
}

const spki = (key: KeyObject): Buffer => key.export({ type: "spki", format: "der" });

/** A recipient's key as a file's header names it. */
export function recipientId(publicKey: KeyObject): string {
  return createHash("sha256").update(spki(publicKey)).digest("hex").slice(0, 16);
}

type Agreement = {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly ephemeral: Buffer;
  readonly recipient: KeyObject;
};

function agree({ privateKey, publicKey, ephemeral, recipient }: Agreement): Buffer {
  const shared = diffieHellman({ privateKey, publicKey });
  const salt = Buffer.concat([ephemeral, spki(recipient)]);
  return Buffer.from(hkdfSync("sha256", shared, salt, "lighthouse backup x25519", keyBytes));
}

/** Wraps the key of a file for one lock. */
export async function closeLock(lock: Lock, fileKey: Buffer): Promise<Slot> {
  if (lock.type === "passphrase") {
    const salt = randomBytes(16);
    const cost = lock.cost ?? defaultCost;
    const wrapped = wrap(await stretch(lock.passphrase, salt, cost), fileKey);
    return { type: "argon2id", salt: salt.toString("base64"), wrapped, ...cost };
  }
  const own = generateKeyPairSync("x25519");
  const ephemeral = spki(own.publicKey);
  const { publicKey } = lock;
  const { privateKey } = own;
  const wrapping = agree({ privateKey, publicKey, ephemeral, recipient: publicKey });
  return {
    type: "x25519",
    recipient: recipientId(publicKey),
    ephemeral: ephemeral.toString("base64"),
    wrapped: wrap(wrapping, fileKey),
  };
}

async function tryOpen(slot: Slot, opener: Opener): Promise<Buffer | undefined> {
  if (slot.type === "argon2id" && opener.type === "passphrase") {
    const salt = Buffer.from(slot.salt, "base64");
    return unwrap(await stretch(opener.passphrase, salt, slot), slot.wrapped);
  }
  if (slot.type !== "x25519" || opener.type !== "identity") return undefined;
  const { privateKey } = opener;
  const recipient = createPublicKey(privateKey);
  if (recipientId(recipient) !== slot.recipient) return undefined;
  const ephemeral = Buffer.from(slot.ephemeral, "base64");
  try {
    const publicKey = createPublicKey({ key: ephemeral, format: "der", type: "spki" });
    return unwrap(agree({ privateKey, publicKey, ephemeral, recipient }), slot.wrapped);
  } catch {
    return undefined; // no key of X25519, or one of low order, which opens for everybody
  }
}

/** The key of a file. @throws StatusError `BadRequest` when it does not open any of the locks */
export async function openLocks(slots: readonly Slot[], opener: Opener): Promise<Buffer> {
  for (const slot of slots) {
    const key = await tryOpen(slot, opener);
    if (key !== undefined) return key;
  }
  const has = slots.map(({ type }) => (type === "argon2id" ? "a passphrase" : "a private key"));
  const gave = opener.type === "passphrase" ? "this passphrase" : "this private key";
  throw badRequest(
    `Cannot open the backup with ${gave}: it is another one, or the file was changed; it opens with ${has.join(" or ")}`,
  );
}

const isCount = (value: unknown, max: number): boolean =>
  Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= max;

type Fields = Readonly<Record<string, unknown>>;

const hasTexts = (slot: Fields, ...names: readonly string[]): boolean =>
  names.every((name) => typeof slot[name] === "string");

/** As {@link recipientId} makes it; it is printed before the file is known to be authentic. */
const isMark = (value: unknown): boolean =>
  typeof value === "string" && /^[0-9a-f]{16}$/.test(value);

const isAffordable = (slot: Fields): boolean =>
  (["memoryKiB", "passes", "lanes"] as const).every((name) => isCount(slot[name], maxCost[name]));

/** A slot as a file has it. @throws StatusError `BadRequest`, also for one that costs too much */
export function checkSlot(value: unknown): Slot {
  const slot = (value ?? {}) as Fields;
  const good =
    slot["type"] === "x25519"
      ? hasTexts(slot, "ephemeral", "wrapped") && isMark(slot["recipient"])
      : slot["type"] === "argon2id" && hasTexts(slot, "salt", "wrapped") && isAffordable(slot);
  if (good) return slot as unknown as Slot;
  throw badRequest("Cannot read the backup: its header has a lock that this program does not know");
}

/** No file asks for more work than one dear lock: guesses at all of its locks are made one by one. */
export function checkCost(slots: readonly Slot[]): void {
  const work = slots.reduce(
    (sum, slot) => sum + (slot.type === "argon2id" ? slot.memoryKiB * slot.passes : 0),
    0,
  );
  if (work <= maxCost.memoryKiB * maxCost.passes) return;
  throw badRequest(
    "Cannot read the backup: its locks cost more than this program is ready to spend",
  );
}
