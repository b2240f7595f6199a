import { createCipheriv, createDecipheriv } from "node:crypto";
import { badRequest } from "../machinery/errors.ts";

/**
 * The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015), as age uses it: chunks of
 * 64 KiB, each AES-256-GCM with a nonce of its number and whether it is the last. Chunks that are
 * changed, left out, swapped or cut off at the end do not authenticate. A key seals one stream.
 */

const chunkBytes = 64 << 10;
const tagBytes = 16;
const algorithm = "aes-256-gcm";

/** Eleven bytes of number, one that says "last". */
function nonceOf(number: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(number, 5, 6);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

function seal(key: Buffer, number: number, chunk: { plain: Buffer; last: boolean }): Buffer {
  const cipher = createCipheriv(algorithm, key, nonceOf(number, chunk.last));
  return Buffer.concat([cipher.update(chunk.plain), cipher.final(), cipher.getAuthTag()]);
}

function unseal(key: Buffer, number: number, chunk: { sealed: Buffer; last: boolean }): Buffer {
  const { sealed, last } = chunk;
  const failure = (): Error =>
    badRequest(
      `Cannot read the backup: it was damaged or changed near byte ${number * (chunkBytes + tagBytes)} of its contents${last ? ", or cut off there" : ""}`,
    );
  if (sealed.length < tagBytes) throw failure();
  const decipher = createDecipheriv(algorithm, key, nonceOf(number, last));
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, -tagBytes)), decipher.final()]);
  } catch {
    throw failure();
  }
}

/** Pieces of exactly `size` bytes; the last one, which may be shorter or empty, is marked. */
async function* pieces(
  source: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<{ readonly bytes: Buffer; readonly last: boolean }, void, undefined> {
  let held: Buffer[] = [];
  let have = 0;
  for await (const chunk of source) {
    held.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    have += chunk.byteLength;
    if (have <= size) continue;
    const all = Buffer.concat(held);
    let from = 0;
    // One byte more than full: only then is it known that this piece is not the last.
    for (; all.length - from > size; from += size) {
      yield { bytes: all.subarray(from, from + size), last: false };
    }
    held = [all.subarray(from)];
    have = all.length - from;
  }
  yield { bytes: Buffer.concat(held), last: true };
}

/** Seals a stream with a key of 32 bytes that seals nothing else. */
export async function* sealStream(
  key: Buffer,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer, void, undefined> {
  let number = 0;
  for await (const { bytes, last } of pieces(source, chunkBytes)) {
    yield seal(key, number, { plain: bytes, last });
    number += 1;
  }
}

/** The inverse of {@link sealStream}. What it yields is authentic, but may still be cut off later.
 * @throws StatusError `BadRequest` */
export async function* unsealStream(
  key: Buffer,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer, void, undefined> {
  let number = 0;
  for await (const { bytes, last } of pieces(source, chunkBytes + tagBytes)) {
    yield unseal(key, number, { sealed: bytes, last });
    number += 1;
  }
}
