import { Readable } from "node:stream";

/**
 * Long work is done in slices, and other requests have their turn in between. A slice is a few
 * milliseconds long: what it costs others is bounded, and a turn of the event loop is cheap
 * beside it.
 */
const sliceMs = 4;
const sliceBytes = 128 * 1_024;

/** Tells when it is time to let others have their turn; each call of `restart` begins a slice. */
export type Slice = { readonly spent: () => boolean; readonly restart: () => void };

/** A slice that begins now. */
export function beginSlice(): Slice {
  let begun = performance.now();
  return {
    spent: () => performance.now() - begun >= sliceMs,
    restart: () => {
      begun = performance.now();
    },
  };
}

let waiting: (() => void)[] = [];
let next = 0;

/**
 * Resolves in one of the next turns of the event loop. All long work of the process queues here
 * and one slice is done in each turn: a hundred lists at once delay others no more than one.
 */
export function turnOf(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) setImmediate(giveTurn);
  });
}

function giveTurn(): void {
  waiting[next]?.();
  next += 1;
  if (next < waiting.length) setImmediate(giveTurn);
  if (next < waiting.length && next < 1_000) return;
  waiting = waiting.slice(next);
  next = 0;
}

/** A body: one piece when it is small, else a stream that is made while it is sent. */
export type SlicedBody = Buffer | Readable;

/**
 * Joins parts to a body. Small ones are joined at once; of longer ones the rest is made slice by
 * slice, never faster than the client reads.
 */
export function slicedBody(parts: Iterator<Buffer | string, void>): SlicedBody {
  const first = nextSlice(parts, beginSlice());
  if (first.done) return first.bytes;
  return Readable.from(restOf(parts, first.bytes), {
    objectMode: false,
    highWaterMark: sliceBytes,
  });
}

async function* restOf(
  parts: Iterator<Buffer | string, void>,
  first: Buffer,
): AsyncGenerator<Buffer, void> {
  yield first;
  for (;;) {
    await turnOf();
    const { bytes, done } = nextSlice(parts, beginSlice());
    if (bytes.length > 0) yield bytes;
    if (done) return;
  }
}

function nextSlice(
  parts: Iterator<Buffer | string, void>,
  slice: Slice,
): { readonly bytes: Buffer; readonly done: boolean } {
  const chunks: Buffer[] = [];
  let size = 0;
  while (size < sliceBytes && !slice.spent()) {
    const { value, done } = parts.next();
    if (done === true) return { bytes: Buffer.concat(chunks, size), done: true };
    const chunk = typeof value === "string" ? Buffer.from(value) : value;
    if (chunk === undefined) continue;
    chunks.push(chunk);
    size += chunk.length;
  }
  return { bytes: Buffer.concat(chunks, size), done: false };
}

/** The first `limit` items that pass, in their order, found in slices. */
export async function filterInSlices<T>(
  items: readonly T[],
  passes: (item: T) => boolean,
  limit = Infinity,
): Promise<readonly T[]> {
  const found: T[] = [];
  const slice = beginSlice();
  for (const item of items) {
    if (passes(item)) found.push(item);
    if (found.length >= limit) break;
    if (!slice.spent()) continue;
    await turnOf();
    slice.restart();
  }
  return found;
}
