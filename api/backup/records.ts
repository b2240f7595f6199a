import { badRequest, internal } from "../machinery/errors.ts";

/** What a backup says of itself before anything else; who reads the file learns it without a key. */
export type BackupAbout = {
  /** Version of the product that made it, e.g. `0.1.0`. */
  readonly product: string;
  /** metadata.uid of the Namespace kube-system: the identity that containers are labelled with. */
  readonly cluster: string;
  /** The one revision that all entries are as of: no client has seen a greater one by then. */
  readonly revision: number;
  /** When the revision was read, RFC 3339. */
  readonly created: string;
  /** `embedded`: revisions count in steps of 65,536 a write (see `withVolatile`); `shared`: of 1. */
  readonly source: "embedded" | "shared";
};

/** How a backup ends: with it, nothing is missing. */
type End = { readonly type: "end"; readonly entries: number; readonly files: number };

/** One piece of a backup, in the order `about`, `settings`, `file`s, `entry`s, `end`. */
export type BackupRecord =
  | { readonly type: "about"; readonly about: BackupAbout }
  /** How the server was set up, as far as it is not in the store: references to files, for people. */
  | { readonly type: "settings"; readonly settings: Readonly<Record<string, unknown>> }
  /** A file of the server's `pki` folder: the authority and its key, keys of tokens. */
  | { readonly type: "file"; readonly name: string; readonly value: Uint8Array }
  /** A live entry of the store, its value as readers see it: never encrypted at rest. */
  | {
      readonly type: "entry";
      readonly key: string;
      readonly value: Uint8Array;
      readonly at: number;
      readonly createdAt: number;
    }
  /** The server could not go on: what came before is worth nothing. */
  | { readonly type: "failure"; readonly message: string; readonly again: boolean }
  | End;

const tags = { about: 1, settings: 2, file: 3, entry: 4, failure: 5, end: 6 } as const;

// type, key length, value length, at, createdAt
const headBytes = 1 + 2 + 4 + 8 + 8;
/** Longest value that is read, whatever a file declares. Larger ones no store takes. */
const maxValueBytes = 8 << 20;
const maxKeyBytes = 1_900;

type Parts = {
  readonly key?: string;
  readonly value?: Uint8Array;
  readonly at?: number;
  readonly createdAt?: number;
};

