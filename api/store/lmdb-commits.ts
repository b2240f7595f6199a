import { setImmediate as nextTurn } from "node:timers/promises";
import { guardConflict, revisionConflict, timedOut } from "../machinery/errors.ts";
import { closedError } from "./feed.ts";
import { commitCause, translate, translateWrite } from "./lmdb-errors.ts";
import { readIndex, readRecord, valueBefore } from "./lmdb-history.ts";
import {
  encodeIndex,
  encodeRecord,
  eventOf,
  type IndexState,
  revisionKey,
} from "./lmdb-records.ts";
import type { Tables } from "./lmdb-tables.ts";
import type { Guard, Revision, StoreEvent } from "./store.ts";

/** One compare-and-set or compare-and-delete that waits for its commit. */
export type Write = {
  readonly type: "put" | "delete";
  readonly key: string;
  /** Empty on `delete`. */
  readonly value: Uint8Array;
  readonly expected: Revision;
  readonly guard: Guard | undefined;
};

/** Changes that LMDB shall make in one transaction; `apply` only puts and removes. */
export type Change = { apply(tables: Tables): void };

/**
 * The one writer of a data directory. Writes that arrive while a commit is under way share the
 * next one, and thus its fsync.
 */
export interface Commits {
  /** Resolves to the write's revision once it is on disk. */
  write(write: Write): Promise<Revision>;
  /** Makes a change while no write is under way: `decide` sees the state that it changes. */
  change(decide: () => Change): Promise<void>;
  /** Refuses what waits and resolves when nothing is under way any more. */
  close(): Promise<void>;
}

/** Told of each commit: its events, the last of which has `revision`. */
export type OnCommit = (events: readonly StoreEvent[], revision: Revision) => void;

// Bounds the time that one batch holds the event loop and the memory that one commit needs.
const maxBatchWrites = 256;
const maxBatchBytes = 16 << 20;

type Waiting = Write & {
  resolve(at: Revision): void;
  reject(err: unknown): void;
};

/** Starts the writer; `start` is the revision of the last commit. */
export function startCommits(tables: Tables, start: Revision, onCommit: OnCommit): Commits {
  return new GroupCommits(tables, start, onCommit);
}

class GroupCommits implements Commits {
  readonly #tables: Tables;
  readonly #onCommit: OnCommit;
  #revision: Revision;
  #waiting: Waiting[] = [];
  readonly #changes: (() => Promise<void>)[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(tables: Tables, start: Revision, onCommit: OnCommit) {
    this.#tables = tables;
    this.#revision = start;
    this.#onCommit = onCommit;
  }

  async write(write: Write): Promise<Revision> {
    if (this.#closed) throw closedError();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...write, resolve, reject });
      this.#run();
    });
  }

  async change(decide: () => Change): Promise<void> {
    if (this.#closed) throw closedError();
    await new Promise<void>((resolve, reject) => {
      this.#changes.push(async () => {
        try {
          await this.#commit(decide());
          resolve();
        } catch (err) {
          reject(err);
        }
      });
      this.#run();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(closedError());
    await this.#running;
  }

  #run(): void {
    this.#running ??= this.#drain();
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length + this.#changes.length > 0) {
      // A turn's wait lets all who were woken together, or arrived together, join the batch.
      await nextTurn();
      await this.#changes.shift()?.();
      const batch = this.#takeBatch();
      if (batch.length > 0) await this.#settle(batch);
    }
    // In the same step as the look at the queue: who comes later must start a new run.
    this.#running = undefined;
  }

  #takeBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && count < maxBatchWrites && bytes < maxBatchBytes) {
      bytes += this.#waiting[count]?.value.byteLength ?? 0;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  /** Never rejects: every waiting write learns its own outcome. */
  async #settle(batch: readonly Waiting[]): Promise<void> {
    let plan: Plan | undefined;
    try {
      plan = planBatch(this.#tables, this.#revision, batch);
      if (plan.events.length > 0) await this.#commit(plan);
    } catch (err) {
      const failure = plan === undefined ? translate(err, "write to", this.#tables.dir) : err;
      this.#settleFailed(batch, plan, failure);
      return;
    }
    this.#publish(plan);
    for (const [i, waiting] of batch.entries()) {
      const outcome = plan.outcomes[i];
      if (typeof outcome === "number") waiting.resolve(outcome);
      else waiting.reject(outcome);
    }
  }

  // LMDB may have made the commit visible before an error of the disk: then it counts, and the
  // writers are told that its fate on disk is unknown.
  #settleFailed(batch: readonly Waiting[], plan: Plan | undefined, failure: unknown): void {
    let visible = false;
    try {
      visible = plan !== undefined && readRecord(this.#tables, plan.revision) !== undefined;
    } catch {
      visible = false; // the failure itself is reported below
    }
    if (visible && plan !== undefined) this.#publish(plan);
    const unknown = timedOut("Cannot say whether the write is on disk: the commit failed midway", {
      cause: failure,
    });
    for (const waiting of batch) waiting.reject(visible ? unknown : failure);
  }

  #publish({ events, revision }: Plan): void {
    if (events.length === 0) return;
    this.#revision = revision;
    this.#onCommit(events, revision);
  }

  /** @throws StatusError if the transaction failed; then nothing of it is visible, as a rule. */
  async #commit(change: Change): Promise<void> {
    const { root, dir } = this.#tables;
    try {
      await root.batch(() => {
        change.apply(this.#tables);
      });
    } catch (err) {
      root.resetReadTxn();
      throw await translateWrite(await commitCause(err), "write to", dir);
    }
  }
}

