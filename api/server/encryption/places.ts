import { homedir } from "node:os";
import { join } from "node:path";

/** Name of the systemd credential that holds the file, see systemd.exec(5) `LoadCredential=`. */
export const credentialName = "lighthouse-encryption-keys";

/** What decides where the file of encryption keys is. */
export type Surroundings = {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Runs as root: a service of the machine, not of a person. */
  readonly isRoot: boolean;
};

/**
 * The file of encryption keys of one store when nobody names another: never in the data folder,
 * so that a copy of the data is no copy of its keys. `storeId` is what the store calls itself.
 */
export function defaultKeysFile(storeId: string, { env, isRoot }: Surroundings): string {
  const home = env["XDG_CONFIG_HOME"] ?? join(env["HOME"] ?? homedir(), ".config");
  const base = isRoot ? "/etc" : home;
  return join(base, "lighthouse", "encryption", `${storeId}.yaml`);
}

/** The file that systemd hands over, if the unit says so. It cannot be written. */
export function credentialFile({ env }: Surroundings): string | undefined {
  const directory = env["CREDENTIALS_DIRECTORY"];
  return directory === undefined ? undefined : join(directory, credentialName);
}
