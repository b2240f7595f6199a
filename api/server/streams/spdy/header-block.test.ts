import { expect, test } from "vitest";
import { SpdyError } from "./frames.ts";
import { createHeaderCodec, decodeHeaders, encodeHeaders } from "./header-block.ts";

const headers = (...pairs: readonly (readonly [string, string])[]) => new Map(pairs);

test("compress() uses the dictionary of the specification", async () => {
  const block = await createHeaderCodec(1_000).compress(headers());
  // zlib's header with a dictionary, and the checksum of the one in every SPDY/3 capture.
  expect(block.subarray(2, 6).toString("hex")).toBe("e3c6a7c2");
});

test("decompress() reads one block after the other with a shared context", async () => {
  const [sender, receiver] = [createHeaderCodec(1_000), createHeaderCodec(1_000)];
  const data = headers(["streamtype", "data"], ["port", "80"], ["requestid", "7"]);
  const first = await sender.compress(data);
  const second = await sender.compress(data);
  expect(second.length).toBeLessThan(first.length);
  expect(await receiver.decompress(first)).toEqual(data);
  expect(await receiver.decompress(second)).toEqual(data);
  sender.close();
  receiver.close();
});

test("decompress() unpacks no more than its limit", async () => {
  const bomb = await createHeaderCodec(0).compress(headers(["a", "x".repeat(5_000_000)]));
  expect(bomb.length).toBeLessThan(50_000);
  const receiver = createHeaderCodec(64 * 1024);
  await expect(receiver.decompress(bomb)).rejects.toThrow("more than 65536 bytes");
  await expect(receiver.decompress(bomb)).rejects.toThrow(SpdyError);
});

test("decompress() refuses what is not compressed, then and later", async () => {
  const receiver = createHeaderCodec(1_000);
  await expect(receiver.decompress(Buffer.from("plain text"))).rejects.toThrow(SpdyError);
  const block = await createHeaderCodec(1_000).compress(headers());
  await expect(receiver.decompress(block)).rejects.toThrow(SpdyError);
});

test("decodeHeaders() lowers names", () => {
  expect(decodeHeaders(encodeHeaders(headers(["StreamType", "Data"])))).toEqual(
    headers(["streamtype", "Data"]),
  );
});

test.each([
  ["an empty block", Buffer.alloc(0)],
  ["a count without headers", Buffer.from([0, 0, 0, 1])],
  ["a length beyond the end", Buffer.from([0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 1])],
  ["an empty name", encodeHeaders(headers(["", "x"]))],
  ["a repeated name", encodeHeaders(headers(["a", "1"], ["A", "2"]))],
  ["bytes after the end", Buffer.concat([encodeHeaders(headers()), Buffer.alloc(1)])],
])("decodeHeaders() refuses %s", (_why, block) => {
  expect(() => decodeHeaders(block)).toThrow(SpdyError);
});
