import fc from "fast-check";
import { expect, test } from "vitest";
import { createFrameReader, encodeFrame, type Frame, SpdyError } from "./frames.ts";

const limit = 1_000;
const bytesOf = (frame: Frame): Buffer => Buffer.concat(encodeFrame(frame));

function readAll(chunks: readonly Uint8Array[]): readonly Frame[] {
  const reader = createFrameReader(limit);
  return chunks.flatMap((chunk) => [...reader.read(chunk)]);
}

/** Pieces of one data frame as the frame they came from. */
function joined(frames: readonly Frame[]): readonly Frame[] {
  const whole: Frame[] = [];
  for (const frame of frames) {
    const before = whole.at(-1);
    const goesOn = before?.type === "data" && frame.type === "data" && !before.fin;
    if (goesOn && before.stream === frame.stream) {
      const bytes = Buffer.concat([before.bytes, frame.bytes]);
      whole[whole.length - 1] = { ...frame, bytes };
    } else
      whole.push(frame.type === "data" ? { ...frame, bytes: Buffer.from(frame.bytes) } : frame);
  }
  return whole;
}

const stream = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const block = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
const frames: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({
    type: fc.constant("data" as const),
    stream,
    fin: fc.constant(true),
    bytes: block,
  }),
  fc.record({ type: fc.constant("synStream" as const), stream, fin: fc.boolean(), headers: block }),
  fc.record({
    type: fc.constantFrom("synReply" as const, "headers" as const),
    stream,
    fin: fc.boolean(),
    headers: block,
  }),
  fc.record({ type: fc.constant("rstStream" as const), stream, status: word }),
  fc.record({
    type: fc.constant("settings" as const),
    entries: fc.array(fc.record({ id: fc.integer({ min: 0, max: 0xff_ffff }), value: word }), {
      maxLength: 5,
    }),
  }),
  fc.record({ type: fc.constant("ping" as const), id: word }),
  fc.record({ type: fc.constant("goAway" as const), lastStream: stream, status: word }),
  fc.record({ type: fc.constant("windowUpdate" as const), stream, delta: stream }),
);

test("read() gives back what encodeFrame() wrote, in whatever chunks it comes", () => {
  fc.assert(
    fc.property(
      fc.array(frames, { maxLength: 6 }),
      fc.integer({ min: 1, max: 64 }),
      (all, size) => {
        const bytes = Buffer.concat(all.map(bytesOf));
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
          bytes.subarray(index * size, (index + 1) * size),
        );
        expect(joined(readAll(chunks))).toEqual(all);
      },
    ),
  );
});

test("read() passes on a data frame in pieces, with the end on the last", () => {
  const bytes = bytesOf({ type: "data", stream: 1, fin: true, bytes: Buffer.from("abcdef") });
  const seen = readAll([bytes.subarray(0, 10), bytes.subarray(10)]);
  expect(seen).toEqual([
    { type: "data", stream: 1, fin: false, bytes: Buffer.from("ab") },
    { type: "data", stream: 1, fin: true, bytes: Buffer.from("cdef") },
  ]);
});

test("read() needs no memory for a data frame of 16 MiB", () => {
  const header = Buffer.from([0, 0, 0, 1, 0, 0xff, 0xff, 0xff]);
  expect(readAll([header, Buffer.alloc(10)])).toMatchObject([{ type: "data", fin: false }]);
});

test("read() passes over kinds of frames that it does not know", () => {
  const unknown = Buffer.from([0x80, 3, 0, 10, 0, 0, 0, 2, 1, 2]);
  const ping = bytesOf({ type: "ping", id: 1 });
  expect(readAll([Buffer.concat([unknown, ping])])).toEqual([{ type: "ping", id: 1 }]);
});

test.each([
  ["another version", [0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1], "SPDY version 2, expected 3"],
  ["a control frame beyond the limit", [0x80, 3, 0, 1, 0, 0, 0xff, 0xff], "limit 1000"],
  ["a SYN_STREAM without its stream", [0x80, 3, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1], "expected 10"],
  ["a RST_STREAM without its status", [0x80, 3, 0, 3, 0, 0, 0, 4, 0, 0, 0, 1], "expected 8"],
  ["an empty PING", [0x80, 3, 0, 6, 0, 0, 0, 0], "ping frame of 0 bytes"],
  [
    "SETTINGS that promise more entries than there are",
    [0x80, 3, 0, 4, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff],
    "SETTINGS of 4294967295 entries",
  ],
])("read() refuses %s", (_why, bytes, words) => {
  const read = (): unknown => readAll([Buffer.from(bytes)]);
  expect(read).toThrow(SpdyError);
  expect(read).toThrow(words);
});

test("read() never fails in another way, whatever comes", () => {
  const failureOf = (bytes: Uint8Array): unknown => {
    try {
      readAll([bytes]);
      return undefined;
    } catch (err) {
      return err instanceof SpdyError ? undefined : err;
    }
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(failureOf(bytes)).toBeUndefined();
    }),
  );
});
