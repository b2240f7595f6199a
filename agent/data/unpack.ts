import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { posix } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { type Pack, pack } from "tar-stream";
import { fromFd, type Entry as ZipEntry, type ZipFile } from "yauzl";
import { readTar } from "../files/read-tar.ts";
import { type ForeignEntry, safeEntry } from "./safe-entry.ts";

/** Bounds of what comes out of an archive: a small one may hold very much. */
export type UnpackLimits = { readonly maxBytes: number; readonly maxEntries: number };

type Format = "zip" | "gzip" | "tar" | "file";

/** By the first bytes, since names and servers say what they like. */
async function formatOf(file: string): Promise<Format> {
  await using handle = await open(file);
  const { buffer } = await handle.read(Buffer.alloc(512), 0, 512, 0);
  if (buffer.subarray(0, 2).toString("hex") === "1f8b") return "gzip";
  if (buffer.subarray(0, 4).toString("latin1") === "PK\u0003\u0004") return "zip";
  return buffer.subarray(257, 262).toString("latin1") === "ustar" ? "tar" : "file";
}

/** One entry of any archive. `content` is to be read when it is a file. */
type Item = ForeignEntry & {
  readonly size: number;
  readonly mode: number;
  content(): Promise<Readable>;
};

async function* tarItems(source: Readable): AsyncGenerator<Item> {
  for await (const { header, content } of readTar(source)) {
    const { name, size, mode, linkname } = header;
    const type = header.type === "contiguous-file" ? "file" : header.type;
    const read = async (): Promise<Readable> =>
      Readable.from(content as AsyncIterable<Buffer>, { objectMode: false });
    yield { name, type, size, mode, linkname, content: read };
    content.resume();
  }
}

function openZip(fd: number): Promise<ZipFile> {
  const options = { lazyEntries: true, autoClose: false, validateEntrySizes: true } as const;
  return new Promise((resolve, reject) => {
    fromFd(fd, { ...options, decodeStrings: true, strictFileNames: true }, (err, zip) =>
      err === null ? resolve(zip) : reject(err),
    );
  });
}

function nextEntry(zip: ZipFile): Promise<ZipEntry | undefined> {
  return new Promise((resolve, reject) => {
    zip
      .once("entry", resolve)
      .once("end", () => resolve(undefined))
      .once("error", reject);
    zip.readEntry();
  });
}

const openEntry = (zip: ZipFile, entry: ZipEntry): Promise<Readable> =>
  new Promise((resolve, reject) => {
    zip.openReadStream(entry, (err, stream) => (err === null ? resolve(stream) : reject(err)));
  });

/** Bits of st_mode, which zips made on Unix keep in their upper half. */
const kindMask = 0o170000;
const symlinkKind = 0o120000;

async function* zipItems(file: string): AsyncGenerator<Item> {
  await using handle = await open(file);
  const zip = await openZip(handle.fd);
  for (;;) {
    const entry = await nextEntry(zip);
    zip.removeAllListeners();
    if (entry === undefined) return;
    const { fileName: name, uncompressedSize: size } = entry;
    const unixMode = entry.externalFileAttributes >>> 16;
    const isLink = (unixMode & kindMask) === symlinkKind;
    const type = name.endsWith("/") ? "directory" : isLink ? "zip link" : "file";
    const mode = (unixMode & 0o777) === 0 ? 0o644 : unixMode & 0o777;
    yield { name, type, size, mode, content: () => openEntry(zip, entry) };
  }
}

/** What is no archive is one file, named after its URL. */
async function* singleItem(file: string, url: string): AsyncGenerator<Item> {
  await using handle = await open(file);
  const { size } = await handle.stat();
  const name = posix.basename(decodeURIComponent(new URL(url).pathname)) || "data";
  const content = async (): Promise<Readable> => createReadStream(file);
  yield { name, type: "file", size, mode: 0o644, content };
}

async function itemsOf(file: string, url: string): Promise<AsyncGenerator<Item>> {
  const format = await formatOf(file);
  if (format === "zip") return zipItems(file);
  if (format === "file") return singleItem(file, url);
  const bytes = createReadStream(file);
  if (format === "tar") return tarItems(bytes);
  const plain = createGunzip();
  bytes.on("error", (err) => plain.destroy(err));
  return tarItems(bytes.pipe(plain));
}

async function copyFile(into: Pack, item: Item, path: string): Promise<void> {
  // Nobody but its owner may change data that a container was given.
  const mode = item.mode & 0o755;
  const entry = into.entry({ name: path, size: item.size, mode, mtime: new Date(0) });
  await pipeline(await item.content(), entry as unknown as NodeJS.WritableStream);
}

/** Says how far an archive may go. */
function counter({ maxBytes, maxEntries }: UnpackLimits): (item: Item) => void {
  let bytes = 0;
  let entries = 0;
  return ({ size }) => {
    bytes += size;
    entries += 1;
    if (bytes > maxBytes) throw new Error(`it holds more than ${maxBytes} bytes`);
    if (entries > maxEntries) throw new Error(`it holds more than ${maxEntries} entries`);
  };
}

/** The entries that may be made, each with its item. @throws Error at the first wrong one */
async function* safeItems(items: AsyncGenerator<Item>, limits: UnpackLimits) {
  const links = new Set<string>();
  const count = counter(limits);
  for await (const item of items) {
    count(item);
    const safe = safeEntry(item, links);
    if (typeof safe === "string") throw new Error(safe);
    if (safe?.type === "symlink") links.add(safe.path);
    if (safe !== undefined) yield { item, safe };
  }
}

async function rewrite(items: AsyncGenerator<Item>, into: Pack, limits: UnpackLimits) {
  for await (const { item, safe } of safeItems(items, limits)) {
    if (safe.type === "file") await copyFile(into, item, safe.path);
    else if (safe.type === "directory") into.entry({ name: `${safe.path}/`, type: "directory" });
    else into.entry({ name: safe.path, type: "symlink", linkname: safe.target ?? "" });
  }
  into.finalize();
}

function explain(url: string, cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new Error(`Cannot unpack ${url}: ${why}`, { cause });
}

/**
 * What a downloaded file holds (tar, tar.gz, zip, or itself) as a tar that can be unpacked anywhere: paths
 * that lead out, links that do, devices and special modes do not come through. All entries are looked at
 * before the first is written.
 *
 * @throws Error saying what is wrong with which entry
 */
export async function safeTar(file: string, url: string, limits: UnpackLimits): Promise<Readable> {
  try {
    const looked = safeItems(await itemsOf(file, url), limits);
    while ((await looked.next()).done !== true);
  } catch (err) {
    throw explain(url, err);
  }
  const into = pack();
  rewrite(await itemsOf(file, url), into, limits).catch((err: unknown) =>
    into.destroy(explain(url, err)),
  );
  return Readable.from(into, { objectMode: false });
}
