import type { EventEmitter } from "node:events";
import type { TLSSocket } from "node:tls";
import type { Clock } from "../machinery/clock.ts";
import { formatTime } from "../machinery/time.ts";
import { collectionPrefix, storeKey } from "../store/keys.ts";
import type { Item } from "../store/item.ts";
import { authorityCollection } from "./identity/collections.ts";
import { newUid } from "./objects/call.ts";
import { changeItem, readItem, type Storage, write } from "./objects/storage.ts";
import { openPki, type Pki, type PkiOptions } from "./pki.ts";
import {
  advancedRotation,
  type AuthorityRecord,
  begunRotation,
  finishedRotation,
  parseAuthorityRecord,
  restOfSpread,
} from "./pki/authority-record.ts";
import { certificatesIn, isIssuedBy } from "./pki/inspect.ts";
import { issueSuccessor } from "./pki/issue.ts";

/** What a log must offer here. */
type Log = { info(fields: object, text: string): void; error(fields: object, text: string): void };

/** What certificates that change while the server runs are made of. */
export type LivePkiOptions = {
  readonly storage: Storage;
  readonly files: Omit<PkiOptions, "nowMs" | "record">;
  readonly clock: Clock;
  readonly log: Log;
  /** How long other servers get to learn of a new root before it issues. Milliseconds. */
  readonly spreadMs: number;
};

/** Told after every change; the server goes on when it fails. */
export type OnPkiChange = (now: Pki, before: Pki) => Promise<void> | void;

/** The certificates of a server: renewed in time, and issued by another root while everything runs. */
export interface LivePki {
  readonly current: () => Pki;
  /** What the servers of the store have agreed upon; `undefined` before the first rotation. */
  readonly record: () => AuthorityRecord | undefined;
  onChange(listener: OnPkiChange): void;
  /** Ends connections of certificates whose root was dropped, for as long as the listener is there. */
  watch(listener: EventEmitter): void;
  /** Makes a new root. This server trusts it when it resolves. @throws StatusError `Conflict` */
  rotate(): Promise<void>;
  /** Drops the old root. @throws StatusError `Conflict` unless the new one issues */
  finish(): Promise<void>;
  /** Renews, and follows rotations that any server began, until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

const recordKey = storeKey(authorityCollection, { name: "authority" });

const halfDayMs = 43_200_000;
const retryMs = 5_000;
/** Enough for servers that see the same store; one that does not hear of it in time only refuses for a while. */
export const rootSpreadMs = 10_000;

const recordOf = (item: Item | undefined): AuthorityRecord | undefined =>
  item === undefined ? undefined : parseAuthorityRecord(item.object["record"]);

const holders = ["serving", "admin", "controllers", "agent"] as const;

function isSame(left: Pki, right: Pki): boolean {
  const isSameTrust = left.authority === right.authority && left.cross === right.cross;
  return (
    isSameTrust && holders.every((holder) => left[holder].certificate === right[holder].certificate)
  );
}

class Live implements LivePki {
  readonly #options: LivePkiOptions;
  readonly #listeners: OnPkiChange[] = [];
  readonly #sockets = new Set<TLSSocket>();
  #pki: Pki;
  #record: AuthorityRecord | undefined;
  #wake = new AbortController();
  #refreshing: Promise<void> = Promise.resolve();

  constructor(options: LivePkiOptions, pki: Pki, record: AuthorityRecord | undefined) {
    this.#options = options;
    this.#pki = pki;
    this.#record = record;
  }

  readonly current = (): Pki => this.#pki;
  readonly record = (): AuthorityRecord | undefined => this.#record;

  onChange(listener: OnPkiChange): void {
    this.#listeners.push(listener);
  }

