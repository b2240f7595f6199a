import type { User } from "../../../crds/types.gen.ts";
import { subdomainProblems } from "../../machinery/names.ts";
import type { AnyObject } from "../../machinery/object.ts";
import type { Item } from "../../store/item.ts";
import { parseStoreKey } from "../../store/keys.ts";
import type { WatchCache } from "../../store/watch-cache.ts";
import { keyOf, prefixOf } from "./collections.ts";

/** The Users there are, as current as the cache. */
export interface Users {
  /** The User of that name. */
  named(name: string): User | undefined;
  /** The User who logs in with that email or name. Of two with one email, the older. */
  known(login: string): User | undefined;
  /** Whether there is a User of that name that is disabled. Others may have the name, too: by certificate, or
   * of an issuer. */
  readonly isDisabled: (name: string) => boolean;
  /** The Users with that email, whatever the case of its letters. */
  withEmail(email: string): readonly User[];
}

/** A stored object as a User: only what the schema let through is stored there. */
export function asUser(object: AnyObject): User {
  return object as unknown as User;
}

/** Whether a User may come in: it is not disabled, and not on its way out. */
export function isLetIn({ metadata, spec }: User): boolean {
  return !spec.disabled && metadata.deletionTimestamp === undefined;
}

// Emails are ASCII, see crds/user.yaml: no letter has two lower forms.
const lower = (email: string): string => email.toLowerCase();

const nameIn = (key: string): string => parseStoreKey(key)?.key.name ?? "";

/** An index of Users by email. It follows the cache until that is closed. */
export function followUsers(cache: WatchCache): Users {
  const names = new Map<string, Set<string>>();
  const emails = new Map<string, string>();
  const forget = (name: string): void => {
    const email = emails.get(name);
    if (email === undefined) return;
    emails.delete(name);
    const same = names.get(email);
    same?.delete(name);
    if (same?.size === 0) names.delete(email);
  };
  const note = ({ key, object }: Item): void => {
    const name = nameIn(key);
    forget(name);
    const email = lower(asUser(object).spec.email);
    emails.set(name, email);
    const same = names.get(email) ?? new Set<string>();
    names.set(email, same.add(name));
  };
  const follow = (): void => {
    names.clear();
    emails.clear();
    for (const item of cache.list(prefixOf.users)) note(item);
    cache.subscribe(prefixOf.users, cache.revision, {
      onEvents(events) {
        for (const { type, item } of events) {
          if (type === "DELETED") forget(nameIn(item.key));
          else note(item);
        }
      },
      onReset: () => queueMicrotask(follow),
    });
  };
  follow();
  const named = (name: string): User | undefined => {
    if (subdomainProblems(name).length > 0) return undefined;
    const item = cache.newest(keyOf.user(name));
    return item === undefined ? undefined : asUser(item.object);
  };
  const withEmail = (email: string): readonly User[] =>
    [...(names.get(lower(email)) ?? [])].flatMap((name) => named(name) ?? []).toSorted(older);
  return {
    named,
    isDisabled: (name) => named(name)?.spec.disabled === true,
    withEmail,
    known: (login) => (login.includes("@") ? withEmail(login)[0] : named(login)),
  };
}

function older(left: User, right: User): number {
  const since = ({ metadata }: User): string => metadata.creationTimestamp ?? "";
  if (since(left) !== since(right)) return since(left) < since(right) ? -1 : 1;
  return left.metadata.name < right.metadata.name ? -1 : 1;
}
