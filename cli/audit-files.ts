import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { filesOf } from "../api/audit/log-reader.ts";
import { isFileError } from "../api/client/whole-file.ts";

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

/** The files of that log, oldest first. @throws Error that says how to name another one */
export async function auditFilesIn(dataDir: string): Promise<readonly string[]> {
  const log = auditLogIn(dataDir);
  try {
    return await filesOf(log);
  } catch (cause) {
    if (!isFileError(cause, "ENOENT")) throw cause;
    throw new Error(noLogText(log), { cause });
  }
}

/** That there is no `file` of a server's log on this machine, and what to name instead. */
export function noLogText(file: string): string {
  return (
    `Cannot find ${file}: no server keeps its log there; name the server's folder with --data-dir, ` +
    "or FILEs of its log and its audit.pub with --key"
  );
}
