import { expect, test } from "vitest";
import { type OwnerState, planCollection, type Seen } from "./plan.ts";

const owner = (state: OwnerState, uid: string = state, blockOwnerDeletion = true) => ({
  reference: { apiVersion: "v1", kind: "ConfigMap", name: uid, uid, blockOwnerDeletion },
  state,
});
const seen = (over: Partial<Seen>): Seen => ({
  deleting: false,
  finalizers: [],
  owners: [],
  dependents: [],
  complete: true,
  ...over,
});
const child = { blocks: true, waits: false };

test.each<[string, Partial<Seen>, object[]]>([
  ["leaves alone what has no owner", {}, []],
  ["leaves alone what has a present owner", { owners: [owner("present")] }, []],
  [
    "deletes what all owners left behind",
    { owners: [owner("absent", "a"), owner("absent", "b")] },
    [{ kind: "delete", policy: "Background" }],
  ],
  [
    "takes out the owners that are gone while another holds it",
    { owners: [owner("absent", "a"), owner("present", "b"), owner("waiting", "c")] },
    [{ kind: "removeReferences", uids: ["a", "c"] }],
  ],
  [
    "keeps what might still have an owner",
    { owners: [owner("unresolved")], dependents: [child] },
    [],
  ],
  [
    "deletes with the policy that its own finalizers ask for",
    { owners: [owner("absent")], finalizers: ["orphan"] },
    [{ kind: "delete", policy: "Orphan" }],
  ],
  [
    "deletes in the foreground when that was asked for before",
    { owners: [owner("absent")], finalizers: ["foregroundDeletion"] },
    [{ kind: "delete", policy: "Foreground" }],
  ],
  [
    "goes before an owner that waits",
    { owners: [owner("waiting")] },
    [{ kind: "delete", policy: "Background" }],
  ],
  [
    "goes in the foreground before an owner that waits, when it has dependents",
    { owners: [owner("waiting")], dependents: [child] },
    [{ kind: "delete", policy: "Foreground" }],
  ],
  [
    "does not decide on half the dependents",
    { owners: [owner("waiting")], complete: false },
    [{ kind: "wait" }],
  ],
  [
    "lets its owner go when that is also its dependent",
    { owners: [owner("waiting")], dependents: [{ blocks: true, waits: true }] },
    [{ kind: "unblock" }],
  ],
  [
    "then goes itself",
    { owners: [owner("waiting", "w", false)], dependents: [{ blocks: true, waits: true }] },
    [{ kind: "delete", policy: "Foreground" }],
  ],
  ["waits for others' finalizers", { deleting: true, finalizers: ["example.com/mine"] }, []],
  [
    "waits for dependents that block",
    { deleting: true, finalizers: ["foregroundDeletion"], dependents: [child] },
    [],
  ],
  [
    "goes when the last one that blocks is gone",
    {
      deleting: true,
      finalizers: ["foregroundDeletion"],
      dependents: [{ blocks: false, waits: false }],
    },
    [{ kind: "removeFinalizer", finalizer: "foregroundDeletion" }],
  ],
  [
    "does not go before all dependents are known",
    { deleting: true, finalizers: ["foregroundDeletion"], complete: false },
    [{ kind: "wait" }],
  ],
  [
    "orphans first",
    { deleting: true, finalizers: ["orphan"], dependents: [child] },
    [{ kind: "orphanDependents" }],
  ],
  [
    "then goes",
    { deleting: true, finalizers: ["orphan"] },
    [{ kind: "removeFinalizer", finalizer: "orphan" }],
  ],
])("planCollection() %s", (_why, over, want) => {
  expect(planCollection(seen(over))).toEqual(want);
});