  watch(listener: EventEmitter): void {
    listener.on("secureConnection", (socket: TLSSocket) => {
      if (!socket.authorized) return;
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  async rotate(): Promise<void> {
    const { clock, storage } = this.#options;
    await this.refresh(); // the newest root is the one that is rotated
    const old = this.#pki.issuer;
    const successor = await issueSuccessor(old, clock.nowMs());
    const uid = newUid();
    const creationTimestamp = formatTime(clock.nowMs());
    await changeItem(
      storage,
      recordKey,
      (item) => {
        const record = begunRotation(recordOf(item), old, successor, clock.nowMs());
        const metadata = item?.object.metadata ?? { name: "authority", uid, creationTimestamp };
        const type = { apiVersion: "lighthouse.dev/v1", kind: "AuthorityRecord" };
        return write("put", { ...type, metadata, record });
      },
      { dryRun: false },
    );
    await this.refresh();
  }

  async finish(): Promise<void> {
    await this.#change((record) => finishedRotation(record, this.#options.clock.nowMs()));
    await this.refresh();
  }

  async #change(next: (record: AuthorityRecord | undefined) => AuthorityRecord): Promise<void> {
    await changeItem(
      this.#options.storage,
      recordKey,
      (item) => {
        const before = recordOf(item);
        const record = next(before);
        if (item === undefined || record === before) throw unchanged;
        return write("put", { ...item.object, record });
      },
      { dryRun: false },
    ).catch((err: unknown) => {
      if (err !== unchanged) throw err;
    });
  }

  /** One after the other: two at once would write the same files. */
  refresh(): Promise<void> {
    const refreshed = this.#refreshing.then(() => this.#refresh());
    this.#refreshing = refreshed.catch(() => undefined); // told to whoever asked
    return refreshed;
  }

  async #refresh(): Promise<void> {
    const { storage, files, clock, log } = this.#options;
    const before = this.#pki;
    const record = recordOf(await readItem(storage, recordKey));
    const own = { ...files, beacon: before.beacon, nowMs: clock.nowMs() };
    const pki = await openPki({ ...own, ...(record === undefined ? {} : { record }) });
    this.#record = record;
    if (isSame(pki, before)) return;
    this.#pki = pki;
    for (const listener of this.#listeners) {
      // What cannot be told to one must not keep the others, nor old connections, as they are.
      try {
        await listener(pki, before);
      } catch (err) {
        log.error({ err }, "cannot tell of new certificates");
      }
    }
    this.#cutDropped();
    log.info({ phase: record?.phase ?? "Stable" }, "took up new certificates");
  }

  #cutDropped(): void {
    const dropped = this.#pki.retired.flatMap(certificatesIn);
    for (const socket of this.#sockets) {
      const certificate = socket.getPeerX509Certificate();
      if (certificate === undefined) continue; // it is closing
      if (dropped.some((root) => isIssuedBy(certificate, root))) socket.destroy();
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    this.#follow(signal);
    let waitMs = 0;
    while (!signal.aborted) {
      const wait = Math.min(waitMs, this.#untilAdvanceMs());
      await clock.sleep(wait, AbortSignal.any([signal, this.#wake.signal])).catch(() => undefined);
      if (signal.aborted) return;
      this.#wake = new AbortController();
      try {
        await this.#advance();
        await this.refresh();
        waitMs = halfDayMs;
      } catch (err) {
        log.error({ err }, "cannot renew certificates");
        waitMs = retryMs;
      }
    }
  }

  #untilAdvanceMs(): number {
    const { clock, spreadMs } = this.#options;
    if (this.#record?.phase !== "Spreading") return Number.POSITIVE_INFINITY;
    return restOfSpread(this.#record, clock.nowMs(), spreadMs);
  }

  async #advance(): Promise<void> {
    const { clock, spreadMs } = this.#options;
    if (this.#record?.phase !== "Spreading") return;
    await this.#change((record) => {
      if (record === undefined) throw unchanged;
      return advancedRotation(record, clock.nowMs(), spreadMs);
    });
  }

  #follow(signal: AbortSignal): void {
    const { cache } = this.#options.storage;
    const follow = (): void => {
      const subscription = cache.subscribe(collectionPrefix(authorityCollection), cache.revision, {
        onEvents: () => this.#wake.abort(),
        onReset: () => queueMicrotask(follow),
      });
      signal.addEventListener("abort", () => subscription?.unsubscribe(), { once: true });
      this.#wake.abort();
    };
    follow();
  }
}

const unchanged = new Error("the record stays as it is");

/**
 * Opens the certificates of a server, as its files and the servers of its store say.
 * @throws Error that names a damaged file and the way out
 */
export async function openLivePki(options: LivePkiOptions): Promise<LivePki> {
  const { storage, files, clock } = options;
  const record = recordOf(await readItem(storage, recordKey));
  const own = { ...files, nowMs: clock.nowMs() };
  const pki = await openPki({ ...own, ...(record === undefined ? {} : { record }) });
  return new Live(options, pki, record);
}
