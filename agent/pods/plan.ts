import type { Pod } from "../../api/machinery/resources.ts";
import { podCondition } from "../../crds/conditions.ts";
import type { DesiredState } from "../../crds/labels.ts";
import type { Eviction } from "../limits/evictions.ts";
import {
  graceSecondsOf,
  hostPortsOf,
  joinsRoot,
  type Member,
  membersOf,
  networkRoot,
  type RestartPolicy,
  restartPolicyOf,
} from "./containers.ts";
import { activeMsLeft } from "./deadline.ts";
import { isFinished } from "./desired.ts";
import { type ContainerFact, isUp } from "./facts.ts";
import {
  type Ending,
  fellWithHost,
  type History,
  noHistory,
  runLengthMs,
  steadyRunMs,
} from "./history.ts";
import { sharedVolumes } from "./shared-volumes.ts";
import { specHash } from "./spec-hash.ts";

/** A step on a container that failed, and when to try again. */
export type Trouble = {
  /** One of `podReason`. */
  readonly reason: string;
  readonly message: string;
  /** Failures in a row. Integer, 1 or more. */
  readonly failures: number;
  /** Milliseconds since the Unix epoch, our clock. */
  readonly retryAtMs: number;
};

/** A container to stop, and what its process is told first. */
export type StopTarget = {
  readonly id: string;
  /** Name in the spec of the pod it belongs to. */
  readonly name: string;
};

/**
 * One idempotent act on one host. `container` is a name in the pod's spec: the id is looked up when
 * the step is done, because an earlier step of the batch may have made it.
 */
export type Step =
  /** Fetches the image as imagePullPolicy says. */
  | { readonly kind: "pull"; readonly container: string }
  | { readonly kind: "create"; readonly container: string }
  /** Writes the files of its ConfigMap and Secret volumes, then starts it. */
  | { readonly kind: "start"; readonly container: string }
  /** Pre-stop hook, stop signal, and SIGKILL at the end of the grace; all targets at once. */
  | {
      readonly kind: "stop";
      readonly targets: readonly StopTarget[];
      readonly graceSeconds: number;
      /** The pod they belong to when it is not the planned one. */
      readonly of?: Pod;
    }
  | { readonly kind: "remove"; readonly ids: readonly string[] }
  /** The named volumes that its containers shared. */
  | { readonly kind: "removeVolumes"; readonly names: readonly string[] }
  /** Refuses when a container that is not ours holds a host port of the pod. */
  | { readonly kind: "checkPorts" }
  /** The containers are gone: the Pod may go from the API. */
  | { readonly kind: "finalize" };

/** Steps in order; the first failure ends the batch. */
export type Plan = {
  readonly steps: readonly Step[];
  /** Something waits for time to pass. Integer, 1 or more. */
  readonly requeueAfterMs?: number;
};

/** Everything the decision rests on. */
export type Seen = {
  readonly pod: Pod;
  /** What the agent works towards, see `effectiveState()`. */
  readonly desired: DesiredState;
  /** The containers that carry the pod's uid. */
  readonly containers: readonly ContainerFact[];
  /** Pods of the same place: they must not run while this one does. */
  readonly rivals: readonly Rival[];
  readonly histories: ReadonlyMap<string, History>;
  /** By container; "" is the pod as a whole. */
  readonly troubles: ReadonlyMap<string, Trouble>;
  /** Containers whose liveness or startup probe says: restart. */
  readonly unhealthy: ReadonlySet<string>;
  /** It has to yield, and goes on as it is until its successor is about to start. */
  readonly lingers: boolean;
  /** `checkPorts` succeeded before. */
  readonly portsFree: boolean;
  /** Why the agent ends it for good; absent: it does not. */
  readonly evicted?: Eviction | undefined;
};

/** A pod that this one replaces, or that was to replace it, and those of its containers that are up. */
export type Rival = { readonly pod: Pod; readonly up: readonly ContainerFact[] };

const firstRestartDelayMs = 10_000;
const longestRestartDelayMs = 300_000;

