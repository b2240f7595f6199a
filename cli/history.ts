import { annotation } from "../crds/labels.ts";
import type { Application, Revision } from "../crds/types.gen.ts";
import { age } from "./output.ts";
import { imagesOf } from "./revisions.ts";

/** What a history shows of one Revision. */
export type HistoryRow = {
  /** Its number; `*` marks the one that runs, `>` the one that is asked for and does not. */
  readonly number: string;
  readonly name: string;
  /** How it ended, or where it is: its phase, or `Abandoned`. */
  readonly result: string;
  readonly images: string;
  readonly when: string;
  /** How long its first rollout took, or goes on. */
  readonly duration: string;
  readonly by: string;
  /** The user's words, else what the Revision is by itself: an undo, a restart. */
  readonly cause: string;
  /** Why it ended so. */
  readonly reason: string;
  /** The same in words. */
  readonly message: string;
};

const none = "<none>";

function resultOf({ status }: Revision): string {
  if (status?.outcome === "Abandoned") return "Abandoned";
  return status?.phase ?? "Pending";
}

function durationOf({ status }: Revision, nowMs: number): string {
  const startMs = Date.parse(status?.startedAt ?? "");
  const endMs = status?.completedAt === undefined ? nowMs : Date.parse(status.completedAt);
  return Number.isNaN(startMs) || Number.isNaN(endMs) ? none : age(endMs - startMs);
}

function whenOf({ metadata }: Revision, nowMs: number): string {
  const atMs = Date.parse(metadata.creationTimestamp);
  return Number.isNaN(atMs) ? none : age(nowMs - atMs);
}

const restartOf = ({ spec }: Revision): string | undefined =>
  spec.template.metadata?.annotations?.[annotation.restartedAt];

function causeOf(revision: Revision, before: Revision | undefined): string {
  const { rollbackTo, changeCause } = revision.spec;
  const at = restartOf(revision);
  const own =
    rollbackTo !== undefined
      ? `back to ${rollbackTo}`
      : at !== undefined && at !== (before === undefined ? undefined : restartOf(before))
        ? "restart"
        : undefined;
  if (own === undefined) return changeCause ?? none;
  // A restart leaves the words of the release before on the Application: they are not about it.
  return changeCause === undefined || own === "restart" ? own : `${own}: ${changeCause}`;
}

function markOf({ metadata }: Revision, { status }: Application): string {
  if (metadata.name === status?.currentRevision) return "*";
  return metadata.name === status?.targetRevision ? ">" : "";
}

/** The Revisions of an Application as people read them, newest first. `all` is oldest first. Pure. */
export function historyRows(
  app: Application,
  all: readonly Revision[],
  nowMs: number,
): readonly HistoryRow[] {
  const rows = all.map((revision, index) => ({
    number: `${revision.spec.number}${markOf(revision, app)}`,
    name: revision.metadata.name,
    result: resultOf(revision),
    images: imagesOf(revision).join(","),
    when: whenOf(revision, nowMs),
    duration: durationOf(revision, nowMs),
    by: revision.spec.createdBy ?? none,
    cause: causeOf(revision, all[index - 1]),
    reason: revision.status?.reason ?? none,
    message: revision.status?.message ?? "",
  }));
  return rows.toReversed();
}
