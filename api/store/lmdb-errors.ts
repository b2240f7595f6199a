import {
  internal,
  isUnavailable,
  reasonOf,
  type StatusError,
  unavailable,
} from "../machinery/errors.ts";

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
const codeOf = (err: unknown): unknown =>
  err instanceof Error && "code" in err ? err.code : undefined;

// lmdb gives errno as a number where the system call failed, and MDB_* texts otherwise.
const full = (err: unknown): boolean =>
  [28, "ENOSPC", 122, "EDQUOT", -30792].includes(codeOf(err) as number | string) ||
  /no space left|quota exceeded|MDB_MAP_FULL/i.test(messageOf(err));

const broken = (err: unknown): boolean =>
  /MDB_(CORRUPTED|PAGE_NOTFOUND|INVALID|VERSION_MISMATCH|PANIC|BAD_TXN|CURSOR_FULL)/.test(
    messageOf(err),
  );

/** Says what went wrong in a data directory and what to do about it. */
export function translate(err: unknown, action: string, dir: string): StatusError {
  if (reasonOf(err) !== undefined) return err as StatusError;
  const what = `Cannot ${action} the store in ${dir}`;
  if (full(err)) {
    return unavailable(
      `${what}: the disk is full; free some space there, reads go on and writes resume by themselves`,
      { cause: err },
    );
  }
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

/** Data that cannot be read: only the operator can decide what to do with it. */
export function damagedError(dir: string, detail: string, cause?: unknown): StatusError {
  return internal(
    `Cannot read the store in ${dir}: its data is damaged (${detail}); ` +
      "restore a backup of the directory, or move it away to start empty",
    { cause },
  );
}
