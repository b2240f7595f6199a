import type { FastifyBaseLogger } from "fastify";
import type { Clock } from "../../machinery/clock.ts";
import type { EncryptionStatus } from "../../machinery/encryption-status.ts";
import { badRequest, conflict, isConflict, notFound } from "../../machinery/errors.ts";
import { type EncryptedStore, encryptedStore } from "../../store/encryption/encrypted-store.ts";
import { isSealed, SealError, unseal } from "../../store/encryption/envelope.ts";
import {
  findKey,
  isProtected,
  type KeyRing,
  newEncryptionKey,
} from "../../store/encryption/key-ring.ts";
import type { Store } from "../../store/store.ts";
import {
  type KeysFile,
  newestKey,
  readKeysFile,
  stampOf,
  withKey,
  writeKeysFile,
} from "./keys-file.ts";
import { checkKeys, openKeys, type OpenedKeys, type OpenKeysOptions } from "./open-keys.ts";
import { withNeededKeys } from "./needed-keys.ts";
import { noPeers, openPeers, type Peers } from "./peers.ts";
import { protectedPrefixes } from "./protected.ts";
import { readRecord, writeRecord } from "./record.ts";
import { isSettled, resealLeftOver, resealStore, type Survey, surveyStore } from "./survey.ts";

/** What encryption at rest is made of. */
export type EncryptionOptions = OpenKeysOptions & {
  /** Other servers write to the store too. */
  readonly shared: boolean;
  readonly clock: Clock;
  readonly log: Pick<FastifyBaseLogger, "info" | "warn" | "error">;
};

/**
 * Encryption at rest of one server. Until it is disposed of, which must be before the store beneath
 * is, it follows the file of keys and the other servers, and seals what is not.
 */
export interface Encryption extends AsyncDisposable {
  /** To be used in place of the store beneath. */
  readonly store: Store;
  /** The file of keys. */
  readonly file: string;
  /** The file was not there before this start. */
  readonly made: boolean;
  /** What the last look found; for metrics. */
  readonly survey: Survey;
  status(): Promise<EncryptionStatus>;
  /** Makes a new key; it writes as soon as all servers can read it, and everything is sealed anew. */
  rotate(): Promise<EncryptionStatus>;
  /** Removes keys that nothing needs any more, from the file too.
   * @throws StatusError `Conflict` while something does */
  prune(): Promise<EncryptionStatus>;
  /** Removes a value that cannot be read. @throws StatusError `NotFound`, `BadRequest` if it can */
  discard(storeKey: string): Promise<void>;
}

/** Between two looks at the file and at the other servers, in milliseconds. */
const lookMs = 5_000;
/** Looks at a shared store after a change of keys, until the last server has followed. */
const looksAfterChange = 12;
const what = { group: "lighthouse.dev", plural: "encryption" };

/**
 * Opens the keys of a store, or makes the first.
 * @throws Error naming the file and the way out; then nothing was written
 */
export async function openEncryption(options: EncryptionOptions): Promise<Encryption> {
  const keys = await openKeys(options);
  const peers = options.shared ? openPeers(options.store, () => options.clock.nowMs()) : noPeers;
  const encryption = new StoreEncryption(options, keys, peers);
  await encryption.start();
  return encryption;
}

class StoreEncryption implements Encryption {
  readonly store: EncryptedStore;
  survey: Survey;
  readonly #options: EncryptionOptions;
  readonly #raw: Store;
  readonly file: string;
  readonly made: boolean;
  readonly #storeId: string;
  readonly #peers: Peers;
  #keys: KeysFile;
  #ring: KeyRing;
  #stamp = "";
  /** Looks that also search for values to seal. */
  #looksLeft: number;
  #queue: Promise<unknown> = Promise.resolve();
  /** Ends what is under way when this is disposed of. */
  readonly #closing = new AbortController();
  #tending: Promise<void> = Promise.resolve();

  constructor(options: EncryptionOptions, keys: OpenedKeys, peers: Peers) {
    this.#options = options;
    this.#raw = options.store;
    this.file = keys.path;
    this.made = keys.made;
    this.#storeId = keys.storeId;
    this.#peers = peers;
    this.#keys = keys.file;
    this.#ring = keys.ring;
    this.survey = keys.survey;
    const rotated = newestKey(keys.file).id === keys.ring.writing;
    this.#looksLeft = rotated && isSettled(keys.survey, keys.ring) ? 0 : looksAfterChange;
    this.store = encryptedStore(options.store, {
      ring: () => this.#ring,
      onUnreadable: (key, _at, err) =>
        options.log.error({ key, why: err.message }, "cannot read a stored value"),
    });
  }

