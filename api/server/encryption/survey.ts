import { isSealed, seal, sealedWith, SealError, unseal } from "../../store/encryption/envelope.ts";
import { findKey, isProtected, type KeyRing } from "../../store/encryption/key-ring.ts";
import { isConflict } from "../../machinery/errors.ts";
import { objectsPrefix } from "../../store/keys.ts";
import type { Entry, Store } from "../../store/store.ts";

/** What is stored under the protected prefixes, and how. */
export type Survey = {
  /** Values per key id. */
  readonly byKey: Readonly<Record<string, number>>;
  /** Values that are not encrypted yet. */
  readonly plain: number;
  /** Keys of values that cannot be opened though their key is here. */
  readonly damaged: readonly string[];
};

const pageSize = 500;

async function* entriesBelow(store: Store, prefix: string): AsyncGenerator<readonly Entry[]> {
  for (let after = ""; ;) {
    const page = await store.list({ prefix, after, limit: pageSize });
    yield page.entries;
    const last = page.entries.at(-1);
    if (last === undefined || page.remaining === 0) return;
    after = last.key;
  }
}

async function* protectedEntries(store: Store, ring: KeyRing): AsyncGenerator<readonly Entry[]> {
  for (const prefix of ring.prefixes) yield* entriesBelow(store, prefix);
}

type Look = { readonly keyId: string; readonly damaged: boolean };

/** Which key a sealed value needs, and whether it opens. */
function lookAt(ring: KeyRing, { key, value }: Entry): Look {
  try {
    unseal(ring, key, value);
    return { keyId: sealedWith(value), damaged: false };
  } catch (err) {
    if (!(err instanceof SealError)) throw err;
    if (err.why.fault === "unknown-key") return { keyId: err.why.keyId, damaged: false };
    return { keyId: "", damaged: true };
  }
}

/** Looks at every protected value. `store` is the one beneath the encryption. */
export async function surveyStore(store: Store, ring: KeyRing): Promise<Survey> {
  const byKey: Record<string, number> = {};
  const damaged: string[] = [];
  let plain = 0;
  for await (const entries of protectedEntries(store, ring)) {
    for (const entry of entries) {
      if (!isSealed(entry.value)) {
        plain += 1;
        continue;
      }
      const { keyId, damaged: broken } = lookAt(ring, entry);
      if (broken) damaged.push(entry.key);
      else byKey[keyId] = (byKey[keyId] ?? 0) + 1;
    }
  }
  return { byKey, plain, damaged };
}

/** Whether every readable value is sealed with the key that writes. */
export function isSettled(
  { byKey, plain }: Survey,
  { writing }: Pick<KeyRing, "writing">,
): boolean {
  return plain === 0 && Object.keys(byKey).every((id) => id === writing);
}

/** The same value sealed with the key that writes; `undefined` if it is, or cannot be opened. */
function renewed(ring: KeyRing, { key, value }: Entry): Buffer | undefined {
  const writing = findKey(ring, ring.writing);
  if (writing === undefined) return undefined;
  try {
    if (!isSealed(value)) return seal(writing, key, value);
    if (sealedWith(value) === writing.id) return undefined;
    // A fresh data key, too: who had the old key may know the old one.
    return seal(writing, key, unseal(ring, key, value));
  } catch (err) {
    if (err instanceof SealError) return undefined;
    throw err;
  }
}

const atOnce = 16;

async function sealAgain(store: Store, ring: KeyRing, entry: Entry): Promise<number> {
  const value = renewed(ring, entry);
  if (value === undefined) return 0;
  try {
    await store.put(entry.key, value, entry.at);
    return 1;
  } catch (err) {
    if (isConflict(err)) return 0; // somebody wrote it meanwhile: sealed, or found by the next pass
    throw err;
  }
}

/**
 * Seals what is plain, or sealed with another key, with the key that writes; by compare-and-set,
 * so nothing is lost to writers beside it, and a pass that was cut short is simply begun again.
 * Resolves to the number of values it sealed.
 */
export async function resealStore(
  store: Store,
  ring: KeyRing,
  signal: AbortSignal,
): Promise<number> {
  let count = 0;
  for await (const entries of protectedEntries(store, ring)) {
    for (let first = 0; first < entries.length; first += atOnce) {
      if (signal.aborted) return count;
      const some = entries.slice(first, first + atOnce);
      const sealed = await Promise.all(some.map((entry) => sealAgain(store, ring, entry)));
      count += sealed.reduce((sum, one) => sum + one, 0);
    }
  }
  return count;
}

/**
 * Seals anew what is still sealed of resources that the file of keys names no more, and which no survey
 * counts: their old key must not be removed under them. Such a value becomes plain with its next write.
 * @returns keys of values that need another key than the one that writes, e.g. one that is missing
 */
export async function resealLeftOver(
  store: Store,
  ring: KeyRing,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const stay: string[] = [];
  for await (const entries of entriesBelow(store, objectsPrefix)) {
    signal.throwIfAborted();
    for (const entry of entries) {
      if (!isSealed(entry.value) || isProtected(ring, entry.key)) continue;
      const isDone = needs(entry) === ring.writing || (await sealAgain(store, ring, entry)) === 1;
      if (!isDone) stay.push(entry.key);
    }
  }
  return stay;
}

/** The id of the key that a sealed value needs; `undefined`: it is damaged, and none helps. */
function needs({ value }: Entry): string | undefined {
  try {
    return sealedWith(value);
  } catch {
    return undefined;
  }
}
