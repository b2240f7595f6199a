import { expect, test } from "vitest";
import { readNdjson } from "./ndjson.ts";

async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const read = (text: string, size = 3): Promise<unknown[]> =>
  Array.fromAsync(readNdjson(chunks(Buffer.from(text), size)));

test.each([1, 2, 3, 100])("readNdjson() keeps characters split at every %i bytes", async (size) => {
  const values = [{ status: "läuft 🚢" }, { status: "日本" }];
  const text = values.map((value) => JSON.stringify(value)).join("\r\n");
  expect(await read(text, size)).toEqual(values);
});

test("readNdjson() skips empty lines and takes a last line without newline", async () => {
  expect(await read('1\n\n\r\n2\n"end"')).toEqual([1, 2, "end"]);
});

test("readNdjson() yields a value before the stream goes on", async () => {
  async function* stuck(): AsyncGenerator<Buffer> {
    yield Buffer.from('{"a":1}\n{"b"');
    await new Promise(() => undefined);
  }
  const values = readNdjson(stuck());
  expect((await values.next()).value).toEqual({ a: 1 });
});

test("readNdjson() names the line that is not JSON", async () => {
  await expect(read('{"a":1}\n<html>\n')).rejects.toMatchObject({
    reason: "ServiceUnavailable",
    message: 'Cannot read the engine\'s answer: not JSON: "<html>"',
  });
});

test("readNdjson() refuses a line without end", async () => {
  async function* endless(): AsyncGenerator<Buffer> {
    for (;;) yield Buffer.alloc(1024 * 1024, "x");
  }
  await expect(Array.fromAsync(readNdjson(endless()))).rejects.toMatchObject({
    reason: "ServiceUnavailable",
  });
});
