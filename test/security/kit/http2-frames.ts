/** Types of HTTP/2 frames (RFC 9113, section 6). */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags: `endStream` of DATA and HEADERS, `endHeaders` of HEADERS and CONTINUATION. */
export const frameFlag = { none: 0, endStream: 1, endHeaders: 4, both: 5 } as const;

const headBytes = 9;

/** One frame as it goes over the wire, whether it is allowed or not. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = new Uint8Array(),
): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A length in HPACK's own form (RFC 7541, section 5.1), with a prefix of 7 bits. */
function hpackLength(length: number): Buffer {
  if (length < 127) return Buffer.of(length);
  const bytes = [127];
  let rest = length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

const hpackText = (text: string): Buffer =>
  Buffer.concat([hpackLength(text.length), Buffer.from(text)]);

/** A header that is sent in full; `indexed` puts it into the table of the peer, where 62 is the newest. */
export function header(name: string, value: string, indexed = false): Buffer {
  return Buffer.concat([Buffer.of(indexed ? 0x40 : 0), hpackText(name), hpackText(value)]);
}

/** A header that is only named by its number in the table. */
export function indexedHeader(index: number): Buffer {
  return Buffer.of(0x80 + index);
}

/** The pseudo headers of a request. */
export function requestBlock(path: string, method: "GET" | "POST" = "GET"): Buffer {
  const [byMethod, https] = [method === "GET" ? 2 : 3, 7];
  return Buffer.concat([
    indexedHeader(byMethod),
    indexedHeader(https),
    Buffer.of(0x44),
    hpackText(path),
    Buffer.of(0x41),
    hpackText("localhost"),
  ]);
}

/** What came back, counted by type, without a thought for what it means. */
export type Seen = {
  readonly frames: Map<number, number>;
  /** Error codes of GOAWAY frames. */
  readonly goaways: number[];
  /** Error codes of RST_STREAM frames. */
  readonly resets: number[];
};

/** Reads frames as they come in chunks. */
export function frameReader(): { readonly seen: Seen; read(chunk: Buffer): void } {
  const seen: Seen = { frames: new Map(), goaways: [], resets: [] };
  let rest: Buffer = Buffer.alloc(0);
  const count = (type: number, payload: Buffer): void => {
    seen.frames.set(type, (seen.frames.get(type) ?? 0) + 1);
    if (type === frameType.goaway) seen.goaways.push(payload.readUInt32BE(4));
    if (type === frameType.reset) seen.resets.push(payload.readUInt32BE(0));
  };
  return {
    seen,
    read(chunk) {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= headBytes) {
        const end = headBytes + rest.readUIntBE(0, 3);
        if (rest.length < end) return;
        count(rest.readUInt8(3), rest.subarray(headBytes, end));
        rest = rest.subarray(end);
      }
    },
  };
}
