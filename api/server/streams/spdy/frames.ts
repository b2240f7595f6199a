/**
 * SPDY/3.1 framing, draft-mbelshe-httpbis-spdy-00 section 2: bytes to frames and back. Header blocks
 * stay compressed here. No I/O.
 */

/** Why a stream was reset. */
export const resetStatus = {
  protocolError: 1,
  invalidStream: 2,
  refusedStream: 3,
  unsupportedVersion: 4,
  cancel: 5,
  internalError: 6,
  flowControlError: 7,
  streamInUse: 8,
  streamAlreadyClosed: 9,
} as const;

/** Why a session ends. */
export const goAwayStatus = { ok: 0, protocolError: 1, internalError: 2 } as const;

/** The setting that gives new streams their window. */
export const initialWindowSetting = 7;

/** One frame. Streams are integers of 31 bits; `headers` is a compressed block. */
export type Frame =
  /** A piece of a data frame; `fin` comes with the last piece. */
  | {
      readonly type: "data";
      readonly stream: number;
      readonly fin: boolean;
      readonly bytes: Uint8Array;
    }
  | {
      readonly type: "synStream";
      readonly stream: number;
      readonly fin: boolean;
      readonly headers: Uint8Array;
    }
  | {
      readonly type: "synReply" | "headers";
      readonly stream: number;
      readonly fin: boolean;
      readonly headers: Uint8Array;
    }
  | { readonly type: "rstStream"; readonly stream: number; readonly status: number }
  | {
      readonly type: "settings";
      readonly entries: readonly { readonly id: number; readonly value: number }[];
    }
  | { readonly type: "ping"; readonly id: number }
  | { readonly type: "goAway"; readonly lastStream: number; readonly status: number }
  | { readonly type: "windowUpdate"; readonly stream: number; readonly delta: number };

/** The peer breaks the protocol: the session cannot go on. */
export class SpdyError extends Error {
  override readonly name = "SpdyError";
}

const headerBytes = 8;
const finFlag = 0x01;
const version = 3;
const stream31 = 0x7fff_ffff;

const typeNumber = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

type ControlType = keyof typeof typeNumber;

const typeOf: ReadonlyMap<number, ControlType> = new Map(
  Object.entries(typeNumber).map(([type, number]) => [number, type as ControlType]),
);

/** Least length of each control frame, in bytes after the header. */
const leastBytes: Readonly<Record<ControlType, number>> = {
  synStream: 10,
  synReply: 4,
  rstStream: 8,
  settings: 4,
  ping: 4,
  goAway: 8,
  headers: 4,
  windowUpdate: 8,
};

/** A control frame before its payload is understood. */
type Control = { readonly type: ControlType; readonly flags: number; readonly body: Buffer };

function settingsOf(body: Buffer): Frame {
  const count = body.readUInt32BE(0);
  if (body.length !== 4 + count * 8)
    throw new SpdyError(`SETTINGS of ${count} entries has ${body.length} bytes`);
  const entries = Array.from({ length: count }, (_, index) => ({
    id: body.readUIntBE(5 + index * 8, 3),
    value: body.readUInt32BE(8 + index * 8),
  }));
  return { type: "settings", entries };
}

function frameOf({ type, flags, body }: Control): Frame {
  if (body.length < leastBytes[type])
    throw new SpdyError(`${type} frame of ${body.length} bytes, expected ${leastBytes[type]}`);
  const first = body.readUInt32BE(0);
  const stream = first & stream31;
  const fin = (flags & finFlag) !== 0;
  switch (type) {
    case "synStream":
      return { type, stream, fin, headers: body.subarray(10) };
    case "synReply":
    case "headers":
      return { type, stream, fin, headers: body.subarray(4) };
    case "rstStream":
      return { type, stream, status: body.readUInt32BE(4) };
    case "settings":
      return settingsOf(body);
    case "ping":
      return { type, id: first };
    case "goAway":
      return { type, lastStream: stream, status: body.readUInt32BE(4) };
    case "windowUpdate":
      return { type, stream, delta: body.readUInt32BE(4) & stream31 };
  }
}

/** Takes chunks as they come off the wire and gives the frames that they complete. */
export interface FrameReader {
  /** @throws SpdyError for what is no frame of SPDY/3, or too long */
  read(chunk: Uint8Array): Generator<Frame>;
}

class Reader implements FrameReader {
  readonly #maxControlBytes: number;
  readonly #header = Buffer.alloc(headerBytes);
  #headerFilled = 0;
  /** Payload bytes that are still to come. */
  #left = 0;
  readonly #gathered: Buffer[] = [];

