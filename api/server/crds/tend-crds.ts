import type { Clock } from "../../machinery/clock.ts";
import { formatTime } from "../../machinery/time.ts";
import type { Item } from "../../store/item.ts";
import { collectionPrefix, storeKey } from "../../store/keys.ts";
import type { Body, Kinds } from "../kinds/kind.ts";
import { changeItem, type Next, readItem, type Storage, write } from "../objects/storage.ts";
import { cleanupFinalizer, type Crd, type CrdStatus, hasCondition, withCondition } from "./crd.ts";
import { followItems, storedCrds } from "./follow-crds.ts";
import { nameStatus, sameStatus } from "./naming.ts";

/** What tending CRDs needs. */
export type TendOptions = {
  readonly storage: Storage;
  readonly kinds: Kinds;
  readonly clock: Pick<Clock, "nowMs">;
  readonly onError: (err: unknown) => void;
  /** Before a CRD that could not be tended is looked at again, in milliseconds. Default 1000. */
  readonly retryMs?: number;
};

const crdKind = { group: "apiextensions.k8s.io", plural: "customresourcedefinitions" };
const pageSize = 500;
const writesAtOnce = 16;

const isTerminating = ({ metadata }: Crd): boolean => metadata.deletionTimestamp !== undefined;
const isHeld = ({ metadata }: Crd): boolean =>
  (metadata.finalizers ?? []).includes(cleanupFinalizer);

/**
 * Looks after the CRDs of a store until the returned function is called: gives names that became
 * free to those that wait for them, and empties and removes those that are being deleted.
 *
 * Runs in every API server, see docs/adr: the steps are compare-and-set and lead to the same state
 * whoever takes them.
 */
export function tendCrds(options: TendOptions): () => void {
  const tender = new Tender(options);
  const unfollow = followItems(options.storage.cache, {
    onItem: (item) => tender.consider(item.object as Crd),
    onGone: (name, group) => tender.released(name, group),
  });
  return () => {
    unfollow();
    tender.stop();
  };
}

class Tender {
  readonly #options: TendOptions;
  readonly #due = new Set<string>();
  /** Watches of the objects that a CRD waits for, by its name. */
  readonly #waits = new Map<string, () => void>();
  readonly #retries = new Set<NodeJS.Timeout>();
  #running = false;
  #stopped = false;

  constructor(options: TendOptions) {
    this.#options = options;
  }

  consider(crd: Crd): void {
    if (isTerminating(crd) ? isHeld(crd) : !hasCondition(crd, "NamesAccepted"))
      this.#enqueue(crd.metadata.name);
    this.#considerGroup(crd.spec.group);
  }

  released(name: string, group: string): void {
    this.#unwait(name);
    this.#considerGroup(group);
  }

  stop(): void {
    this.#stopped = true;
    for (const name of this.#waits.keys()) this.#unwait(name);
    for (const timer of this.#retries) clearTimeout(timer);
  }

  #considerGroup(group: string): void {
    for (const crd of storedCrds(this.#options.storage.cache))
      if (crd.spec.group === group && !hasCondition(crd, "NamesAccepted"))
        this.#enqueue(crd.metadata.name);
  }

  #enqueue(name: string): void {
    if (this.#stopped) return;
    this.#due.add(name);
    if (this.#running) return;
    this.#running = true;
    queueMicrotask(() => void this.#work()); // it reports its own failures
  }

  async #work(): Promise<void> {
    for (const name of this.#due) {
      this.#due.delete(name);
      if (this.#stopped) break;
      try {
        await this.#tend(name);
      } catch (err) {
        this.#options.onError(err);
        this.#retry(name);
      }
    }
    this.#running = false;
  }

  #retry(name: string): void {
    if (this.#stopped) return;
    const timer = setTimeout(() => {
      this.#retries.delete(timer);
      this.#enqueue(name);
    }, this.#options.retryMs ?? 1_000);
    timer.unref();
    this.#retries.add(timer);
  }

  #unwait(name: string): void {
    this.#waits.get(name)?.();
    this.#waits.delete(name);
  }

  async #tend(name: string): Promise<void> {
    const { storage } = this.#options;
    const item = await readItem(storage, storeKey(crdKind, { name }));
    if (item === undefined) return;
    const crd = item.object as Crd;
    if (!isTerminating(crd)) return this.#giveNames(crd);
    if (isHeld(crd)) return this.#cleanUp(crd);
  }

  #now(): string {
    return formatTime(this.#options.clock.nowMs());
  }

  async #giveNames(crd: Crd): Promise<void> {
    await this.#changeStatus(crd, (current) => {
      const others = storedCrds(this.#options.storage.cache).filter(
        ({ metadata, spec }) =>
          spec.group === current.spec.group && metadata.name !== current.metadata.name,
      );
      return nameStatus(current, others, this.#now());
    });
  }

  async #cleanUp(crd: Crd): Promise<void> {
    const { group, names } = crd.spec;
    const prefix = collectionPrefix({ group, plural: names.plural });
    if (this.#isBuiltIn(crd))
      return this.#release(
        crd,
        "OverlappingBuiltInResource",
        "instances overlap with built-in resources in storage",
      );
    if (!hasCondition(crd, "Established"))
      return this.#release(crd, "NeverEstablished", "resource was never established");
    await this.#condition(
      crd,
      "InstanceDeletionInProgress",
      "CustomResource deletion is in progress",
    );
    // Before the list: what ends in between is not missed.
    this.#wait(crd.metadata.name, prefix);
    await this.#deleteAll(prefix);
    const left = await this.#options.storage.store.list({ prefix, limit: 1 });
    if (left.entries.length > 0) return;
    this.#unwait(crd.metadata.name);
    await this.#release(crd, "InstanceDeletionCompleted", "removed all instances");
  }

