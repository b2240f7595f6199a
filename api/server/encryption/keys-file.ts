import { randomBytes } from "node:crypto";
import { link, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import { encryptionKey, type EncryptionKey, findKey } from "../../store/encryption/key-ring.ts";
import {
  makePrivateDirectory,
  readIfPresent,
  secretMode,
  syncDirectory,
  writeAtomically,
} from "../pki/files.ts";

/** What a file of encryption keys says. */
export type KeysFile = {
  /** Newest first by convention; each id once, at least one. */
  readonly keys: readonly EncryptionKey[];
  /** Further resources to encrypt, as `PLURAL` of the core group or `PLURAL.GROUP`. */
  readonly resources: readonly string[];
};

const schema = z.strictObject({
  apiVersion: z.literal("lighthouse.dev/v1"),
  kind: z.literal("EncryptionKeys"),
  resources: z
    .array(z.string().regex(/^[a-z][a-z0-9-]*(\.[a-z0-9.-]+)?$/, "is no PLURAL or PLURAL.GROUP"))
    .default([]),
  keys: z
    .array(
      z.strictObject({
        id: z.string().optional(),
        created: z.iso.datetime({ message: "is no time such as 2026-11-21T10:00:00Z" }),
        secret: z.base64({ message: "is not base64" }),
      }),
    )
    .min(1),
});

type Parsed = z.infer<typeof schema>;

function keyOf({ id, created, secret }: Parsed["keys"][number], index: number): EncryptionKey {
  const key = encryptionKey(Buffer.from(secret, "base64"), Date.parse(created));
  if (id !== undefined && id !== key.id) {
    throw new Error(`keys[${index}] says id ${id}, but its secret is that of ${key.id}`);
  }
  return key;
}

// Nothing of the text may reach a message: a mistake next to a secret would print it.
function readDocument(text: string): unknown {
  const document = parseDocument(text, { prettyErrors: false });
  const [broken] = document.errors;
  if (broken !== undefined)
    throw new Error(`it is no YAML (${broken.code} at character ${broken.pos[0]})`);
  return document.toJS({ maxAliasCount: 0 });
}

function parseKeys(text: string): KeysFile {
  const { data, error } = schema.safeParse(readDocument(text));
  if (error !== undefined) {
    const issues = error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new Error(issues.join("; "));
  }
  const keys = data.keys.map(keyOf);
  const ids = new Set(keys.map(({ id }) => id));
  if (ids.size < keys.length) throw new Error("it has the same key twice");
  return { keys, resources: data.resources };
}

const wayOut = "restore it from its backup; without it what was encrypted is lost";

/**
 * Reads a file of encryption keys; `undefined` if there is none.
 * @throws Error naming the file, what is wrong and the way out, never its content
 */
export async function readKeysFile(path: string): Promise<KeysFile | undefined> {
  const text = await readIfPresent(path);
  if (text === undefined) return undefined;
  const { mode } = await stat(path);
  if ((mode & 0o007) !== 0) {
    throw new Error(
      `Cannot use the encryption keys in ${path}: everybody on this machine may read them; chmod 600 it`,
    );
  }
  try {
    return parseKeys(text);
  } catch (err) {
    const why = err instanceof Error ? err.message : String(err);
    throw new Error(`Cannot use the encryption keys in ${path}: ${why}; ${wayOut}`, { cause: err });
  }
}

const header = `# Encryption keys of a Lighthouse store. Keep a copy in a safe place, apart from backups of the
# data: without this file its Secrets, passwords and sessions cannot be read by anybody.
# The newest key encrypts, the others only decrypt. See docs/secrets.md.
`;

function formatKeys({ keys, resources }: KeysFile): string {
  const secretOf = (key: EncryptionKey): string => key.secret.export().toString("base64");
  const lines = keys.map(
    (key) =>
      `  - id: "${key.id}"\n    created: "${new Date(key.createdMs).toISOString()}"\n    secret: ${secretOf(key)}\n`,
  );
  const more = resources.length === 0 ? "" : `resources: ${JSON.stringify(resources)}\n`;
  return `${header}apiVersion: lighthouse.dev/v1\nkind: EncryptionKeys\n${more}keys:\n${lines.join("")}`;
}

/** Writes the file whole or not at all, for its owner alone; it is on disk when this resolves.
 * @throws Error naming the file and the way out */
export async function writeKeysFile(path: string, file: KeysFile): Promise<void> {
  try {
    await makePrivateDirectoryOnce(dirname(path));
    await writeAtomically(path, formatKeys(file), secretMode);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `Cannot write the encryption keys to ${path}: ${why}; name another place with --encryption-keys`,
      { cause },
    );
  }
}

/**
 * Writes the file unless there is one: of several servers that begin at once on one machine, one
 * makes the keys and all others read them. Resolves to what the file then says.
 * @throws Error naming the file and the way out
 */
export async function createKeysFile(path: string, file: KeysFile): Promise<KeysFile> {
  const draft = `${path}.${randomBytes(6).toString("hex")}.new`;
  await writeKeysFile(draft, file);
  try {
    await link(draft, path);
    await syncDirectory(dirname(path)); // what it encrypts is on the disk soon
  } catch (err) {
    const there = await readKeysFile(path);
    if (there === undefined) throw err;
    return there;
  } finally {
    await rm(draft, { force: true });
  }
  return file;
}

// A folder that was there before may have other things in it: its mode is its owner's business.
async function makePrivateDirectoryOnce(path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there === undefined) await makePrivateDirectory(path);
}

/** The keys of the file with another one in front. */
export function withKey(file: KeysFile, key: EncryptionKey): KeysFile {
  if (findKey(file, key.id) !== undefined) return file;
  return { ...file, keys: [key, ...file.keys] };
}

/** Changes whenever the file was replaced or written; empty when there is none. */
export async function stampOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? "" : `${found.ino} ${found.size} ${found.mtimeMs}`;
}

/** The newest key: the one that is to write. */
export function newestKey({ keys: [first, ...rest] }: KeysFile): EncryptionKey {
  if (first === undefined) throw new Error("Cannot use a file of encryption keys without a key");
  return rest.reduce((newest, key) => (key.createdMs > newest.createdMs ? key : newest), first);
}
