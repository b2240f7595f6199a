import { lstat, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unavailable } from "../../api/machinery/errors.ts";

/** Makes a directory that is this user's alone, or takes the one that is there.
 * @throws StatusError `ServiceUnavailable` when somebody else could have put it there */
export async function privateDirectory(path: string): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const found = await lstat(path);
  const mine = process.getuid === undefined || found.uid === process.getuid();
  if (found.isDirectory() && mine && (found.mode & 0o077) === 0) return path;
  throw unavailable(
    `Cannot use ${path}: it must be a directory of this user, closed to others; remove it and try again`,
  );
}

/** Where sockets and certificates of this user go while they are in use. */
export async function runtimeDirectory(
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const given = env["XDG_RUNTIME_DIR"];
  if (given !== undefined && given !== "") return privateDirectory(join(given, "lighthouse"));
  return privateDirectory(join(tmpdir(), `lighthouse-${process.getuid?.() ?? "user"}`));
}
