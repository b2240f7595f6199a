import { posix } from "node:path";
import { badRequest, notFound } from "../../api/machinery/errors.ts";
import type { ContainerIo } from "../engine/engine.ts";
import type { PathStat } from "../engine/file-types.ts";

const maxPathBytes = 4096;

/** A path that a caller gave. @throws StatusError `BadRequest` naming what is wrong with it */
export function checkedPath(path: string): string {
  const wrong = (why: string): Error =>
    badRequest(`Invalid value for path: ${JSON.stringify(path.slice(0, 256))}: ${why}`);
  if (!path.startsWith("/")) throw wrong("must be absolute");
  if (Buffer.byteLength(path) > maxPathBytes)
    throw wrong(`must be no more than ${maxPathBytes} bytes`);
  if (path.includes("\0")) throw wrong("must not contain a zero byte");
  if (path.split("/").includes("..")) throw wrong('must not contain ".."');
  return posix.normalize(path);
}

/** Linux follows 40 links; a path of a container that needs more than these is a loop. */
const maxLinks = 20;

/** What stands at a path behind all links, which lead nowhere but inside of the container. */
export type Found = { readonly path: string; readonly stat: PathStat };

/** @throws StatusError `NotFound` naming the path, `BadRequest` for links without an end */
export async function resolvePath(
  io: Pick<ContainerIo, "statPath">,
  id: string,
  asked: string,
  signal: AbortSignal,
): Promise<Found> {
  let path = asked;
  for (let links = 0; links <= maxLinks; links += 1) {
    const stat = await io.statPath(id, path, signal);
    if (stat === undefined) throw notFound({ group: "", plural: "files" }, path);
    if (stat.type !== "symlink" || stat.target === undefined) return { path, stat };
    path = posix.resolve(posix.dirname(path), stat.target);
  }
  throw badRequest(`Cannot read ${asked}: too many levels of symbolic links`);
}
