import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ServerConfig } from "../config.ts";
import { type AuditLog, openAuditLog } from "./audit-log.ts";
import { type AuditPolicy, defaultPolicy, parsePolicy } from "./policy.ts";

/** An open log and what goes into it. */
export type OpenAudit = AsyncDisposable & {
  readonly policy: AuditPolicy;
  readonly log: AuditLog;
};

/**
 * Opens the audit log as the configuration says; by default `audit/audit.log` in the data
 * directory, with the policy of this product.
 * @throws Error naming the file that is in the way
 */
export async function openAudit(
  { dataDir, auditLog, auditPolicy }: ServerConfig,
  onError: (err: unknown) => void,
): Promise<OpenAudit> {
  const policy = auditPolicy === undefined ? defaultPolicy : await readPolicy(auditPolicy);
  const path = auditLog ?? join(dataDir, "audit", "audit.log");
  try {
    const log = await openAuditLog({ path, onError });
    return { policy, log, [Symbol.asyncDispose]: () => log[Symbol.asyncDispose]() };
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
