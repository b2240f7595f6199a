import { randomUUID } from "node:crypto";
import type { Engine } from "./engine/engine.ts";

const variable = "LIGHTHOUSE_EXEC";
const endMs = 10_000;

/** A name that a command carries in its environment, and hands down to what it starts. */
export type Mark = string;

/** A mark that no other command has. */
export const newMark = (): Mark => randomUUID();

/** The environment of a marked command, as `NAME=value`. */
export const markedEnv = (mark: Mark): readonly string[] => [`${variable}=${mark}`];

// Of its own environment the script sees nothing marked; a shell needs it only to look around.
const script = `
send() {
  for file in /proc/[0-9]*/environ; do
    grep -q "${variable}=$1" "$file" 2>/dev/null || continue
    pid=\${file#/proc/}
    kill -"$2" "\${pid%/environ}" 2>/dev/null
  done
}
send "$0" HUP
sleep 2
send "$0" KILL
`;

/**
 * Ends a marked command of a container on an engine whose processes cannot be signalled from here: from
 * inside, with the shell of the container. Hangs up, then kills after two seconds. Does nothing where the
 * container has no shell.
 * @throws StatusError of the engine, e.g. `Conflict` once the container has stopped
 */
export async function endMarked(engine: Engine, containerId: string, mark: Mark): Promise<void> {
  const signal = AbortSignal.timeout(endMs);
  const command = ["sh", "-c", script, mark];
  await using session = await engine.io.exec(containerId, { command }, signal);
  for await (const _output of session.output) if (signal.aborted) break;
}
