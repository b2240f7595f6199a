import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** The data folder of a server on this machine, as `lighthouse up` and `server` choose it. */
export function dataDirIn(
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const base = env["XDG_DATA_HOME"] ?? join(env["HOME"] ?? homedir(), ".local", "share");
  return resolve(given ?? join(base, "lighthouse"));
}

/** The audit log of a server with this data folder, where no flag says otherwise. */
export function auditLogIn(dataDir: string): string {
  return join(resolve(dataDir), "audit", "audit.log");
}