/** When an ended container may be started again, by its own crashes. Milliseconds, 0 = at once. */
export function restartAtMs(history: History): number {
  const { ending, endedSeenAtMs, streak, parked, vanished } = history;
  if (ending === undefined || parked || vanished === true || streak === 0) return 0;
  if (runLengthMs(history) >= steadyRunMs) return 0;
  const delay = Math.min(longestRestartDelayMs, firstRestartDelayMs * 2 ** (streak - 1));
  return (endedSeenAtMs ?? 0) + delay;
}

/** Whether the policy wants one more run after the latest, or the first one. */
export function mayRun(history: History, policy: RestartPolicy): boolean {
  const { ending, parked } = history;
  if (ending === undefined || parked || policy === "Always") return true;
  return policy === "OnFailure" && !isDone(ending);
}

/** Whether a run ended as it should: a process that goes with its host may say 0, too. */
function isDone(ending: Ending | undefined): boolean {
  return ending?.exitCode === 0 && !fellWithHost(ending);
}

/** The containers of a pod, sorted into those that stay and those that have to go. */
type Sorted = {
  readonly kept: ReadonlyMap<string, ContainerFact>;
  readonly doomed: readonly ContainerFact[];
};

function best(facts: readonly ContainerFact[], hash: string): ContainerFact | undefined {
  const fitting = facts.filter((fact) => fact.specHash === hash && fact.state !== "removing");
  return fitting.find(isUp) ?? fitting.find((fact) => fact.startedAtMs !== undefined) ?? fitting[0];
}

function sortContainers({ pod, containers }: Seen): Sorted {
  const kept = new Map<string, ContainerFact>();
  const rootName = networkRoot(pod.spec);
  for (const { name, spec } of membersOf(pod.spec)) {
    const fact = best(
      containers.filter((one) => one.name === name),
      specHash(spec),
    );
    // A container can join no other network than that of the root it was created with.
    if (fact !== undefined && !joinsRoot(pod.spec, name)) kept.set(name, fact);
    const root = rootName === undefined ? undefined : kept.get(rootName);
    const joined = joinsRoot(pod.spec, name) && root !== undefined && fact?.networkOf === root.id;
    if (fact !== undefined && joined) kept.set(name, fact);
  }
  return { kept, doomed: containers.filter((fact) => kept.get(fact.name) !== fact) };
}

function stop(facts: readonly ContainerFact[], graceSeconds: number): readonly Step[] {
  const targets = facts.filter(isUp).map(({ id, name }) => ({ id, name }));
  return targets.length === 0 ? [] : [{ kind: "stop", targets, graceSeconds }];
}

function remove(facts: readonly ContainerFact[]): readonly Step[] {
  return facts.length === 0 ? [] : [{ kind: "remove", ids: facts.map(({ id }) => id) }];
}

/** What is decided while the steps are collected. */
type Draft = { readonly steps: Step[]; readonly waits: number[] };

function isBlocked(seen: Seen, name: string, draft: Draft, nowMs: number): boolean {
  const retryAtMs = seen.troubles.get(name)?.retryAtMs ?? 0;
  if (retryAtMs <= nowMs) return false;
  draft.waits.push(retryAtMs - nowMs);
  return true;
}

const historyOf = (seen: Seen, name: string): History => seen.histories.get(name) ?? noHistory;

/** An ephemeral container joins what runs: the network of the pod, the processes of its target. */
function mayDebug({ pod }: Seen, { target }: Member, { kept }: Sorted): boolean {
  return [networkRoot(pod.spec), target].every((name) => {
    const fact = name === undefined ? undefined : kept.get(name);
    return name === undefined || (fact !== undefined && isUp(fact));
  });
}

