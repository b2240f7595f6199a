import type { Session, User } from "../../../crds/types.gen.ts";
import type { Clock } from "../../machinery/clock.ts";
import { isConflict } from "../../machinery/errors.ts";
import { formatTime, parseTime } from "../../machinery/time.ts";
import { encodeObject, type Item, itemOf } from "../../store/item.ts";
import { newUid } from "../objects/call.ts";
import { changeItem, readItem, type Storage, write } from "../objects/storage.ts";
import { keyOf } from "./collections.ts";
import { asSession, followSessions, type SessionIndex } from "./session-index.ts";
import {
  encodeSecrets,
  type Minted,
  mintCookie,
  mintPair,
  opens,
  refreshPair,
  secretsIn,
  type SessionSecrets,
  type TokenPair,
} from "./session-secrets.ts";
import { newSessionName, type SessionToken } from "./session-token.ts";
import { openThrottle, type Throttle } from "./throttle.ts";
import { asUser, isLetIn } from "./users.ts";

/** How a login came in. */
export type LoginOrigin = { readonly address: string; readonly userAgent: string };

/** A Session that lives, and whose it is. */
export type LiveSession = { readonly session: Session; readonly user: User };

/** A Session that was begun, with what its client gets. */
export type Begun<Tokens> = LiveSession & { readonly tokens: Tokens };

/** What became of a refresh token: `replayed` ended the session. */
export type Refresh = Begun<TokenPair> | "unknown" | "replayed";

/** The logins of all Users, on every server the same. */
export interface Sessions {
  beginPair(user: User, origin: LoginOrigin): Promise<Begun<TokenPair>>;
  beginCookie(user: User, origin: LoginOrigin): Promise<Begun<string>>;
  refresh(token: SessionToken): Promise<Refresh>;
  /** The session that a token opens. `ongoing`: it did, and only what takes it back counts. */
  find(token: SessionToken, ongoing?: boolean): Promise<LiveSession | undefined>;
  /** The session of a token, whether the token still opens it or is one that renews it. */
  ofToken(token: SessionToken): Promise<LiveSession | undefined>;
  /** The sessions of a User that live. */
  of(user: User): readonly Session[];
  /** Ends a session; one that is gone already is no error. */
  end(name: string): Promise<void>;
  /** Notes that a session is used now. */
  touch(session: Session): void;
}

/** Seconds from the login to the end, and of idleness. */
type Lifetime = { readonly wholeSeconds: number; readonly idleSeconds: number };

const daySeconds = 86_400;
const lifetimes: Readonly<Record<Session["spec"]["client"], Lifetime>> = {
  CLI: { wholeSeconds: 30 * daySeconds, idleSeconds: 7 * daySeconds },
  Browser: { wholeSeconds: daySeconds / 2, idleSeconds: daySeconds / 12 },
};

/** Uses are written down this long after the last that was. */
const noteMs = 5 * 60_000;
/** A User with more ends the oldest by a new one. */
const maxPerUser = 100;
const maxRemembered = 10_000;
/**
 * What the cache does not know may be news of another server: so often the store is asked, at once and then
 * each 5 ms. Else whoever makes tokens up could have it asked as often as he likes.
 */
const asking = { key: "store", allowance: { burst: 200, refillMs: 5 } } as const;

/** What sessions are made of. */
export type SessionsOptions = {
  readonly storage: Storage;
  readonly clock: Pick<Clock, "nowMs">;
  readonly onError: (err: unknown, what: string) => void;
};

const timeOf = (text: string | undefined): number => parseTime(text ?? "") ?? 0;

type Times = { readonly notedMs: number; readonly endsMs: number };

/** Every request asks, and reading times takes longer than all the rest: once for each stored state. */
const timesOfSession = new WeakMap<Session, Times>();

