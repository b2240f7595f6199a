import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";
import { signerOf, type Signer } from "../../audit/checkpoint.ts";
import { publicMode, readIfPresent, secretMode, writeAtomically } from "../pki/files.ts";

/** The key by which a server vouches for its log. */
export type AuditKey = { readonly signer: Signer; readonly publicKey: KeyObject };

/**
 * Reads the ed25519 key of `path`, or makes one at the first start. The public one, by which others
 * verify the log, is written beside it, as `.pub`.
 * @throws Error naming the file and the way out
 */
export async function openAuditKey(path: string): Promise<AuditKey> {
  const pem = (await readIfPresent(path)) ?? (await makeKey(path));
  const key = readKey(path, pem);
  const publicKey = createPublicKey(key);
  const text = publicKey.export({ type: "spki", format: "pem" });
  await writeAtomically(path.replace(/(\.key)?$/, ".pub"), String(text), publicMode);
  return { signer: signerOf(key), publicKey };
}

async function makeKey(path: string): Promise<string> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = String(privateKey.export({ type: "pkcs8", format: "pem" }));
  await writeAtomically(path, pem, secretMode);
  return pem;
}

function readKey(path: string, pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "ed25519") return key;
    throw new Error(`it is of type ${key.asymmetricKeyType}`);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const wayOut = "set it aside, and the next start makes another";
    throw new Error(`Cannot use ${path} as an ed25519 key: ${why}; ${wayOut}`, { cause });
  }
}
