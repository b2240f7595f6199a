import type { PodStatus } from "../../api/machinery/resources.ts";
import { parseTime } from "../../api/machinery/time.ts";
import { podReason } from "../../crds/conditions.ts";
import type { DesiredState } from "../../crds/labels.ts";
import { type ContainerFact, isEnded, isUp } from "./facts.ts";

type ContainerStatus = NonNullable<PodStatus["containerStatuses"]>[number];

/** How one run of a container ended. Times are milliseconds since the Unix epoch, host's clock. */
export type Ending = {
  readonly containerId: string;
  readonly exitCode: number;
  /** `Completed`, `Error`, `OOMKilled`, `ContainerStatusUnknown` or `HostRestarted`. */
  readonly reason: string;
  readonly message?: string | undefined;
  readonly startedAtMs?: number | undefined;
  readonly finishedAtMs: number;
};

/**
 * What Docker forgets about a container: its earlier runs. Kept in the pod's status, so that a
 * restarted agent continues the count; in memory only to be more exact than whole seconds.
 */
export type History = {
  /** Latest container that ran, and when that run began. */
  readonly id?: string | undefined;
  readonly startedAtMs?: number | undefined;
  /** Runs after the first one, without those after a stop that we were asked for, or one with the host. */
  readonly restarts: number;
  /** Restarts in a row after short runs: decides the back-off. */
  readonly streak: number;
  /** End of the run before the latest. */
  readonly last?: Ending | undefined;
  /** End of the latest run; absent while it goes on. */
  readonly ending?: Ending | undefined;
  /** When we saw that end, on our clock. */
  readonly endedSeenAtMs?: number | undefined;
  /** The container went away instead of ending. */
  readonly vanished?: boolean | undefined;
  /** We stopped it because we were asked to; its next run is no restart. */
  readonly parked: boolean;
};

/** What is known beside the container itself. */
export type Circumstances = {
  readonly desired: DesiredState;
  readonly nowMs: number;
  /** Exit code that Docker announced before the container was removed. */
  readonly exitCode?: number | undefined;
};

/** A run of this length is no crash: the back-off starts anew. Milliseconds. */
export const steadyRunMs = 600_000;

/** A container that never ran. */
export const noHistory: History = { restarts: 0, streak: 0, parked: false };

function reasonOf(fact: ContainerFact): string {
  if (fact.oomKilled) return "OOMKilled";
  return fact.exitCode === 0 ? "Completed" : "Error";
}

function endingOf(fact: ContainerFact, nowMs: number): Ending {
  return {
    containerId: fact.id,
    exitCode: fact.exitCode,
    reason: reasonOf(fact),
    message: fact.error === "" ? undefined : fact.error,
    startedAtMs: fact.startedAtMs,
    finishedAtMs: fact.finishedAtMs ?? nowMs,
  };
}

function unknownEnding(history: History, { nowMs, exitCode }: Circumstances): Ending {
  return {
    containerId: history.id ?? "",
    exitCode: exitCode ?? 137,
    reason: exitCode === undefined ? "ContainerStatusUnknown" : "Error",
    message: "The container was removed by somebody else",
    startedAtMs: history.startedAtMs,
    finishedAtMs: nowMs,
  };
}

/** A status has whole seconds, an inspect has more. */
function isSameMoment(known: number | undefined, seen: number): boolean {
  return known === seen || (known !== undefined && known % 1000 === 0 && known === floor(seen));
}

const floor = (ms: number): number => ms - (ms % 1000);

/** Milliseconds that the latest run lasted; 0 while it goes on or when its start is unknown. */
export function runLengthMs({ ending }: History): number {
  return ending?.startedAtMs === undefined ? 0 : ending.finishedAtMs - ending.startedAtMs;
}

/** Whether the run ended because its host or engine did, which says nothing about the container. */
export function fellWithHost({ reason }: Ending): boolean {
  return reason === podReason.hostRestarted;
}