  constructor(maxControlBytes: number) {
    this.#maxControlBytes = maxControlBytes;
  }

  *read(chunk: Uint8Array): Generator<Frame> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let offset = 0;
    while (offset < bytes.length) {
      if (this.#headerFilled < headerBytes) {
        offset = this.#takeHeader(bytes, offset);
        if (this.#headerFilled < headerBytes) return;
      }
      const piece = bytes.subarray(offset, offset + this.#left);
      offset += piece.length;
      this.#left -= piece.length;
      const frame = this.#isControl() ? this.#control(piece) : this.#data(piece);
      if (this.#left === 0) this.#headerFilled = 0;
      if (frame !== undefined) yield frame;
    }
  }

  #isControl(): boolean {
    return (this.#header.readUInt8(0) & 0x80) !== 0;
  }

  #takeHeader(bytes: Buffer, offset: number): number {
    const end = Math.min(bytes.length, offset + headerBytes - this.#headerFilled);
    bytes.copy(this.#header, this.#headerFilled, offset, end);
    this.#headerFilled += end - offset;
    if (this.#headerFilled === headerBytes) this.#begin();
    return end;
  }

  #begin(): void {
    this.#left = this.#header.readUIntBE(5, 3);
    if (!this.#isControl()) return;
    const sent = this.#header.readUInt16BE(0) & 0x7fff;
    if (sent !== version) throw new SpdyError(`frame of SPDY version ${sent}, expected ${version}`);
    if (this.#left > this.#maxControlBytes)
      throw new SpdyError(`control frame of ${this.#left} bytes, limit ${this.#maxControlBytes}`);
  }

  /** Pieces are passed on at once: a data frame may have 16 MiB. */
  #data(bytes: Buffer): Frame | undefined {
    const fin = this.#left === 0 && (this.#header.readUInt8(4) & finFlag) !== 0;
    if (bytes.length === 0 && !fin) return undefined;
    return { type: "data", stream: this.#header.readUInt32BE(0) & stream31, fin, bytes };
  }

  #control(bytes: Buffer): Frame | undefined {
    this.#gathered.push(bytes);
    if (this.#left > 0) return undefined;
    const body = Buffer.concat(this.#gathered.splice(0));
    const type = typeOf.get(this.#header.readUInt16BE(2));
    // Unknown kinds must be ignored (2.2.1): CREDENTIAL and what others invented.
    return type === undefined
      ? undefined
      : frameOf({ type, flags: this.#header.readUInt8(4), body });
  }
}

/** A reader at the beginning of a connection. Control frames may have so many bytes. */
export function createFrameReader(maxControlBytes: number): FrameReader {
  return new Reader(maxControlBytes);
}

function controlHeader(type: ControlType, fin: boolean, length: number): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt16BE(0x8000 | version, 0);
  header.writeUInt16BE(typeNumber[type], 2);
  header.writeUInt8(fin ? finFlag : 0, 4);
  header.writeUIntBE(length, 5, 3);
  return header;
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, index * 4);
  return bytes;
}

function payloadOf(frame: Exclude<Frame, { readonly type: "data" }>): Buffer {
  switch (frame.type) {
    case "synStream":
      // No associated stream, highest priority.
      return Buffer.concat([words(frame.stream, 0), Buffer.alloc(2), frame.headers]);
    case "synReply":
    case "headers":
      return Buffer.concat([words(frame.stream), frame.headers]);
    case "rstStream":
      return words(frame.stream, frame.status);
    case "settings":
      return words(
        frame.entries.length,
        ...frame.entries.flatMap(({ id, value }) => [id & 0xff_ffff, value]),
      );
    case "ping":
      return words(frame.id);
    case "goAway":
      return words(frame.lastStream, frame.status);
    case "windowUpdate":
      return words(frame.stream, frame.delta);
  }
}

/** The bytes of a frame, in the order in which they are sent; data is not copied. */
export function encodeFrame(frame: Frame): readonly Uint8Array[] {
  if (frame.type === "data") {
    const header = words(frame.stream, frame.bytes.length);
    header.writeUInt8(frame.fin ? finFlag : 0, 4);
    return frame.bytes.length === 0 ? [header] : [header, frame.bytes];
  }
  const payload = payloadOf(frame);
  const fin = "fin" in frame && frame.fin;
  return [Buffer.concat([controlHeader(frame.type, fin, payload.length), payload])];
}
