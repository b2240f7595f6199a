/** What goes into an archive. Paths are relative or absolute; a leading slash is dropped. */
export type TarEntry =
  | {
      readonly type: "file";
      readonly path: string;
      readonly content: Uint8Array;
      /** Permission bits; default 0o644. */
      readonly mode?: number;
      readonly uid?: number;
      readonly gid?: number;
    }
  | { readonly type: "directory"; readonly path: string; readonly mode?: number }
  | { readonly type: "symlink"; readonly path: string; readonly target: string };

const blockBytes = 512;
const typeFlags = { file: "0", symlink: "2", directory: "5" } as const;
const defaultModes = { file: 0o644, symlink: 0o777, directory: 0o755 } as const;

/** Bytes after which an octal size field of 11 digits overflows. */
const maxFileBytes = 0o77777777777;

/** Splits a path into ustar's prefix (155 bytes) and name (100 bytes). */
function splitPath(path: string): { readonly name: string; readonly prefix: string } | undefined {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: "" };
  for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
    const prefix = path.slice(0, slash);
    const name = path.slice(slash + 1);
    if (Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155 && name !== "")
      return { name, prefix };
  }
  return undefined;
}

type Fields = {
  readonly path: string;
  readonly flag: string;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly target: string;
};

function header(fields: Fields): Buffer {
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, offset: number, digits: number): void => {
    block.write(`${value.toString(8).padStart(digits, "0")}\0`, offset, "latin1");
  };
  const { name, prefix } = splitPath(fields.path) ?? { name: fields.path.slice(-100), prefix: "" };
  block.write(name, 0, 100);
  octal(fields.mode, 100, 7);
  octal(fields.uid, 108, 7);
  octal(fields.gid, 116, 7);
  octal(fields.size, 124, 11);
  octal(0, 136, 11); // the epoch: the same input gives the same bytes, so the same image ID
  block.write("        ", 148, "latin1");
  block.write(fields.flag, 156, "latin1");
  block.write(fields.target, 157, 100);
  block.write("ustar\u000000", 257, "latin1");
  block.write(prefix, 345, 155);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

function padded(content: Uint8Array): readonly Uint8Array[] {
  const rest = content.length % blockBytes;
  return rest === 0 ? [content] : [content, Buffer.alloc(blockBytes - rest)];
}

/** One line of a pax record: its length counts itself. */
function paxRecord(key: string, value: string): string {
  const tail = ` ${key}=${value}\n`;
  const tailBytes = Buffer.byteLength(tail);
  let total = tailBytes;
  while (tailBytes + String(total).length !== total) total = tailBytes + String(total).length;
  return `${total}${tail}`;
}

/** Names that do not fit ustar travel in a pax header before the entry. */
function pax(path: string, target: string): readonly Uint8Array[] {
  const records = [
    splitPath(path) === undefined ? paxRecord("path", path) : "",
    Buffer.byteLength(target) > 100 ? paxRecord("linkpath", target) : "",
  ].join("");
  if (records === "") return [];
  const body = Buffer.from(records);
  const fields = { path: "pax", flag: "x", size: body.length, mode: 0o644, target: "" };
  return [header({ ...fields, uid: 0, gid: 0 }), ...padded(body)];
}

function blocks(entry: TarEntry): readonly Uint8Array[] {
  const bare = entry.path.replace(/^\/+/, "");
  const path = entry.type === "directory" ? `${bare.replace(/\/+$/, "")}/` : bare;
  const target = entry.type === "symlink" ? entry.target : "";
  const content = entry.type === "file" ? entry.content : new Uint8Array(0);
  if (content.length > maxFileBytes)
    throw new RangeError(`Cannot archive ${path}: ${content.length} bytes, limit ${maxFileBytes}`);
  const fields = {
    path,
    flag: typeFlags[entry.type],
    size: content.length,
    mode: "mode" in entry && entry.mode !== undefined ? entry.mode : defaultModes[entry.type],
    uid: "uid" in entry && entry.uid !== undefined ? entry.uid : 0,
    gid: "gid" in entry && entry.gid !== undefined ? entry.gid : 0,
    target,
  };
  return [...pax(path, target), header(fields), ...padded(content)];
}

/** A POSIX (ustar with pax names) archive in memory; deterministic for the same entries. */
export function tar(entries: readonly TarEntry[]): Buffer {
  const end = Buffer.alloc(2 * blockBytes);
  return Buffer.concat([...entries.flatMap((entry) => blocks(entry)), end]);
}