  /** Says which keys are here before the first write is made. */
  async start(): Promise<void> {
    this.#stamp = await stampOf(this.file);
    await this.#announce();
    // A rotation that went on before we were announced did not wait for us.
    const writing = (await readRecord(this.#raw))?.record.writing ?? this.#ring.writing;
    try {
      checkKeys(this.file, this.#keys, { [writing]: 0 });
    } catch (err) {
      await this.#peers.leave();
      throw err;
    }
    this.#ring = { ...this.#ring, writing };
    this.#tending = this.#tend(this.#closing.signal);
  }

  status(): Promise<EncryptionStatus> {
    return this.#alone(() => this.#status());
  }

  rotate(): Promise<EncryptionStatus> {
    return this.#alone(async () => {
      await this.#reload(); // a key that was added a moment ago must not be written over
      const newest = newestKey(this.#keys);
      // A key that still waits for other servers is enough.
      if (newest.id === this.#ring.writing) {
        const createdMs = Math.max(this.#options.clock.nowMs(), newest.createdMs + 1);
        await this.#replaceFile(withKey(this.#keys, newEncryptionKey(createdMs)));
        this.#options.log.info(
          { key: newestKey(this.#keys).id, file: this.file },
          "made an encryption key",
        );
      }
      await this.#followKeys();
      await this.#sealAll();
      return this.#status();
    });
  }

  prune(): Promise<EncryptionStatus> {
    return this.#alone(async () => {
      await this.#reload();
      await this.#followKeys();
      await this.#sealAll();
      const behind = (await this.#peers.live()).filter(
        ({ writes }) => writes !== this.#ring.writing,
      );
      const leftOver = await resealLeftOver(this.#raw, this.#ring, this.#closing.signal);
      if (!isSettled(this.survey, this.#ring) || leftOver.length > 0)
        throw stillNeeded("values are sealed with other keys");
      if (behind.length > 0) {
        throw stillNeeded(
          `a server on ${behind.map(({ host }) => host).join(", ")} writes with another key`,
        );
      }
      await this.#raw.compact((await this.#raw.head()).revision);
      const { writing } = this.#ring;
      const since = findKey(this.#ring, writing)?.createdMs ?? 0;
      const keys = this.#keys.keys.filter(({ createdMs }) => createdMs >= since);
      await this.#remember(keys.map(({ id }) => id));
      await this.#replaceFile({ ...this.#keys, keys });
      this.#ring = { ...this.#ring, keys };
      await this.#announce();
      return this.#status();
    });
  }

  async discard(storeKey: string): Promise<void> {
    const entry = isProtected(this.#ring, storeKey) ? await this.#raw.get(storeKey) : undefined;
    if (entry === undefined) throw notFound(what, storeKey);
    try {
      if (isSealed(entry.value)) unseal(this.#ring, storeKey, entry.value);
    } catch (err) {
      if (!(err instanceof SealError)) throw err;
      await this.#raw.delete(storeKey, entry.at);
      this.#options.log.warn({ key: storeKey }, "discarded a value that could not be read");
      return;
    }
    throw badRequest(`Cannot discard ${storeKey}: it can be read; delete the object instead`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#tending;
    await this.#queue.catch(() => undefined);
    await this.store[Symbol.asyncDispose]();
    // A store that is away cannot be told; the others notice by our silence.
    await this.#peers.leave().catch(() => undefined);
  }

  async #tend(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#alone(() => this.#look());
      } catch (err) {
        this.#options.log.error({ err }, "cannot tend the encryption of the store");
      }
      // Rejects only when the signal aborts, and that ends the loop.
      await this.#options.clock.sleep(lookMs, signal).catch(() => undefined);
    }
  }

  /** One after the other: file, ring and record change together. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work, work);
    this.#queue = done.catch(() => undefined);
    return done;
  }

  async #look(): Promise<void> {
    await this.#reload();
    // A store of one's own changes its key only here.
    if (!this.#options.shared && this.#looksLeft === 0) return;
    await this.#followKeys();
    if (this.#looksLeft === 0) return;
    await this.#sealAll();
    this.#looksLeft =
      this.#options.shared || !isSettled(this.survey, this.#ring) ? this.#looksLeft - 1 : 0;
  }

  /** Takes up a file that was changed by hand, or copied here from another server. */
  async #reload(): Promise<void> {
    const stamp = await stampOf(this.file);
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    const file = await readKeysFile(this.file);
    if (file === undefined) {
      this.#options.log.error(
        { file: this.file },
        "the file of encryption keys is gone: the next start needs it",
      );
      return;
    }
    const needed = (await readRecord(this.#raw))?.record.keys ?? [];
    const { log } = this.#options;
    this.#takeUp(await withNeededKeys(file, { path: this.file, ring: this.#ring, needed, log }));
    this.#stamp = await stampOf(this.file);
    this.#looksLeft = looksAfterChange;
    log.info(
      { file: this.file, keys: file.keys.map(({ id }) => id) },
      "read the encryption keys anew",
    );
  }

  #takeUp(file: KeysFile): void {
    const known = new Set(this.#ring.keys.map(({ id }) => id));
    const added = file.keys.some(({ id }) => !known.has(id));
    // A key that is gone from the file may still be needed: this process keeps it until it is pruned.
    const kept = this.#ring.keys.filter(({ id }) => findKey(file, id) === undefined);
    this.#keys = file;
    this.#ring = {
      ...this.#ring,
      keys: [...file.keys, ...kept],
      prefixes: protectedPrefixes(file.resources),
    };
    // Values of a key that came late were left out of what readers were told.
    if (added && this.#options.shared) this.store.refresh();
  }

  async #replaceFile(file: KeysFile): Promise<void> {
    await writeKeysFile(this.file, file);
    this.#stamp = await stampOf(this.file);
    this.#takeUp(file);
  }

  async #announce(): Promise<void> {
    await this.#peers.announce(
      this.#ring.keys.map(({ id }) => id),
      this.#ring.writing,
    );
  }

  /** Lets the newest key write once everybody can read it, and follows what was agreed on. */
  async #followKeys(): Promise<void> {
    await this.#announce();
    const stored = await readRecord(this.#raw);
    if (stored === undefined) return;
    const { record } = stored;
    const newest = newestKey(this.#keys);
    const current = findKey(this.#ring, record.writing);
    if (current === undefined) {
      const { log } = this.#options;
      log.error(
        { key: record.writing, file: this.file },
        "the key that other servers write with is missing",
      );
      return;
    }
    const newer = newest.createdMs > current.createdMs;
    if (newer && (await this.#lacking(newest.id)).length === 0) {
      await this.#remember([...new Set([newest.id, ...record.keys])], newest.id);
    }
    const agreed = (await readRecord(this.#raw))?.record.writing ?? current.id;
    if (findKey(this.#ring, agreed) !== undefined) this.#write(agreed);
    await this.#announce();
  }

  #write(id: string): void {
    if (this.#ring.writing === id) return;
    this.#ring = { ...this.#ring, writing: id };
    this.#looksLeft = looksAfterChange;
    this.#options.log.info({ key: id }, "an encryption key writes from now on");
  }

  async #remember(keys: readonly string[], writing?: string): Promise<void> {
    const stored = await readRecord(this.#raw);
    if (stored === undefined) return;
    const { record, at } = stored;
    try {
      await writeRecord(this.#raw, {
        record: { ...record, keys, writing: writing ?? record.writing },
        at,
      });
    } catch (err) {
      if (!isConflict(err)) throw err; // the next look sees what was written instead
    }
  }

  async #lacking(id: string): Promise<readonly string[]> {
    return (await this.#peers.live())
      .filter(({ keys }) => !keys.includes(id))
      .map(({ host }) => host);
  }

  /** Seals what is plain or sealed with an old key, and lets go of the history that shows it. */
  async #sealAll(): Promise<void> {
    this.survey = await surveyStore(this.#raw, this.#ring);
    if (isSettled(this.survey, this.#ring)) return;
    const { log } = this.#options;
    log.info({ plain: this.survey.plain, byKey: this.survey.byKey }, "sealing stored values");
    const count = await resealStore(this.#raw, this.#ring, this.#closing.signal);
    if (this.#closing.signal.aborted) return;
    await this.#raw.compact((await this.#raw.head()).revision);
    this.survey = await surveyStore(this.#raw, this.#ring);
    log.info({ count, plain: this.survey.plain, byKey: this.survey.byKey }, "sealed stored values");
  }

  async #status(): Promise<EncryptionStatus> {
    this.survey = await surveyStore(this.#raw, this.#ring);
    const { byKey, plain, damaged } = this.survey;
    const newest = newestKey(this.#keys);
    const unknown = Object.keys(byKey).filter((id) => findKey(this.#ring, id) === undefined);
    return {
      file: this.file,
      store: this.#storeId,
      keys: this.#ring.keys.map(({ id, createdMs }) => ({
        id,
        created: new Date(createdMs).toISOString(),
        writes: id === this.#ring.writing,
        values: byKey[id] ?? 0,
      })),
      plain,
      unreadable: [...damaged, ...unknown.map((id) => `${byKey[id] ?? 0} values of key ${id}`)],
      servers: await this.#peers.live(),
      waitingFor: newest.id === this.#ring.writing ? [] : await this.#lacking(newest.id),
    };
  }
}

const stillNeeded = (why: string): Error =>
  conflict(what, "keys", `older keys are still needed: ${why}; try again in a minute`);
