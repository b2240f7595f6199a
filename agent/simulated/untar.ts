/** A regular file of an archive. */
export type UntarredFile = { readonly path: string; readonly content: Buffer };

const blockBytes = 512;

function text(block: Buffer, start: number, length: number): string {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? length : end).toString("utf8");
}

function paxPath(content: Buffer): string | undefined {
  return /^\d+ path=(.*)$/m.exec(content.toString("utf8"))?.[1];
}

/** The regular files of a POSIX archive; everything else is passed over. */
export function untar(archive: Buffer): readonly UntarredFile[] {
  const files: UntarredFile[] = [];
  let longPath: string | undefined;
  let at = 0;
  while (at + blockBytes <= archive.length && archive[at] !== 0) {
    const block = archive.subarray(at, at + blockBytes);
    const size = Number.parseInt(text(block, 124, 12).trim() || "0", 8);
    const content = archive.subarray(at + blockBytes, at + blockBytes + size);
    const flag = text(block, 156, 1);
    const prefix = text(block, 345, 155);
    const name = text(block, 0, 100);
    const path = longPath ?? (prefix === "" ? name : `${prefix}/${name}`);
    longPath = flag === "x" ? paxPath(content) : undefined;
    if (flag === "0" || flag === "") files.push({ path, content: Buffer.from(content) });
    at += blockBytes + Math.ceil(size / blockBytes) * blockBytes;
  }
  return files;
}
