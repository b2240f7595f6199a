import type { Client } from "../../api/client/client.ts";
import type { Cache } from "../../api/client/informer.ts";
import { keyText, type ObjectKey } from "../../api/machinery/object.ts";
import { type Pod, pods } from "../../api/machinery/resources.ts";

/** A pod as our own write left it. */
type Expected = {
  readonly key: ObjectKey;
  readonly uid: string;
  /** The cache must show this version or a later one; absent: that the pod is going. */
  readonly version?: number;
  readonly untilMs: number;
};

/** What was written about pods and the cache does not show yet. Only to wait, never to decide. */
export interface Expectations {
  /** The client of one Application, whose writes of pods are noted. */
  noting(client: Client, application: string): Client;
  /** Whether the cache shows all that was written for the Application. */
  areMet(application: string): boolean;
  forget(application: string): void;
}

/** A watch that is so far behind is another one's trouble. Milliseconds. */
const patienceMs = 10_000;

/** Versions of objects are positions in one history: see `Store`. */
const versionOf = ({ metadata }: Pod): number => Number(metadata.resourceVersion);

/**
 * The budget of a batch is counted from what the cache shows. A pod that was told to stop a moment ago
 * must not count as serving in the next pass: another slot would be stopped beside it.
 */
export function createExpectations(
  cache: Pick<Cache<Pod>, "get">,
  nowMs: () => number,
): Expectations {
  const open = new Map<string, Map<string, Expected>>();
  const note = (application: string, expected: Expected): void => {
    const all = open.get(application) ?? new Map<string, Expected>();
    open.set(application, all.set(keyText(expected.key), expected));
  };
  const isMet = ({ key, uid, version, untilMs }: Expected): boolean => {
    const known = cache.get(key);
    if (known === undefined || known.metadata.uid !== uid || untilMs <= nowMs()) return true;
    if (version === undefined) return known.metadata.deletionTimestamp !== undefined;
    return versionOf(known) >= version;
  };
  return {
    noting: (client, application) => ({
      ...client,
      async patch(type, key, patch, options) {
        const after = await client.patch(type, key, patch, options);
        if (type.plural !== pods.plural || type.group !== pods.group) return after;
        const pod = after as unknown as Pod;
        const { uid } = pod.metadata;
        note(application, { key, uid, version: versionOf(pod), untilMs: nowMs() + patienceMs });
        return after;
      },
      async delete(type, key, options) {
        await client.delete(type, key, options);
        const uid = options?.preconditions?.uid;
        if (type.plural !== pods.plural || type.group !== pods.group || uid === undefined) return;
        note(application, { key, uid, untilMs: nowMs() + patienceMs });
      },
    }),
    areMet(application) {
      const all = open.get(application);
      if (all === undefined) return true;
      for (const [id, expected] of all) if (isMet(expected)) all.delete(id);
      if (all.size > 0) return false;
      open.delete(application);
      return true;
    },
    forget: (application) => void open.delete(application),
  };
}
