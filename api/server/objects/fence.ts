import { badRequest, isConflict, leadershipLost, timedOut } from "../../machinery/errors.ts";
import type { Lease } from "../../machinery/resources.ts";
import { type Item, itemOf } from "../../store/item.ts";
import { storeKey } from "../../store/keys.ts";
import type { Guard, Revision } from "../../store/store.ts";
import type { Storage } from "./storage.ts";

/** The header by which a leader names its term: `NAMESPACE/LEASE/HOLDER/TRANSITIONS`, URL-encoded. */
export const fenceHeader = "lighthouse-fence";

/** Who claims to lead, by which Lease, since which change of leaders. */
type Fence = {
  readonly namespace: string;
  readonly name: string;
  readonly holder: string;
  readonly transitions: number;
};

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return ""; // refused below, as anything that is empty
  }
}

/** @throws StatusError `BadRequest` for what is no fence */
function parseFence(text: string): Fence {
  const parts = text.split("/").map(decoded);
  const [namespace = "", name = "", holder = "", count = ""] = parts;
  const isComplete = parts.length === 4 && namespace !== "" && name !== "" && holder !== "";
  if (!isComplete || !/^\d{1,15}$/.test(count)) {
    const form = "NAMESPACE/LEASE/HOLDER/TRANSITIONS";
    throw badRequest(`Cannot read the header ${fenceHeader}: it is "${text}", expected ${form}`);
  }
  return { namespace, name, holder, transitions: Number(count) };
}

const termOf = (item: Item | undefined) => {
  const { spec } = (item?.object ?? {}) as Pick<Lease, "spec">;
  return { holder: spec?.holderIdentity ?? "", transitions: spec?.leaseTransitions ?? 0 };
};

/** The guard that holds as long as the Lease says so; `undefined` when somebody else leads. */
function guardOf({ holder, transitions }: Fence, item: Item | undefined): Guard | undefined {
  const now = termOf(item);
  const isHeld = item !== undefined && now.holder === holder && now.transitions === transitions;
  return isHeld ? { key: item.key, at: item.at } : undefined;
}

function refusal({ namespace, name, holder, transitions }: Fence, item: Item | undefined): Error {
  const now = termOf(item);
  const have = `"${now.holder}" in its term ${now.transitions}`;
  const want = `"${holder}" in its term ${transitions}`;
  return leadershipLost(
    `Cannot write as a leader: lease ${namespace}/${name} is held by ${have}, not by ${want}`,
  );
}

/** Renewals that may come between a look at the Lease and the write. */
const maxAttempts = 8;

/**
 * The storage as a leader may use it: each write carries, in the store's own transaction, the
 * condition that the Lease still names this holder and term. Sound with any number of servers: a
 * write commits before the Lease changes hands, or not at all. Other reads and writes are as they
 * were; `header` is what the request brought, none for whoever is no leader.
 * @throws StatusError `BadRequest` for a malformed header
 */
export function fencedStorage(storage: Storage, header: string | undefined): Storage {
  if (header === undefined) return storage;
  const fence = parseFence(header);
  const { store, cache } = storage;
  const { namespace, name } = fence;
  const leaseKey = storeKey(
    { group: "coordination.k8s.io", plural: "leases" },
    { namespace, name },
  );
  const readLease = async (): Promise<Item | undefined> => {
    const entry = await store.get(leaseKey);
    return entry === undefined ? undefined : itemOf(leaseKey, entry.value, entry.at);
  };
  const guarded = async (write: (guard: Guard) => Promise<Revision>): Promise<Revision> => {
    let item = cache.newest(leaseKey);
    // What is known here may be old: a refusal counts only once the store has confirmed it.
    if (guardOf(fence, item) === undefined) item = await readLease();
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const guard = guardOf(fence, item);
      if (guard === undefined) throw refusal(fence, item);
      try {
        return await write(guard);
      } catch (err) {
        if (!isConflict(err)) throw err;
        item = await readLease();
        if (item?.at === guard.at) throw err; // the Lease was not in the way
      }
    }
    throw timedOut(`Cannot write as a leader: lease ${namespace}/${name} changes all the time`);
  };
  return {
    cache,
    store: {
      ...delegate(store),
      put: (key, value, expected) => guarded((guard) => store.put(key, value, expected, guard)),
      delete: (key, expected) => guarded((guard) => store.delete(key, expected, guard)),
    },
  };
}

/** The methods of a store as an object of its own: those of a class are not spread. */
function delegate(store: Storage["store"]): Storage["store"] {
  return {
    get: (key) => store.get(key),
    list: (range) => store.list(range),
    put: (key, value, expected, guard) => store.put(key, value, expected, guard),
    delete: (key, expected, guard) => store.delete(key, expected, guard),
    watch: (prefix, since, signal) => store.watch(prefix, since, signal),
    head: () => store.head(),
    compact: (upTo) => store.compact(upTo),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
