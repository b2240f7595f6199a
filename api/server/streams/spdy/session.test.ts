import { duplexPair } from "node:stream";
import { expect, test } from "vitest";
import { eventually } from "../../../../test/kit/eventually.ts";
import { type SpdyClient, spdyClient } from "../../../../test/kit/spdy-client.ts";
import { goAwayStatus, initialWindowSetting, resetStatus } from "./frames.ts";
import { SpdySession } from "./session.ts";
import { receiveWindowBytes, type SpdyStream } from "./stream.ts";

type Rig = {
  readonly client: SpdyClient;
  readonly session: SpdySession;
  readonly streams: SpdyStream[];
  /** Opens a stream and waits until the server has it. */
  open(id: number, fin?: boolean): Promise<SpdyStream>;
};

function rig(maxStreams = 8): Rig {
  const [near, far] = duplexPair();
  const streams: SpdyStream[] = [];
  const session = new SpdySession(far, { maxStreams, onStream: (stream) => streams.push(stream) });
  const client = spdyClient(near);
  return {
    client,
    session,
    streams,
    async open(id, fin = false) {
      await client.open(id, { streamtype: "data" }, fin);
      return eventually(`stream ${id} is open`, () => streams.find((stream) => stream.id === id));
    },
  };
}

const kib = (count: number): Buffer => Buffer.alloc(count * 1024, "x");

test("a stream is answered, read and written, and each half ends on its own", async () => {
  const { client, open } = rig();
  const stream = await open(1);
  expect(stream.headers.get("streamtype")).toBe("data");
  await client.until("the reply", ({ type }) => type === "synReply");
  client.write(1, "hello", true);
  expect(Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>)).toString()).toBe(
    "hello",
  );
  stream.end("late answer");
  await eventually("the server's half ended", () => client.isEnded(1));
  expect(client.read(1).toString()).toBe("late answer");
  expect(client.frames.some(({ type }) => type === "rstStream")).toBe(false);
});

test("a stream that begins with its end reads as empty", async () => {
  const stream = await rig().open(1, true);
  expect(await Array.fromAsync(stream as AsyncIterable<Buffer>)).toEqual([]);
});

test("reading gives credit, to the stream and in large pieces to the session", async () => {
  const { client, open } = rig();
  const stream = await open(1);
  stream.resume();
  client.write(1, kib(32), true);
  const credit = (id: number): number =>
    client.frames
      .filter((frame) => frame.type === "windowUpdate")
      .filter((frame) => frame.stream === id)
      .reduce((sum, { delta }) => sum + delta, 0);
  await eventually("all of it was credited", () => credit(1) === 32 * 1024);
  expect(credit(0)).toBe(32 * 1024);
});

test("a client that heeds no windows is not read on while a stream is full", async () => {
  const { client, open } = rig();
  const stream = await open(1);
  const bytes = 4 * 1024 * 1024;
  client.write(1, Buffer.alloc(bytes, "x"), true);
  await eventually("the stream is full", () => stream.queuedBytes > receiveWindowBytes);
  await new Promise((resolve) => setImmediate(resolve));
  expect(stream.queuedBytes).toBeLessThan(3 * receiveWindowBytes);
  expect(client.transport.writableLength).toBeGreaterThan(bytes / 2);
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) size += chunk.length;
  expect(size).toBe(bytes);
});

test("a full stream that is destroyed lets the others go on", async () => {
  const { client, open } = rig();
  const [full, other] = [await open(1), await open(3)];
  client.write(1, kib(512));
  client.write(3, "through", true);
  await eventually("the stream is full", () => full.queuedBytes > receiveWindowBytes);
  full.destroy();
  expect(await Array.fromAsync(other as AsyncIterable<Buffer>)).toEqual([Buffer.from("through")]);
  await client.until("the reset", ({ type }) => type === "rstStream");
});

