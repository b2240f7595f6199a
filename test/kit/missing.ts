import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** A reason to skip, or `undefined` when the test can run. */
export type Missing = string | undefined;

/**
 * What a suite says when something it needs is not there: with `CI=true` that is a failure, since
 * a gate that skips proves nothing; elsewhere the reason is printed and the suite is skipped.
 * Use: `describe.skipIf(skipReason("etcd", missingProgram("etcd")))(…)`.
 */
export function skipReason(suite: string, missing: Missing): boolean {
  if (missing === undefined) return false;
  if (process.env["CI"] === "true") throw new Error(`Cannot test ${suite}: ${missing}`);
  console.warn(`skipped ${suite}: ${missing}`);
  return true;
}

/** The reason if a program is not on PATH. */
export function missingProgram(name: string): Missing {
  const dirs = (process.env["PATH"] ?? "").split(delimiter);
  return dirs.some((dir) => dir !== "" && existsSync(join(dir, name)))
    ? undefined
    : `${name} is not on PATH (Debian: hack/test installs it)`;
}

/** The reason if this process may not mount file systems or change users. */
export function missingRoot(): Missing {
  return process.getuid?.() === 0 ? undefined : "it needs root, for a small disk of its own";
}