function frame(tag: number, { key = "", value = Buffer.alloc(0), at = 0, createdAt = 0 }: Parts) {
  const keyBytes = Buffer.from(key);
  if (keyBytes.length > maxKeyBytes || value.byteLength > maxValueBytes) {
    throw internal(
      `Cannot put ${JSON.stringify(key.slice(0, 200))} into a backup: it is too large`,
    );
  }
  const head = Buffer.allocUnsafe(headBytes);
  head.writeUInt8(tag, 0);
  head.writeUInt16BE(keyBytes.length, 1);
  head.writeUInt32BE(value.byteLength, 3);
  head.writeBigUInt64BE(BigInt(at), 7);
  head.writeBigUInt64BE(BigInt(createdAt), 15);
  return Buffer.concat([head, keyBytes, value]);
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** A record as bytes: a head of 23, the key or name, the value. */
export function encodeRecord(record: BackupRecord): Buffer {
  const tag = tags[record.type];
  switch (record.type) {
    case "about":
      return frame(tag, { value: json(record.about) });
    case "settings":
      return frame(tag, { value: json(record.settings) });
    case "file":
      return frame(tag, { key: record.name, value: record.value });
    case "entry":
      return frame(tag, record);
    case "failure":
      return frame(tag, { value: json({ message: record.message, again: record.again }) });
    case "end":
      return frame(tag, { value: json({ entries: record.entries, files: record.files }) });
  }
}

/** Takes exact numbers of bytes from chunks of any size. */
class Taker {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** `undefined` at the end of the source. @throws StatusError if it ends in the midst */
  async take(bytes: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [this.#held];
    let have = this.#held.length;
    while (have < bytes) {
      const { value, done } = await this.#chunks.next();
      if (done === true) break;
      parts.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
      have += value.byteLength;
    }
    const all = parts.length === 1 ? this.#held : Buffer.concat(parts);
    if (have === 0 && bytes > 0) return undefined;
    if (have < bytes) throw cutOff();
    this.#held = all.subarray(bytes);
    return all.subarray(0, bytes);
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

const cutOff = (): Error => badRequest("Cannot read the backup: it ends too early");
const malformed = (what: string): Error => badRequest(`Cannot read the backup: ${what}`);

function decodeRecord(head: Buffer, key: string, value: Buffer): BackupRecord {
  const parsed = (): Record<string, unknown> => parseJson(value);
  switch (head[0]) {
    case tags.about:
      return { type: "about", about: checkAbout(parsed()) };
    case tags.settings:
      return { type: "settings", settings: parsed() };
    case tags.file:
      return { type: "file", name: key, value };
    case tags.entry: {
      const at = Number(head.readBigUInt64BE(7));
      return { type: "entry", key, value, at, createdAt: Number(head.readBigUInt64BE(15)) };
    }
    case tags.failure: {
      const { message, again } = parsed();
      return { type: "failure", message: String(message), again: again === true };
    }
    case tags.end: {
      const { entries, files } = parsed();
      return { type: "end", entries: Number(entries), files: Number(files) };
    }
    default:
      throw malformed(`it holds a piece of an unknown type (${head[0]})`);
  }
}

function parseJson(value: Buffer): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(value.toString());
    if (typeof parsed === "object" && parsed !== null) return parsed as Record<string, unknown>;
  } catch {
    // Told below, without the text: it may hold anything.
  }
  throw malformed("one of its pieces is no JSON object");
}

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;
const word = /^[\w.+-]{0,100}$/;

/**
 * What a backup says of itself is read before it is known to be authentic, printed, and makes the name of
 * a file: nothing in it may steer a terminal or lead to another folder.
 * @throws StatusError `BadRequest` if a field is missing or of another form
 */
export function checkAbout(value: Readonly<Record<string, unknown>>): BackupAbout {
  const { product, cluster, revision, created, source } = value;
  const good =
    typeof product === "string" &&
    word.test(product) &&
    typeof cluster === "string" &&
    word.test(cluster) &&
    typeof created === "string" &&
    time.test(created) &&
    Number.isFinite(Date.parse(created)) &&
    Number.isSafeInteger(revision) &&
    Number(revision) >= 0 &&
    (source === "embedded" || source === "shared");
  if (!good) throw malformed("it does not say what it is a backup of");
  return { product, cluster, revision: Number(revision), created, source };
}

/**
 * The records of a backup, one after the other, in bounded memory. Complete: without the end, or
 * with another number of entries than the end tells, it throws.
 * @throws StatusError `BadRequest` for what is no backup, `Expired` or `ServiceUnavailable` for a
 * failure that the server reported
 */
export async function* decodeRecords(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<BackupRecord, void, undefined> {
  const taker = new Taker(source);
  const seen = { entries: 0, files: 0, records: 0 };
  try {
    for (;;) {
      const record = await readRecord(taker);
      if (record === undefined) throw cutOff();
      // A server that cannot even begin says so instead.
      const begins = record.type === "about" || (record.type === "failure" && seen.records === 0);
      if (begins !== (seen.records === 0)) {
        throw malformed("it does not begin with what it is");
      }
      seen.records += 1;
      if (record.type === "entry") seen.entries += 1;
      if (record.type === "file") seen.files += 1;
      if (record.type === "end") checkEnd(record, seen);
      yield record;
      if (record.type !== "end") continue;
      if ((await taker.take(1)) !== undefined) throw malformed("something follows its end");
      return;
    }
  } finally {
    await taker.close();
  }
}

async function readRecord(taker: Taker): Promise<BackupRecord | undefined> {
  const head = await taker.take(headBytes);
  if (head === undefined) return undefined;
  const [keyBytes, valueBytes] = [head.readUInt16BE(1), head.readUInt32BE(3)];
  // Before anything is held in memory: a length is what the file says, not what it has.
  if (keyBytes > maxKeyBytes || valueBytes > maxValueBytes) {
    throw malformed(`one of its pieces declares ${keyBytes + valueBytes} bytes`);
  }
  const body = await taker.take(keyBytes + valueBytes);
  if (body === undefined) throw cutOff();
  return decodeRecord(head, body.toString("utf8", 0, keyBytes), body.subarray(keyBytes));
}

function checkEnd(end: End, seen: { readonly entries: number; readonly files: number }): void {
  if (end.entries === seen.entries && end.files === seen.files) return;
  throw malformed(
    `it has ${seen.entries} entries and ${seen.files} files of ${end.entries} and ${end.files}`,
  );
}
