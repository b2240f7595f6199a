import { collectionPrefix, storeKey } from "../../store/keys.ts";
import type { WatchCache } from "../../store/watch-cache.ts";
import { rbacGroup } from "./policy.ts";
import { RbacIndex, type RbacPlural } from "./rbac-index.ts";

const plurals: readonly RbacPlural[] = [
  "roles",
  "clusterroles",
  "rolebindings",
  "clusterrolebindings",
];

const applications = { group: "lighthouse.dev", plural: "applications" };

/**
 * An index of all RBAC objects, as current as the cache. It follows the cache until that is
 * closed.
 */
export function followRbac(cache: WatchCache): RbacIndex {
  const index = new RbacIndex(
    (namespace, { name, uid }) =>
      cache.newest(storeKey(applications, { namespace, name }))?.object.metadata.uid === uid,
  );
  const follow = (plural: RbacPlural): void => {
    const prefix = collectionPrefix({ group: rbacGroup, plural });
    index.clear(plural);
    for (const { object } of cache.list(prefix)) index.set(plural, object);
    cache.subscribe(prefix, cache.revision, {
      onEvents(events) {
        for (const { type, item } of events) {
          if (type === "DELETED") index.delete(plural, item.object);
          else index.set(plural, item.object);
        }
      },
      onReset: () => queueMicrotask(() => follow(plural)),
    });
  };
  for (const plural of plurals) follow(plural);
  return index;
}