type Plan = Change & {
  /** Per write: its revision, or why it was refused. */
  readonly outcomes: readonly (Revision | Error)[];
  readonly events: readonly StoreEvent[];
  readonly revision: Revision;
};

type Live = { readonly state: IndexState; readonly value: Uint8Array | undefined };

/** Decides a batch in order: later writes see the earlier ones. Reads only; nothing is written. */
function planBatch(tables: Tables, head: Revision, batch: readonly Write[]): Plan {
  const seen = new Map<string, Live>();
  const puts: (readonly [Buffer, Buffer])[] = [];
  const outcomes: (Revision | Error)[] = [];
  const events: StoreEvent[] = [];
  let revision = head;
  const liveAt = (key: string): Revision => {
    const { live, at } = seen.get(key)?.state ?? readIndex(tables, Buffer.from(key));
    return live ? at : 0;
  };
  for (const write of batch) {
    const { guard } = write;
    if (guard !== undefined && liveAt(guard.key) !== guard.at) {
      outcomes.push(guardConflict(write.key, guard.key, guard.at));
      continue;
    }
    const key = Buffer.from(write.key);
    const before = seen.get(write.key) ?? { state: readIndex(tables, key), value: undefined };
    const have = before.state.live ? before.state.at : 0;
    if (have !== write.expected || (write.type === "delete" && have === 0)) {
      outcomes.push(revisionConflict(write.key, have, write.expected));
      continue;
    }
    const at = ++revision;
    const createdAt = have === 0 ? at : before.state.createdAt;
    const record = { ...write, createdAt, previous: before.state.at };
    const old = have === 0 ? undefined : (before.value ?? valueBefore(tables, at, record));
    puts.push([revisionKey(at), encodeRecord(record, key)]);
    seen.set(write.key, {
      state: { at, createdAt, live: write.type === "put" },
      value: write.value,
    });
    outcomes.push(at);
    events.push(eventOf(at, record, old));
  }
  const entries = [...seen].map(
    ([key, { state }]) => [Buffer.from(key), encodeIndex(state)] as const,
  );
  return {
    outcomes,
    events,
    revision,
    apply({ log, index }) {
      for (const [at, record] of puts) void log.put(at, record); // resolves with the whole batch
      for (const [key, state] of entries) void index.put(key, state);
    },
  };
}
