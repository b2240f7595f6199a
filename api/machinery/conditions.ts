/** meta/v1 Condition. `lastTransitionTime` is RFC 3339, moved only when `status` changes. */
export type Condition = {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  /** CamelCase, from a const table of the kind. */
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
};

/** A condition before it is placed in a list, which decides the transition time. */
export type DraftCondition = Omit<Condition, "lastTransitionTime">;

/** The condition of a type, or `undefined`. */
export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Whether the condition of a type is there and `True`. */
export function isConditionTrue(
  conditions: readonly Condition[] | undefined,
  type: string,
): boolean {
  return findCondition(conditions, type)?.status === "True";
}

/**
 * The list with `draft` in place of the condition of its type. An unchanged status keeps its
 * transition time, so that a rewrite of the same facts is the same object.
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  draft: DraftCondition,
  now: string,
): readonly Condition[] {
  const list = conditions ?? [];
  const before = findCondition(list, draft.type);
  const lastTransitionTime = before?.status === draft.status ? before.lastTransitionTime : now;
  const after: Condition = { ...draft, lastTransitionTime };
  return before === undefined ? [...list, after] : list.map((c) => (c === before ? after : c));
}
