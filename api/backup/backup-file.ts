import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGunzip, createGzip, type Gunzip, type Gzip } from "node:zlib";
import { badRequest, isBadRequest } from "../machinery/errors.ts";
import { sealStream, unsealStream } from "./chunk-cipher.ts";
import {
  checkCost,
  checkSlot,
  closeLock,
  type Lock,
  type Opener,
  openLocks,
  type Slot,
} from "./locks.ts";
import { type BackupAbout, type BackupRecord, checkAbout, decodeRecords } from "./records.ts";

/**
 * The file: a line of magic, the length of the header (4 bytes), the header (JSON, readable without
 * a key), a MAC over all that (32 bytes), and the records: compressed, then sealed in chunks.
 */

const magic = Buffer.from("lighthouse-backup\n");
/** Raise it when an older program must not read the file. */
const format = 1;
const maxHeaderBytes = 64 << 10;
const macBytes = 32;
const maxSlots = 32;

/** What everybody may read of a backup. Not yet authentic: that is known once it is opened. */
export type BackupHeader = BackupAbout & {
  readonly format: number;
  readonly locks: readonly Slot[];
};

type Keys = { readonly mac: Buffer; readonly payload: Buffer };

/** The payload's key depends on the header: another header opens nothing. */
function keysOf(fileKey: Buffer, head: Buffer): Keys {
  const derive = (purpose: string): Buffer =>
    Buffer.from(hkdfSync("sha256", fileKey, head, `lighthouse backup ${purpose}`, 32));
  return { mac: derive("header"), payload: derive("payload") };
}

const macOf = ({ mac }: Keys, head: Buffer): Buffer =>
  createHmac("sha256", mac).update(head).digest();

const notOurs = (why: string): Error => badRequest(`Cannot read the backup: ${why}`);
const isZipError = (err: unknown): err is Error =>
  err instanceof Error && "code" in err && String(err.code).startsWith("Z_");

async function* through(
  source: AsyncIterable<Uint8Array>,
  zip: Gzip | Gunzip,
): AsyncGenerator<Buffer, void, undefined> {
  const piping = pipeline(Readable.from(source, { objectMode: false }), zip);
  piping.catch(() => undefined); // the same error ends the loop below
  try {
    for await (const chunk of zip as AsyncIterable<Buffer>) yield chunk;
  } catch (err) {
    throw isZipError(err) ? notOurs(`its contents are damaged: ${err.message}`) : err;
  } finally {
    zip.destroy();
  }
  await piping;
}

/**
 * A backup file, in pieces. `records` are those of `encodeRecord`, joined and cut in any way.
 * Nothing of them leaves this function in plain text.
 */
export async function* sealBackup(
  about: BackupAbout,
  locks: readonly Lock[],
  records: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer, void, undefined> {
  const fileKey = randomBytes(32);
  const slots: Slot[] = [];
  for (const lock of locks) slots.push(await closeLock(lock, fileKey));
  const header: BackupHeader = { format, ...about, locks: slots };
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  const head = Buffer.concat([magic, length, text]);
  const keys = keysOf(fileKey, head);
  yield Buffer.concat([head, macOf(keys, head)]);
  const zipped = through(records, createGzip({ level: constants.Z_BEST_SPEED }));
  yield* sealStream(keys.payload, zipped);
}

/** A backup file whose header was read. */
export type OpenedBackup = {
  readonly header: BackupHeader;
  /** Its records; complete when the loop ends without an error. Only once.
   * @throws StatusError `BadRequest` that says whether the key is wrong or the file is damaged */
  records(opener: Opener): AsyncGenerator<BackupRecord, void, undefined>;
  /** Closes the source when the records are not wanted. */
  close(): Promise<void>;
};

function parseHeader(text: Buffer): BackupHeader {
  let parsed: Record<string, unknown> | null;
  try {
    parsed = JSON.parse(text.toString()) as Record<string, unknown> | null;
  } catch {
    throw notOurs("its header is damaged");
  }
  if (typeof parsed !== "object" || parsed === null) throw notOurs("its header is damaged");
  if (parsed["format"] !== format) {
    const found = JSON.stringify(parsed["format"] ?? null).slice(0, 20);
    throw notOurs(`its format is ${found}, this program reads ${format}; use a newer program`);
  }
  const { locks } = parsed;
  if (!Array.isArray(locks) || locks.length === 0 || locks.length > maxSlots) {
    throw notOurs("its header is damaged");
  }
  const slots = locks.map(checkSlot);
  checkCost(slots);
  return { format, ...checkAbout(parsed), locks: slots };
}

/** Reads the header of a backup file. @throws StatusError `BadRequest` if it is none */
export async function openBackup(source: AsyncIterable<Uint8Array>): Promise<OpenedBackup> {
  const chunks = source[Symbol.asyncIterator]();
  const close = async (): Promise<void> => void (await chunks.return?.());
  let held: Buffer = Buffer.alloc(0);
  const need = async (bytes: number): Promise<void> => {
    while (held.length < bytes) {
      const { value, done } = await chunks.next();
      if (done === true) throw notOurs("it ends in its header");
      held = Buffer.concat([held, value]);
    }
  };
  try {
    await need(magic.length + 4).catch((err: unknown) => {
      if (!isBadRequest(err)) throw err; // a file that cannot be read; a short one has no magic either
    });
    if (!held.subarray(0, magic.length).equals(magic))
      throw notOurs("it is no backup of Lighthouse");
    await need(magic.length + 4);
    const length = held.readUInt32BE(magic.length);
    if (length > maxHeaderBytes) throw notOurs(`its header declares ${length} bytes`);
    const headBytes = magic.length + 4 + length;
    await need(headBytes + macBytes);
    const head = held.subarray(0, headBytes);
    const mac = held.subarray(headBytes, headBytes + macBytes);
    const rest = rejoin(held.subarray(headBytes + macBytes), chunks);
    const header = parseHeader(head.subarray(magic.length + 4));
    return {
      header,
      close,
      async *records(opener) {
        try {
          const keys = keysOf(await openLocks(header.locks, opener), head);
          if (!timingSafeEqual(macOf(keys, head), mac)) throw notOurs("its header was changed");
          yield* plainRecords(header, unsealStream(keys.payload, rest));
        } finally {
          await close();
        }
      },
    };
  } catch (err) {
    await close();
    throw err;
  }
}

async function* plainRecords(
  header: BackupHeader,
  zipped: AsyncIterable<Buffer>,
): AsyncGenerator<BackupRecord, void, undefined> {
  for await (const record of decodeRecords(through(zipped, createGunzip()))) {
    if (record.type === "failure") throw notOurs(`it was cut off: ${record.message}`);
    if (record.type === "about" && record.about.cluster !== header.cluster) {
      throw notOurs("its header is that of another backup");
    }
    yield record;
  }
}

async function* rejoin(
  first: Buffer,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (first.length > 0) yield first;
  for (;;) {
    const { value, done } = await rest.next();
    if (done === true) return;
    yield value;
  }
}