/** Pulls and creates what is missing. `false` when something of it has to wait. */
function ensure(seen: Seen, sorted: Sorted, draft: Draft, nowMs: number): boolean {
  const missing = membersOf(seen.pod.spec).filter(
    (member) =>
      !sorted.kept.has(member.name) &&
      mayRun(historyOf(seen, member.name), restartPolicyOf(seen.pod.spec, member)) &&
      !(member.role === "init" && isInitialized(seen)) &&
      (member.role !== "ephemeral" || mayDebug(seen, member, sorted)),
  );
  const ready = missing.filter(({ name }) => !isBlocked(seen, name, draft, nowMs));
  for (const { name } of ready) draft.steps.push({ kind: "pull", container: name });
  // A blocked root would leave the others without a network to join.
  const root = networkRoot(seen.pod.spec);
  const rootless = missing.some(({ name }) => name === root) && !ready.some((m) => m.name === root);
  for (const { name } of ready) {
    if (rootless && joinsRoot(seen.pod.spec, name)) continue;
    draft.steps.push({ kind: "create", container: name });
  }
  return ready.length === missing.length;
}

/** Whether the init containers are done: each ended well, or a main container once ran. */
export function isInitialized({ pod, histories }: Pick<Seen, "pod" | "histories">): boolean {
  const members = membersOf(pod.spec);
  const ran = ({ name }: Member): boolean => histories.get(name)?.startedAtMs !== undefined;
  if (members.some((member) => member.role === "main" && ran(member))) return true;
  return members.every((member) => {
    if (member.role === "init") return isDone(histories.get(member.name)?.ending);
    return member.role !== "sidecar" || ran(member);
  });
}

/** Whether a container that joined the root's network lost it: the root began a new run since. */
function lostNetwork(seen: Seen, fact: ContainerFact, root: ContainerFact | undefined): boolean {
  if (!joinsRoot(seen.pod.spec, fact.name) || root?.startedAtMs === undefined) return false;
  return (fact.startedAtMs ?? 0) < root.startedAtMs;
}

function isCreated(name: string, draft: Draft): boolean {
  return draft.steps.some((step) => step.kind === "create" && step.container === name);
}

/** Whether a container that is up has to begin anew; if so, its stop is planned. */
function mustRestart(seen: Seen, fact: ContainerFact, context: Context): boolean {
  const { sorted, draft } = context;
  const unhealthy = seen.unhealthy.has(fact.name);
  const root = sorted.kept.get(networkRoot(seen.pod.spec) ?? "");
  const follows = context.rootStarts && joinsRoot(seen.pod.spec, fact.name);
  if (!unhealthy && !follows && !lostNetwork(seen, fact, root)) return false;
  draft.steps.push(...stop([fact], graceSecondsOf(seen.pod)));
  // An unhealthy one comes back by the policy and with back-off, once its end is seen.
  return !unhealthy;
}

/** Whether a container that is not up may start in this batch; if it must wait, the wait is noted. */
function mayStart(seen: Seen, member: Member, { sorted, draft, nowMs }: Context): boolean {
  const history = historyOf(seen, member.name);
  if (!mayRun(history, restartPolicyOf(seen.pod.spec, member))) return false;
  const waitMs = restartAtMs(history) - nowMs;
  if (waitMs > 0) draft.waits.push(waitMs);
  if (waitMs > 0 || isBlocked(seen, member.name, draft, nowMs)) return false;
  return sorted.kept.has(member.name) || isCreated(member.name, draft);
}

/** Stops or starts one container; the caller has made sure that its turn has come. */
function run(seen: Seen, member: Member, context: Context): void {
  const fact = context.sorted.kept.get(member.name);
  // It runs once, whatever becomes of what it joined.
  const mayWork = member.role !== "ephemeral" || mayDebug(seen, member, context.sorted);
  if (!mayWork || (member.role === "ephemeral" && fact !== undefined && isUp(fact))) return;
  const starts =
    fact !== undefined && isUp(fact)
      ? mustRestart(seen, fact, context)
      : mayStart(seen, member, context);
  if (!starts) return;
  context.starts.push({ kind: "start", container: member.name });
  if (member.name === networkRoot(seen.pod.spec)) context.rootStarts = true;
}

type Context = {
  readonly sorted: Sorted;
  readonly draft: Draft;
  readonly nowMs: number;
  readonly starts: Step[];
  /** The root begins a new run in this batch, so those that share its network must follow. */
  rootStarts: boolean;
};

