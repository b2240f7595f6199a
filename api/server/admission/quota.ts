import type { Clock } from "../../machinery/clock.ts";
import { alreadyExists, forbidden } from "../../machinery/errors.ts";
import { storeKey } from "../../store/keys.ts";
import { readItem, type Storage } from "../objects/storage.ts";
import type { Admission, FinalReview } from "./chain.ts";
import { quotaLedger } from "./quota-ledger.ts";

/** What admission by quota looks at. */
export type QuotaParts = { readonly storage: Storage; readonly clock: Pick<Clock, "nowMs"> };

/** An object that is there already must not take anything: that its name is taken is the answer. */
async function refuseTaken(
  storage: Storage,
  { kind, object, namespace }: FinalReview,
): Promise<void> {
  const { name } = object.metadata;
  const key = storeKey(kind.keptWith ?? kind, { namespace, name });
  if (storage.cache.newest(key) === undefined) return;
  if ((await readItem(storage, key)) !== undefined) throw alreadyExists(kind, name);
}

/**
 * New objects take no more than the ResourceQuotas of their namespace leave, however many are made at once
 * and by however many servers: what they take is added to `status.used` by compare-and-set before they are
 * stored. The quota controller gives back what is gone. Comes last: what others refuse takes nothing.
 * @see https://kubernetes.io/docs/concepts/policy/resource-quotas/
 */
export function quotaAdmission({ storage, clock }: QuotaParts): Admission {
  const ledger = quotaLedger(storage);
  return {
    async judge(review) {
      const { kind, operation, subresource, namespace, object, dryRun, name } = review;
      if (operation !== "CREATE" || subresource !== "" || !kind.namespaced) return;
      if (!ledger.limits(namespace)) return;
      const { group, plural } = kind.keptWith ?? kind;
      const candidate = { type: { group, plural }, object, nowMs: clock.nowMs() };
      await refuseTaken(storage, review);
      const why = dryRun
        ? await ledger.check(namespace, candidate)
        : await ledger.reserve(namespace, candidate);
      if (why !== undefined) throw forbidden(kind, object.metadata.name ?? name, why);
    },
  };
}
