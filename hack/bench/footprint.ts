import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AnyObject } from "../../api/machinery/object.ts";
import { run } from "../../test/kit/run.ts";
import { benchApplication, sentApplications, untilReady } from "./application.ts";
import { median } from "./durable-writes.ts";
import type { Figure, Section } from "./figure.ts";
import { cpuSeconds, residentMb } from "./process-usage.ts";
import { startWorld, type World } from "./world.ts";

const repeats = 10;
const restarts = 3;
const idleMs = 10_000;
/** What a start or a rollout sets going may end first. */
const settleMs = 20_000;
const program = join(import.meta.dirname, "..", "..", "cli", "lighthouse.mjs");

/** Milliseconds of one `lighthouse get app`, from spawn to exit. */
async function getAppMs(kubeconfig: string, cacheDir: string): Promise<number> {
  const env = { KUBECONFIG: kubeconfig, NODE_COMPILE_CACHE: cacheDir };
  const begun = performance.now();
  const { code, stderr } = await run([process.execPath, program, "get", "app"], { env });
  if (code !== 0) throw new Error(`lighthouse get app ended with ${code}: ${stderr}`);
  return performance.now() - begun;
}

/** The yardstick of a cold start: Node.js itself doing nothing. */
async function bareNodeMs(): Promise<number> {
  const begun = performance.now();
  await run([process.execPath, "-e", "0"]);
  return performance.now() - begun;
}

async function coldStarts(world: World): Promise<readonly Figure[]> {
  const { kubeconfig } = world.lighthouse();
  const cacheDir = join(world.dataDir, "compile-cache");
  await getAppMs(kubeconfig, cacheDir); // fills the file cache and the compile cache
  const times = { warm: [] as number[], cold: [] as number[], bare: [] as number[] };
  for (let i = 0; i < repeats; i++) {
    times.bare.push(await bareNodeMs());
    times.warm.push(await getAppMs(kubeconfig, cacheDir));
    const emptyCache = join(world.dataDir, `compile-cache-${i}`);
    times.cold.push(await getAppMs(kubeconfig, emptyCache));
    await rm(emptyCache, { recursive: true, force: true });
  }
  const seconds = (list: readonly number[]): number => median(list) / 1_000;
  const what = "lighthouse get app from a cold start";
  return [
    { what, value: seconds(times.warm), unit: "s", atMost: 0.4 },
    { what: `${what}, first run ever`, value: seconds(times.cold), unit: "s" },
    { what: "node -e 0, for comparison", value: seconds(times.bare), unit: "s" },
  ];
}

async function readyLines(world: World): Promise<Figure> {
  const times: number[] = [];
  for (let i = 0; i < restarts; i++) times.push((await world.restart()).readyMs / 1_000);
  const what = "ready line after a start on existing data";
  return { what, value: median(times), unit: "s", atMost: 2 };
}

async function idle(world: World, note: (line: string) => void): Promise<readonly Figure[]> {
  const { pid } = world.lighthouse();
  note(`leaving it alone for ${(settleMs + idleMs) / 1_000} s`);
  await sleep(settleMs);
  const before = await cpuSeconds(pid);
  await sleep(idleMs);
  const cpu = ((await cpuSeconds(pid)) - before) / (idleMs / 1_000);
  return [
    {
      what: "idle lighthouse up: resident memory",
      value: await residentMb(pid),
      unit: "MB",
      atMost: 200,
    },
    { what: "idle lighthouse up: share of one core", value: 100 * cpu, unit: "%", atMost: 2 },
  ];
}

/** Memory, start-up times and idle work of `lighthouse up` with a small Application. */
export const benchFootprint: Section = async (note) => {
  await using world = await startWorld();
  const sent = benchApplication("web", 3, "host");
  await world.client.create<AnyObject>(sentApplications, sent);
  await untilReady(world.client, "web");
  const cold = await coldStarts(world);
  const afterWork = await idle(world, note);
  const ready = await readyLines(world);
  return [...cold, ready, ...afterWork];
};
