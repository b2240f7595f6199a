import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../../test/kit/eventually.ts";
import { type Lighthouse, startLighthouse } from "../../test/kit/lighthouse.ts";
import { openBenchClient } from "./api-client.ts";
import type { Figure } from "./figure.ts";
import { guarded } from "./interrupts.ts";
import { cpuSeconds, residentMb } from "./process-usage.ts";
import { inParallel } from "./raw-engine.ts";
import { scratchDir } from "./world.ts";

const agents = 2_000;
const perProcess = 1_000;
const prefix = "fleet-";
const program = join(import.meta.dirname, "tunnel-agents.ts");
/** A server that has nothing to do gives memory back within this time. */
const settleMs = 13_000;
const stormTimeoutMs = 120_000;

type Note = (line: string) => void;

async function startAgents(
  server: Lighthouse,
  pki: string,
  first: number,
): Promise<AsyncDisposable> {
  const argv = [program, server.url, pki, prefix, String(first), String(perProcess)];
  const command = ["--pdeathsig", "TERM", process.execPath, ...argv];
  const child = spawn("setpriv", command, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  await once(lines, "line");
  return {
    async [Symbol.asyncDispose]() {
      const exited = once(child, "exit");
      child.stdin.end();
      const late = setTimeout(() => child.kill("SIGKILL"), 15_000);
      await exited;
      clearTimeout(late);
    },
  };
}

type Asking = { readonly kubeconfig: string };

/** How many tunnels the server says that it holds. */
async function tunnelsOf({ kubeconfig }: Asking): Promise<number> {
  await using client = await openBenchClient(kubeconfig, 1);
  const text = await client.send("GET", "/metrics");
  return Number(/^lighthouse_tunnels (\d+)/m.exec(text)?.[1] ?? 0);
}

/** Seconds until all are connected. */
async function secondsUntilAll(server: Asking): Promise<number> {
  const begun = performance.now();
  const patience = { timeoutMs: stormTimeoutMs, intervalMs: 250 };
  await eventually(
    "all agents are connected",
    async () => (await tunnelsOf(server)) === agents,
    patience,
  );
  return (performance.now() - begun) / 1_000;
}

async function createBeacons(kubeconfig: string): Promise<void> {
  await using client = await openBenchClient(kubeconfig, 16);
  const names = Array.from({ length: agents }, (_, at) => `${prefix}${at}`);
  await inParallel(names, 16, async (name) => {
    const beacon = {
      apiVersion: "lighthouse.dev/v1",
      kind: "Beacon",
      metadata: { name },
      spec: {},
    };
    const text = JSON.stringify(beacon);
    await client.send("POST", "/apis/lighthouse.dev/v1/beacons", { text });
  });
}

/** 2,000 agents on one API server: what a tunnel costs, and how they all come back after a restart. */
export async function tunnelFleet(note: Note): Promise<readonly Figure[]> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(guarded(await scratchDir()));
  const options = {
    command: "server",
    dataDir: dir.path,
    docker: [],
    args: ["--log-level=error"],
  } as const;
  let server = await startLighthouse(options);
  stack.use(guarded({ [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }));
  await createBeacons(server.kubeconfig);
  await sleep(settleMs);
  const before = await residentMb(server.pid);
  const pki = join(dir.path, "pki");
  for (let first = 0; first < agents; first += perProcess)
    stack.use(guarded(await startAgents(server, pki, first)));
  note(`the first storm: ${(await secondsUntilAll(server)).toFixed(1)} s`);
  await sleep(settleMs);
  const kib = (((await residentMb(server.pid)) - before) * 1e6) / 1_024 / agents;
  const busy = await cpuSeconds(server.pid);
  await sleep(10_000);
  const idle = ((await cpuSeconds(server.pid)) - busy) * 10;
  note(`a tunnel: ${kib.toFixed(0)} KiB; all of them idle: ${idle.toFixed(1)} % of a core`);
  const { host } = new URL(server.url);
  const storms: number[] = [];
  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    await server.stop(signal);
    server = await startLighthouse({ ...options, listen: host });
    storms.push(await secondsUntilAll(server));
    note(`the storm after ${signal}: ${storms.at(-1)?.toFixed(1)} s`);
  }
  const what = `${agents} agents on one API server`;
  return [
    {
      what: `${what}: all connected after a restart`,
      value: Math.max(...storms),
      unit: "s",
      atMost: 30,
      from: `killed ${storms[0]?.toFixed(1)} s, stopped ${storms[1]?.toFixed(1)} s`,
    },
    { what: `${what}: resident memory of a tunnel`, value: kib, unit: "KiB", atMost: 100 },
    { what: `${what}: idle, share of one core`, value: idle, unit: "%" },
  ];
}
