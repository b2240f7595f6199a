import { parseTime } from "../api/machinery/time.ts";
import type { Output } from "./engine/engine.ts";

/** Which lines of a log pass. */
export type LineFilter = {
  /** Lines from this time on do not; needs lines that begin with their time. */
  readonly untilMs?: number;
  /** Of those that pass, the last so many. Integer, 0 or more; needs `untilMs`. */
  readonly tail?: number;
  /** Whether the time at the beginning of a line is shown, when lines have one. */
  readonly keepTimestamps: boolean;
  /** Ends after so many bytes. Integer, 1 or more. */
  readonly limitBytes?: number;
};

const newline = 0x0a;

/** Whole lines, each with its newline; what is left at the end is the last one. */
async function* linesOf(output: AsyncIterable<Output>): AsyncGenerator<Buffer> {
  const rests = new Map<Output["stream"], Buffer>();
  for await (const { stream, bytes } of output) {
    let rest = Buffer.concat([rests.get(stream) ?? Buffer.alloc(0), bytes]);
    for (let at = rest.indexOf(newline); at >= 0; at = rest.indexOf(newline)) {
      yield rest.subarray(0, at + 1);
      rest = rest.subarray(at + 1);
    }
    rests.set(stream, rest);
  }
  for (const rest of rests.values()) if (rest.length > 0) yield rest;
}

async function* untilTime(
  output: AsyncIterable<Output>,
  untilMs: number,
  keepTimestamps: boolean,
): AsyncGenerator<Buffer> {
  for await (const line of linesOf(output)) {
    const space = line.indexOf(" ");
    const atMs = parseTime(line.subarray(0, space).toString());
    if (atMs !== undefined && atMs >= untilMs) return;
    yield keepTimestamps || atMs === undefined ? line : line.subarray(space + 1);
  }
}

async function* lastLines(lines: AsyncIterable<Buffer>, count: number): AsyncGenerator<Buffer> {
  const kept: Buffer[] = [];
  for await (const line of lines) {
    kept.push(line);
    if (kept.length > count) kept.shift();
  }
  yield* kept;
}

async function* bytesOf(output: AsyncIterable<Output>): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of output) yield bytes;
}

async function* limited(
  chunks: AsyncIterable<Uint8Array>,
  limitBytes: number,
): AsyncGenerator<Uint8Array> {
  let left = limitBytes;
  for await (const chunk of chunks) {
    if (chunk.length >= left) {
      yield chunk.subarray(0, left);
      return;
    }
    left -= chunk.length;
    yield chunk;
  }
}

/** A function that lets those bytes of an output pass that the filter wants. */
export function lineFilter({
  untilMs,
  tail,
  keepTimestamps,
  limitBytes,
}: LineFilter): (output: AsyncIterable<Output>) => AsyncIterable<Uint8Array> {
  return (output) => {
    let chunks: AsyncIterable<Uint8Array> = bytesOf(output);
    if (untilMs !== undefined) {
      const lines = untilTime(output, untilMs, keepTimestamps);
      chunks = tail === undefined ? lines : lastLines(lines, tail);
    }
    return limitBytes === undefined ? chunks : limited(chunks, limitBytes);
  };
}