  #isBuiltIn({ spec }: Crd): boolean {
    return this.#options.kinds
      .list()
      .some(
        ({ group, plural, custom }) =>
          !custom && group === spec.group && plural === spec.names.plural,
      );
  }

  #wait(name: string, prefix: string): void {
    if (this.#waits.has(name)) return;
    const { cache } = this.#options.storage;
    const again = (): void => this.#enqueue(name);
    const listener = {
      onEvents: again,
      onReset: () => {
        this.#waits.delete(name);
        again();
      },
    };
    const subscription = cache.subscribe(prefix, cache.revision, listener);
    if (subscription !== undefined) this.#waits.set(name, subscription.unsubscribe);
  }

  /** Asks every object to go; those with finalizers of their own may stay for a while. */
  async #deleteAll(prefix: string): Promise<void> {
    const { store } = this.#options.storage;
    for (let after: string | undefined; ;) {
      const page = await store.list({
        prefix,
        limit: pageSize,
        ...(after === undefined ? {} : { after }),
      });
      const keys = page.entries.map(({ key }) => key);
      for (let i = 0; i < keys.length; i += writesAtOnce)
        await Promise.all(keys.slice(i, i + writesAtOnce).map((key) => this.#deleteOne(key)));
      after = keys.at(-1);
      if (after === undefined || page.remaining === 0 || this.#stopped) return;
    }
  }

  async #deleteOne(key: string): Promise<void> {
    const { storage } = this.#options;
    const at = this.#now();
    const found = await readItem(storage, key);
    if (found === undefined) return;
    const decide = (current: Item | undefined): Next =>
      current === undefined ? { does: "keep", item: found } : doomed(current, at);
    await changeItem(storage, key, decide, { dryRun: false });
  }

  async #condition(crd: Crd, reason: string, message: string): Promise<void> {
    const condition = { type: "Terminating", status: "True", reason, message };
    await this.#changeStatus(crd, ({ status = {} }) => ({
      ...status,
      conditions: withCondition(status.conditions ?? [], condition, this.#now()),
    }));
  }

  async #changeStatus(crd: Crd, decide: (current: Crd) => CrdStatus): Promise<void> {
    await this.#change(crd, (current, item) => {
      const status = decide(current);
      if (sameStatus(current.status, status)) return { does: "keep", item };
      return write("put", { ...current, status });
    });
  }

  /** Takes the finalizer off; the CRD goes with it unless others hold it. */
  async #release(crd: Crd, reason: string, message: string): Promise<void> {
    const condition = { type: "Terminating", status: "False", reason, message };
    await this.#change(crd, (current, item) => {
      if (!isHeld(current)) return { does: "keep", item };
      const { status = {}, metadata } = current;
      const finalizers = (metadata.finalizers ?? []).filter((name) => name !== cleanupFinalizer);
      const { finalizers: _, ...rest } = metadata;
      const next = {
        ...current,
        metadata: finalizers.length === 0 ? rest : { ...rest, finalizers },
        status: {
          ...status,
          conditions: withCondition(status.conditions ?? [], condition, this.#now()),
        },
      };
      return write(finalizers.length === 0 ? "delete" : "put", next);
    });
  }

  async #change(crd: Crd, decide: (current: Crd, item: Item) => Next): Promise<void> {
    const { storage } = this.#options;
    const key = storeKey(crdKind, { name: crd.metadata.name });
    const { uid } = crd.metadata;
    const found = await readItem(storage, key);
    if (found?.object.metadata.uid !== uid) return; // gone, or another of its name
    await changeItem(
      storage,
      key,
      (item) => {
        if (item?.object.metadata.uid !== uid) return { does: "keep", item: item ?? found };
        return decide(item.object as Crd, item);
      },
      { dryRun: false },
    );
  }
}

/** What becomes of an object whose kind goes: gone at once, or as soon as its finalizers let it. */
function doomed(current: Item, at: string): Next {
  const object = JSON.parse(current.bytes.toString()) as Body;
  const { metadata } = object;
  const held = (metadata.finalizers ?? []).length > 0;
  if (metadata.deletionTimestamp !== undefined && held) return { does: "keep", item: current };
  metadata.deletionTimestamp ??= at;
  metadata.deletionGracePeriodSeconds ??= 0;
  if (metadata.generation !== undefined) metadata.generation += 1;
  return write(held ? "put" : "delete", object);
}
