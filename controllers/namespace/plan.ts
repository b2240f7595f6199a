import {
  type Condition,
  type DraftCondition,
  setCondition,
} from "../../api/machinery/conditions.ts";

/** What is left of one kind in a namespace. */
export type Remaining = {
  /** e.g. `pods` or `applications.lighthouse.dev`. */
  readonly resource: string;
  /** Objects that are not yet asked to go. Integer. */
  readonly living: number;
  /** Finalizers of those that are on their way, each by how many hold it. */
  readonly finalizers: ReadonlyMap<string, number>;
  /** All objects. Integer, 1 or more. */
  readonly total: number;
};

/** Everything the decision rests on. */
export type Seen = {
  readonly deleting: boolean;
  /** `spec.finalizers`. */
  readonly finalizers: readonly string[];
  readonly conditions: readonly Condition[];
  /** Empty before the namespace is deleted: nobody looks. */
  readonly remaining: readonly Remaining[];
  /** What went wrong in the look, or in the deletion before it; then nothing is known to be gone. */
  readonly failure?: Failure;
};

/** A failure to find out what is there, or to delete it. */
export type Failure = {
  readonly of: "Discovery" | "Content";
  readonly message: string;
};

/** What to do, in this order. */
export type Plan = {
  /** Kinds whose objects shall all be deleted. */
  readonly empty: readonly string[];
  /** The conditions to report, if they changed. */
  readonly conditions?: readonly Condition[];
  /** The finalizers that stay; present when the last content is gone. */
  readonly finalize?: readonly string[];
};

/** Ours among `spec.finalizers`: it stands for the contents. */
export const contentFinalizer = "kubernetes";

const nothing: Plan = { empty: [] };

const failures = {
  Discovery: {
    type: "NamespaceDeletionDiscoveryFailure",
    failed: "DiscoveryFailed",
    fine: "ResourcesDiscovered",
    says: "All resources successfully discovered",
  },
  Content: {
    type: "NamespaceDeletionContentFailure",
    failed: "ContentDeletionFailed",
    fine: "ContentDeleted",
    says: "All content successfully deleted, may be waiting on finalization",
  },
} as const;

function failureCondition(of: Failure["of"], failure: Failure | undefined): DraftCondition {
  const { type, failed, fine, says } = failures[of];
  if (failure?.of !== of) return { type, status: "False", reason: fine, message: says };
  return { type, status: "True", reason: failed, message: failure.message };
}

/** Kubernetes reports it too; a version of ours that cannot be parsed is never served. */
const parsed: DraftCondition = {
  type: "NamespaceDeletionGroupVersionParsingFailure",
  status: "False",
  reason: "ParsedGroupVersions",
  message: "All legacy kube types successfully parsed",
};

function contentCondition(remaining: readonly Remaining[]): DraftCondition {
  const type = "NamespaceContentRemaining";
  if (remaining.length === 0) {
    const message = "All content successfully removed";
    return { type, status: "False", reason: "ContentRemoved", message };
  }
  const shown = remaining
    .map(({ resource, total }) => `${resource} has ${total} resource instances`)
    .join(", ");
  const message = `Some resources are remaining: ${shown}`;
  return { type, status: "True", reason: "SomeResourcesRemain", message };
}

function finalizersCondition(remaining: readonly Remaining[]): DraftCondition {
  const type = "NamespaceFinalizersRemaining";
  const counts = new Map<string, number>();
  for (const { finalizers } of remaining) {
    for (const [name, count] of finalizers) counts.set(name, (counts.get(name) ?? 0) + count);
  }
  if (counts.size === 0) {
    const message = "All content-preserving finalizers finished";
    return { type, status: "False", reason: "ContentHasNoFinalizers", message };
  }
  const shown = Array.from(counts, ([name, count]) => `${name} in ${count} resource instances`);
  const message = `Some content in the namespace has finalizers remaining: ${shown.join(", ")}`;
  return { type, status: "True", reason: "SomeFinalizersRemain", message };
}

/**
 * Empties a deleted namespace, says what still holds it, and lets it go when it is empty. `now` is
 * RFC 3339.
 */
export function planNamespace(seen: Seen, now: string): Plan {
  const { deleting, finalizers, conditions, remaining, failure } = seen;
  if (!deleting || !finalizers.includes(contentFinalizer)) return nothing;
  if (remaining.length === 0 && failure === undefined) {
    return { empty: [], finalize: finalizers.filter((name) => name !== contentFinalizer) };
  }
  const drafts = [
    failureCondition("Discovery", failure),
    parsed,
    failureCondition("Content", failure),
    // After a failed discovery nothing is known of what remains.
    ...(failure?.of === "Discovery"
      ? []
      : [contentCondition(remaining), finalizersCondition(remaining)]),
  ];
  const after = drafts.reduce((list, draft) => setCondition(list, draft, now), conditions);
  const isNews = drafts.some((draft) => {
    const before = conditions.find(({ type }) => type === draft.type);
    return before?.status !== draft.status || before.message !== draft.message;
  });
  return {
    empty: remaining.filter(({ living }) => living > 0).map(({ resource }) => resource),
    ...(isNews ? { conditions: after } : {}),
  };
}
