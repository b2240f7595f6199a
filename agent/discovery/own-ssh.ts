import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { SshLogin } from "../engine/endpoint.ts";

function readable(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // most users have only some of these files
  }
}

/** Names of private keys, as ssh tries them. */
const identities = ["id_ed25519", "id_ecdsa", "id_rsa"];

/**
 * How the user of this process logs in by ssh: the hosts in `~/.ssh/known_hosts`, the keys of the SSH
 * agent, else the first key in `~/.ssh`. `undefined` without known hosts.
 */
export function ownSshLogin(
  homeDir: string,
  env: Readonly<Record<string, string | undefined>>,
): SshLogin | undefined {
  const folder = join(homeDir, ".ssh");
  const knownHosts = readable(join(folder, "known_hosts"));
  if (knownHosts === undefined) return undefined;
  if ((env["SSH_AUTH_SOCK"] ?? "") !== "") return { knownHosts };
  for (const name of identities) {
    const privateKey = readable(join(folder, name));
    if (privateKey !== undefined) return { knownHosts, privateKey };
  }
  return { knownHosts };
}
