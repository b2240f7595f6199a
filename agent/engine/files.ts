import { notFound } from "../../api/machinery/errors.ts";
import type { ContainerIo } from "./engine.ts";
import type { FileChange, PathStat } from "./file-types.ts";
import { type Parts, readCall } from "./parts.ts";

type WireChange = { readonly Path: string; readonly Kind: number };

const kinds = ["changed", "added", "deleted"] as const;

/** `GET /containers/{id}/changes`. */
export const createChangesVerb =
  (parts: Parts): ContainerIo["changes"] =>
  async (id, signal) => {
    const call = readCall(parts, { id, action: "list the changed files of", signal }, "changes");
    // The engine compares whole trees for it.
    const deadlineMs = parts.deadlines.changeMs;
    const wire = await parts.transport.json<readonly WireChange[] | null>({ ...call, deadlineMs });
    return (wire ?? []).flatMap(({ Path: path, Kind }): readonly FileChange[] => {
      const kind = kinds[Kind];
      return kind === undefined ? [] : [{ path, kind }];
    });
  };

/** Bits of Go's io/fs.FileMode, in which the engine sends modes. */
const goDirectory = 2 ** 31;
const goSymlink = 2 ** 27;
const has = (mode: number, bit: number): boolean => Math.floor(mode / bit) % 2 === 1;

type WireStat = {
  readonly name: string;
  readonly size: number;
  readonly mode: number;
  readonly mtime?: string;
  readonly linkTarget?: string;
};

function toStat({ size, mode, mtime, linkTarget }: WireStat): PathStat {
  const type = has(mode, goDirectory) ? "directory" : has(mode, goSymlink) ? "symlink" : "file";
  const modifiedAtMs = mtime === undefined ? Number.NaN : Date.parse(mtime);
  return {
    type,
    size,
    mode: mode & 0o777,
    ...(Number.isNaN(modifiedAtMs) ? {} : { modifiedAtMs }),
    ...(linkTarget === undefined || linkTarget === "" ? {} : { target: linkTarget }),
  };
}

/** `HEAD /containers/{id}/archive`: the answer is a header. */
export const createStatVerb =
  (parts: Parts): ContainerIo["statPath"] =>
  async (id, path, signal) => {
    const call = readCall(parts, { id, action: `look at ${path} in`, signal }, "archive");
    const asked = { ...call, method: "HEAD", query: { path }, mayBeAbsent: true } as const;
    const body = await parts.transport.open(asked);
    if (body === undefined) return undefined;
    body.stream.resume();
    const header = body.stream.headers["x-docker-container-path-stat"];
    if (typeof header !== "string") throw notFound({ group: "", plural: "containers" }, id);
    return toStat(JSON.parse(Buffer.from(header, "base64").toString("utf8")) as WireStat);
  };
