import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Lock, Opener } from "../../api/backup/locks.ts";
import { type Call, Misuse, text, texts } from "../command.ts";

const variable = "LIGHTHOUSE_BACKUP_PASSPHRASE";
/** Whoever gets hold of the file may try as long as they like. */
const fewestCharacters = 12;

const messageOf = (err: unknown): string => (err instanceof Error ? err.message : String(err));

async function readSecretFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (err) {
    throw new Misuse(`Cannot read ${path}: ${messageOf(err)}`);
  }
}

/** One line, as editors leave it. */
const lineOf = (content: string): string => content.replace(/\r?\n$/, "");

function keyOf(path: string, pem: string, parse: (pem: string) => KeyObject): KeyObject {
  try {
    const key = parse(pem);
    if (key.asymmetricKeyType === "x25519") return key;
  } catch {
    // Told below, without what is in the file.
  }
  throw new Misuse(
    `Cannot use ${path}: it is no X25519 key in PEM; make a pair with "openssl genpkey -algorithm x25519 -out backup.key" and "openssl pkey -in backup.key -pubout -out backup.pub"`,
  );
}

/** What flags and environment say; `undefined`: nothing, ask. */
async function givenPassphrase({ flags, io }: Call): Promise<string | undefined> {
  const path = text(flags, "passphrase-file");
  if (path !== undefined) return lineOf(await readSecretFile(path));
  return io.env[variable];
}

async function ask({ io, signal }: Call, prompt: string): Promise<string> {
  if (io.ask === undefined) {
    throw new Misuse(
      `Give the passphrase with --passphrase-file or ${variable}, or a key: there is no terminal to ask on`,
    );
  }
  return io.ask(prompt, { hidden: true, signal });
}

/** What shall open a new backup: the recipients of the flags, a passphrase, or both.
 * @throws Misuse also for a passphrase that is too short */
export async function locksOf(call: Call): Promise<readonly Lock[]> {
  const recipients: Lock[] = [];
  for (const path of texts(call.flags, "recipient")) {
    const pem = await readSecretFile(path);
    // Node.js would derive the public half, and nobody would notice what lies on this machine.
    if (pem.includes("PRIVATE KEY")) {
      throw new Misuse(
        `Cannot use ${path} as a recipient: it is the private key; name the public one`,
      );
    }
    const publicKey = keyOf(path, pem, createPublicKey);
    recipients.push({ type: "recipient", publicKey });
  }
  let passphrase = await givenPassphrase(call);
  if (passphrase === undefined && recipients.length > 0) return recipients;
  if (passphrase === undefined) {
    passphrase = await ask(call, "Passphrase for the backup: ");
    if ((await ask(call, "Once more: ")) !== passphrase)
      throw new Misuse("These are two passphrases");
  }
  if (passphrase.length < fewestCharacters) {
    throw new Misuse(`The passphrase is too short: at least ${fewestCharacters} characters`);
  }
  return [...recipients, { type: "passphrase", passphrase }];
}

/** What opens a backup. `undefined`: nobody said, and `mayAsk` is false. @throws Misuse */
export async function openerOf(call: Call, mayAsk: boolean): Promise<Opener | undefined> {
  const path = text(call.flags, "identity");
  if (path !== undefined) {
    const privateKey = keyOf(path, await readSecretFile(path), createPrivateKey);
    return { type: "identity", privateKey };
  }
  const given = await givenPassphrase(call);
  if (given !== undefined) return { type: "passphrase", passphrase: given };
  if (!mayAsk) return undefined;
  return { type: "passphrase", passphrase: await ask(call, "Passphrase of the backup: ") };
}
