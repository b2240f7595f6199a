/** What does not work, and why. */
export type Gap = {
  readonly reason: string;
  /** kubectl minors that meet it; absent: all. */
  readonly minors?: readonly number[];
};

/**
 * Scenarios that fail, by their names. Each is run all the same, and fails the gate on the day on
 * which it passes: then its line here goes. Generated into docs/compatibility.md.
 */
export const gaps: Readonly<Record<string, Gap>> = {
  "discovery: cluster-info dump writes what there is": {
    reason: "it wants Deployments, ReplicaSets and other kinds that are not served",
  },
};

/** Why a scenario is expected to fail with that kubectl; `undefined` when it shall pass. */
export function gapOf(name: string, minor?: number): string | undefined {
  const gap = gaps[name];
  if (gap === undefined) return undefined;
  const applies = gap.minors === undefined || minor === undefined || gap.minors.includes(minor);
  return applies ? gap.reason : undefined;
}
