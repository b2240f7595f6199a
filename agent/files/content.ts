import { Readable } from "node:stream";
import type { Header } from "tar-stream";
import { badRequest, StatusError, unavailable } from "../../api/machinery/errors.ts";
import { formatTime } from "../../api/machinery/time.ts";
import type { ContainerIo } from "../engine/engine.ts";
import { readTar } from "./read-tar.ts";

/** A row of a directory. */
export type FileRow = {
  readonly name: string;
  readonly type: "file" | "directory" | "symlink" | "other";
  /** Bytes. */
  readonly size: number;
  /** Octal permission bits, e.g. `0644`. */
  readonly mode: string;
  readonly modified: string;
  /** Where a symbolic link leads. */
  readonly target?: string;
};

type Source = { readonly io: ContainerIo; readonly id: string; readonly signal: AbortSignal };

const maxRows = 10_000;
/** The engine knows archives only, so a list reads all that is below the directory. */
const maxListBytes = 512 * 1024 * 1024;

const types: Readonly<Record<string, FileRow["type"]>> = {
  file: "file",
  link: "file",
  directory: "directory",
  symlink: "symlink",
};

function tooMuch(path: string, what: string): StatusError {
  return new StatusError(
    "RequestEntityTooLarge",
    `Cannot list ${path}: ${what}; read it as an archive instead`,
  );
}

/** The name of what stands right in a directory; `undefined` for itself and what is deeper. */
function rowName(entry: string, isRoot: boolean): string | undefined {
  const parts = entry.split("/").filter((part) => part !== "" && part !== ".");
  // The first part is the directory's own name, which the root has not.
  const below = isRoot ? parts : parts.slice(1);
  return below.length === 1 ? below[0] : undefined;
}

function rowOf(name: string, { type, size, mode, mtime, linkname }: Header): FileRow {
  return {
    name,
    type: types[type] ?? "other",
    size,
    mode: mode.toString(8).padStart(4, "0"),
    modified: formatTime(mtime.getTime()),
    ...(type === "symlink" ? { target: linkname } : {}),
  };
}

/** What stands in a directory, sorted by name. @throws StatusError `RequestEntityTooLarge` */
export async function listDirectory(
  { io, id, signal }: Source,
  path: string,
): Promise<readonly FileRow[]> {
  const rows: FileRow[] = [];
  let bytes = 0;
  for await (const { header, content } of readTar(await io.getArchive(id, path, signal))) {
    content.resume();
    bytes += header.size;
    if (bytes > maxListBytes) throw tooMuch(path, `it holds more than ${maxListBytes} bytes`);
    const name = rowName(header.name, path === "/");
    if (name !== undefined) rows.push(rowOf(name, header));
    if (rows.length > maxRows) throw tooMuch(path, `it holds more than ${maxRows} entries`);
  }
  return rows.sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** The bytes of a regular file. `size` is what the answer will hold. @throws StatusError */
export async function openFile(
  { io, id, signal }: Source,
  path: string,
): Promise<{ readonly size: number; readonly content: Readable }> {
  const items = readTar(await io.getArchive(id, path, signal));
  const first = await items.next();
  if (first.done === true) throw unavailable(`Cannot read ${path}: the engine sent no file`);
  const { header, content } = first.value;
  if (header.type !== "file") {
    await items.return(undefined);
    throw badRequest(`Cannot read ${path}: it is no regular file`);
  }
  async function* bytes(): AsyncGenerator<Buffer> {
    try {
      yield* content as AsyncIterable<Buffer>;
    } finally {
      await items.return(undefined);
    }
  }
  return { size: header.size, content: Readable.from(bytes(), { objectMode: false }) };
}
