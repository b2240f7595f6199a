import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { writeFile } from "node:fs/promises";
import { type Lighthouse, startLighthouse } from "../../test/kit/lighthouse.ts";
import { openBenchClient } from "./api-client.ts";
import type { Figure, Section } from "./figure.ts";
import { cpuSeconds, residentMb } from "./process-usage.ts";
import { scratchDir } from "./world.ts";

/** A server that has nothing to do gives memory back within this time. */
const settleMs = 13_000;
const perSecond = 100;
const seconds = 4;
const warmUpSeconds = 3;
const clientsProgram = join(import.meta.dirname, "watch-clients.ts");
const rawServer = join(import.meta.dirname, "raw-api-server.ts");
const maps = "/api/v1/namespaces/default/configmaps";
const padding = "x".repeat(800); // with its metadata an event comes to 1 KiB

type Report = { readonly lines: number; readonly p50: number; readonly p99: number };
type Watchers = AsyncDisposable & { report(): Promise<Report> };

/** Lines of a child, one at a time. */
function linesOf(child: ChildProcess): () => Promise<string> {
  const { stdout } = child;
  if (stdout === null) throw new Error("The child has no output");
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  return async () => {
    const next = await lines.next();
    if (next.done === true) throw new Error("A process of the bench ended early");
    return next.value;
  };
}

async function openWatchers(
  kubeconfig: string,
  target: { readonly server: string; readonly path: string },
  count: number,
): Promise<Watchers> {
  const argv = [clientsProgram, kubeconfig, target.server, target.path, String(count)];
  const child = spawn(process.execPath, argv, { stdio: ["pipe", "pipe", "inherit"] });
  const line = linesOf(child);
  await line();
  return {
    async report() {
      child.stdin.write("report\n");
      return JSON.parse(await line()) as Report;
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end("end\n");
      await once(child, "exit");
    },
  };
}

const sent = (): string => String(process.hrtime.bigint());
type Write = () => Promise<unknown>;

/** Writes at a steady pace, whatever the answers take. */
async function writeSteadily(write: Write, durationS: number): Promise<number> {
  const begun = performance.now();
  const writes: Promise<unknown>[] = [];
  for (let i = 0; i < perSecond * durationS; i++) {
    const early = begun + (i * 1_000) / perSecond - performance.now();
    if (early > 0) await sleep(early);
    writes.push(write());
  }
  await Promise.all(writes);
  return writes.length;
}

type Side = {
  readonly pid: number;
  readonly target: { readonly server: string; readonly path: string };
  readonly write: Write;
};
type Outcome = Report & { readonly cpuUs: number; readonly delivered: number };

async function measure(kubeconfig: string, side: Side, count: number): Promise<Outcome> {
  await using watchers = await openWatchers(kubeconfig, side.target, count);
  // A server that has just started compiles while it works: that is not what is asked here.
  await writeSteadily(side.write, warmUpSeconds);
  await sleep(2_000);
  await watchers.report();
  const before = await cpuSeconds(side.pid);
  const writes = await writeSteadily(side.write, seconds);
  let lines = 0;
  let last: Report = { lines: 0, p50: 0, p99: 0 };
  for (let look = 0; look < 20 && lines < writes * count; look++) {
    await sleep(250);
    const seen = await watchers.report();
    if (seen.lines > 0 && look === 0) last = seen;
    last = { ...last, p99: Math.max(last.p99, seen.p99) };
    lines += seen.lines;
  }
  const cpuUs = (((await cpuSeconds(side.pid)) - before) * 1e6) / Math.max(lines, 1);
  return { ...last, cpuUs, delivered: lines / (writes * count) };
}

async function startRaw(dataDir: string): Promise<AsyncDisposable & { pid: number; url: string }> {
  const file = join(dataDir, "nothing");
  await writeFile(file, "{}");
  const argv = [rawServer, join(dataDir, "pki"), file];
  const child = spawn(process.execPath, argv, { stdio: ["pipe", "pipe", "inherit"] });
  const url = `https://127.0.0.1:${await linesOf(child)()}`;
  return {
    pid: child.pid ?? 0,
    url,
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await once(child, "exit");
    },
  };
}

