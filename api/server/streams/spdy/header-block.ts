import {
  constants,
  createDeflate,
  createInflate,
  type Deflate,
  type Inflate,
  type ZlibOptions,
} from "node:zlib";
import { headerDictionary } from "./dictionary.ts";
import { SpdyError } from "./frames.ts";

/** Headers of a stream by lower-case name; several values of one name are joined by NUL. */
export type StreamHeaders = ReadonlyMap<string, string>;

/** Name/value block, uncompressed (2.6.10). */
export function encodeHeaders(headers: StreamHeaders): Buffer {
  const counted = (text: string): Buffer => {
    const bytes = Buffer.from(text);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const count = Buffer.alloc(4);
  count.writeUInt32BE(headers.size);
  const pairs = [...headers].flatMap(([name, value]) => [counted(name), counted(value)]);
  return Buffer.concat([count, ...pairs]);
}

/** @throws SpdyError for lengths that do not fit, and for empty or repeated names */
export function decodeHeaders(block: Buffer): StreamHeaders {
  let at = 0;
  const take = (length: number): Buffer => {
    const end = at + length;
    if (end > block.length)
      throw new SpdyError(`header block of ${block.length} bytes ends before byte ${end}`);
    const bytes = block.subarray(at, end);
    at = end;
    return bytes;
  };
  const text = (): string => take(take(4).readUInt32BE(0)).toString("utf8");
  const headers = new Map<string, string>();
  for (let left = take(4).readUInt32BE(0); left > 0; left -= 1) {
    const name = text().toLowerCase();
    if (name === "" || headers.has(name))
      throw new SpdyError(`header name ${JSON.stringify(name)} is empty or repeated`);
    headers.set(name, text());
  }
  if (at !== block.length) throw new SpdyError(`${block.length - at} bytes after the header block`);
  return headers;
}

/**
 * The two compression contexts of one connection. Blocks must be given in the order in which they
 * are sent or were received; the next one only after the one before was answered.
 */
export interface HeaderCodec {
  compress(headers: StreamHeaders): Promise<Buffer>;
  /** @throws SpdyError for what is not compressed, or longer than the limit */
  decompress(block: Uint8Array): Promise<StreamHeaders>;
  /** Frees both contexts. */
  close(): void;
}

/** Gives what comes out of a context for an input, up to its flush. */
type Pass = (input: Uint8Array) => Promise<Buffer>;

function passThrough(context: Deflate | Inflate, maxBytes: number): Pass {
  let chunks: Buffer[] = [];
  let size = 0;
  let broken: Error | undefined;
  let fail = (_err: Error): void => {};
  context.on("error", (err) => {
    broken ??= new SpdyError(`header block: ${err.message}`, { cause: err });
    fail(broken);
  });
  context.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxBytes) context.destroy(new Error(`more than ${maxBytes} bytes`));
    else chunks.push(chunk);
  });
  return (input) =>
    new Promise((resolve, reject) => {
      fail = reject;
      if (broken !== undefined) return reject(broken);
      [chunks, size] = [[], 0];
      context.write(input, (err) => {
        if (err !== null && err !== undefined) return; // "error" follows
        // The last output may still be in the buffer: reading it emits "data".
        while (context.read() !== null);
        if (!context.destroyed) resolve(Buffer.concat(chunks));
      });
    });
}

/** Fresh contexts. An inflated block may have `maxBytes`: a bomb is not unpacked beyond them. */
export function createHeaderCodec(maxBytes: number): HeaderCodec {
  const options: ZlibOptions = {
    dictionary: headerDictionary,
    flush: constants.Z_SYNC_FLUSH,
    finishFlush: constants.Z_SYNC_FLUSH,
  };
  const deflate = createDeflate(options);
  const inflate = createInflate(options);
  const pack = passThrough(deflate, Number.POSITIVE_INFINITY);
  const unpack = passThrough(inflate, maxBytes);
  return {
    compress: (headers) => pack(encodeHeaders(headers)),
    decompress: async (block) => decodeHeaders(await unpack(block)),
    close() {
      deflate.destroy();
      inflate.destroy();
    },
  };
}