function timesIn(session: Session): Times {
  const known = timesOfSession.get(session);
  if (known !== undefined) return known;
  const { metadata, status, spec } = session;
  const notedMs = Math.max(timeOf(metadata.creationTimestamp), timeOf(status?.lastUsed));
  const times = { notedMs, endsMs: timeOf(spec.expires) };
  timesOfSession.set(session, times);
  return times;
}

/** Whether a session has come to its end by time. `usedMs`: when it was used, beyond what is stored. */
export function isOver(session: Session, nowMs: number, usedMs = 0): boolean {
  const { idleSeconds } = session.spec;
  const lastMs = Math.max(timesIn(session).notedMs, usedMs);
  return nowMs >= timesIn(session).endsMs || nowMs - lastMs >= idleSeconds * 1_000;
}

type Draft = {
  readonly user: User;
  readonly client: Session["spec"]["client"];
  readonly origin: LoginOrigin;
};

// What a client says of itself reaches terminals: no control characters, no endless lines.
const shortened = (text: string): string =>
  text
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, " ")
    .trim()
    .slice(0, 256);

function draftSession(name: string, { user, client, origin }: Draft, nowMs: number) {
  const { wholeSeconds, idleSeconds } = lifetimes[client];
  const { name: userName, uid: userUID } = user.metadata;
  const userAgent = shortened(origin.userAgent);
  const owner = { apiVersion: "lighthouse.dev/v1", kind: "User", name: userName, uid: userUID };
  return {
    apiVersion: "lighthouse.dev/v1",
    kind: "Session",
    metadata: {
      name,
      uid: newUid(),
      creationTimestamp: formatTime(nowMs),
      generation: 1,
      ownerReferences: [owner],
    },
    spec: {
      user: userName,
      userUID,
      client,
      ...(origin.address === "" ? {} : { address: origin.address.slice(0, 64) }),
      ...(userAgent === "" ? {} : { userAgent }),
      expires: formatTime(nowMs + wholeSeconds * 1_000),
      idleSeconds,
    },
    status: { lastUsed: formatTime(nowMs) },
  };
}

/** Opens what is known of sessions; nothing goes on by itself. */
export function openSessions(options: SessionsOptions): Sessions {
  return new StoredSessions(options);
}

class StoredSessions implements Sessions {
  readonly #storage: Storage;
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #onError: SessionsOptions["onError"];
  readonly #index: SessionIndex;
  /** When sessions were used, as far as it is not written down; by uid. */
  readonly #used = new Map<string, number>();
  /** Ended here a moment ago, which the cache may not know yet. */
  readonly #ended = new Map<string, true>();
  /** Uses that are being written down. */
  readonly #noting = new Set<string>();
  readonly #questions: Throttle;

  constructor({ storage, clock, onError }: SessionsOptions) {
    this.#storage = storage;
    this.#clock = clock;
    this.#onError = onError;
    this.#index = followSessions(storage.cache);
    this.#questions = openThrottle({ clock });
  }