function apiSide(server: Lighthouse, client: Awaited<ReturnType<typeof openBenchClient>>): Side {
  let next = 0;
  const write: Write = () => {
    const name = `fan-out-${next++ % 10}`;
    const text = JSON.stringify({ metadata: { name }, data: { sent: sent(), padding } });
    return client.send("PUT", `${maps}/${name}`, { text });
  };
  const path = `${maps}?watch=1&resourceVersion=0&allowWatchBookmarks=true`;
  return { pid: server.pid, target: { server: server.url, path }, write };
}

async function idleWatchKb(server: Lighthouse, count: number): Promise<number> {
  const target = { server: server.url, path: "/api/v1/nodes?watch=1&allowWatchBookmarks=true" };
  // The first ones also pay for code that is compiled and heaps that grow.
  await using _warm = await openWatchers(server.kubeconfig, target, 200);
  await sleep(settleMs);
  const before = await residentMb(server.pid);
  await using _idle = await openWatchers(server.kubeconfig, target, count);
  await sleep(settleMs);
  return (((await residentMb(server.pid)) - before) * 1e6) / 1_024 / count;
}

async function figuresFor(
  count: number,
  sides: { readonly kubeconfig: string; readonly ours: Side; readonly raw: Side },
  note: Parameters<Section>[0],
): Promise<readonly Figure[]> {
  const raw = await measure(sides.kubeconfig, sides.raw, count);
  const ours = await measure(sides.kubeconfig, sides.ours, count);
  const shown = ({ p50, p99, cpuUs, delivered }: Outcome): string =>
    `p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, ${cpuUs.toFixed(1)} us/event, ` +
    `${(delivered * 100).toFixed(0)} % delivered`;
  note(`${count} watchers, raw: ${shown(raw)}`);
  note(`${count} watchers, ours: ${shown(ours)}`);
  const what = `${perSecond} writes/s to ${count} watchers`;
  const target = count === 1_000 ? { atMost: 100 } : {};
  return [
    { what: `${what}: p99 from write to event`, value: ours.p99, unit: "ms", ...target },
    {
      what: `${what}: processor time of an event, API / bare HTTPS`,
      value: ours.cpuUs / raw.cpuUs,
      unit: "x",
      from: `${ours.cpuUs.toFixed(1)} us / ${raw.cpuUs.toFixed(1)} us`,
    },
  ];
}

/** One writer and many watchers: latency, processor time and memory, against bare HTTPS. */
export const benchFanOut: Section = async (note) => {
  await using dir = await scratchDir();
  const options = { command: "server", dataDir: dir.path, docker: [] } as const;
  await using server = await startLighthouse({ ...options, args: ["--log-level=warn"] });
  await using client = await openBenchClient(server.kubeconfig, 16);
  await using raw = await startRaw(dir.path);
  await using rawClient = await openBenchClient(server.kubeconfig, 16, raw.url);
  const ours = apiSide(server, client);
  for (let i = 0; i < 10; i++) {
    const text = JSON.stringify({ metadata: { name: `fan-out-${i}` }, data: { padding } });
    await client.send("POST", maps, { text });
  }
  const rawWrite: Write = () => {
    const object = {
      kind: "ConfigMap",
      metadata: { name: "raw" },
      data: { sent: sent(), padding },
    };
    const text = `${JSON.stringify({ type: "MODIFIED", object })}\n`;
    return rawClient.send("POST", "/publish", { text });
  };
  const bare: Side = {
    pid: raw.pid,
    target: { server: raw.url, path: "/watch" },
    write: rawWrite,
  };
  const sides = { kubeconfig: server.kubeconfig, ours, raw: bare };
  const kb = await idleWatchKb(server, 2_000);
  note(`memory of an idle watch: ${kb.toFixed(1)} KiB`);
  return [
    { what: "memory of an idle watch", value: kb, unit: "KiB", atMost: 20 },
    ...(await figuresFor(1_000, sides, note)),
    ...(await figuresFor(5_000, sides, note)),
  ];
};
