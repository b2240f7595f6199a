import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../api/client/client.ts";
import { linesOf } from "../../api/client/watch-stream.ts";
import { isUnavailable } from "../../api/machinery/errors.ts";
import { objectPath } from "../../api/machinery/gvk.ts";
import type { ObjectKey } from "../../api/machinery/object.ts";
import { applications } from "../../api/machinery/resources.ts";
import type { RolloutLine, RolloutVerdict } from "../../crds/rollout-stream.ts";
import type { Call } from "../command.ts";
import { exitCode } from "../exit-code.ts";
import { bounded } from "./bounded.ts";

/** How long a server that is away is left alone before it is asked again. Milliseconds. */
const retryMs = 300;

/** The lines of one connection, until the server or the network ends it. */
async function* connected(
  client: Pick<Client, "raw">,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  try {
    const { body } = await client.raw({ method: "GET", path }, signal);
    yield* linesOf(body);
  } catch (err) {
    if (signal.aborted || !isUnavailable(err)) throw err;
  }
}

/**
 * The lines of the update stream, each once. A connection that ends before `Finalized` is opened
 * again; the server tells everything from the beginning, so that what is known is left out. A newer
 * rollout that takes over is followed in its turn.
 */
export async function* streamLines(
  client: Pick<Client, "raw">,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<{ readonly text: string; readonly line: RolloutLine }> {
  const known = new Set<string>();
  for (;;) {
    for await (const text of connected(client, path, signal)) {
      if (known.has(text)) continue;
      known.add(text);
      const line = JSON.parse(text) as RolloutLine;
      yield { text, line };
      if (line.Status !== "Finalized") continue;
      if (line.Verdict !== "Superseded") return;
      known.clear();
    }
    await sleep(retryMs, undefined, { signal });
  }
}

/** How to print it. */
export type StreamOptions = {
  /** Until the verdict; else what there is now. */
  readonly isFollowed: boolean;
  readonly timeoutMs: number | undefined;
};

async function printOnce(call: Call, path: string): Promise<RolloutVerdict | undefined> {
  const { client } = await call.connect();
  const { body } = await client.raw({ method: "GET", path }, call.signal);
  let verdict: RolloutVerdict | undefined;
  for await (const text of linesOf(body)) {
    call.io.out(`${text}\n`);
    verdict = (JSON.parse(text) as RolloutLine).Verdict ?? verdict;
  }
  return verdict;
}

/**
 * Prints the update stream of docs/rollout-api.md as the server sends it, one JSON object a line.
 * Resolves to the exit code: 0 when the verdict is `Succeeded`, or when there is none and nobody
 * waits for one.
 * @throws TimedOut
 */
export async function printStream(
  call: Call,
  key: ObjectKey,
  { isFollowed, timeoutMs }: StreamOptions,
): Promise<number> {
  const path = objectPath(applications, key, "rollout");
  if (!isFollowed) {
    const verdict = await printOnce(call, path);
    return verdict === undefined || verdict === "Succeeded" ? exitCode.done : exitCode.failed;
  }
  return bounded(call, { name: key.name, timeoutMs }, async (signal) => {
    const { client } = await call.connect();
    let verdict: RolloutVerdict | undefined;
    for await (const { text, line } of streamLines(client, `${path}?follow=true`, signal)) {
      call.io.out(`${text}\n`);
      verdict = line.Verdict ?? verdict;
    }
    return verdict === "Succeeded" ? exitCode.done : exitCode.failed;
  });
}
