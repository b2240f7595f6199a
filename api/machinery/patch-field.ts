/** How a field of a built-in type takes part in a strategic merge patch. */
export type PatchField = {
  /** Type of the field, or of the list's items; absent: nothing special lies below. */
  readonly type?: string;
  /** Lists with a strategy are merged, others replaced. `retainKeys` also concerns map items. */
  readonly strategy?: "merge" | "merge,retainKeys" | "retainKeys";
  /** What tells the items of a merged list apart; absent on lists of scalars. */
  readonly mergeKey?: string;
};

/** Fields of one type that matter; all others are plain. */
export type PatchType = Readonly<Record<string, PatchField>>;
