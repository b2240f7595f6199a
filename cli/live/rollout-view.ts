import { unpackNumbers } from "../../api/machinery/number-ranges.ts";
import type { Pod } from "../../api/machinery/resources.ts";
import { applicationReason } from "../../crds/conditions.ts";
import { annotation, label } from "../../crds/labels.ts";
import type { Application, Rollout, RolloutPhase, RolloutWait } from "../../crds/types.gen.ts";
import { isObserved, type Verdict, verdictOf } from "../verdict.ts";
import { harmless } from "./plain-text.ts";
import { type Failure, failureOf, slotOf, slotView, type SlotView } from "./slot-view.ts";

/** A failure that stays in view after its container is gone. */
export type Fallen = Failure & { readonly slot: string; readonly node?: string };

/** Something that the rollout waits for. */
export type WaitView = {
  readonly owner: string;
  readonly reason: string;
  readonly text: string;
  /** In ms since the epoch. */
  readonly sinceMs: number;
};

/** A rollout at one moment, as people see it. Times in ms since the epoch. */
export type RolloutView = {
  /** metadata.name of the Application. */
  readonly name: string;
  /** Its rollout group, in words; absent when it goes alone. */
  readonly group?: string;
  readonly phase: RolloutPhase | "Pending";
  /** The Revision that the slots come from, and the one that they go to now. */
  readonly from?: string;
  readonly goal: string;
  /** What tells one rollout from the next. */
  readonly rollout: string;
  /** From 1; 0 before the first. */
  readonly batch: number;
  readonly batches: number;
  readonly ready: number;
  readonly total: number;
  readonly startedAtMs?: number;
  readonly finishedAtMs?: number;
  /** When a wait for the clock is over: the monitor window, the pause between batches. */
  readonly nextAtMs?: number;
  readonly slots: readonly SlotView[];
  /** Slots by the batch that has replaced them. */
  readonly doneIn: ReadonlyMap<string, number>;
  readonly waits: readonly WaitView[];
  readonly fallen: readonly Fallen[];
  readonly verdict: Verdict;
  readonly nowMs: number;
};

const msOf = (time: string | undefined): number | undefined =>
  time === undefined ? undefined : Date.parse(time) || undefined;

const backward: readonly string[] = ["RollingBack", "RolledBack", "RollbackPaused"];

/** Ordinals by number, names of Nodes by name. */
function bySlot(one: string, other: string): number {
  return one.localeCompare(other, "en", { numeric: true });
}

function slotIds({ spec, status }: Application, pods: readonly Pod[]): readonly string[] {
  const { nodes } = spec.placement;
  if (nodes.length > 0) return nodes;
  if (spec.replicas !== undefined) {
    return Array.from({ length: spec.replicas }, (_, ordinal) => String(ordinal));
  }
  const waits = (status?.rollout?.waits ?? []).flatMap(({ slot }) => slot ?? []);
  const known = new Set([...pods.map(slotOf), ...waits]);
  known.delete("");
  return [...known].toSorted(bySlot);
}

/** The command that ends a wait for a person. */
const wayOut: Readonly<Record<string, string>> = {
  [applicationReason.waitingForApproval]: "approve",
  [applicationReason.pausedByUser]: "resume",
};

function waitView({ owner, reason, message, since }: RolloutWait, name: string): WaitView {
  const said = harmless((message ?? "").replaceAll(/\s*[\r\n]+\s*/g, " "));
  const way = owner === "user" ? wayOut[reason] : undefined;
  const text = way === undefined ? said : `${said}: lighthouse rollout ${way} ${name}`;
  return { owner, reason, text, sinceMs: Date.parse(since) || 0 };
}

/** When the phase that waits for the clock is over. */
function nextAtMs({ phase, reason, phaseStartedAt }: Rollout, { spec }: Application) {
  const beganMs = msOf(phaseStartedAt);
  if (beganMs === undefined) return undefined;
  const { monitorSeconds, pauseBetweenBatchesSeconds } = spec.strategy;
  if (phase === "Verifying") return beganMs + monitorSeconds * 1000;
  const isPause = phase === "Waiting" && reason === applicationReason.waitingBetweenBatches;
  return isPause ? beganMs + pauseBetweenBatchesSeconds * 1000 : undefined;
}

/** Which batch has replaced a slot, by slot. */
function doneIn(rollout: Rollout | undefined, ids: readonly string[]): ReadonlyMap<string, number> {
  const steps = (rollout?.steps ?? []).filter(({ action }) => action === "Replace");
  const pairs = steps.flatMap(({ batch = 0, passed = [] }) =>
    passed.flatMap(({ items }) =>
      unpackNumbers(items).map((item) => [ids[item] ?? "", batch] as const),
    ),
  );
  return new Map(pairs);
}

