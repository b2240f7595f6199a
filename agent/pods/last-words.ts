import type { ContainerIo, Output } from "../engine/engine.ts";
import type { Pod } from "../../api/machinery/resources.ts";
import { membersOf, restartPolicyOf } from "./containers.ts";
import type { ContainerFact } from "./facts.ts";
import { type Ending, fellWithHost, type History } from "./history.ts";

/** Bounds of Kubernetes for messages taken from a log (`FallbackToLogsOnError`): lines and bytes. */
const maxLines = 80;
const maxBytes = 2048;

/** A log that answers slowly must not keep a container from its next start. Milliseconds. */
const patienceMs = 1_000;

/** The end of what a container said: at most 80 lines and 2048 bytes of whole characters. */
export function tailOf(output: readonly Output[]): string {
  const all = Buffer.concat(output.map(({ bytes }) => bytes));
  let from = Math.max(0, all.length - maxBytes);
  // A byte 10xxxxxx goes on with a character whose beginning was cut off.
  while (from > 0 && from < all.length && ((all[from] ?? 0) & 0xc0) === 0x80) from += 1;
  const lines = all.subarray(from).toString("utf8").trimEnd().split("\n");
  return lines.slice(-maxLines).join("\n");
}

/** A run that ended, and the end of the one before. */
type Run = { readonly ending: Ending; readonly last?: Ending | undefined };

/**
 * From when on the log is that of this run. Neither bound is exact: the engine notes a start down when
 * a short run has already had its say, and the last lines of a run a moment after its end. Starting
 * takes much longer than either, so the middle between the two runs tells them apart.
 */
function sinceOf({ ending, last }: Run): { readonly sinceMs?: number } {
  if (last?.containerId !== ending.containerId) return {};
  const began = Math.max(last.finishedAtMs, ending.startedAtMs ?? 0);
  return { sinceMs: Math.floor((last.finishedAtMs + began) / 2) };
}

/**
 * What a container wrote last in the run that ended so, as `terminated.message` shows it; empty when
 * it wrote nothing, or when its log cannot be read in a second. Must be read before the next run.
 */
async function lastWords(
  io: Pick<ContainerIo, "logs">,
  run: Run,
  tty: boolean,
  signal: AbortSignal,
): Promise<string> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
  const options = { tail: maxLines, tty, ...sinceOf(run) };
  try {
    return tailOf(await Array.fromAsync(io.logs(run.ending.containerId, options, limited)));
  } catch {
    return ""; // a log driver that cannot be read, or a container that went away
  }
}

/** Whether anybody will ask what it said: it failed, or ended though it never should. */
function isNoteworthy({ ending, parked }: History, always: boolean): boolean {
  if (ending === undefined || ending.message !== undefined || parked) return false;
  return !fellWithHost(ending) && (ending.exitCode !== 0 || always);
}

/** What is known of the pod when its containers are heard for the last time. */
export type Hearing = {
  readonly pod: Pod;
  readonly containers: readonly ContainerFact[];
  readonly histories: ReadonlyMap<string, History>;
};

/**
 * The histories with what failed containers said last. Asks once per run: a container that said
 * nothing has an empty message from then on. Successful runs of containers that may end are not
 * asked, as their log is nobody's concern.
 */
export async function withLastWords(
  { pod, containers, histories }: Hearing,
  io: Pick<ContainerIo, "logs">,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, History>> {
  const silent = membersOf(pod.spec).flatMap((member) => {
    const history = histories.get(member.name);
    const ending = history?.ending;
    if (history === undefined || ending === undefined) return [];
    const always = restartPolicyOf(pod.spec, member) === "Always";
    const isHere = containers.some(({ id }) => id === ending.containerId);
    if (!isHere || !isNoteworthy(history, always)) return [];
    return [{ name: member.name, history, ending, tty: member.spec.tty === true }];
  });
  if (silent.length === 0) return histories;
  const heard = await Promise.all(
    silent.map(async ({ name, history, ending, tty }) => {
      const message = await lastWords(io, { ending, last: history.last }, tty, signal);
      return [name, { ...history, ending: { ...ending, message } }] as const;
    }),
  );
  return new Map([...histories, ...heard]);
}
