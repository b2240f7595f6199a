import { randomBytes } from "node:crypto";
import type { User } from "../../../crds/types.gen.ts";
import type { Clock } from "../../machinery/clock.ts";
import { isConflict } from "../../machinery/errors.ts";
import { formatTime } from "../../machinery/time.ts";
import { encodeObject, type Item } from "../../store/item.ts";
import { textIn } from "../kinds/fill.ts";
import { newUid } from "../objects/call.ts";
import { readItem, type Storage } from "../objects/storage.ts";
import { type Argon2Cost, currentCost, hashPassword, isOutdated, isPassword } from "./argon2.ts";
import { keyOf } from "./collections.ts";
import type { HashQueue } from "./hash-queue.ts";

/** The passwords of Users. They belong to the uid: a User made anew under a name has none. */
export interface Passwords {
  /**
   * Whether it is the password of the User. Takes as long for somebody who is unknown or has none.
   * @throws StatusError `TooManyRequests` when too many ask
   */
  fits(user: User | undefined, password: string): Promise<boolean>;
  /** Names the last {@link set} of the User's password; empty without one. */
  changeOf(user: User | undefined): Promise<string>;
  /** Gives the User this password; the caller has judged it. Afterwards the cache knows all that was stored
   * before. */
  set(user: User, password: string): Promise<void>;
}

/** What keeping passwords needs. */
export type PasswordsOptions = {
  readonly storage: Storage;
  readonly clock: Pick<Clock, "nowMs">;
  readonly queue: HashQueue;
  /** Default: what the product asks for. */
  readonly cost?: Argon2Cost;
};

/** The cache is waited for so long after a new password, in milliseconds. */
const reachMs = 5_000;

/** No User has it. */
const nobodysUid = "nobody";

/** The hash of a password that nobody has. */
function nobodysHash({ memoryKiB, passes, lanes }: Argon2Cost): string {
  const random = (bytes: number): string =>
    randomBytes(bytes).toString("base64").replaceAll("=", "");
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${lanes}$${random(16)}$${random(32)}`;
}

/** Keeps hashes in the store, under a prefix that no route serves. */
export function openPasswords(options: PasswordsOptions): Passwords {
  const { storage, clock, queue, cost = currentCost } = options;
  const decoy = nobodysHash(cost);
  // From the store and not from the cache: another server may have changed it a moment ago.
  // Of nobody too there is something to look up: that takes a while where the store is elsewhere.
  const read = (user: User | undefined): Promise<Item | undefined> =>
    readItem(storage, keyOf.password(user?.metadata.uid ?? nobodysUid));
  type Write = { readonly before: Item | undefined; readonly change: string };
  const write = async (user: User, password: string, { before, change }: Write) => {
    const { name, uid } = user.metadata;
    const hash = await queue.run(() => hashPassword(password, cost));
    const changed = formatTime(clock.nowMs());
    const metadata = { name: uid, creationTimestamp: changed };
    const record = { apiVersion: "lighthouse.dev/v1", kind: "Password", metadata };
    const value = encodeObject({ ...record, user: name, hash, change });
    return storage.store.put(keyOf.password(uid), value, before?.at ?? 0);
  };
  return {
    async fits(user, password) {
      const found = await read(user);
      const item = user === undefined ? undefined : found;
      const stored = item === undefined ? decoy : textIn(item.object, "hash");
      const fits = await queue.run(() => isPassword(password, stored));
      if (!fits || user === undefined || item === undefined) return false;
      const change = textIn(item.object, "change"); // it stays the same password
      if (isOutdated(stored, cost))
        await write(user, password, { before: item, change }).catch(ignoreRace);
      return true;
    },
    async changeOf(user) {
      const item = await read(user);
      return user === undefined || item === undefined ? "" : textIn(item.object, "change");
    },
    async set(user, password) {
      const at = await write(user, password, { before: await read(user), change: newUid() });
      await storage.cache.reach(at, reachMs);
    },
  };
}

function ignoreRace(err: unknown): void {
  if (!isConflict(err)) throw err; // the password was changed meanwhile: that one stays
}
