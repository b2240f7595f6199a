import { internal } from "../machinery/errors.ts";
import type { Revision, StoreEvent } from "./store.ts";

/**
 * What the two tables of an LMDB store hold. `log`: revision to record, one per write, the value
 * included. `index`: key to the revision of its last record. A record names the one before it of
 * the same key, so the state at a revision is found by walking back from the index.
 */

/** What the index says of a key. A deleted key stays listed until compaction passes it. */
export type IndexState = {
  /** Revision of the key's last record; 0 if there is none. */
  readonly at: Revision;
  readonly createdAt: Revision;
  readonly live: boolean;
};

/** One record of the log. */
export type LogRecord = {
  readonly type: "put" | "delete";
  readonly key: string;
  /** Empty on `delete`. */
  readonly value: Uint8Array;
  readonly createdAt: Revision;
  /** Revision of the record before of the same key, 0 if none. It may have been compacted. */
  readonly previous: Revision;
};

/** The state of a key that was never written, or is forgotten. */
export const absent: IndexState = { at: 0, createdAt: 0, live: false };

// Six bytes count to 2.8e14: at 100,000 writes a second that lasts 89 years.
const revisionBytes = 6;
const indexBytes = 2 * revisionBytes + 1;
const headerBytes = 1 + 2 * revisionBytes + 2;

/** A revision as a log key: big-endian, so that byte order is history order. */
export function revisionKey(at: Revision): Buffer {
  const key = Buffer.allocUnsafe(revisionBytes);
  key.writeUIntBE(at, 0, revisionBytes);
  return key;
}

/** The inverse of {@link revisionKey}. */
export function revisionOf(key: Buffer): Revision {
  return key.readUIntBE(0, revisionBytes);
}

/** An index state as the value of its key, 13 bytes. */
export function encodeIndex({ at, createdAt, live }: IndexState): Buffer {
  const bytes = Buffer.allocUnsafe(indexBytes);
  bytes.writeUIntBE(at, 0, revisionBytes);
  bytes.writeUIntBE(createdAt, revisionBytes, revisionBytes);
  bytes.writeUInt8(live ? 1 : 0, 2 * revisionBytes);
  return bytes;
}

/** @throws StatusError `InternalError` if the bytes are no index state. */
export function decodeIndex(bytes: Buffer): IndexState {
  if (bytes.length !== indexBytes) throw damaged("index entry", bytes);
  return {
    at: bytes.readUIntBE(0, revisionBytes),
    createdAt: bytes.readUIntBE(revisionBytes, revisionBytes),
    live: bytes[2 * revisionBytes] === 1,
  };
}

/** A log record as bytes: a header of 15, the key, the value. `key` is the record's own. */
export function encodeRecord(record: LogRecord, key: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes + key.length + record.value.byteLength);
  bytes.writeUInt8(record.type === "put" ? 1 : 2, 0);
  bytes.writeUIntBE(record.createdAt, 1, revisionBytes);
  bytes.writeUIntBE(record.previous, 1 + revisionBytes, revisionBytes);
  bytes.writeUInt16BE(key.length, headerBytes - 2);
  key.copy(bytes, headerBytes);
  bytes.set(record.value, headerBytes + key.length);
  return bytes;
}

/** @throws StatusError `InternalError` if the bytes are no log record. */
export function decodeRecord(bytes: Buffer): LogRecord {
  const keyEnd = bytes.length < headerBytes ? 0 : headerBytes + bytes.readUInt16BE(headerBytes - 2);
  if (keyEnd <= headerBytes || keyEnd > bytes.length || (bytes[0] !== 1 && bytes[0] !== 2)) {
    throw damaged("log record", bytes);
  }
  return {
    type: bytes[0] === 1 ? "put" : "delete",
    createdAt: bytes.readUIntBE(1, revisionBytes),
    previous: bytes.readUIntBE(1 + revisionBytes, revisionBytes),
    key: bytes.toString("utf8", headerBytes, keyEnd),
    value: bytes.subarray(keyEnd),
  };
}

/** What watchers are told of a record; `before` is the value that it replaced. */
export function eventOf(
  at: Revision,
  record: LogRecord,
  before: Uint8Array | undefined,
): StoreEvent {
  const { type, key } = record;
  if (type === "delete") return { type, key, value: before ?? new Uint8Array(), at };
  const event = { type, key, value: record.value, at };
  return before === undefined ? event : { ...event, previous: before };
}

/** Range of the keys with this prefix; `after` leaves out the page before. */
export function keyRange(prefix: string, after?: string): { start?: Buffer; end?: Buffer } {
  const start =
    after !== undefined && after !== ""
      ? Buffer.concat([Buffer.from(after), Buffer.of(0)])
      : Buffer.from(prefix);
  // UTF-8 never ends in 0xff, so adding one to the last byte cannot carry.
  const end = Buffer.from(prefix);
  const last = end.length - 1;
  if (last >= 0) end[last] = (end[last] ?? 0) + 1;
  return { ...(start.length > 0 ? { start } : {}), ...(last >= 0 ? { end } : {}) };
}

function damaged(what: string, bytes: Buffer): Error {
  return internal(`Cannot read a ${what} of the store: ${bytes.length} bytes of unknown form`);
}
