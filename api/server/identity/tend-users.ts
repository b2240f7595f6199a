import type { Clock } from "../../machinery/clock.ts";
import { isConflict } from "../../machinery/errors.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { parseTime } from "../../machinery/time.ts";
import type { Item } from "../../store/item.ts";
import { collectionPrefix } from "../../store/keys.ts";
import { rbacGroup } from "../authz/policy.ts";
import { objectsIn, textIn } from "../kinds/fill.ts";
import { changeItem, type Next, type Storage, write } from "../objects/storage.ts";
import { keyOf, prefixOf } from "./collections.ts";
import { asSession } from "./session-index.ts";
import { isOver, type Sessions } from "./sessions.ts";
import { bindingsFinalizer } from "./user-admission.ts";
import { asUser } from "./users.ts";

/** What tending needs. */
export type TendUsersOptions = {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly onError: (err: unknown, what: string) => void;
};

const periodMs = 60_000;
/** What belongs to nothing may belong to what another server is about to write. */
const orphanMs = 5 * 60_000;
const bindingPlurals = ["rolebindings", "clusterrolebindings"];

const isUser = (name: string, subject: object): boolean => {
  const { kind, name: bound } = subject as { readonly kind?: unknown; readonly name?: unknown };
  return kind === "User" && bound === name;
};

/** Takes a name out of a binding; one without subjects goes. */
function unbound(name: string, current: Item): Next {
  const { object } = current;
  const subjects = objectsIn(object, "subjects");
  const others = subjects.filter((subject) => !isUser(name, subject));
  if (others.length === subjects.length) return { does: "keep", item: current };
  return others.length === 0
    ? write("delete", object)
    : write("put", { ...object, subjects: others });
}

type Change = (current: Item) => Next;

/** Changes what is there; what is gone already needs no change. */
async function change(storage: Storage, item: Item, decide: Change): Promise<void> {
  const orGone = (current: Item | undefined): Next =>
    current === undefined ? { does: "keep", item } : decide(current);
  await changeItem(storage, item.key, orGone, { dryRun: false });
}

async function unbind(storage: Storage, name: string): Promise<void> {
  for (const plural of bindingPlurals) {
    for (const item of storage.cache.list(collectionPrefix({ group: rbacGroup, plural }))) {
      const isBound = objectsIn(item.object, "subjects").some((subject) => isUser(name, subject));
      if (isBound) await change(storage, item, (current) => unbound(name, current));
    }
  }
}

function released({ object }: Item): Next {
  const { metadata } = object;
  const finalizers = (metadata.finalizers ?? []).filter((one) => one !== bindingsFinalizer);
  const { finalizers: _before, ...rest } = metadata;
  if (finalizers.length === 0) return write("delete", { ...object, metadata: rest });
  return write("put", { ...object, metadata: { ...rest, finalizers } });
}

/** Takes everything from a User that is being deleted, then lets it go. */
async function dismiss({ storage, sessions }: TendUsersOptions, item: Item): Promise<void> {
  const user = asUser(item.object);
  const { name, uid } = user.metadata;
  for (const { metadata } of sessions.of(user)) await sessions.end(metadata.name);
  await unbind(storage, name);
  const password = storage.cache.newest(keyOf.password(uid));
  if (password !== undefined) await remove(storage, password);
  await change(storage, item, (current) =>
    current.object.metadata.uid === uid ? released(current) : { does: "keep", item: current },
  );
}

async function remove({ store }: Storage, { key, at }: Item): Promise<void> {
  try {
    await store.delete(key, at);
  } catch (err) {
    if (!isConflict(err)) throw err; // changed or removed meanwhile
  }
}

const isDoomed = ({ object: { metadata } }: Item): boolean =>
  metadata.deletionTimestamp !== undefined &&
  metadata.finalizers?.includes(bindingsFinalizer) === true;

/** What is left of sessions and passwords whose owner is gone. */
function orphans({ cache }: Storage, nowMs: number): readonly Item[] {
  const uids = new Set(cache.list(prefixOf.users).map(({ object }) => object.metadata.uid));
  const isOld = ({ metadata }: AnyObject): boolean =>
    nowMs - (parseTime(metadata.creationTimestamp ?? "") ?? 0) > orphanMs;
  const secrets = cache.list(prefixOf.sessionSecrets).filter(({ object }) => {
    return cache.newest(keyOf.session(object.metadata.name)) === undefined && isOld(object);
  });
  const passwords = cache
    .list(prefixOf.passwords)
    .filter(({ object }) => !uids.has(object.metadata.name) && isOld(object));
  return [...secrets, ...passwords];
}

/** Whether a session has come to its end, or its User is another now. */
function isEnded({ cache }: Storage, { object }: Item, nowMs: number): boolean {
  const session = asSession(object);
  const owner = cache.newest(keyOf.user(session.spec.user));
  return isOver(session, nowMs) || owner?.object.metadata.uid !== session.spec.userUID;
}

/** Removes what is over, now: sessions, what belonged to Users that are gone, Users on their way out. */
export async function tendUsersOnce(options: TendUsersOptions): Promise<void> {
  const { storage, clock, sessions } = options;
  const { cache } = storage;
  const nowMs = clock.nowMs();
  for (const item of cache.list(prefixOf.users).filter(isDoomed)) await dismiss(options, item);
  for (const item of cache.list(prefixOf.sessions)) {
    if (isEnded(storage, item, nowMs)) await sessions.end(textIn(item.object.metadata, "name"));
  }
  for (const item of orphans(storage, nowMs)) await remove(storage, item);
}

/** Calls back when a User may be on its way out; returns the function that ends it. */
function onDismissal({ cache }: Storage, callback: () => void): () => void {
  const subscription = cache.subscribe(prefixOf.users, cache.revision, {
    onEvents(events) {
      if (events.some(({ item }) => isDoomed(item))) callback();
    },
    onReset: callback, // the next round looks at everything anyway
  });
  return () => subscription?.unsubscribe();
}

/** Does so every minute, and as soon as a User is deleted, until the signal aborts. */
export async function tendUsers(options: TendUsersOptions, signal: AbortSignal): Promise<void> {
  const { clock, storage, onError } = options;
  while (!signal.aborted) {
    const wake = new AbortController();
    const end = onDismissal(storage, () => wake.abort());
    try {
      await tendUsersOnce(options);
    } catch (err) {
      onError(err, "tend users");
    }
    await clock.sleep(periodMs, AbortSignal.any([signal, wake.signal])).catch(() => {}); // woken
    end();
  }
}
