import { homedir } from "node:os";
import { relative, resolve } from "node:path";
import type { Logger } from "pino";
import { type Encryption, openEncryption } from "../../api/server/encryption/encryption.ts";
import { parseStoreUrl } from "../../api/store/store-url.ts";
import type { Store } from "../../api/store/store.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import { type Call, text } from "../command.ts";
import { isSharedStore } from "./run-parts.ts";

/** What is to be encrypted, and where its data is. */
export type Encrypted = {
  readonly store: Store;
  readonly storeUrl: string;
  readonly dataDir: string;
  readonly log: Logger;
};

const isWithin = (folder: string, file: string): boolean =>
  !/^\.\.|^\//.test(relative(folder, file));

/**
 * Opens the encryption of a store as the flags and the surroundings say; `undefined` for one in
 * memory, of which nothing is at rest.
 * @throws Error naming the file of keys and the way out
 */
export async function openRunEncryption(
  { flags, io }: Pick<Call, "flags" | "io">,
  { store, storeUrl, dataDir, log }: Encrypted,
): Promise<Encryption | undefined> {
  if (parseStoreUrl(storeUrl).driver === "memory") return undefined;
  const named = text(flags, "encryption-keys") ?? io.env["LIGHTHOUSE_ENCRYPTION_KEYS"];
  const encryption = await openEncryption({
    store,
    ...(named === undefined ? {} : { file: resolve(named) }),
    surroundings: { env: { HOME: homedir(), ...io.env }, isRoot: process.getuid?.() === 0 },
    shared: isSharedStore(storeUrl),
    clock: systemClock,
    log,
  });
  const { file, made } = encryption;
  if (made)
    io.err(`Made encryption keys: keep a copy of ${file}, apart from backups of the data\n`);
  if (isWithin(dataDir, file)) {
    log.info({ file }, "the encryption keys are in the data folder: whoever copies it has both");
  }
  return encryption;
}
