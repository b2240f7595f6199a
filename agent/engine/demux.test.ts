import fc from "fast-check";
import { expect, test } from "vitest";
import { demux, undivided } from "./demux.ts";
import type { Output } from "./engine.ts";

function frame(stream: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function gather(output: AsyncIterable<Output>): Promise<Record<Output["stream"], string>> {
  const parts: Record<Output["stream"], Uint8Array[]> = { stdout: [], stderr: [] };
  for await (const { stream, bytes } of output) parts[stream].push(bytes);
  const text = (stream: Output["stream"]): string => Buffer.concat(parts[stream]).toString();
  return { stdout: text("stdout"), stderr: text("stderr") };
}

test("demux() gives the same output however the stream is cut", async () => {
  const piece = fc.record({ stream: fc.constantFrom(1, 2), text: fc.string({ maxLength: 40 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(piece), fc.integer({ min: 1, max: 30 }), async (pieces, size) => {
      const wire = Buffer.concat(pieces.map((p) => frame(p.stream, Buffer.from(p.text))));
      const want = (stream: number): string =>
        pieces
          .filter((p) => p.stream === stream)
          .map((p) => Buffer.from(p.text).toString())
          .join("");
      expect(await gather(demux(chunks(wire, size)))).toEqual({ stdout: want(1), stderr: want(2) });
    }),
  );
});

test("demux() survives 200,000 one-byte frames in one chunk", async () => {
  const wire = Buffer.concat(Array.from({ length: 200_000 }, () => frame(1, Buffer.from("x"))));
  expect((await gather(demux(chunks(wire, wire.length)))).stdout).toHaveLength(200_000);
});

test("demux() passes a large frame on without copying it", async () => {
  const wire = frame(2, Buffer.alloc(4 * 1024 * 1024, "y"));
  let bytes = 0;
  for await (const piece of demux(chunks(wire, 64 * 1024))) {
    expect(piece.bytes.buffer).toBe(wire.buffer);
    bytes += piece.bytes.length;
  }
  expect(bytes).toBe(4 * 1024 * 1024);
});

test("demux() reads no further than its consumer", async () => {
  let read = 0;
  async function* endless(): AsyncGenerator<Buffer> {
    for (;;) {
      read += 1;
      yield frame(1, Buffer.from("x"));
    }
  }
  const output = demux(endless());
  await output.next();
  await output.next();
  expect(read).toBe(2);
  await output.return(undefined);
});

test.each([
  ["ends inside a header", frame(1, Buffer.from("abc")).subarray(0, 5)],
  ["ends inside a payload", frame(1, Buffer.from("abc")).subarray(0, 9)],
  ["is no multiplexed stream", Buffer.from("plain text of a terminal")],
])("demux() rejects a stream that %s", async (_why, wire) => {
  await expect(gather(demux(chunks(wire, 4)))).rejects.toMatchObject({
    reason: "ServiceUnavailable",
  });
});

test("undivided() takes everything as stdout", async () => {
  const got = await gather(undivided(chunks(Buffer.from("abc"), 1)));
  expect(got).toEqual({ stdout: "abc", stderr: "" });
});
