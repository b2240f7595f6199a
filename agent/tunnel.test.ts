import { type Duplex, duplexPair } from "node:stream";
import { expect, test } from "vitest";
import { unavailable } from "../api/machinery/errors.ts";
import type { DialTarget } from "../api/tunnel/dial.ts";
import { type HubEnd, openHubEnd } from "../api/tunnel/hub-end.ts";
import { createServedNodes } from "../api/tunnel/served-nodes.ts";
import { manualClock, settle } from "../test/kit/clock.ts";
import { eventually } from "../test/kit/eventually.ts";
import { answerOf, bytesOf, callTo } from "../test/kit/tunnel.ts";
import { keepTunnel } from "./tunnel.ts";

const target: DialTarget = {
  server: "https://s",
  path: "/",
  what: "the tunnel",
  credentials: async () => ({}),
};
const never = new AbortController().signal;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A server in memory that may be away. */
function fakeServer(clock: ReturnType<typeof manualClock>) {
  const dialledAtMs: number[] = [];
  const hubs: HubEnd[] = [];
  let away = false;
  return {
    dialledAtMs,
    hubs,
    setAway: (value: boolean) => {
      away = value;
    },
    dial: async () => {
      dialledAtMs.push(clock.nowMs());
      if (away) throw unavailable("it is away");
      const [near, far]: readonly [Duplex, Duplex] = duplexPair();
      near.once("close", () => far.destroy());
      far.once("close", () => near.destroy());
      void openHubEnd(far, { what: "the tunnel", clock }).then((hub) => hubs.push(hub));
      return { socket: near, by: "upgrade" as const };
    },
  };
}

function rig() {
  const clock = manualClock();
  const server = fakeServer(clock);
  const nodes = createServedNodes();
  nodes.serve("n1", async () => answerOf("here"));
  const stop = new AbortController();
  const run = () =>
    keepTunnel(
      { target, nodes, clock, log: silent, random: () => 1, dial: server.dial },
      stop.signal,
    );
  return { clock, server, stop, run };
}

test("keepTunnel() dials again with waits that grow, and begins anew after a stable tunnel", async () => {
  const { clock, server, stop, run } = rig();
  const startMs = clock.nowMs();
  server.setAway(true);
  const running = run();
  for (let at = 0; at < 8; at += 1) await clock.next();
  const waits = server.dialledAtMs.map((ms, at) => ms - (server.dialledAtMs[at - 1] ?? startMs));
  expect(waits).toEqual([0, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  server.setAway(false);
  await clock.next();
  const hub = await eventually("it is open", () => server.hubs[0]);
  const answer = await hub.handler("n1")(callTo("/a"), never);
  expect((await bytesOf(answer.body)).toString()).toBe("here");
  await clock.advance(20_000);
  const before = server.dialledAtMs.length;
  await hub.close("the test says so", 0);
  await settle();
  await clock.advance(500);
  expect(server.dialledAtMs.length).toBe(before + 1);
  await eventually("it is open again", () => server.hubs.length === 2);
  stop.abort();
  await running;
  await server.hubs[1]?.closed;
});

test("keepTunnel() has a new tunnel while calls of the old one go on", async () => {
  const { clock, server, stop, run } = rig();
  const running = run();
  const first = await eventually("it is open", () => server.hubs[0]);
  const answer = await first.handler("n1")(callTo("/a"), never);
  void first.close("the server restarts", 60_000); // ends with the call
  await settle();
  await clock.advance(500);
  const second = await eventually("another is open", () => server.hubs[1]);
  expect((await bytesOf(answer.body)).toString()).toBe("here");
  const again = await second.handler("n1")(callTo("/a"), never);
  expect((await bytesOf(again.body)).toString()).toBe("here");
  stop.abort();
  await running;
});