test("writing waits for the windows of a client that plays by them", async () => {
  const { client, open } = rig();
  client.send({ type: "settings", entries: [{ id: initialWindowSetting, value: 10_000 }] });
  const stream = await open(1);
  stream.write(kib(100));
  await eventually("the window is used up", () => client.read(1).length === 10_000);
  client.send({ type: "windowUpdate", stream: 1, delta: 5_000 });
  await eventually("as much as was allowed", () => client.read(1).length === 15_000);
  client.send({ type: "windowUpdate", stream: 1, delta: 1_000_000 });
  await eventually("the session's window ends it", () => client.read(1).length === 64 * 1024);
  client.send({ type: "windowUpdate", stream: 0, delta: 1_000_000 });
  await eventually("all of it", () => client.read(1).length === 100 * 1024);
});

test("writing waits for no window of a client that has none", async () => {
  const { client, open } = rig();
  const stream = await open(1);
  stream.end(kib(512));
  await eventually("all of it", () => client.read(1).length === 512 * 1024);
});

test("a client that does not read holds writers back", async () => {
  const { client, open } = rig();
  const stream = await open(1);
  client.pause();
  let written = 0;
  const more = (): void => {
    stream.write(kib(16), () => {
      written += 1;
      if (written < 1_000) more();
    });
  };
  more();
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(written).toBeLessThan(50);
  stream.destroy();
});

test("a reset of the client ends the stream, and is not answered", async () => {
  const { client, open } = rig();
  const stream = await open(1);
  client.send({ type: "rstStream", stream: 1, status: resetStatus.cancel });
  await eventually("the stream is gone", () => stream.destroyed);
  expect(client.frames.some(({ type }) => type === "rstStream")).toBe(false);
});

test("pings are answered, answers are not", async () => {
  const { client } = rig();
  client.send({ type: "ping", id: 2 });
  client.send({ type: "ping", id: 7 });
  await client.until("the answer", ({ type }) => type === "ping");
  expect(client.frames).toEqual([{ type: "ping", id: 7 }]);
});

test("more streams than allowed are refused one by one", async () => {
  const { client, open } = rig(1);
  const first = await open(1);
  await client.open(3, {});
  const refusal = await client.until("the refusal", ({ type }) => type === "rstStream");
  expect(refusal).toMatchObject({ stream: 3, status: resetStatus.refusedStream });
  first.destroy();
  await open(5);
});

test("data of a stream that never was is reset, the session goes on", async () => {
  const { client, open } = rig();
  client.write(9, "lost");
  const reset = await client.until("the reset", ({ type }) => type === "rstStream");
  expect(reset).toMatchObject({ stream: 9, status: resetStatus.invalidStream });
  await open(11);
});

test.each([
  ["an even stream", (client: SpdyClient) => client.open(2, {})],
  ["a stream twice", (client: SpdyClient) => client.open(1, {}).then(() => client.open(1, {}))],
  [
    "a block that is none",
    async (client: SpdyClient) =>
      client.send({ type: "synStream", stream: 1, fin: false, headers: Buffer.from("nonsense") }),
  ],
  [
    "another protocol",
    async (client: SpdyClient) => void client.transport.write(Buffer.alloc(64, 0xff)),
  ],
  [
    "a credit of nothing",
    async (client: SpdyClient) => client.send({ type: "windowUpdate", stream: 0, delta: 0 }),
  ],
])("the session ends with %s", async (_why, act) => {
  const { client, session } = rig();
  await act(client);
  const bye = await client.until("the goodbye", ({ type }) => type === "goAway");
  expect(bye).toMatchObject({ status: goAwayStatus.protocolError });
  await session.closed;
});

test("close() says goodbye and takes no more streams", async () => {
  const { client, session, open } = rig();
  const stream = await open(1);
  const closing = session.close();
  const bye = await client.until("the goodbye", ({ type }) => type === "goAway");
  expect(bye).toEqual({ type: "goAway", lastStream: 1, status: goAwayStatus.ok });
  client.transport.end();
  await closing;
  expect(stream.destroyed).toBe(true);
});

test("a connection that breaks takes all streams with it", async () => {
  const { client, session, open } = rig();
  const stream = await open(1);
  client.transport.destroy();
  await session.closed;
  expect(stream.destroyed).toBe(true);
});
