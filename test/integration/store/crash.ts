import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { Revision, Store } from "../../../api/store/store.ts";
import { collect, text } from "../../conformance/store-kit.ts";
import { eventually } from "../../kit/eventually.ts";

/** Acknowledged writes: per writer, the revision of each count. */
export type Acknowledged = ReadonlyMap<number, ReadonlyMap<number, Revision>>;

/** A process that writes without pause and prints what was acknowledged. */
export interface Writer {
  readonly acknowledged: Acknowledged;
  /** How many writes were acknowledged so far. */
  readonly count: number;
  /** Ends it in the middle of its writes with SIGKILL and reads its last lines. */
  kill(): Promise<void>;
  /** What it wrote to standard error: all there is when it ended by itself. */
  readonly complaints: string;
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
  const [command, ...args] = [...wrapper, process.execPath, script, url];
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  const writer = observe(child);
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
  try {
    const started = (): boolean => ended() || writer.count >= count;
    await eventually(`${count} acknowledged writes`, started, { timeoutMs: 60_000 });
    if (ended()) throw new Error(`Writer ended: ${writer.complaints}`);
  } catch (err) {
    await writer.kill();
    throw err;
  }
  return writer;
}

function observe(child: ChildProcess): Writer {
  const acknowledged = new Map<number, Map<number, Revision>>();
  let count = 0;
  let complaints = "";
  if (child.stdout === null || child.stderr === null) throw new Error("writer without pipes");
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    const [writer, value, at] = line.split(" ").map(Number);
    if (writer === undefined || value === undefined || at === undefined) return;
    const known = acknowledged.get(writer) ?? new Map<number, Revision>();
    acknowledged.set(writer, known.set(value, at));
    count += 1;
  });
  child.stderr.on("data", (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  const ended = Promise.all([once(child, "exit"), once(lines, "close")]);
  return {
    acknowledged,
    get count() {
      return count;
    },
    get complaints() {
      return complaints;
    },
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
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
