import { isConflict } from "../../machinery/errors.ts";
import { equalJson } from "../../machinery/equality.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { collectionPrefix } from "../../store/keys.ts";
import { changeItem, type Storage, write } from "../objects/storage.ts";
import { aggregatedRules, isAggregated } from "./aggregate.ts";
import { rbacGroup } from "./policy.ts";

const prefix = collectionPrefix({ group: rbacGroup, plural: "clusterroles" });

const listRoles = ({ cache }: Storage): readonly AnyObject[] =>
  cache.list(prefix).map(({ object }) => object);

/** After so many failures in a row only another change tries again: the store is gone for long. */
const maxRetries = 60;
const retryMs = 5_000;

/** Most rounds of one call: roles may aggregate roles that aggregate others. */
const maxRounds = 8;

/** Writes the rules of every aggregated ClusterRole anew, until nothing changes any more. */
async function aggregateAll(storage: Storage): Promise<void> {
  for (let round = 0; round < maxRounds; round++) {
    const roles = listRoles(storage);
    const stale = roles
      .filter(isAggregated)
      .filter((role) => !equalJson(role["rules"] ?? [], aggregatedRules(role, roles)));
    if (stale.length === 0) return;
    const written = await Promise.all(stale.map((role) => aggregateOne(storage, role)));
    if (!(await storage.cache.reach(Math.max(...written), 5_000))) return; // its event comes later
  }
}

/** Returns the revision of the role that was written, or of the one that was right already. */
async function aggregateOne(storage: Storage, { metadata: { name } }: AnyObject): Promise<number> {
  const key = `${prefix}${encodeURIComponent(name)}`;
  try {
    const { item } = await changeItem(
      storage,
      key,
      (current) => {
        if (current === undefined) throw gone;
        const role = current.object;
        const rules = aggregatedRules(role, listRoles(storage));
        if (!isAggregated(role) || equalJson(role["rules"] ?? [], rules)) {
          return { does: "keep", item: current };
        }
        return write("put", { ...role, rules });
      },
      { dryRun: false },
    );
    return item.at;
  } catch (err) {
    // Deleted, or written by others all the time: another event follows.
    if (err === gone || isConflict(err)) return 0;
    throw err;
  }
}

const gone = new Error("The role was deleted meanwhile");

/**
 * Keeps the rules of aggregated ClusterRoles what their selectors say, in the store, so that
 * everybody sees them. Several servers of one store may do so at once: they write the same.
 * Resolves when the roles of now are right, and goes on for as long as the cache is open.
 */
export async function keepAggregated(
  storage: Storage,
  onError: (err: unknown) => void,
): Promise<void> {
  let running: Promise<void> | undefined;
  let again = false;
  let failures = 0;
  const run = async (): Promise<void> => {
    do {
      again = false;
      await aggregateAll(storage);
    } while (again);
    failures = 0;
  };
  const failed = (err: unknown): void => {
    onError(err);
    failures += 1;
    if (failures <= maxRetries) setTimeout(start, retryMs).unref();
  };
  const start = (): void => {
    again = true;
    running ??= run()
      .catch(failed)
      .finally(() => (running = undefined));
  };
  const follow = (): void => {
    const listener = { onEvents: start, onReset: () => queueMicrotask(follow) };
    const { cache } = storage;
    cache.subscribe(prefix, cache.revision, listener);
    start();
  };
  await aggregateAll(storage);
  follow();
}
