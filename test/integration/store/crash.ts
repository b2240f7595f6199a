import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished } from "vitest";
import type { Revision, Store } from "../../../api/store/store.ts";
import { collect, text } from "../../conformance/store-kit.ts";
import { eventually } from "../../kit/eventually.ts";

/** Acknowledged writes: per writer, the revision of each count. */
export type Acknowledged = ReadonlyMap<number, ReadonlyMap<number, Revision>>;

/** A process that writes without pause and notes what was acknowledged. */
export interface Writer {
  /** All that was acknowledged so far. */
  acknowledged(): Promise<Acknowledged>;
  /** Ends it in the middle of its writes with SIGKILL. */
  kill(): Promise<void>;
}

/** Runs a command as process 1 of a pid namespace, as a container does; needs root. */
export const contained = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"] as const;

/**
 * Starts 64 writers in a process of their own and waits for `count` acknowledgements. `wrapper`
 * is a command that runs the process, e.g. {@link contained}.
 */
export async function startWriter(
  url: string,
  count: number,
  wrapper: readonly string[] = [],
): Promise<Writer> {
  const script = fileURLToPath(new URL("writer.ts", import.meta.url));
  const dir = await mkdtemp(join(tmpdir(), "lighthouse-writer-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const file = join(dir, "acknowledged");
  const [command, ...args] = [...wrapper, process.execPath, script, url, file];
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  let complaints = "";
  child.stderr.on("data", (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  const closed = once(child, "close");
  const writer = {
    acknowledged: () => readAcknowledged(file),
    async kill() {
      child.kill("SIGKILL");
      await closed;
    },
  };
  onTestFinished(() => writer.kill());
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const started = async (): Promise<boolean> => ended() || (await readLines(file)).length >= count;
  await eventually(`${count} acknowledged writes`, started, { timeoutMs: 60_000 });
  if (!ended()) return writer;
  await closed;
  throw new Error(`Writer ended: ${complaints}`);
}

async function readLines(file: string): Promise<readonly string[]> {
  return (await readFile(file, "utf8")).split("\n").slice(0, -1); // a last line may be cut short
}

async function readAcknowledged(file: string): Promise<Acknowledged> {
  const acknowledged = new Map<number, Map<number, Revision>>();
  for (const line of await readLines(file)) {
    const [writer = 0, value = 0, at = 0] = line.split(" ").map(Number);
    const known = acknowledged.get(writer) ?? new Map<number, Revision>();
    acknowledged.set(writer, known.set(value, at));
  }
  return acknowledged;
}

/**
 * Compares a store with what its writers were told: every acknowledged write is in the history at
 * its revision, each writer's counts are there once and in order, and nothing goes beyond the one
 * write that each had under way.
 */
export async function expectNothingLost(
  store: Store,
  acknowledged: Acknowledged,
  since: Revision,
): Promise<void> {
  const { revision } = await store.head();
  const events = await collect(
    store.watch("/crash/", since, new AbortController().signal),
    (_, covered) => covered >= revision,
  );
  const found = new Map<number, Map<number, Revision>>();
  for (const { key, value, previous, at } of events) {
    const writer = Number(key.slice("/crash/".length));
    const count = Number(text(value));
    expect(Number(text(previous) ?? 0), `${key} at ${at} skipped a count`).toBe(count - 1);
    const known = found.get(writer) ?? new Map<number, Revision>();
    expect(known.has(count), `${key} counted ${count} twice`).toBe(false);
    found.set(writer, known.set(count, at));
  }
  for (const [writer, counts] of acknowledged) {
    for (const [count, at] of counts) {
      expect(found.get(writer)?.get(count), `writer ${writer} was told of ${count}`).toBe(at);
    }
  }
  for (const { key, value } of (await store.list({ prefix: "/crash/" })).entries) {
    const counts = acknowledged.get(Number(key.slice("/crash/".length)));
    const told = Math.max(0, ...(counts?.keys() ?? []));
    expect(Number(text(value)), `${key} was never written`).toBeLessThanOrEqual(told + 1);
  }
}
