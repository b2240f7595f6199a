import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { startLighthouse } from "../../test/kit/lighthouse.ts";
import { openBenchClient } from "./api-client.ts";
import type { Section } from "./figure.ts";
import { storePods } from "./stored-pods.ts";
import { scratchDir } from "./world.ts";

const pods = 100_000;

/** Private memory in bytes: what a file maps in is the page cache's, and goes when it must. */
async function privateBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1]) * 1_024;
}

/** What the server settles at: the least of some looks, as garbage comes and goes. */
async function settled(pid: number): Promise<number> {
  let least = Infinity;
  for (let look = 0; look < 8; look++) {
    await sleep(1_000);
    least = Math.min(least, await privateBytes(pid));
  }
  return least;
}

async function serverBytes(
  count: number,
): Promise<{ readonly bytes: number; readonly stored: number; readonly listed: number }> {
  await using dir = await scratchDir();
  const stored = await storePods(dir.path, count);
  const options = { command: "server", dataDir: dir.path, docker: [] } as const;
  await using server = await startLighthouse({ ...options, args: ["--log-level=warn"] });
  const bytes = await settled(server.pid);
  await using client = await openBenchClient(server.kubeconfig, 1);
  // A selector looks into every object: what stays of that is memory too.
  await client.send("GET", "/api/v1/pods?labelSelector=app%3Dapp-1");
  return { bytes, stored, listed: await settled(server.pid) };
}

/** Memory of an API server with 100,000 Pods stored, above that of an empty one. */
export const benchMemory: Section = async (note) => {
  const empty = await serverBytes(0);
  note(`empty: ${(empty.bytes / 1e6).toFixed(0)} MB`);
  const full = await serverBytes(pods);
  note(
    `${pods} Pods of ${Math.round(full.stored / pods)} bytes: ${(full.bytes / 1e6).toFixed(0)} MB`,
  );
  const each = (bytes: number, idle: number): number => (bytes - idle) / pods / 1_024;
  const what = "memory of a stored Pod in the API server";
  const size = `${(full.stored / pods / 1_024).toFixed(1)} KiB each`;
  return [
    { what, value: each(full.bytes, empty.bytes), unit: "KiB", atMost: 6, from: size },
    {
      what: `${what}, after a list with a selector`,
      value: each(full.listed, empty.listed),
      unit: "KiB",
      atMost: 6,
    },
  ];
};
