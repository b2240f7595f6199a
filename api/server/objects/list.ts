import { badRequest, isExpired, StatusError } from "../../machinery/errors.ts";
import { type Item, itemOf } from "../../store/item.ts";
import { collectionPrefix, storeKey } from "../../store/keys.ts";
import type { Range, Revision } from "../../store/store.ts";
import { behind } from "../../store/watch-cache.ts";
import type { Answer, Call } from "./call.ts";
import { decodeContinue, encodeContinue, ExpiredToken } from "./continue.ts";
import { type ListOptions, readListOptions, readRevision, type Selection } from "./list-options.ts";
import { renderList } from "./render.ts";
import { filterInSlices, turnOf } from "./slices.ts";
import type { ListMeta } from "./table.ts";
import { readObjectOf } from "./versions.ts";

/** How long a read waits for the cache to come to the state it needs, in milliseconds. */
const patienceMs = 3_000;

type ReadPage = {
  readonly items: readonly Item[];
  readonly revision: Revision;
  /** Last key of the page, when more follow. */
  readonly last?: string;
  readonly remaining: number;
};

/** Where a call's objects are stored. */
export function prefixOf({ kind, namespace }: Call): string {
  return collectionPrefix(kind, kind.namespaced && namespace !== "" ? namespace : undefined);
}

/** The same, narrowed to the one object that the call names: other names may share the prefix. */
export function narrowPrefixOf(call: Call): string {
  const { kind, namespace, name } = call;
  if (name === "" || (kind.namespaced && namespace === "")) return prefixOf(call);
  return storeKey(kind, kind.namespaced ? { namespace, name } : { name });
}

/** GET of a collection. @throws StatusError `Expired`, `BadRequest`, `Invalid`, `Timeout` */
export async function listObjects(call: Call): Promise<Answer> {
  const options = readListOptions(call);
  const { items, meta } = await listItems(call, options);
  if (items.length > storedPage) await turnOf(); // others that are as long come first
  return { code: 200, body: renderList(call, items, meta) };
}

/** The objects of one page and the metadata of the list. */
export async function listItems(
  call: Call,
  options: ListOptions,
): Promise<{ readonly items: readonly Item[]; readonly meta: ListMeta }> {
  const prefix = prefixOf(call);
  const page = await readPage(call, prefix, options);
  const meta: ListMeta = {
    resourceVersion: String(page.revision),
    ...(page.last === undefined
      ? {}
      : {
          continue: encodeContinue({
            revision: page.revision,
            start: page.last.slice(prefix.length),
          }),
        }),
    // How many of them a selector would leave is not known.
    ...(page.last === undefined || options.selects !== undefined
      ? {}
      : { remainingItemCount: page.remaining }),
  };
  return { items: page.items, meta };
}

async function readPage(call: Call, prefix: string, options: ListOptions): Promise<ReadPage> {
  const { continueToken, exact, revision, limit, selects } = options;
  if (continueToken !== undefined) {
    const token = decodeContinue(continueToken);
    const after = prefix + token.start;
    const at = token.revision < 0 ? undefined : token.revision;
    try {
      return await readStored(
        call,
        { prefix, after, ...limited(limit), ...atRevision(at) },
        selects,
      );
    } catch (err) {
      if (isExpired(err)) throw new ExpiredToken(token);
      throw err;
    }
  }
  if (exact) {
    await reach(call, revision);
    return readStored(call, { prefix, ...limited(limit), ...atRevision(revision) }, selects);
  }
  await reach(call, revision);
  return readCached(call, options);
}

const limited = (limit: number | undefined): Pick<Range, "limit"> =>
  limit === undefined ? {} : { limit };
const atRevision = (at: Revision | undefined): Pick<Range, "at"> =>
  at === undefined ? {} : { at };

/**
 * Waits until the cache holds this revision; `undefined` is the newest one.
 * @throws StatusError `Timeout` for a revision that is not there yet, `ServiceUnavailable` when
 * the store does not deliver.
 */
export async function reach({ storage }: Call, revision: Revision | undefined): Promise<void> {
  const { store, cache } = storage;
  if (revision === undefined) {
    const head = await store.head();
    if (!(await cache.reach(head.revision, patienceMs))) throw behind();
    return;
  }
  if (revision <= cache.revision) return;
  const { revision: newest } = await store.head();
  const possible = revision <= newest && (await cache.reach(revision, patienceMs));
  if (!possible) throw tooLargeVersion(revision, newest);
}

function tooLargeVersion(wanted: Revision, current: Revision): StatusError {
  const message = `Too large resource version: ${wanted}, current: ${current}`;
  const causes = [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }];
  return new StatusError("Timeout", message, { details: { causes, retryAfterSeconds: 1 } });
}

async function readCached(call: Call, { limit, selects }: ListOptions): Promise<ReadPage> {
  const { cache } = call.storage;
  // The list and its revision belong together: read in one turn, looked through in several.
  const { revision } = cache;
  const all = cache.list(narrowPrefixOf(call));
  const enough = limit === undefined ? Infinity : limit + 1;
  const matching =
    selects === undefined
      ? all
      : await filterInSlices(all, (item) => selects(readObjectOf(call.kind, item)), enough);
  if (limit === undefined || matching.length <= limit) {
    return { items: matching, revision, remaining: 0 };
  }
  const items = matching.slice(0, limit);
  const remaining = matching.length - limit;
  return { items, revision, remaining, ...lastOf(items) };
}

const lastOf = (items: readonly Item[]): { readonly last?: string } => {
  const last = items.at(-1)?.key;
  return last === undefined ? {} : { last };
};

/** Entries of one read of the store: a few milliseconds' work. */
const storedPage = 500;

/** Reads from the store, page after page until enough objects match. */
async function readStored(call: Call, range: Range, selects: Selection): Promise<ReadPage> {
  const items: Item[] = [];
  let from = { ...range, limit: Math.min(range.limit ?? storedPage, storedPage) };
  for (;;) {
    const { entries, revision, remaining } = await call.storage.store.list(from);
    for (const { key, value, at } of entries) {
      const item = itemOf(key, value, at);
      if (selects === undefined || selects(readObjectOf(call.kind, item))) items.push(item);
    }
    const last = entries.at(-1)?.key;
    if (remaining === 0 || last === undefined) return { items, revision, remaining: 0 };
    const missing = (range.limit ?? Infinity) - items.length;
    if (missing <= 0) return { items, revision, remaining, last };
    from = { ...range, after: last, at: revision, limit: Math.min(missing, storedPage) };
    await turnOf();
  }
}

/** GET of one object: the newest, or one not older than the resourceVersion asked for. */
export function wantedRevision(call: Call): Revision | undefined {
  const text = call.query.get("resourceVersion") ?? "";
  if (call.query.get("resourceVersionMatch") !== undefined) {
    throw badRequest("resourceVersionMatch is forbidden for get");
  }
  return readRevision(text);
}
