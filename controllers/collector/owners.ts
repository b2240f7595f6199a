import type { Client } from "../../api/client/client.ts";
import { foregroundFinalizer, hasFinalizer, isDeleting } from "../../api/machinery/finalizer.ts";
import { parseApiVersion } from "../../api/machinery/gvk.ts";
import type { KubeObject, ObjectKey, OwnerReference } from "../../api/machinery/object.ts";
import type { FollowedKind, KindFollower } from "../runtime/kind-follower.ts";
import type { OwnerState } from "./plan.ts";

/** Finds out what became of owners. */
export interface Owners {
  stateOf(
    reference: OwnerReference,
    dependent: KubeObject,
    signal: AbortSignal,
  ): Promise<OwnerState>;
}

/** A uid never comes back: what is known to be gone need not be asked for again. */
const maxRemembered = 1_000;

const stateOfObject = (owner: KubeObject): OwnerState =>
  isDeleting(owner) && hasFinalizer(owner, foregroundFinalizer) ? "waiting" : "present";

/** Looks into the caches first; only the server itself can say that an owner is gone. */
export function createOwners(client: Pick<Client, "get">, kinds: KindFollower): Owners {
  const gone = new Set<string>();
  const remember = (uid: string): void => {
    gone.add(uid);
    const [oldest] = gone;
    if (gone.size > maxRemembered && oldest !== undefined) gone.delete(oldest);
  };
  const kindOf = ({ apiVersion, kind }: OwnerReference): FollowedKind | undefined => {
    const group = parseApiVersion(apiVersion)?.group;
    // By group and kind: an object of another served version is the same object.
    return kinds.kinds().find(({ type }) => type.group === group && type.kind === kind);
  };
  return {
    async stateOf(reference, { metadata }, signal) {
      const { uid, name } = reference;
      if (gone.has(uid)) return "absent";
      const kind = kindOf(reference);
      if (kind === undefined) return "unresolved";
      const { namespace } = metadata;
      // A cluster-scoped object cannot say in which namespace its owner is.
      if (kind.type.namespaced && namespace === undefined) return "unresolved";
      const key: ObjectKey =
        kind.type.namespaced && namespace !== undefined ? { namespace, name } : { name };
      const cached = kind.cache.get(key);
      if (cached?.metadata.uid === uid) return stateOfObject(cached);
      const live = await client.get(kind.type, key, signal);
      if (live?.metadata.uid === uid) return stateOfObject(live);
      remember(uid);
      return "absent";
    },
  };
}
