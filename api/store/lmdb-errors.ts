import { statfs } from "node:fs/promises";
import { internal, reasonOf, type StatusError, unavailable } from "../machinery/errors.ts";

/** LMDB's failed commit: the true cause comes in a second promise. */
type CommitFailure = Error & { readonly commitError: PromiseLike<never> };

const isCommitFailure = (err: unknown): err is CommitFailure =>
  err instanceof Error && "commitError" in err;

/** The cause behind a failed commit. Whoever does not await it gets an unhandled rejection. */
export async function commitCause(failure: unknown): Promise<unknown> {
  if (!isCommitFailure(failure)) return failure;
  try {
    return await failure.commitError;
  } catch (cause) {
    return cause;
  }
}

const messageOf = (err: unknown): string => (err instanceof Error ? err.message : String(err));
const codeOf = (err: unknown): string | number | undefined =>
  err instanceof Error && "code" in err ? (err.code as string | number) : undefined;

// lmdb gives errno as a number where the system call failed, and MDB_* texts otherwise.
const full = (err: unknown): boolean =>
  ["ENOSPC", "EDQUOT", 28, 122].includes(codeOf(err) ?? "") ||
  /no space left|quota exceeded|MDB_MAP_FULL/i.test(messageOf(err));

const broken = (err: unknown): boolean =>
  /MDB_(CORRUPTED|PAGE_NOTFOUND|INVALID|VERSION_MISMATCH|PANIC|BAD_TXN|CURSOR_FULL)/.test(
    messageOf(err),
  );

/** Says what went wrong in a data directory and what to do about it. */
export function translate(err: unknown, action: string, dir: string): StatusError {
  if (reasonOf(err) !== undefined) return err as StatusError;
  const what = `Cannot ${action} the store in ${dir}`;
  if (full(err)) return fullError(what, err);
  if (broken(err)) return damagedError(dir, messageOf(err), err);
  switch (codeOf(err)) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
    case 13:
    case 1:
    case 30:
      return unavailable(
        `${what}: this user may not write there; change the owner or choose another directory`,
        { cause: err },
      );
    case "ENOTDIR":
    case "EEXIST":
      return unavailable(`${what}: it is not a directory; choose another one`, { cause: err });
    default:
      return internal(`${what}: ${messageOf(err)}`, { cause: err });
  }
}

/** Like {@link translate}, for what writes: knows a full disk also where LMDB does not say so. */
export async function translateWrite(
  err: unknown,
  action: string,
  dir: string,
): Promise<StatusError> {
  // LMDB calls a write that was cut short an I/O error, which is how a disk that fills up begins.
  const short = codeOf(err) === 5 && (await freeBytes(dir)) < nearlyFullBytes;
  return short
    ? fullError(`Cannot ${action} the store in ${dir}`, err)
    : translate(err, action, dir);
}

/** Less than the largest commit may need. */
const nearlyFullBytes = 32 << 20;

async function freeBytes(dir: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(dir);
    return bavail * bsize;
  } catch {
    return Infinity; // then the commit's own error is all that is known
  }
}

function fullError(what: string, cause: unknown): StatusError {
  return unavailable(
    `${what}: the disk is full; free some space there, reads go on and writes resume by themselves`,
    { cause },
  );
}

/** Data that cannot be read: only the operator can decide what to do with it. */
export function damagedError(dir: string, detail: string, cause?: unknown): StatusError {
  return internal(
    `Cannot read the store in ${dir}: its data is damaged (${detail}); ` +
      "restore a backup of the directory, or move it away to start empty",
    { cause },
  );
}
