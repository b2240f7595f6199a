import type { KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../machinery/clock.ts";
import type { ServerConfig } from "../config.ts";
import type { AuditMode } from "./audit.ts";
import { openAuditKey } from "./audit-key.ts";
import { type AuditLog, openAuditLog } from "./audit-log.ts";
import { logFiles } from "./log-files.ts";
import { type AuditPolicy, defaultPolicy, parsePolicy } from "./policy.ts";

/** An open log and what goes into it. */
export type OpenAudit = AsyncDisposable & {
  readonly policy: AuditPolicy;
  readonly mode: AuditMode;
  readonly log: AuditLog;
  /** Absolute path of the file that is written. */
  readonly path: string;
  /** Of the key that vouches for it. */
  readonly publicKey: KeyObject;
};

/**
 * Opens the audit log as the configuration says; by default `audit/audit.log` in the data
 * directory, with the policy of this product. The key that vouches for it, and what was vouched for
 * last, are with the certificates: not where the log is.
 * @throws Error naming the file that is in the way
 */
export async function openAudit(
  { dataDir, auditLog, auditPolicy, audit = {} }: ServerConfig,
  clock: Pick<Clock, "nowMs">,
  onError: (err: unknown, what: string) => void,
): Promise<OpenAudit> {
  const policy = auditPolicy === undefined ? defaultPolicy : await readPolicy(auditPolicy);
  const path = auditLog ?? join(dataDir, "audit", "audit.log");
  const { mode = "batch", key: keyPath = join(dataDir, "pki", "audit.key"), ...limits } = audit;
  const { maxSizeMb = 100, maxBackups = 10, maxAgeDays = 30 } = limits;
  const key = await openAuditKey(keyPath);
  try {
    const log = await openAuditLog({
      ...key,
      files: logFiles(path, keyPath.replace(/(\.key)?$/, ".head")),
      maxFileBytes: maxSizeMb * 1_048_576,
      maxFiles: maxBackups,
      maxAgeMs: maxAgeDays * 86_400_000,
      clock,
      onError: (err) => onError(err, "write audit events"),
    });
    const { publicKey } = key;
    return {
      policy,
      mode,
      log,
      path,
      publicKey,
      [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
    };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot open the audit log ${path}: ${why}`, { cause });
  }
}

async function readPolicy(path: string): Promise<AuditPolicy> {
  try {
    return parsePolicy(await readFile(path, "utf8"));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot use the audit policy ${path}: ${why}`, { cause });
  }
}
