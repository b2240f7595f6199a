import { performServerHandshake, type ServerHttp2Stream } from "node:http2";
import { duplexPair } from "node:stream";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import { bytesOf, callTo } from "../../test/kit/tunnel.ts";
import { headers } from "./envelope.ts";
import { type HubEnd, openHubEnd } from "./hub-end.ts";
import { encodeFrame, frameType, FrameReader } from "./process-frames.ts";
import { paths } from "./protocol.ts";

const never = new AbortController().signal;
let hub: HubEnd | undefined;
afterEach(async () => {
  await hub?.close("the test ends", 0);
  hub = undefined;
});

const packed = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A tunnel to an agent that is none of ours: `answer` says what it does with a call. */
async function openTo(answer: (raw: ServerHttp2Stream) => void): Promise<HubEnd> {
  const [mine, other] = duplexPair();
  const session = performServerHandshake(other, {});
  session.on("error", () => {});
  session.on("stream", (raw: ServerHttp2Stream, sent) => {
    raw.on("error", () => {});
    if (sent[":path"] !== paths.control) return answer(raw);
    raw.respond({ ":status": 200 });
    for (const byte of '{"nodes":["ü1"]}\n{"nodes":["n2"]}\n') raw.write(byte);
  });
  hub = await openHubEnd(mine, { what: "the tunnel", clock: systemClock });
  return hub;
}

const saying =
  (head: unknown, end?: string) =>
  (raw: ServerHttp2Stream): void => {
    const sent = { ":status": 200, [headers.answer]: packed(head) };
    raw.once("wantTrailers", () => raw.sendTrailers({ [headers.end]: end ?? "" }));
    raw.respond(sent, { waitForTrailers: true });
    raw.end("body");
  };

test.each([
  ["no base64 of JSON", "garbage"],
  ["a number", packed(7)],
  ["words that are no text", packed({ kind: "Status", message: { toString: 1 }, details: 3 })],
])("a body that ends with %s is broken, and the server goes on", async (_what, end) => {
  const { handler } = await openTo(saying({ status: 200, headers: {} }, end));
  const { body } = await handler.call(hub, "n2")(callTo("/a"), never);
  await expect(bytesOf(body)).rejects.toBeInstanceOf(Error);
});

test.each([
  ["an interim status", { status: 103, headers: {} }],
  ["a switch that nobody asked for", { status: 101, headers: {} }],
  ["a line break in a value", { status: 200, headers: { "x-a": "b\r\nset-cookie: c" } }],
  ["a line break in a list", { status: 200, headers: { "x-a": ["b", "c\nd"] } }],
  ["a name that is none", { status: 200, headers: { "x a": "b" } }],
])("an answer with %s is none", async (_what, head) => {
  const { handler } = await openTo(saying(head));
  const answering = handler.call(hub, "n2")(callTo("/a"), never);
  await expect(answering).rejects.toMatchObject({ name: "StatusError" });
});

test("frames that drip in are put together once", () => {
  const sent = Buffer.concat([
    encodeFrame(frameType.stdout, Buffer.from("one")),
    encodeFrame(frameType.exit),
    encodeFrame(frameType.stderr, Buffer.from("two")),
  ]);
  const reader = new FrameReader();
  const frames = [...sent].flatMap((byte) => reader.read(Buffer.from([byte])));
  expect(frames.map(({ type, payload }) => [type, payload.toString()])).toEqual([
    [frameType.stdout, "one"],
    [frameType.exit, ""],
    [frameType.stderr, "two"],
  ]);
  expect(new FrameReader().read(sent)).toHaveLength(3);
});
