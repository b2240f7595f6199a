import type { Pod } from "../../api/machinery/resources.ts";
import { membersOf } from "./containers.ts";
import type { DesiredState } from "../../crds/labels.ts";
import { isUp, type ContainerFact } from "./facts.ts";
import { advance, type History, historyFrom, withHostFallen } from "./history.ts";
import type { Rival } from "./plan.ts";
import type { Noted } from "./trouble.ts";

/**
 * What the agent remembers of one pod between two looks. All of it can be lost: the status carries
 * what matters, and a restarted agent only waits a little less before the next try.
 */
export type PodMemory = {
  histories: ReadonlyMap<string, History>;
  readonly troubles: Map<string, Noted>;
  /** Its host ports were found free of containers that are not ours. */
  portsFree: boolean;
  /** The Pod as our last status write left it; the cache may be behind it. */
  written?: Pod;
  /** Resolves when the latest word about a pull is out. */
  telling?: Promise<void>;
};

/** The memory of a pod that is new to this agent. */
export function memoryOf({ spec, status }: Pod): PodMemory {
  const statuses = [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ];
  const histories = membersOf(spec).map(({ name }) => {
    const known = statuses.find((one) => one.name === name);
    return [name, historyFrom(known)] as const;
  });
  return { histories: new Map(histories), troubles: new Map(), portsFree: false };
}

/** What is known when the histories move on. */
export type Look = {
  readonly desired: DesiredState;
  readonly nowMs: number;
  /** When the engine began to answer: what ended before may have ended with it, and is no crash. */
  readonly liveSinceMs: number;
  /** When it had ceased to answer before; absent when this agent did not see it go. */
  readonly lostAtMs?: number | undefined;
  /** Whether the engine came back from an outage that none of our containers survived, this one either. */
  fell(containerId: string): boolean;
  exitCode(container: string): number | undefined;
};

function chosen(facts: readonly ContainerFact[], name: string): ContainerFact | undefined {
  const own = facts.filter((fact) => fact.name === name);
  return own.find(isUp) ?? own.find((fact) => fact.startedAtMs !== undefined) ?? own[0];
}

/** An engine that shuts down stops its containers first, and tells: so long before it is gone. Milliseconds. */
const farewellMs = 30_000;

/** What processes end with when their engine or host goes: told to, killed, or not seen to the end. */
const endsOfHosts: ReadonlySet<number> = new Set([0, 137, 143, 255]);

/** Whether the latest run ended with the engine, rather than by itself some time before. */
function endedWithHost(before: History, after: History, look: Look): boolean {
  if (after.ending === undefined || !look.fell(after.ending.containerId)) return false;
  // An agent that was away itself has only the exit code to go by.
  const sawIt = look.lostAtMs !== undefined;
  if (before.ending === undefined) return sawIt || endsOfHosts.has(after.ending.exitCode);
  if (look.lostAtMs === undefined || after.endedSeenAtMs === undefined) return false;
  return after.endedSeenAtMs >= look.lostAtMs - farewellMs;
}

/** The histories after one more look at the containers. */
export function advanceAll(
  memory: PodMemory,
  pod: Pod,
  facts: readonly ContainerFact[],
  look: Look,
): ReadonlyMap<string, History> {
  const next = membersOf(pod.spec).map(({ name }) => {
    const before = memory.histories.get(name) ?? historyFrom(undefined);
    const exitCode = look.exitCode(name);
    const at = { desired: look.desired, nowMs: look.nowMs, exitCode };
    const advanced = advance(before, chosen(facts, name), at);
    const history = endedWithHost(before, advanced, look) ? withHostFallen(advanced) : advanced;
    const endedMs = Math.min(
      history.endedSeenAtMs ?? Number.POSITIVE_INFINITY,
      history.ending?.finishedAtMs ?? Number.POSITIVE_INFINITY,
    );
    return [name, endedMs < look.liveSinceMs ? { ...history, streak: 0 } : history] as const;
  });
  return new Map(next);
}

/** Forgets the failures of steps on an engine that was about to go away: it is another one now. */
export function forgetBefore({ troubles }: PodMemory, liveSinceMs: number): void {
  for (const [name, { notedAtMs }] of troubles) if (notedAtMs < liveSinceMs) troubles.delete(name);
}

const making: readonly string[] = ["pull", "create"];

/**
 * Forgets failures of what is done by now: an engine may answer with an error, or not at all, and do
 * what it was asked for nevertheless.
 */
export function forgetDone({ troubles }: PodMemory, facts: readonly ContainerFact[]): void {
  for (const [name, { step }] of troubles) {
    const own = facts.filter((fact) => fact.name === name && fact.state !== "removing");
    const isMade = own.length > 0 && making.includes(step);
    if (isMade || (own.some(isUp) && step === "start")) troubles.delete(name);
  }
}

/** Forgets that a predecessor did not stop, once nobody of the same place is up. */
export function forgetStops({ troubles }: PodMemory, rivals: readonly Rival[]): void {
  const isOver = rivals.every(({ up }) => up.length === 0);
  if (isOver && troubles.get("")?.step === "stop") troubles.delete("");
}

/** The newer of two versions of a Pod; resource versions of one resource can be compared. */
export function newerPod(cached: Pod, written: Pod | undefined): Pod {
  if (written === undefined || written.metadata.uid !== cached.metadata.uid) return cached;
  const [a, b] = [cached.metadata.resourceVersion, written.metadata.resourceVersion];
  return Number(a) >= Number(b) ? cached : written;
}
