import { isConflict, tooManyRequests } from "../../machinery/errors.ts";
import { encodeObject, type Item, itemOf } from "../../store/item.ts";
import { collectionPrefix } from "../../store/keys.ts";
import { readItem, type Storage } from "../objects/storage.ts";
import {
  type Candidate,
  type QuotaState,
  quotaVerdict,
  readQuota,
  writeQuota,
} from "./quota-verdict.ts";

/** Lets objects through as far as the quotas of their namespace reach. */
export interface QuotaLedger {
  /** Why an object may not be stored; `undefined` once what it takes is reserved, or nothing limits it.
   * @throws StatusError `TooManyRequests` when others write the quota all the time */
  reserve(namespace: string, candidate: Candidate): Promise<string | undefined>;
  /** Whether the namespace has quotas at all. */
  limits(namespace: string): boolean;
  /** The same as `reserve` without reserving, by what this server knows. */
  check(namespace: string, candidate: Candidate): Promise<string | undefined>;
}

const type = { group: "", plural: "resourcequotas" };

/** Other servers write the same quota: each round one of them wins. */
const maxRounds = 32;

type Waiting = {
  readonly candidate: Candidate;
  readonly settle: (why: string | undefined) => void;
  readonly fail: (err: unknown) => void;
};

/** The quotas of a namespace as they become while candidates go through. */
type Draft = { readonly item: Item; readonly state: QuotaState };

/** Goes through all quotas, or is refused by one and then changes none. */
function enter(drafts: readonly Draft[], candidate: Candidate): readonly Draft[] | string {
  const after: Draft[] = [];
  for (const draft of drafts) {
    const verdict = quotaVerdict(draft.state, candidate);
    if (verdict.is === "refused") return verdict.why;
    after.push(verdict.is === "reserved" ? { ...draft, state: verdict.state } : draft);
  }
  return after;
}

class Ledger implements QuotaLedger {
  readonly #storage: Storage;
  /** By namespace: who waits for the round after the one that is under way. */
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  limits(namespace: string): boolean {
    return this.#storage.cache.count(collectionPrefix(type, namespace)) > 0;
  }

  async check(namespace: string, candidate: Candidate): Promise<string | undefined> {
    const result = enter(this.#drafts(namespace), candidate);
    return typeof result === "string" ? result : undefined;
  }

  async reserve(namespace: string, candidate: Candidate): Promise<string | undefined> {
    return new Promise((settle, fail) => {
      const waiting = this.#waiting.get(namespace);
      const entry = { candidate, settle, fail };
      if (waiting !== undefined) {
        waiting.push(entry);
        return;
      }
      this.#waiting.set(namespace, [entry]);
      void this.#serve(namespace); // never rejects: each round tells its own
    });
  }

  /** Round after round, each with all who wait: a hundred creations cost a few writes. */
  async #serve(namespace: string): Promise<void> {
    for (;;) {
      const batch = this.#waiting.get(namespace) ?? [];
      if (batch.length === 0) {
        this.#waiting.delete(namespace);
        return;
      }
      this.#waiting.set(namespace, []);
      try {
        await this.#admit(namespace, batch);
      } catch (err) {
        for (const { fail } of batch) fail(err);
      }
    }
  }

  async #admit(namespace: string, batch: readonly Waiting[]): Promise<void> {
    const nowMs = batch[0]?.candidate.nowMs ?? 0;
    let before = this.#drafts(namespace);
    for (let round = 1; round <= maxRounds; round++) {
      const refused = new Map<Waiting, string>();
      let drafts: readonly Draft[] = before;
      for (const waiting of batch) {
        const result = enter(drafts, waiting.candidate);
        if (typeof result === "string") refused.set(waiting, result);
        else drafts = result;
      }
      // What is known here may be old: a refusal counts only once the store has confirmed it.
      const sure = round > 1 || refused.size === 0;
      if (sure && (await this.#write(before, drafts, nowMs))) {
        for (const waiting of batch) waiting.settle(refused.get(waiting));
        return;
      }
      before = await this.#reread(before);
    }
    throw tooManyRequests(
      "Cannot reserve quota: others write it all the time, please try again",
      1,
    );
  }

  /** Whether all that changed was written; what was written before a conflict stays reserved. */
  async #write(before: readonly Draft[], after: readonly Draft[], nowMs: number): Promise<boolean> {
    const { store, cache } = this.#storage;
    const changed = after.filter((draft, index) => draft.state !== before[index]?.state);
    for (const { item, state } of changed) {
      const value = encodeObject(writeQuota(state, nowMs));
      try {
        cache.wrote(itemOf(item.key, value, await store.put(item.key, value, item.at)));
      } catch (err) {
        if (!isConflict(err)) throw err;
        return false;
      }
    }
    return true;
  }

  #drafts(namespace: string): readonly Draft[] {
    const { cache } = this.#storage;
    return cache.list(collectionPrefix(type, namespace)).map((known) => {
      const item = cache.newest(known.key) ?? known;
      return { item, state: readQuota(item.object) };
    });
  }

  /** The quotas as they are stored now; one that is gone limits nothing any more. */
  async #reread(drafts: readonly Draft[]): Promise<readonly Draft[]> {
    const items = await Promise.all(drafts.map(({ item }) => readItem(this.#storage, item.key)));
    return items.flatMap((item) =>
      item === undefined ? [] : [{ item, state: readQuota(item.object) }],
    );
  }
}

/** The ledger of one server; servers that share a store keep each other's by compare-and-set. */
export function quotaLedger(storage: Storage): QuotaLedger {
  return new Ledger(storage);
}
