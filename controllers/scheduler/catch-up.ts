import type { Client } from "../../api/client/client.ts";
import type { Cache } from "../../api/client/informer.ts";
import { keyOf } from "../../api/machinery/object.ts";
import { type Pod, pods } from "../../api/machinery/resources.ts";

/** Whether the cache knows what somebody else did before our term of leadership. */
export interface CatchUp {
  /** Asks the server, once per term until the answer is yes; `term` aborts with the term. */
  isDone(term: AbortSignal): Promise<boolean>;
}

/**
 * A former leader may have bound pods a moment before its term ended, and a cache without them would
 * have room given away twice. What is bound in our own term we remember ourselves.
 */
export function createCatchUp(client: Pick<Client, "list">, cache: Cache<Pod>): CatchUp {
  const done = new WeakSet<AbortSignal>();
  return {
    async isDone(term) {
      if (done.has(term)) return true;
      const { items } = await client.list(pods, {}, term);
      const isCurrent = items.every((pod) => {
        const { nodeName = "" } = pod.spec;
        const known = cache.get(keyOf(pod));
        const isSame = known?.metadata.uid === pod.metadata.uid;
        return nodeName === "" || (isSame && known.spec.nodeName === nodeName);
      });
      if (isCurrent) done.add(term);
      return isCurrent;
    },
  };
}
