import { templatePart } from "./hash.ts";
import { revisionName } from "./names.ts";
import type { RevisionSeen, Seen } from "./seen.ts";
import type { Step } from "./step.ts";

/** The Revision of `spec.template`, and the step that makes it if it is not there. */
export type Target = {
  readonly name: string;
  readonly images: RevisionSeen["images"];
  readonly steps: readonly Step[];
};

const byNumber = (one: RevisionSeen, other: RevisionSeen): number => one.number - other.number;

/** The Revision that the template merely restarts: the last good one if it is that, else the newest. */
function restartedBy({ content, memory }: Seen, sorted: readonly RevisionSeen[]) {
  const alike = sorted.filter((one) => content !== undefined && one.content === content);
  return alike.find(({ name }) => name === memory.current) ?? alike.at(-1);
}

type Origin = Pick<Extract<Step, { kind: "createRevision" }>, "sameAs" | "reloads">;

/** What a new Revision repeats: an earlier one, or the newest with what that names changed. */
function originOf(
  { hash }: Seen,
  earlier: RevisionSeen | undefined,
  newest: RevisionSeen | undefined,
): Origin {
  if (earlier !== undefined) return { sameAs: earlier.number };
  const isReload = newest !== undefined && templatePart(newest.hash) === templatePart(hash);
  return isReload ? { reloads: true } : {};
}

/**
 * Which Revision the template stands for: the one being rolled out, else the last good one, else
 * the newest if no rollout of it ended yet, each if its hash is that of the template. Otherwise a
 * new one of the next number: going back to an older template, or restarting one, is a new version
 * with the old digests. The name follows from the number, so that a stale cache meets AlreadyExists.
 */
export function resolveTarget(seen: Seen): Target {
  const { name, hash, revisions, memory } = seen;
  const sorted = revisions.toSorted(byNumber);
  const same = sorted.filter((revision) => revision.hash === hash);
  const newest = sorted.at(-1);
  const known =
    same.find((revision) => revision.name === memory.rollout?.revision) ??
    same.find((revision) => revision.name === memory.current) ??
    same.find((revision) => revision === newest && revision.outcome === undefined);
  if (known !== undefined) return { name: known.name, images: known.images, steps: [] };
  const number = Math.max((newest?.number ?? 0) + 1, seen.freeNumber ?? 1);
  const earlier = same.find((revision) => revision.number === seen.rollbackTo) ?? same.at(-1);
  const images = (earlier ?? restartedBy(seen, sorted))?.images ?? [];
  const created = revisionName(name, number);
  const step: Step = {
    kind: "createRevision",
    name: created,
    number,
    hash,
    images,
    ...originOf(seen, earlier, newest),
  };
  return { name: created, images, steps: [step] };
}
