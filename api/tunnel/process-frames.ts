import { badRequest } from "../machinery/errors.ts";

/** The protocol of a connection that carries a process: exec and attach. */
export const processProtocol = "lighthouse-process";

/** The protocol of a connection that carries bytes as they are: a port of a pod. */
export const portProtocol = "lighthouse-port";

/**
 * What may follow the 101: first `start` of the server, answered by `started` or `failure`; then input of
 * the server and output of the agent side by side; last `exit` or `failure`, and the end.
 */
export const frameType = {
  /** JSON: the size of the terminal, or null. */
  start: 0,
  stdin: 1,
  /** The end of the input; sizes may still follow. */
  endOfInput: 2,
  /** JSON: the size of the terminal. */
  resize: 3,
  started: 16,
  stdout: 17,
  stderr: 18,
  /** JSON: `{"code": 0}`, without a code when the engine does not tell. */
  exit: 19,
  /** JSON: a Status. */
  failure: 20,
} as const;

/** One frame: a byte that says what it is, the length of the rest in four bytes, the rest. */
export type Frame = { readonly type: number; readonly payload: Buffer };

const headBytes = 5;
const maxPayloadBytes = 4 << 20;
const nothing = Buffer.alloc(0);

/** The bytes of one frame. */
export function encodeFrame(type: number, payload: Uint8Array = nothing): Buffer {
  const frame = Buffer.allocUnsafe(headBytes + payload.length);
  frame.writeUInt8(type, 0);
  frame.writeUInt32BE(payload.length, 1);
  frame.set(payload, headBytes);
  return frame;
}

/** A frame whose payload is JSON. */
export function encodeJsonFrame(type: number, value: unknown): Buffer {
  return encodeFrame(type, Buffer.from(JSON.stringify(value)));
}

/** The payload of a frame that is JSON. @throws StatusError `BadRequest` */
export function jsonOf({ type, payload }: Frame): unknown {
  try {
    return JSON.parse(payload.toString());
  } catch (cause) {
    throw badRequest(`Cannot read a frame of type ${type}: it is no JSON`, { cause });
  }
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** So many bytes the frame has that has begun, as far as is known. */
  #wantedBytes = headBytes;

  /** The frames that are complete with these bytes. @throws StatusError `BadRequest` for one without measure */
  read(chunk: Buffer): readonly Frame[] {
    this.#rest.push(chunk);
    this.#restBytes += chunk.length;
    // Put together only once a frame is whole: bytes that drip in must cost no more than others.
    if (this.#restBytes < this.#wantedBytes) return [];
    let bytes = this.#rest.length === 1 ? chunk : Buffer.concat(this.#rest);
    const frames: Frame[] = [];
    this.#wantedBytes = headBytes;
    while (bytes.length >= headBytes) {
      const length = bytes.readUInt32BE(1);
      if (length > maxPayloadBytes) throw badRequest(`Cannot read a frame of ${length} bytes`);
      this.#wantedBytes = headBytes + length;
      if (bytes.length < this.#wantedBytes) break;
      frames.push({
        type: bytes.readUInt8(0),
        payload: bytes.subarray(headBytes, this.#wantedBytes),
      });
      bytes = bytes.subarray(this.#wantedBytes);
      this.#wantedBytes = headBytes;
    }
    this.#rest = bytes.length === 0 ? [] : [bytes];
    this.#restBytes = bytes.length;
    return frames;
  }
}

/** The frames of a stream, with its back-pressure. */
export async function* readFrames(stream: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  const reader = new FrameReader();
  for await (const chunk of stream) yield* reader.read(chunk);
}
