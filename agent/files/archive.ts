import { posix } from "node:path";
import { Readable } from "node:stream";
import { type Header, type Pack, pack } from "tar-stream";
import { isNotFound, StatusError } from "../../api/machinery/errors.ts";
import type { ContainerIo } from "../engine/engine.ts";
import { planArchive, whiteout } from "./plan-archive.ts";
import { readTar, type TarItem } from "./read-tar.ts";

/** Each changed path is a request to the engine: a container that writes more has a volume too few. */
const maxPaths = 10_000;

type Source = { readonly io: ContainerIo; readonly id: string; readonly signal: AbortSignal };

const bare = (path: string): string => path.replace(/^\/+/, "");

/** The engine names entries by the last part of the path that was asked for. */
function renamed(header: Header, directory: string): Header {
  const name = bare(posix.join(directory, header.name));
  const isLink = header.type === "link" && typeof header.linkname === "string";
  const linkname = isLink ? bare(posix.join(directory, header.linkname ?? "")) : header.linkname;
  // Extended headers may hold the old name; long names get new ones.
  const { pax: _old, ...rest } = header;
  return {
    ...rest,
    name: header.type === "directory" ? `${name.replace(/\/$/, "")}/` : name,
    linkname,
  };
}

async function copyItem(
  into: Pack,
  { header, content }: TarItem,
  directory: string,
): Promise<void> {
  const named = renamed(header, directory);
  await new Promise<void>((resolve, reject) => {
    const entry = into.entry(named, (err) => (err ? reject(err) : resolve()));
    content.on("error", reject);
    content.pipe(entry);
  });
}

async function copyTree({ io, id, signal }: Source, into: Pack, path: string): Promise<void> {
  try {
    for await (const item of readTar(await io.getArchive(id, path, signal)))
      await copyItem(into, item, posix.dirname(path));
  } catch (err) {
    if (!isNotFound(err)) throw err; // it went away meanwhile
  }
}

async function copySingle(source: Source, into: Pack, path: string): Promise<void> {
  const stat = await source.io.statPath(source.id, path, source.signal);
  if (stat === undefined) return;
  if (stat.type !== "directory") return copyTree(source, into, path);
  const mtime = stat.modifiedAtMs === undefined ? {} : { mtime: new Date(stat.modifiedAtMs) };
  into.entry({ name: `${bare(path)}/`, type: "directory", mode: stat.mode, ...mtime });
}

async function writeChanges(source: Source, into: Pack): Promise<void> {
  const { trees, singles, deleted } = planArchive(
    await source.io.changes(source.id, source.signal),
  );
  const count = trees.length + singles.length + deleted.length;
  if (count > maxPaths)
    throw new StatusError(
      "RequestEntityTooLarge",
      `Cannot archive the changes of a container: ${count} paths, limit ${maxPaths}; name a directory with path=`,
    );
  for (const path of trees) await copyTree(source, into, path);
  for (const path of singles) await copySingle(source, into, path);
  for (const path of deleted) into.entry({ name: bare(whiteout(path)), mode: 0 }, "");
  into.finalize();
}

/**
 * A tar of everything that a container changed in its image, with full paths; what it deleted stands
 * as an empty file `.wh.NAME`, so that it is the layer that `docker commit` would make. Reads from the
 * engine as fast as it is read.
 */
export function archiveChanges(source: Source): Readable {
  const into = pack();
  writeChanges(source, into).catch((err: unknown) =>
    into.destroy(err instanceof Error ? err : new Error(String(err))),
  );
  return Readable.from(into, { objectMode: false });
}
