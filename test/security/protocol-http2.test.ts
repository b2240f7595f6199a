import { afterAll, beforeAll, expect, test } from "vitest";
import {
  frame,
  frameFlag as flag,
  frameType as type,
  header,
  indexedHeader,
  requestBlock,
} from "./kit/http2-frames.ts";
import { type Http2Peer, http2Peer, startMeter } from "./kit/raw-peer.ts";
import { type AttackRig, openAttackRig } from "./kit/rig.ts";

let rig: AttackRig;
beforeAll(async () => {
  rig = await openAttackRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

/** In this process, attacker included; without a bound these attacks take it all. */
const most = { cpuMs: 3_000, rssMiB: 96 } as const;

/** Runs an attack against a server that others use meanwhile, and bounds what it costs. */
async function attack(work: (peer: Http2Peer) => Promise<void>): Promise<void> {
  const meter = startMeter();
  using peer = await http2Peer(rig.server);
  await Promise.all([work(peer), rig.stillServes()]);
  const { cpuMs, rssMiB } = meter();
  expect(cpuMs).toBeLessThan(most.cpuMs);
  expect(rssMiB).toBeLessThan(most.rssMiB);
  await rig.stillServes();
}

const request = (stream: number, flags: number = flag.both): Buffer =>
  frame(type.headers, flags, stream, requestBlock("/livez"));

/** So many streams a round: in one packet, as attackers send them. */
const perRound = 100;
const streamsOf = (round: number): readonly number[] =>
  Array.from({ length: perRound }, (_, index) => 2 * (round * perRound + index) + 1);

const cancel = Buffer.of(0, 0, 0, 8);
const overflow = Buffer.of(0x7f, 0xff, 0xff, 0xff);

test.each([
  ["the client resets them (CVE-2023-44487)", (id: number) => frame(type.reset, 0, id, cancel)],
  // CVE-2025-8671: the server is made to reset them, which counts as nothing of the client's.
  [
    "the server has to, for a window of nothing",
    (id: number) => frame(type.windowUpdate, 0, id, Buffer.alloc(4)),
  ],
  [
    "the server has to, for too large a window",
    (id: number) => frame(type.windowUpdate, 0, id, overflow),
  ],
  [
    "the server has to, for data after the end",
    (id: number) => frame(type.data, 0, id, Buffer.alloc(4)),
  ],
])("streams that are opened only so that %s end the session", (_how, reset) =>
  attack(async (peer) => {
    const rounds = await peer.flood(100, (round) =>
      Buffer.concat(streamsOf(round).flatMap((id) => [request(id), reset(id)])),
    );
    expect(await peer.ended(3_000)).toBe(true);
    expect(rounds).toBeLessThan(50);
  }),
);

test.each([
  ["with headers", () => header("x-a", "b")],
  ["that are empty", () => Buffer.alloc(0)],
])("CONTINUATION frames without an end, %s, end the session (CVE-2024-27316)", (_what, make) =>
  attack(async (peer) => {
    await peer.send(request(1, flag.endStream));
    const some = Buffer.concat(
      Array.from({ length: 200 }, () => frame(type.continuation, 0, 1, make())),
    );
    await peer.flood(500, () => some);
    expect(await peer.ended(3_000)).toBe(true);
  }),
);

test.each([
  ["PING", () => frame(type.ping, 0, 0, Buffer.alloc(8)), 11],
  ["SETTINGS", () => frame(type.settings, 0, 0, Buffer.of(0, 3, 0, 0, 0, 100)), 11],
  ["empty DATA", () => frame(type.data, 0, 1), 0],
  ["frames of no known type", () => frame(0xbb, 0, 0, Buffer.alloc(8)), 11],
])("a flood of %s ends the session (CVE-2019-9512, -9515, -9518)", (_what, make, code) =>
  attack(async (peer) => {
    await peer.send(frame(type.headers, flag.endHeaders, 1, requestBlock("/livez", "POST")));
    const some = Buffer.concat(Array.from({ length: 200 }, make));
    await peer.flood(500, () => some);
    expect(await peer.ended(3_000)).toBe(true);
    expect([0, ...peer.seen.goaways]).toContain(code); // some are cut without a word
  }),
);

test.each([
  ["PING", () => frame(type.ping, 0, 0, Buffer.alloc(8))],
  ["SETTINGS", () => frame(type.settings, 0, 0)],
])("acknowledgements of %s that are not read do not pile up", (_what, make) =>
  attack(async (peer) => {
    peer.socket.pause();
    const some = Buffer.concat(Array.from({ length: 200 }, make));
    await peer.flood(300, () => some);
    peer.socket.resume();
    expect(await peer.ended(3_000)).toBe(true);
  }),
);

test("one SETTINGS frame with a thousand entries ends the session", () =>
  attack(async (peer) => {
    const entries = Array.from({ length: 1_000 }, () => Buffer.of(0, 3, 0, 0, 0, 100));
    await peer.send(frame(type.settings, 0, 0, Buffer.concat(entries)));
    expect(await peer.ended(3_000)).toBe(true);
  }));

test("PRIORITY and WINDOW_UPDATE frames that say nothing cost little", () =>
  attack(async (peer) => {
    const update = frame(type.windowUpdate, 0, 0, Buffer.of(0, 0, 0, 1));
    await peer.flood(100, () => Buffer.concat(Array.from({ length: 200 }, () => update)));
    const priority = (id: number): Buffer => frame(type.priority, 0, id, Buffer.alloc(5));
    await peer.flood(300, (round) => Buffer.concat(streamsOf(round).map(priority)));
  }));

test("a header that unpacks to megabytes is refused (HPACK bomb)", () =>
  attack(async (peer) => {
    const planted = header("x-a", "a".repeat(3_000), true);
    const bomb = Buffer.concat(Array.from({ length: 10_000 }, () => indexedHeader(62)));
    await peer.flood(50, (round) => {
      const parts = round === 0 ? [planted, bomb] : [bomb];
      const block = Buffer.concat([requestBlock("/livez"), ...parts]);
      return frame(type.headers, flag.both, 2 * round + 1, block);
    });
    await peer.ended(200);
    expect(peer.seen.frames.get(type.data) ?? 0).toBe(0);
    expect(peer.closed || peer.seen.resets.length > 0).toBe(true);
  }));

test("a header list above the limit ends the session", () =>
  attack(async (peer) => {
    const part = header("x-a", "a".repeat(14_000));
    await peer.send(
      frame(type.headers, flag.endStream, 1, requestBlock("/livez")),
      ...Array.from({ length: 20 }, (_, index) =>
        frame(type.continuation, index === 19 ? flag.endHeaders : 0, 1, part),
      ),
    );
    expect(await peer.ended(3_000)).toBe(true);
  }));

test("no more than 250 streams are open at once", () =>
  attack(async (peer) => {
    const open = (id: number): Buffer =>
      frame(type.headers, flag.endHeaders, id, requestBlock("/api/v1/namespaces", "POST"));
    await peer.send(
      Buffer.concat(Array.from({ length: 1_000 }, (_, index) => open(2 * index + 1))),
    );
    await peer.ended(500);
    const refused = peer.seen.resets.filter((code) => code === 7).length;
    expect(peer.closed || refused > 0).toBe(true);
    expect(peer.seen.frames.get(type.headers) ?? 0).toBeLessThanOrEqual(250);
  }));

test.each([
  ["an upper-case name", header("X-A", "b")],
  ["a header of the connection", header("transfer-encoding", "chunked")],
  ["a pseudo header after others", Buffer.concat([header("x-a", "b"), header(":path", "/x")])],
  ["a pseudo header twice", header(":method", "DELETE")],
  ["an unknown pseudo header", header(":protocol-x", "y")],
  ["a length that its data do not have", header("content-length", "100")],
])("a request with %s is no request", (_what, extra) =>
  attack(async (peer) => {
    const block = Buffer.concat([requestBlock("/livez"), extra]);
    await peer.send(frame(type.headers, flag.both, 1, block));
    await peer.send(frame(type.ping, 0, 0, Buffer.alloc(8)));
    await peer.ended(300);
    expect(peer.seen.frames.get(type.data) ?? 0).toBe(0);
    expect(peer.closed || peer.seen.resets.length > 0).toBe(true);
  }),
);
