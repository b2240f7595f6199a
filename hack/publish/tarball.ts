import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import type { PackageFile } from "./package-files.ts";

/** The time that npm itself gives to all files of a package: 1985-10-26T08:15:00Z. */
const mtime = new Date(499_162_500_000);
/** Offset of the operating system in a gzip header (RFC 1952), and the value for "unknown". */
const systemAt = 9;
const anySystem = 255;

/** An npm package as bytes: the same files give the same bytes, whoever packs them, when and where. */
export async function tarballOf(files: readonly PackageFile[]): Promise<Buffer> {
  const tar = pack();
  for (const { path, bytes, mode } of files) {
    tar.entry({ name: `package/${path}`, mode, mtime, uid: 0, gid: 0 }, bytes);
  }
  tar.finalize();
  const chunks = await Array.fromAsync(tar as AsyncIterable<Buffer>);
  const zipped = gzipSync(Buffer.concat(chunks), { level: 9 });
  zipped[systemAt] = anySystem;
  return zipped;
}
