import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { tar, type TarEntry } from "../engine/tar.ts";
import { readTar } from "../files/read-tar.ts";
import { safeTar } from "./unpack.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lh-unpack-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const limits = { maxBytes: 1_000_000, maxEntries: 100 };

async function unpack(content: Uint8Array, url = "https://files.example/set") {
  const file = join(folder, "download");
  await writeFile(file, content);
  const found: Record<string, string> = {};
  for await (const { header, content: bytes } of readTar(await safeTar(file, url, limits))) {
    const text = Buffer.concat(await Array.fromAsync(bytes as AsyncIterable<Buffer>)).toString();
    found[header.name] = header.type === "symlink" ? `-> ${header.linkname}` : text;
  }
  return found;
}

const entry = (path: string, text = "x"): TarEntry => ({
  type: "file",
  path,
  content: Buffer.from(text),
});

type Zipped = { readonly name: string; readonly text: string; readonly mode?: number };

/** A zip as zip(1) writes it; the smallest that holds what the tests need. */
function zip(files: readonly Zipped[]): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, text, mode = 0o100644 } of files) {
    const raw = Buffer.from(text);
    const data = deflateRawSync(raw);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(8, 4);
    shared.writeUInt32LE(crc32(raw), 10);
    shared.writeUInt32LE(data.length, 14);
    shared.writeUInt32LE(raw.length, 18);
    shared.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\u0003\u0004"), shared, Buffer.from(name), data]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE((mode << 16) >>> 0, 6);
    rest.writeUInt32LE(offset, 10);
    central.push(
      Buffer.concat([
        Buffer.from("PK\u0001\u0002"),
        Buffer.from([20, 3]),
        shared,
        rest,
        Buffer.from(name),
      ]),
    );
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, directory, Buffer.from("PK\u0005\u0006"), end]);
}

test("a tar, a gzipped tar and a zip give the same files", async () => {
  const plain = tar([entry("in/a.txt", "one"), entry("b.txt", "two")]);
  const want = { "in/a.txt": "one", "b.txt": "two" };
  expect(await unpack(plain)).toEqual(want);
  expect(await unpack(gzipSync(plain))).toEqual(want);
  const zipped = zip([
    { name: "in/a.txt", text: "one" },
    { name: "b.txt", text: "two" },
  ]);
  expect(await unpack(zipped)).toEqual(want);
});

test("what is no archive is one file, byte by byte", async () => {
  const bytes = randomBytes(4_000);
  const sum = createHash("sha1").update(bytes).digest("hex");
  const file = join(folder, "download");
  await writeFile(file, bytes);
  const url = "https://files.example/deep/model%20a.bin?x=1";
  for await (const { header, content } of readTar(await safeTar(file, url, limits))) {
    expect(header.name).toBe("model a.bin");
    const have = Buffer.concat(await Array.fromAsync(content as AsyncIterable<Buffer>));
    expect(createHash("sha1").update(have).digest("hex")).toBe(sum);
  }
});

test("links inside stay, and special modes go", async () => {
  const made = tar([
    { type: "symlink", path: "current", target: "v1/data" },
    { type: "file", path: "tool", content: Buffer.from("x"), mode: 0o6777 },
  ]);
  expect(await unpack(made)).toEqual({ current: "-> v1/data", tool: "x" });
});

test.each([
  ["a tar that climbs", tar([entry("ok"), entry("../evil")]), '"../evil" leads out'],
  ["a zip that climbs", zip([{ name: "../evil", text: "x" }]), "../evil"],
  [
    "a link and a file through it",
    tar([{ type: "symlink", path: "a", target: "b" }, entry("a/file")]),
    "is written through a link",
  ],
  [
    "a zip with a link",
    zip([{ name: "a", text: "/etc", mode: 0o120777 }]),
    "is a zip link; only files",
  ],
  [
    "more bytes than allowed",
    gzipSync(tar([entry("big", "0".repeat(2_000_000))])),
    "it holds more than 1000000 bytes",
  ],
  [
    "more entries than allowed",
    tar(Array.from({ length: 101 }, (_, index) => entry(`f${index}`))),
    "it holds more than 100 entries",
  ],
])("%s is refused before anything is written", async (_what, content, why) => {
  await expect(unpack(content)).rejects.toThrow(why);
});

test("a broken archive is an error", async () => {
  const cut = gzipSync(tar([entry("a", "content".repeat(1_000))])).subarray(0, 60);
  await expect(unpack(cut)).rejects.toThrow("Cannot unpack https://files.example/set");
});
