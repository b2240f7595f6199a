import type { PodSeen, Seen } from "./seen.ts";
import { byWorth, surplusOf, type View } from "./slots.ts";
import type { Step } from "./step.ts";

/** A pod that ended for good is made anew no sooner than this after it was made. Milliseconds. */
export const recreateAfterMs = 10_000;

const remove = ({ name, uid }: PodSeen): Step => ({ kind: "deletePod", name, uid });

/** Pods to delete, and how many slots lose a serving pod by it. */
export type Removals = { readonly steps: readonly Step[]; readonly slots: number };

/**
 * Pods of slots that are no longer asked for. Those that serve go only as far as the others carry
 * the load: a change from ordinals to Nodes is a batch-wise move, a scale-down goes at once.
 */
export function removeSurplus(seen: Seen, views: readonly View[]): readonly Step[] {
  const reachable = views.filter((view) => !view.offline);
  const surplus = surplusOf(seen);
  const isServing = (pod: PodSeen): boolean => pod.ready && pod.desired === "Running";
  const serving = surplus.filter(isServing);
  const floor = reachable.length - seen.strategy.batch;
  const available = reachable.filter((view) => view.available).length + serving.length;
  const spare = seen.running ? Math.max(0, available - floor) : serving.length;
  const kept = new Set(serving.slice(spare));
  return surplus.filter((pod) => !kept.has(pod)).map(remove);
}

/** Deletes wanted pods that are doomed; of those that serve, no more than the batch allows. */
function removeWithinBatch(
  seen: Seen,
  views: readonly View[],
  isDoomed: (goal: PodSeen) => boolean,
): Removals {
  let down = views.filter((view) => !view.offline && !view.available).length;
  let slots = 0;
  const steps: Step[] = [];
  for (const { goal, available, offline } of views) {
    if (goal === undefined || offline || !isDoomed(goal)) continue;
    if (available && goal.desired === "Running" && down >= seen.strategy.batch) continue;
    // A goal that does not run serves nobody, whoever else does in its slot.
    if (available && goal.desired === "Running") {
      down += 1;
      slots += 1;
    }
    steps.push(remove(goal));
  }
  return { steps, slots };
}

/** Wanted pods on Nodes that the placement does not allow any more, within the batch. */
export function removeMisplaced(seen: Seen, views: readonly View[]): Removals {
  return removeWithinBatch(seen, views, (goal) => goal.misplaced);
}

/** Pods beside a better one of the same Revision: a move that was given up, or a race, left them. */
function idleTwins(living: readonly PodSeen[]): readonly PodSeen[] {
  const staying = living.filter(({ evicting }) => evicting !== true);
  return [...Map.groupBy(staying, ({ revision }) => revision).values()].flatMap((twins) =>
    twins
      .toSorted(byWorth)
      .slice(1)
      .filter(({ desired }) => desired !== "Running"),
  );
}

/**
 * Pods that were asked to leave their Node and that no other pod takes over from: those that are
 * not to run at once, those of slots that only this Node may have within the batch. And what moves
 * leave behind. `removed` slots lose a serving pod in the same turn by other steps.
 */
export function removeEvicted(seen: Seen, views: readonly View[], removed = 0): Removals {
  const reachable = views.filter(({ offline }) => !offline);
  let down = reachable.filter(({ available }) => !available).length + removed;
  let slots = 0;
  const steps: Step[] = [];
  for (const { slot, goal, others, available } of reachable) {
    const living = [...(goal === undefined ? [] : [goal]), ...others];
    const marked = living.filter(({ evicting }) => evicting === true);
    const running = marked.filter(({ desired }) => desired === "Running");
    const idle = marked.filter((pod) => !running.includes(pod));
    steps.push(...[...idle, ...idleTwins(living)].map(remove));
    if (slot.node === undefined || running.length === 0) continue;
    if (available && down >= seen.strategy.batch) continue;
    if (available) {
      down += 1;
      slots += 1;
    }
    steps.push(...running.map(remove));
  }
  return { steps, slots };
}

/** Wanted pods that nobody runs yet and that cannot be used: on a wrong Node, or ended for good. */
export function removeUnusable(views: readonly View[]): readonly Step[] {
  return views.flatMap(({ goal }) =>
    goal !== undefined && goal.desired !== "Running" && (goal.misplaced || goal.finished)
      ? [remove(goal)]
      : [],
  );
}

const hasFailed = (goal: PodSeen | undefined): goal is PodSeen =>
  goal?.finished === true && !goal.succeeded;

/** Wanted pods that failed for good, once they are old enough not to make it a tight loop. */
export function removeFinished(views: readonly View[], nowMs: number): readonly Step[] {
  return views.flatMap(({ goal }) =>
    hasFailed(goal) && goal.createdAtMs + recreateAfterMs <= nowMs ? [remove(goal)] : [],
  );
}

/** When {@link removeFinished} has something to do again, in milliseconds since the epoch. */
export function finishedDueMs(views: readonly View[], nowMs: number): readonly number[] {
  return views.flatMap(({ goal }) =>
    hasFailed(goal) ? [Math.max(nowMs + 1, goal.createdAtMs + recreateAfterMs)] : [],
  );
}

/**
 * Pods of Revisions that nothing leads to or back to any more, once they do not run: a template that
 * was changed before it was through. `kept` names the Revisions whose pods are still of use.
 */
export function removeAbandoned(
  views: readonly View[],
  kept: readonly (string | undefined)[],
): readonly Step[] {
  const isAbandoned = (pod: PodSeen): boolean =>
    !kept.includes(pod.revision) && pod.desired !== "Running" && !pod.up;
  return views
    .filter((view) => !view.offline)
    .flatMap(({ others }) => others.filter(isAbandoned).map(remove));
}

/** What a rollout leaves behind once it is final: pods of other Revisions that are not to run. */
export function removeParked(views: readonly View[]): readonly Step[] {
  return views
    .filter((view) => !view.offline)
    .flatMap(({ others }) => others.filter((pod) => pod.desired !== "Running").map(remove));
}

/** Every pod there is: a first rollout that failed leaves nothing. */
export function removeAll(seen: Seen): readonly Step[] {
  return seen.pods.filter((pod) => !pod.terminating).map(remove);
}

/**
 * Wanted pods whose image is not the one that the Revision has recorded: a tag moved between two
 * hosts' pulls. They are made again, by digest.
 */
export function removeOddImages(
  seen: Seen,
  views: readonly View[],
  images: ReadonlyMap<string, string>,
): Removals {
  return removeWithinBatch(seen, views, ({ digests }) =>
    digests.some(({ image, digest }) => (images.get(image) ?? digest) !== digest),
  );
}
