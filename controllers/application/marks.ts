import { equalJson } from "../../api/machinery/equality.ts";
import { applicationReason, revisionOutcome, revisionPhase } from "../../crds/conditions.ts";
import type { ImageDigest, RevisionOutcome, RolloutPhase } from "../../crds/types.gen.ts";
import type { Memory, PodSeen, RevisionSeen, Rollout, Seen } from "./seen.ts";
import type { Mark, Step } from "./step.ts";

const failedPhases: readonly RolloutPhase[] = ["RollingBack", "RolledBack", "RollbackPaused"];

/** The phase that a rollout is in, or would be if nothing held it. */
export function actualPhase({ phase, resume }: Rollout): RolloutPhase {
  return phase === "Paused" || phase === "Waiting" ? (resume ?? "Rolling") : phase;
}

type Fate = Pick<Mark, "phase" | "outcome">;

function fateOfTarget(revision: RevisionSeen, rollout: Rollout, memory: Memory): Fate {
  const hasFailed = memory.failed?.name === revision.name || failedPhases.includes(rollout.phase);
  if (hasFailed) return { phase: revisionPhase.failed, outcome: revisionOutcome.failed };
  const isPreparing = actualPhase(rollout) === "Preparing";
  const phase = isPreparing ? revisionPhase.preparing : revisionPhase.rollingOut;
  return { phase, ...(revision.outcome === undefined ? {} : { outcome: revision.outcome }) };
}

function fateOf(revision: RevisionSeen, memory: Memory): Fate {
  const { current, rollout } = memory;
  if (revision.name === current) {
    return { phase: revisionPhase.active, outcome: revisionOutcome.completed };
  }
  if (rollout?.revision === revision.name) return fateOfTarget(revision, rollout, memory);
  const outcome: RevisionOutcome = revision.outcome ?? revisionOutcome.abandoned;
  const isGood = outcome === revisionOutcome.completed;
  return { phase: isGood ? revisionPhase.superseded : revisionPhase.failed, outcome };
}

function wordsOf(
  revision: RevisionSeen,
  { current, failed }: Memory,
): Pick<Mark, "reason" | "message"> {
  if (revision.name === current) return { reason: applicationReason.completed };
  const { reason, message } = failed?.name === revision.name ? failed : revision;
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  };
}

/** The digests on record, and for images without one the first that a pod in slot order reports. */
export function imagesOf(
  revision: Pick<RevisionSeen, "name" | "images">,
  pods: readonly PodSeen[],
): readonly ImageDigest[] {
  const known = new Map(revision.images.map(({ image, digest }) => [image, digest]));
  for (const pod of pods) {
    if (pod.revision !== revision.name || pod.terminating) continue;
    for (const { image, digest } of pod.digests) if (!known.has(image)) known.set(image, digest);
  }
  return [...known].map(([image, digest]) => ({ image, digest }));
}

function markOf(revision: RevisionSeen, seen: Seen, memory: Memory, nowMs: number): Mark {
  const { rollout } = memory;
  const fate = fateOf(revision, memory);
  const isTarget = rollout?.revision === revision.name;
  const startedAtMs = revision.startedAtMs ?? (isTarget ? rollout.startedAtMs : undefined);
  const ended = fate.outcome === revision.outcome ? revision.completedAtMs : nowMs;
  return {
    ...fate,
    ...wordsOf(revision, memory),
    ...(startedAtMs === undefined ? {} : { startedAtMs }),
    ...(ended === undefined ? {} : { completedAtMs: ended }),
    images: isTarget ? imagesOf(revision, seen.pods) : revision.images,
  };
}

const recorded = ({
  name: _name,
  uid: _uid,
  number: _number,
  hash: _hash,
  content: _content,
  ...mark
}: RevisionSeen) => mark;

/** Steps that bring the status of every Revision in line with what is remembered of the rollout. */
export function markRevisions(seen: Seen, memory: Memory, nowMs: number): readonly Step[] {
  return seen.revisions.flatMap((revision): readonly Step[] => {
    const mark = markOf(revision, seen, memory, nowMs);
    if (equalJson(mark, recorded(revision))) return [];
    return [{ kind: "markRevision", name: revision.name, mark }];
  });
}

/**
 * Deletes old Revisions beyond the limit, which counts for those that were good and for the others
 * apart: however often a change fails, there are versions left to return to. Never the last good one, the latest target, one that a
 * pod is made from, or the newest, whose number must not be given again.
 */
export function trimRevisions(seen: Seen, { current, rollout }: Memory): readonly Step[] {
  const sorted = seen.revisions.toSorted((one, other) => other.number - one.number);
  const used = new Set([current, rollout?.revision, sorted[0]?.name]);
  for (const pod of seen.pods) used.add(pod.revision);
  const old = sorted.filter(({ name }) => !used.has(name));
  const isGood = ({ outcome }: RevisionSeen): boolean => outcome === revisionOutcome.completed;
  const good = old.filter(isGood).slice(seen.historyLimit);
  const others = old.filter((revision) => !isGood(revision)).slice(seen.historyLimit);
  return [...good, ...others].map(({ name, uid }) => ({ kind: "deleteRevision", name, uid }));
}
