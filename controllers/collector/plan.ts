import { foregroundFinalizer, orphanFinalizer } from "../../api/machinery/finalizer.ts";
import type { OwnerReference } from "../../api/machinery/object.ts";

/**
 * What became of an owner. `waiting`: it is deleted in the foreground and goes after its
 * dependents. `unresolved`: its kind is not served, or it cannot be an owner here; it holds its
 * dependents, because deleting on a mistake cannot be undone.
 */
export type OwnerState = "present" | "waiting" | "absent" | "unresolved";

/** An object that names the one at hand as its owner. */
export type Dependent = {
  /** It keeps a foreground deletion waiting: `blockOwnerDeletion`. */
  readonly blocks: boolean;
  /** It is itself deleted in the foreground. */
  readonly waits: boolean;
};

/** Everything the decision about one object rests on. */
export type Seen = {
  readonly deleting: boolean;
  readonly finalizers: readonly string[];
  readonly owners: readonly {
    readonly reference: OwnerReference;
    readonly state: OwnerState;
  }[];
  /** Counts only while it is being deleted, or an owner waits for it. */
  readonly dependents: readonly Dependent[];
  /** Whether `dependents` are all there are. */
  readonly complete: boolean;
};

/** What to do next; the pass after it sees its effect. */
export type Step =
  | { readonly kind: "delete"; readonly policy: "Background" | "Foreground" | "Orphan" }
  /** Takes references out of the object, by the uid of the owner. */
  | { readonly kind: "removeReferences"; readonly uids: readonly string[] }
  /** Lets the owners of the object go without waiting for it. */
  | { readonly kind: "unblock" }
  /** Takes the reference to the object out of all its dependents. */
  | { readonly kind: "orphanDependents" }
  | { readonly kind: "removeFinalizer"; readonly finalizer: string }
  /** What has to be known is not read yet. */
  | { readonly kind: "wait" };

function planDeleting({ finalizers, dependents, complete }: Seen): readonly Step[] {
  const [orphans, waits] = [orphanFinalizer, foregroundFinalizer].map((name) =>
    finalizers.includes(name),
  );
  if (orphans !== true && waits !== true) return [];
  if (!complete) return [{ kind: "wait" }];
  if (orphans === true) {
    if (dependents.length > 0) return [{ kind: "orphanDependents" }];
    return [{ kind: "removeFinalizer", finalizer: orphanFinalizer }];
  }
  // The dependents see to themselves: each of them finds an owner that waits.
  if (dependents.some(({ blocks }) => blocks)) return [];
  return [{ kind: "removeFinalizer", finalizer: foregroundFinalizer }];
}

/** The policy that the object's own finalizers ask for, else that of most deletions. */
function policyOf(finalizers: readonly string[]): "Background" | "Foreground" | "Orphan" {
  if (finalizers.includes(orphanFinalizer)) return "Orphan";
  return finalizers.includes(foregroundFinalizer) ? "Foreground" : "Background";
}

/**
 * Garbage collection of one object, as Kubernetes documents it: an object goes when all its owners
 * are gone; references to owners that are gone are taken out while others hold it; an owner that
 * is deleted in the foreground takes its dependents first; orphaning takes the references out.
 * Cycles do not block: a dependent that waits for its own owner lets that one go.
 */
export function planCollection(seen: Seen): readonly Step[] {
  const { deleting, finalizers, owners, dependents, complete } = seen;
  if (deleting) return planDeleting(seen);
  if (owners.length === 0) return [];
  const holds = owners.some(({ state }) => state === "present" || state === "unresolved");
  if (holds) {
    const gone = owners.filter(({ state }) => state === "absent" || state === "waiting");
    if (gone.length === 0) return [];
    return [{ kind: "removeReferences", uids: gone.map(({ reference }) => reference.uid) }];
  }
  if (!owners.some(({ state }) => state === "waiting")) {
    return [{ kind: "delete", policy: policyOf(finalizers) }];
  }
  if (!complete) return [{ kind: "wait" }];
  if (dependents.length === 0) return [{ kind: "delete", policy: policyOf(finalizers) }];
  // It has dependents of its own, and its owner wants them all gone first.
  const cycle = dependents.some(({ waits }) => waits);
  const blocks = owners.some(({ reference }) => reference.blockOwnerDeletion === true);
  return [cycle && blocks ? { kind: "unblock" } : { kind: "delete", policy: "Foreground" }];
}
