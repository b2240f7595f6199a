import { unavailable } from "../../api/machinery/errors.ts";
import type { Output } from "./engine.ts";

const headerBytes = 8;

/** Where the reader stands between two chunks: inside a header, or inside a payload. */
type Position = {
  readonly header: Buffer;
  headerFilled: number;
  payloadLeft: number;
  stream: Output["stream"];
};

const streamOf = (id: number): Output["stream"] => {
  // 0 is stdin, which Docker echoes as stdout; 3 carries errors of the engine itself.
  if (id === 0 || id === 1) return "stdout";
  if (id === 2 || id === 3) return "stderr";
  throw unavailable(`Cannot read the container's output: frame of unknown stream ${id}`);
};

/** Takes header bytes from `chunk` at `offset`; gives the offset after them. */
function readHeader(position: Position, chunk: Uint8Array, offset: number): number {
  const { header } = position;
  const end = Math.min(chunk.length, offset + headerBytes - position.headerFilled);
  header.set(chunk.subarray(offset, end), position.headerFilled);
  position.headerFilled += end - offset;
  if (position.headerFilled === headerBytes) {
    position.stream = streamOf(header.readUInt8(0));
    position.payloadLeft = header.readUInt32BE(4);
    if (position.payloadLeft === 0) position.headerFilled = 0; // an empty frame: the next header
  }
  return end;
}

function* split(position: Position, chunk: Uint8Array): Generator<Output> {
  let offset = 0;
  while (offset < chunk.length) {
    if (position.headerFilled < headerBytes) {
      offset = readHeader(position, chunk, offset);
      continue;
    }
    const end = Math.min(chunk.length, offset + position.payloadLeft);
    yield { stream: position.stream, bytes: chunk.subarray(offset, end) };
    position.payloadLeft -= end - offset;
    offset = end;
    if (position.payloadLeft === 0) position.headerFilled = 0;
  }
}

/**
 * Splits Docker's multiplexed stream (8-byte header: stream, three zeros, length) as it arrives:
 * nothing is copied or gathered, so a frame may come in several pieces and memory stays at one
 * chunk. Backpressure is the consumer's pace.
 *
 * @throws StatusError `ServiceUnavailable` when the stream ends inside a frame or is no such stream.
 */
export async function* demux(source: AsyncIterable<Uint8Array>): AsyncGenerator<Output> {
  const header = Buffer.alloc(headerBytes);
  const position: Position = { header, headerFilled: 0, payloadLeft: 0, stream: "stdout" };
  for await (const chunk of source) yield* split(position, chunk);
  if (position.headerFilled > 0)
    throw unavailable("Cannot read the container's output: the stream was cut inside a frame");
}

/** The output of a process with a terminal: one stream, no frames. */
export async function* undivided(source: AsyncIterable<Uint8Array>): AsyncGenerator<Output> {
  for await (const bytes of source) yield { stream: "stdout", bytes };
}
