import { type ClientHttp2Session, connect } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import type { Duplex } from "node:stream";
import { eventually } from "../../test/kit/eventually.ts";
import type { Figure } from "./figure.ts";
import { guarded } from "./interrupts.ts";
import { residentMb } from "./process-usage.ts";
import { inParallel } from "./raw-engine.ts";
import { directWay, tunnelWay } from "./tunnel-ways.ts";
import { startTunnelWorld, type TunnelWorld } from "./tunnel-world.ts";

const containers = 100;
const streams = 1_000;
const perSession = 200;
const lines = 20;
const pings = 200;
/** An agent that has nothing to do gives memory back within this time. */
const settleMs = 15_000;
const talker = "talker";

type Note = (line: string) => void;

function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

async function idleAgent(world: TunnelWorld): Promise<Figure> {
  const names = Array.from({ length: containers }, (_, at) => `idle-${at}`);
  await inParallel(names, 8, async (name) => void (await world.runPod(name)));
  await sleep(settleMs);
  return {
    what: `idle agent with ${containers} containers: resident memory`,
    value: await residentMb(world.agent.pid),
    unit: "MB",
    atMost: 90,
  };
}

/** A Pod whose main process repeats its input: the writer's end of its log. */
async function openTalker(world: TunnelWorld): Promise<Duplex> {
  const pod = await world.runPod(talker, { command: ["cat"], stdin: true });
  const id = pod.status?.containerStatuses?.[0]?.containerID?.replace("docker://", "") ?? "";
  using way = directWay(world.engine);
  const path = `/containers/${id}/attach?stream=1&stdin=1`;
  return await way.hijack({ method: "POST", path });
}

type Followers = Disposable & { readonly times: readonly number[] };

/** Follows the log so many times; each line is the moment when it was written, of the clock that all processes share. */
async function follow({ access }: TunnelWorld): Promise<Followers> {
  const { host, port, ca, cert, key } = access;
  const times: number[] = [];
  const sessions: ClientHttp2Session[] = [];
  const path = `/api/v1/namespaces/default/pods/${talker}/log?follow=true&tailLines=0`;
  for (let opened = 0; opened < streams; opened += perSession) {
    const session = connect(`https://${host}:${port}`, { ca, cert, key });
    sessions.push(session);
    const some = Array.from({ length: perSession }, (_, at) => at);
    await inParallel(some, 20, async () => {
      const stream = session.request({ ":path": path });
      stream.on("error", () => undefined); // the bench ends
      await new Promise((resolve, reject) =>
        stream.once("response", resolve).once("error", reject),
      );
      stream.setEncoding("latin1").on("data", (text: string) => {
        const now = performance.timeOrigin + performance.now();
        for (const line of text.trim().split("\n")) times.push(now - Number(line));
      });
    });
  }
  return {
    times,
    [Symbol.dispose]() {
      for (const session of sessions) session.destroy();
    },
  };
}

async function manyStreams(world: TunnelWorld, note: Note): Promise<readonly Figure[]> {
  const talk = await openTalker(world);
  using followers = await follow(world);
  note(`${streams} streams are open`);
  await sleep(2_000);
  for (let line = 0; line < lines; line++) {
    talk.write(`${performance.timeOrigin + performance.now()}\n`);
    await sleep(250);
  }
  const all = streams * lines;
  await eventually("every line came", () => followers.times.length >= all, { timeoutMs: 60_000 });
  using way = tunnelWay(world.access, world.node);
  const asked: number[] = [];
  for (let at = 0; at < pings; at++) {
    const begun = performance.now();
    await way.ask({ path: "/_ping" });
    asked.push(performance.now() - begun);
  }
  talk.destroy();
  const what = `${streams} streams on one tunnel`;
  return [
    {
      what: `${what}: a small request beside, p99`,
      value: quantile(asked, 0.99),
      unit: "ms",
      atMost: 100,
      from: `p50 ${quantile(asked, 0.5).toFixed(1)} ms`,
    },
    {
      what: `${what}: a line to all of them at once, p99`,
      value: quantile(followers.times, 0.99),
      unit: "ms",
      from: `p50 ${quantile(followers.times, 0.5).toFixed(0)} ms`,
    },
  ];
}

/** What an idle agent costs, and what a thousand streams of one tunnel do to each other. */
export async function tunnelStreams(note: Note): Promise<readonly Figure[]> {
  await using world = guarded(await startTunnelWorld());
  const idle = await idleAgent(world);
  return [idle, ...(await manyStreams(world, note))];
}