function runMembers(seen: Seen, context: Context): void {
  const initialized = isInitialized(seen);
  for (const member of membersOf(seen.pod.spec)) {
    const { name, role } = member;
    if (role === "init" && initialized) continue;
    const history = historyOf(seen, name);
    if (role === "init" && isDone(history.ending)) continue;
    run(seen, member, context);
    if (initialized || role === "main" || role === "ephemeral") continue;
    if (role === "init") return; // the next one waits for the end of this one
    if (history.startedAtMs === undefined) return; // a sidecar runs before what follows it
  }
}

function finish(draft: Draft): Plan {
  if (draft.waits.length === 0) return { steps: draft.steps };
  return { steps: draft.steps, requeueAfterMs: Math.max(1, Math.min(...draft.waits)) };
}

function needsPortCheck({ pod }: Seen): boolean {
  return hostPortsOf(pod.spec).length > 0;
}

/** Whether nothing foreign holds a host port of the pod, as far as it was ever asked. */
function portsKnown(seen: Seen): boolean {
  if (!needsPortCheck(seen) || seen.portsFree) return true;
  return (seen.pod.status?.conditions ?? []).some(
    ({ type, status }) => type === podCondition.prepared && status === "True",
  );
}

function planIdle(seen: Seen, sorted: Sorted, draft: Draft, nowMs: number): Plan {
  const { pod, desired } = seen;
  draft.steps.push(...stop([...sorted.kept.values()], graceSecondsOf(pod)));
  ensure(seen, sorted, draft, nowMs);
  if (desired === "Prepared" && !portsKnown(seen) && !isBlocked(seen, "", draft, nowMs))
    draft.steps.push({ kind: "checkPorts" });
  return finish(draft);
}

function planRunning(seen: Seen, sorted: Sorted, draft: Draft, nowMs: number): Plan {
  const complete = ensure(seen, sorted, draft, nowMs);
  const context: Context = { sorted, draft, nowMs, starts: [], rootStarts: false };
  runMembers(seen, context);
  const rivals = seen.rivals.filter(({ up }) => up.length > 0);
  if (context.starts.length > 0 && rivals.length > 0) {
    // The old one stays until the new one has everything it needs.
    if (!complete || isBlocked(seen, "", draft, nowMs)) return finish(draft);
    if (needsPortCheck(seen)) draft.steps.push({ kind: "checkPorts" });
    for (const { pod, up } of rivals) {
      const targets = up.map(({ id, name }) => ({ id, name }));
      draft.steps.push({ kind: "stop", targets, graceSeconds: graceSecondsOf(pod), of: pod });
    }
  }
  draft.steps.push(...context.starts);
  return finish(draft);
}

/**
 * Decides what to do next on one host for one pod. Level-based: it needs no memory of what was
 * planned before, and a world that is as asked for yields no steps.
 */
export function planPod(seen: Seen, nowMs: number): Plan {
  const { pod, containers, desired } = seen;
  if (pod.metadata.deletionTimestamp !== undefined) {
    const names = sharedVolumes(pod);
    const steps = [...stop(containers, graceSecondsOf(pod)), ...remove(containers)];
    if (names.length > 0) steps.push({ kind: "removeVolumes", names });
    return { steps: [...steps, { kind: "finalize" }] };
  }
  if (seen.evicted !== undefined) return { steps: stop(containers, graceSecondsOf(pod)) };
  if (isFinished(pod) || seen.lingers) return { steps: [] };
  const sorted = sortContainers(seen);
  const leftMs = activeMsLeft(pod, nowMs);
  const draft: Draft = { steps: [], waits: leftMs === undefined ? [] : [leftMs] };
  draft.steps.push(...stop(sorted.doomed, graceSecondsOf(pod)), ...remove(sorted.doomed));
  return desired === "Running"
    ? planRunning(seen, sorted, draft, nowMs)
    : planIdle(seen, sorted, draft, nowMs);
}

/** Whether every container that the pod needs exists, and its host ports were found free. */
export function isPrepared(seen: Seen): boolean {
  const { kept } = sortContainers(seen);
  if (!portsKnown(seen) && seen.desired === "Prepared") return false;
  return membersOf(seen.pod.spec).every(
    ({ name, role }) =>
      role === "ephemeral" || kept.has(name) || (role === "init" && isInitialized(seen)),
  );
}
