import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { makePrivateDirectory, readIfPresent, secretMode, writeAtomically } from "../pki/files.ts";

/** A key that verifies tokens. */
export type VerifyingKey = {
  /** SHA-256 of the public key in DER, base64url: the same on every server that has the key. */
  readonly id: string;
  readonly key: KeyObject;
  readonly algorithm: "ES256" | "RS256";
};

/** The keys of ServiceAccount tokens. */
export type TokenKeys = {
  /** Private; signs new tokens. */
  readonly signing: VerifyingKey;
  /** Public, by id; that of `signing` is among them. */
  readonly verifying: ReadonlyMap<string, VerifyingKey>;
};

const signingFile = "service-account.key";
/** Keys that only verify: those of before a rotation, and those of other servers. */
const olderFile = /^service-account-.+\.(key|pub)$/;

/** @throws Error for a key of another kind than ECDSA P-256 or RSA */
function algorithmOf(key: KeyObject): VerifyingKey["algorithm"] {
  if (key.asymmetricKeyType === "rsa") return "RS256";
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType === "ec" && curve === "prime256v1") return "ES256";
  throw new Error("it is neither an ECDSA P-256 nor an RSA key");
}

function named(key: KeyObject): VerifyingKey {
  const algorithm = algorithmOf(key);
  const open = key.type === "private" ? createPublicKey(key) : key;
  const der = open.export({ type: "spki", format: "der" });
  return { id: createHash("sha256").update(der).digest("base64url"), key, algorithm };
}

function verifying(key: KeyObject): VerifyingKey {
  return named(key.type === "private" ? createPublicKey(key) : key);
}

function keysOf(signing: KeyObject, others: readonly KeyObject[]): TokenKeys {
  const all = [signing, ...others].map(verifying);
  return { signing: named(signing), verifying: new Map(all.map((key) => [key.id, key])) };
}

const newKey = (): KeyObject => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

/** Keys that nobody else has and that end with the process: for tests. */
export function passingTokenKeys(): TokenKeys {
  return keysOf(newKey(), []);
}

function parse<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (err) {
    const why = err instanceof Error ? err.message : String(err);
    throw new Error(
      `Cannot use ${path}: ${why}; restore it from a backup, or remove it: every ServiceAccount token that it signed then ends`,
      { cause: err },
    );
  }
}

async function openSigningKey(path: string): Promise<KeyObject> {
  const pem = await readIfPresent(path);
  if (pem !== undefined) {
    return parse(path, () => {
      const key = createPrivateKey(pem);
      algorithmOf(key);
      return key;
    });
  }
  const key = newKey();
  await writeAtomically(path, key.export({ type: "pkcs8", format: "pem" }).toString(), secretMode);
  return key;
}

/**
 * Opens the keys of a directory, and makes the signing key if there is none. `service-account.key`
 * signs; `service-account-NAME.key` and `.pub` only verify. To rotate, rename the first to one of
 * the second and start the server again; remove it when its last token has expired.
 *
 * @throws Error that names a damaged file and the way out.
 */
export async function openTokenKeys(directory: string): Promise<TokenKeys> {
  await makePrivateDirectory(directory);
  const signing = await openSigningKey(join(directory, signingFile));
  const files = (await readdir(directory)).filter((file) => olderFile.test(file)).sort();
  const others: KeyObject[] = [];
  for (const file of files) {
    const path = join(directory, file);
    const pem = (await readIfPresent(path)) ?? "";
    others.push(parse(path, () => (algorithmOf(createPublicKey(pem)), createPublicKey(pem))));
  }
  return keysOf(signing, others);
}