/** The history of a container that the engine lost with all the others, if its latest run ended so. */
export function withHostFallen(history: History): History {
  const { ending } = history;
  if (ending === undefined || history.parked) return history;
  const message = "Its Docker engine or host went down and took it along";
  return { ...history, streak: 0, ending: { ...ending, reason: podReason.hostRestarted, message } };
}

function nextRun(history: History, fact: ContainerFact, at: Circumstances): History {
  const begun = { id: fact.id, startedAtMs: fact.startedAtMs, parked: false };
  if (history.startedAtMs === undefined) return { ...noHistory, ...begun };
  const last = history.ending ?? unknownEnding(history, at);
  if (history.parked || fellWithHost(last))
    return { restarts: history.restarts, streak: 0, last, ...begun };
  const streak = (runLengthMs(history) >= steadyRunMs ? 0 : history.streak) + 1;
  return { restarts: history.restarts + 1, streak, last, ...begun };
}

function observed(history: History, fact: ContainerFact, at: Circumstances): History {
  const { startedAtMs } = fact;
  if (startedAtMs === undefined) return history;
  const same = history.id === fact.id && isSameMoment(history.startedAtMs, startedAtMs);
  // A run that ended cannot go on: the next one began within the same second.
  const known = same && (history.ending === undefined || !isUp(fact));
  const run = known ? { ...history, startedAtMs } : nextRun(history, fact, at);
  if (!isEnded(fact) || run.ending !== undefined) return run;
  return { ...run, ending: endingOf(fact, at.nowMs), endedSeenAtMs: at.nowMs };
}

function missing(history: History, at: Circumstances): History {
  if (history.startedAtMs === undefined || history.ending !== undefined) return history;
  const ending = unknownEnding(history, at);
  return { ...history, ending, endedSeenAtMs: at.nowMs, vanished: true };
}

/** The history after one more look at the container, which is `undefined` when there is none. */
export function advance(
  history: History,
  fact: ContainerFact | undefined,
  at: Circumstances,
): History {
  const next = fact === undefined ? missing(history, at) : observed(history, fact, at);
  // One that is up is about to be stopped by us: it may be asked to run again before anybody looks.
  if (at.desired !== "Running") return { ...next, parked: true };
  return fact !== undefined && isUp(fact) ? { ...next, parked: false } : next;
}

/** Reasons of containers that are down because nobody wants them up. */
const idleReasons: readonly unknown[] = [podReason.stopped, podReason.prepared];

const millis = (time: string | undefined): number | undefined =>
  time === undefined ? undefined : parseTime(time);

const bareId = (containerId: string | undefined): string =>
  (containerId ?? "").replace(/^docker:\/\//, "");

type Terminated = NonNullable<NonNullable<ContainerStatus["state"]>["terminated"]>;

function endingFrom(terminated: Terminated | undefined): Ending | undefined {
  if (terminated === undefined) return undefined;
  return {
    containerId: bareId(terminated.containerID),
    exitCode: terminated.exitCode,
    reason: terminated.reason ?? "Error",
    message: terminated.message,
    startedAtMs: millis(terminated.startedAt),
    finishedAtMs: millis(terminated.finishedAt) ?? 0,
  };
}

/** What an earlier agent wrote down about a container; `undefined` when it wrote nothing. */
export function historyFrom(status: ContainerStatus | undefined): History {
  if (status === undefined) return noHistory;
  const { state, restartCount: restarts } = status;
  const parked = idleReasons.includes(state?.waiting?.reason);
  const base = { restarts, streak: restarts, parked };
  const last = endingFrom(status.lastState?.terminated);
  if (state?.running !== undefined) {
    const id = bareId(status.containerID);
    return { ...base, id, startedAtMs: millis(state.running.startedAt), last };
  }
  const ending = endingFrom(state?.terminated) ?? last;
  if (ending === undefined) return base;
  return {
    ...base,
    id: ending.containerId,
    startedAtMs: ending.startedAtMs,
    ending,
    endedSeenAtMs: ending.finishedAtMs,
  };
}