  beginPair(user: User, origin: LoginOrigin): Promise<Begun<TokenPair>> {
    const mint = (name: string): Minted<TokenPair> => mintPair(name, this.#clock.nowMs());
    return this.#begin({ user, client: "CLI", origin }, mint);
  }

  beginCookie(user: User, origin: LoginOrigin): Promise<Begun<string>> {
    return this.#begin({ user, client: "Browser", origin }, mintCookie);
  }

  async refresh(token: SessionToken): Promise<Refresh> {
    const live = await this.#live(token.session);
    if (live === undefined || token.kind !== "refresh") return "unknown";
    let outcome: ReturnType<typeof refreshPair> = "unknown";
    await changeItem(
      this.#storage,
      keyOf.sessionSecret(token.session),
      (current) => {
        outcome = "unknown"; // it may have ended since the last attempt
        if (current === undefined) return { does: "keep", item: gone };
        outcome = refreshPair(secretsIn(current.object), token, this.#clock.nowMs());
        if (typeof outcome === "string") return { does: "keep", item: current };
        const value = encodeSecrets(outcome.secrets, current.object.metadata);
        return { does: "put", value };
      },
      { dryRun: false },
    );
    return this.#refreshed(live, outcome);
  }

  async #refreshed(live: LiveSession, outcome: ReturnType<typeof refreshPair>): Promise<Refresh> {
    if (outcome === "replayed") await this.end(live.session.metadata.name);
    if (typeof outcome === "string") return outcome;
    this.touch(live.session);
    return { ...live, tokens: outcome.tokens };
  }

  async find(token: SessionToken, ongoing = false): Promise<LiveSession | undefined> {
    const quick = ongoing ? undefined : this.#inCache(token);
    if (quick !== undefined) return quick;
    const live = await this.#live(token.session);
    if (live === undefined || ongoing) return live;
    const opened = await this.#opens(token);
    return opened ? live : undefined;
  }

  async ofToken(token: SessionToken): Promise<LiveSession | undefined> {
    if (token.kind !== "refresh") return this.find(token);
    const live = await this.#live(token.session);
    const item = await readItem(this.#storage, keyOf.sessionSecret(token.session));
    if (live === undefined || item === undefined) return undefined;
    const outcome = refreshPair(secretsIn(item.object), token, this.#clock.nowMs());
    return outcome === "unknown" ? undefined : live;
  }

  of({ metadata }: User): readonly Session[] {
    const nowMs = this.#clock.nowMs();
    return this.#index.of(metadata.uid).filter((session) => !this.#isPast(session, nowMs));
  }

  async end(name: string): Promise<void> {
    this.#ended.set(name, true);
    forgetFirst(this.#ended);
    for (const key of [keyOf.session(name), keyOf.sessionSecret(name)]) {
      await this.#remove(key);
    }
  }

  touch(session: Session): void {
    const nowMs = this.#clock.nowMs();
    const { name, uid } = session.metadata;
    this.#used.set(uid, nowMs);
    forgetFirst(this.#used);
    if (nowMs - timesIn(session).notedMs < noteMs || this.#noting.has(uid)) return;
    this.#noting.add(uid);
    this.#note(name, uid, nowMs)
      .catch((err: unknown) => this.#onError(err, "note the use of a session"))
      .finally(() => this.#noting.delete(uid));
  }

  async #note(name: string, uid: string, nowMs: number): Promise<void> {
    const key = keyOf.session(name);
    const found = this.#storage.cache.newest(key);
    if (found?.object.metadata.uid !== uid) return;
    const object = { ...found.object, status: { lastUsed: formatTime(nowMs) } };
    try {
      const value = encodeObject(object);
      const at = await this.#storage.store.put(key, value, found.at);
      this.#storage.cache.wrote(itemOf(key, value, at));
      this.#used.delete(uid);
    } catch (err) {
      if (!isConflict(err)) throw err; // ended, or noted by another server
    }
  }

  async #begin<Tokens>(
    draft: Draft,
    mint: (name: string) => Minted<Tokens>,
  ): Promise<Begun<Tokens>> {
    await this.#makeRoom(draft.user);
    const name = newSessionName();
    const nowMs = this.#clock.nowMs();
    const { secrets, tokens } = mint(name);
    const session = draftSession(name, draft, nowMs);
    // The secrets first: a session without them could never be used, and nobody would see why.
    const { uid, creationTimestamp } = session.metadata;
    const metadata = { name, uid, creationTimestamp };
    await this.#create(keyOf.sessionSecret(name), encodeSecrets(secrets, metadata));
    const stored = await this.#create(keyOf.session(name), encodeObject(session));
    return { session: asSession(stored.object), user: draft.user, tokens };
  }

  async #makeRoom(user: User): Promise<void> {
    const all = this.of(user);
    if (all.length < maxPerUser) return;
    const oldest = all.toSorted((left, right) => timesIn(left).notedMs - timesIn(right).notedMs);
    for (const { metadata } of oldest.slice(0, all.length - maxPerUser + 1)) {
      await this.end(metadata.name);
    }
  }

  async #create(key: string, value: Buffer): Promise<Item> {
    const item = itemOf(key, value, await this.#storage.store.put(key, value, 0));
    this.#storage.cache.wrote(item);
    return item;
  }

  async #remove(key: string): Promise<void> {
    await changeItem(
      this.#storage,
      key,
      (current) =>
        current === undefined ? { does: "keep", item: gone } : write("delete", current.object),
      { dryRun: false },
    );
  }

  #isPast(session: Session, nowMs: number): boolean {
    const { name, uid, deletionTimestamp } = session.metadata;
    if (deletionTimestamp !== undefined || this.#ended.has(name)) return true;
    return isOver(session, nowMs, this.#used.get(uid));
  }

  /** What is not in the cache may have been made by another server a moment ago. */
  async #item(key: string): Promise<Item | undefined> {
    return this.#storage.cache.newest(key) ?? this.#ask(key);
  }

  async #ask(key: string): Promise<Item | undefined> {
    const isTooOften = this.#questions.take([asking]) !== undefined;
    return isTooOften ? undefined : readItem(this.#storage, key);
  }

  async #live(name: string): Promise<LiveSession | undefined> {
    if (this.#ended.has(name)) return undefined;
    const item = await this.#item(keyOf.session(name));
    if (item === undefined) return undefined;
    const session = asSession(item.object);
    if (this.#isPast(session, this.#clock.nowMs())) return undefined;
    const found = await this.#item(keyOf.user(session.spec.user));
    const user = found === undefined ? undefined : asUser(found.object);
    if (user === undefined) return undefined;
    return isOwnUser({ session, user }) ? { session, user } : undefined;
  }

  /** What this server knows already, in one turn: that is so for nearly every request. */
  #inCache(token: SessionToken): LiveSession | undefined {
    const { cache } = this.#storage;
    const { session: name } = token;
    const nowMs = this.#clock.nowMs();
    const item = cache.newest(keyOf.session(name));
    const secret = cache.newest(keyOf.sessionSecret(name));
    if (item === undefined || secret === undefined) return undefined;
    const session = asSession(item.object);
    const found = cache.newest(keyOf.user(session.spec.user));
    if (found === undefined || this.#isPast(session, nowMs)) return undefined;
    const live = { session, user: asUser(found.object) };
    return isOwnUser(live) && opens(secretsIn(secret.object), token, nowMs) ? live : undefined;
  }

  async #opens(token: SessionToken): Promise<boolean> {
    const key = keyOf.sessionSecret(token.session);
    const known = this.#storage.cache.newest(key);
    const fits = (secrets: SessionSecrets): boolean => opens(secrets, token, this.#clock.nowMs());
    if (known !== undefined && fits(secretsIn(known.object))) return true;
    if (token.kind !== "access") return known === undefined && this.#opensStored(key, fits);
    // Another server may have renewed the pair a moment ago.
    return this.#opensStored(key, fits);
  }

  async #opensStored(key: string, fits: (secrets: SessionSecrets) => boolean): Promise<boolean> {
    const item = await this.#ask(key);
    return item !== undefined && fits(secretsIn(item.object));
  }
}

/** Whether a session's User is still the one who logged in, and may. */
const isOwnUser = ({ session, user }: LiveSession): boolean =>
  user.metadata.uid === session.spec.userUID && isLetIn(user);

/** Keeps a map of what happened lately from growing for ever. */
function forgetFirst(map: Map<string, unknown>): void {
  const [first] = map.keys();
  if (map.size > maxRemembered && first !== undefined) map.delete(first);
}

/** What a removal of what is gone answers with. */
const gone: Item = itemOf("", encodeObject({ apiVersion: "", kind: "", metadata: {} }), 0);