/** Failures of the rollout's own pods, and those seen before of pods that are gone since. */
function fallenOf(app: Application, pods: readonly Pod[], before: readonly Fallen[]) {
  const { revision = "", failedSlots = [] } = app.status?.rollout ?? {};
  const suspects = pods.filter(({ metadata }) => metadata.labels?.[label.revision] === revision);
  const seen = suspects.flatMap((pod): readonly Fallen[] => {
    const failure = failureOf(pod);
    if (failure === undefined) return [];
    const { nodeName } = pod.spec;
    return [
      { slot: slotOf(pod), ...(nodeName === undefined ? {} : { node: nodeName }), ...failure },
    ];
  });
  const fallen = new Map<string, Fallen>();
  for (const one of [...before, ...seen]) {
    const known = fallen.get(one.slot);
    // Its words may come a moment after its end, and are not lost with a restart.
    const words = one.words.length === 0 ? (known?.words ?? []) : one.words;
    fallen.set(one.slot, { ...one, words });
  }
  const isTold = ({ slot }: Fallen): boolean => failedSlots.includes(slot);
  const all = [...fallen.values()];
  return [...all.filter(isTold), ...all.filter((one) => !isTold(one))];
}

const identityOf = ({ metadata, status }: Application): string =>
  `${metadata.uid} ${status?.rollout?.revision ?? ""} ${status?.rollout?.startedAt ?? ""}`;

function slotsOf(
  app: Application,
  pods: readonly Pod[],
  ids: readonly string[],
  { goal, nowMs }: { readonly goal: string; readonly nowMs: number },
): readonly SlotView[] {
  const { rollout } = app.status ?? {};
  const waits = rollout?.waits ?? [];
  const offline = waits.filter(({ reason }) => reason === applicationReason.hostOffline);
  const isBack = backward.includes(rollout?.phase ?? "");
  const course = {
    goal,
    minReadyMs: isBack ? 0 : app.spec.strategy.minReadySeconds * 1000,
    failedSlots: new Set(isBack ? [] : rollout?.failedSlots),
    offlineSlots: new Set(offline.flatMap(({ slot }) => slot ?? [])),
    nowMs,
  };
  const bySlotId = Map.groupBy(pods, slotOf);
  return ids.map((slot) => slotView(slot, bySlotId.get(slot) ?? [], course));
}

/** Only what is there: fields of a view are absent, not undefined. */
function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

const readyOf = ({ status }: Application): Pick<RolloutView, "ready" | "total"> => ({
  ready: status?.readyReplicas ?? 0,
  total: status?.replicas ?? 0,
});

/** A rollout that is over well has no failures to show, nor has one that did not begin. */
const isFallible = ({ phase }: Pick<RolloutView, "phase">): boolean =>
  phase !== "Completed" && phase !== "Pending";

type Way = Pick<RolloutView, "phase" | "goal" | "batch" | "batches"> & { readonly from?: string };

/** From which Revision to which, and how far. */
function wayOf(rollout: Rollout | undefined, currentRevision = ""): Way {
  if (rollout === undefined) return { phase: "Pending", goal: "", batch: 0, batches: 0 };
  const { phase, revision = "", fromRevision, batch = 0, batches = 0 } = rollout;
  const isBack = backward.includes(phase);
  const goal = isBack ? currentRevision : revision;
  const from = isBack ? revision : fromRevision;
  return { phase, goal, batch, batches, ...(from === undefined ? {} : { from }) };
}

/** e.g. `shop, Prepared, with db and queue`. */
function groupText({ metadata, status }: Application): string | undefined {
  const name = metadata.annotations?.[annotation.rolloutGroup];
  const part = status?.rollout?.group;
  if (name === undefined || part === undefined) return name;
  const others = (part.members ?? []).filter((member) => member !== metadata.name);
  const shown = others.length > 8 ? [...others.slice(0, 8), `${others.length - 8} more`] : others;
  const last = shown.length > 1 ? ` and ${shown.at(-1) ?? ""}` : "";
  const first = last === "" ? shown : shown.slice(0, -1);
  return `${name}, ${part.stage}${shown.length === 0 ? "" : `, with ${first.join(", ")}${last}`}`;
}

type Times = Pick<RolloutView, "startedAtMs" | "finishedAtMs" | "nextAtMs">;

function timesOf(rollout: Rollout | undefined, app: Application): Times {
  if (rollout === undefined) return {};
  return defined({
    startedAtMs: msOf(rollout.startedAt),
    finishedAtMs: msOf(rollout.finishedAt),
    nextAtMs: nextAtMs(rollout, app),
  });
}

/**
 * What people see of a rollout. Pure. `before` is the last view of the same Application: what
 * containers said at their end stays in view when they are gone, until the next rollout.
 */
export function rolloutView(
  app: Application,
  pods: readonly Pod[],
  nowMs: number,
  before?: RolloutView,
): RolloutView {
  const { metadata, status } = app;
  // Until the controller has seen the change, the status is about the rollout before.
  const rollout = isObserved(app) ? status?.rollout : undefined;
  const way = wayOf(rollout, status?.currentRevision);
  const identity = identityOf(app);
  const kept = before?.rollout === identity ? before.fallen : [];
  const ids = rollout === undefined ? [] : slotIds(app, pods);
  return {
    name: metadata.name,
    ...way,
    rollout: identity,
    ...readyOf(app),
    slots: slotsOf(app, pods, ids, { goal: way.goal, nowMs }),
    doneIn: doneIn(rollout, ids),
    waits: (rollout?.waits ?? []).map((wait) => waitView(wait, metadata.name)),
    fallen: isFallible(way) ? fallenOf(app, pods, kept) : [],
    verdict: verdictOf(app),
    nowMs,
    ...timesOf(rollout, app),
    ...defined({ group: groupText(app) }),
  };
}
