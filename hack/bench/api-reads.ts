import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { Agent, get } from "node:https";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { loadKubeconfig } from "../../api/client/kubeconfig.ts";
import { startLighthouse } from "../../test/kit/lighthouse.ts";
import { median } from "./durable-writes.ts";
import type { Figure, Section } from "./figure.ts";
import { podName, storePods } from "./stored-pods.ts";
import { scratchDir } from "./world.ts";

const pods = 10_000;
const rounds = 5;
const rawServer = join(import.meta.dirname, "raw-api-server.ts");
const listerProgram = join(import.meta.dirname, "list-reader.ts");

type Tls = { readonly ca: string; readonly cert: string; readonly key: string };
type Timed = { readonly firstByteMs: number; readonly totalMs: number; readonly bytes: number };

async function tlsOf(kubeconfig: string): Promise<Tls> {
  const { config } = await loadKubeconfig({ path: kubeconfig });
  const { ca = "", credentials } = config;
  const who = typeof credentials === "function" ? await credentials() : credentials;
  return { ca, cert: who?.clientCert ?? "", key: who?.clientKey ?? "" };
}

/** Reads an answer without keeping it, unless asked to. */
function read(agent: Agent, url: string, keep?: Buffer[]): Promise<Timed> {
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    const headers = { accept: "application/json" };
    const request = get(url, { agent, headers }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${url} answered ${response.statusCode}`));
      let firstByteMs = 0;
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        if (bytes === 0) firstByteMs = performance.now() - begun;
        bytes += chunk.length;
        keep?.push(chunk);
      });
      response.on("end", () => {
        resolve({ firstByteMs, totalMs: performance.now() - begun, bytes });
      });
      response.on("error", reject);
    });
    request.on("error", reject);
  });
}

/** How long small requests take, one after the other, until the work is done. */
async function probeWhile(
  agent: Agent,
  url: string,
  work: Promise<unknown>,
): Promise<readonly number[]> {
  const times: number[] = [];
  const done = new AbortController();
  const ended = work.finally(() => done.abort());
  do times.push((await read(agent, url)).totalMs);
  while (!done.signal.aborted);
  await ended;
  return times.toSorted((a, b) => a - b);
}

/** Reads the list again and again on a thread of its own. */
async function listOnThread(tls: Tls, url: string, times: number): Promise<void> {
  const worker = new Worker(listerProgram, { workerData: { ...tls, url, times } });
  const [code] = (await once(worker, "exit")) as [number];
  if (code !== 0) throw new Error(`The reader of lists ended with ${code}`);
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

/** LIST of 10,000 Pods: first byte, what it costs others, and bare HTTPS sending the same bytes. */
export const benchApiReads: Section = async (note) => {
  await using dir = await scratchDir();
  await storePods(dir.path, pods);
  const options = { command: "server", dataDir: dir.path, docker: [] } as const;
  await using server = await startLighthouse({ ...options, args: ["--log-level=warn"] });
  const tls = await tlsOf(server.kubeconfig);
  const agent = new Agent({ ...tls, keepAlive: true });
  const list = `${server.url}/api/v1/pods`;
  const chunks: Buffer[] = [];
  await read(agent, list, chunks);
  const file = join(dir.path, "list.json");
  await writeFile(file, Buffer.concat(chunks));
  const argv = [rawServer, join(dir.path, "pki"), file];
  const child = spawn(process.execPath, argv, { stdio: ["pipe", "pipe", "inherit"] });
  const [port] = (await once(child.stdout, "data")) as [Buffer];
  const raw = `https://127.0.0.1:${port.toString().trim()}/list`;
  try {
    const ours: Timed[] = [];
    const bare: Timed[] = [];
    for (let round = 0; round < rounds; round++) {
      bare.push(await read(agent, raw));
      ours.push(await read(agent, list));
    }
    const small = `${server.url}/api/v1/namespaces/default/pods/${podName(7)}`;
    const idle = await probeWhile(agent, small, new Promise((done) => setTimeout(done, 2_000)));
    const busy = await probeWhile(agent, small, listOnThread(tls, list, 20));
    const selected = `${list}?labelSelector=app%3Dapp-1`;
    const looking = await probeWhile(agent, small, listOnThread(tls, selected, 20));
    note(
      `GET beside nothing: p50 ${at(idle, 0.5).toFixed(1)} ms, p99 ${at(idle, 0.99).toFixed(1)} ms`,
    );
    note(`beside lists: p50 ${at(busy, 0.5).toFixed(1)} ms, p99 ${at(busy, 0.99).toFixed(1)} ms`);
    note(
      `beside selections: p50 ${at(looking, 0.5).toFixed(1)} ms, p99 ${at(looking, 0.99).toFixed(1)} ms`,
    );
    return [
      ...listFigures(ours, bare),
      waitFigure("lists of 10,000 Pods", busy),
      waitFigure("selections from 10,000 Pods", looking),
    ];
  } finally {
    agent.destroy();
    child.stdin.end();
    await once(child, "exit");
  }
};

function waitFigure(beside: string, times: readonly number[]): Figure {
  const what = `GET of one Pod beside ${beside}: p99`;
  return { what, value: at(times, 0.99), unit: "ms", atMost: 20 };
}

function listFigures(ours: readonly Timed[], bare: readonly Timed[]): readonly Figure[] {
  const total = (all: readonly Timed[]): number => median(all.map(({ totalMs }) => totalMs));
  const megabytes = (ours[0]?.bytes ?? 0) / 1e6;
  return [
    {
      what: "LIST of 10,000 Pods: first byte",
      value: median(ours.map(({ firstByteMs }) => firstByteMs)),
      unit: "ms",
      atMost: 50,
      from: `${megabytes.toFixed(0)} MB`,
    },
    {
      what: "LIST of 10,000 Pods: whole / bare HTTPS sending the same bytes",
      value: total(ours) / total(bare),
      unit: "x",
      from: `${total(ours).toFixed(0)} ms / ${total(bare).toFixed(0)} ms`,
    },
  ];
}
