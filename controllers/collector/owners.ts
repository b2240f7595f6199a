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

/** Told of an object that names an owner where it cannot be one, once for each reference. */
export type OnMisplaced = (reference: OwnerReference, dependent: KubeObject) => void;

/** Looks into the caches first; only the server itself can say that an owner is gone. */
export function createOwners(
  client: Pick<Client, "get">,
  kinds: KindFollower,
  onMisplaced: OnMisplaced,
): Owners {
  const reported = new Set<string>();
  const report = (reference: OwnerReference, dependent: KubeObject): void => {
    const id = `${dependent.metadata.uid} ${reference.uid}`;
    if (reported.has(id)) return;
    if (reported.size >= maxRemembered) reported.clear(); // rare, and worth repeating
    reported.add(id);
    onMisplaced(reference, dependent);
  };
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
    async stateOf(reference, dependent, signal) {
      const { uid, name } = reference;
      const { namespace } = dependent.metadata;
      if (gone.has(uid)) return "absent";
      const kind = kindOf(reference);
      if (kind === undefined) return "unresolved";
      // A cluster-scoped object cannot say in which namespace its owner is.
      if (kind.type.namespaced && namespace === undefined) {
        report(reference, dependent);
        return "unresolved";
      }
      const key: ObjectKey =
        kind.type.namespaced && namespace !== undefined ? { namespace, name } : { name };
      const cached = kind.cache.get(key);
      if (cached?.metadata.uid === uid) return stateOfObject(cached);
      const live = await client.get(kind.type, key, signal);
      if (live?.metadata.uid === uid) return stateOfObject(live);
      // In another namespace it is no owner of this one; only a misunderstanding to be told of.
      if (kind.cache.list().some(({ metadata }) => metadata.uid === uid)) {
        report(reference, dependent);
        return "absent";
      }
      remember(uid);
      return "absent";
    },
  };
}
