import { forbidden } from "../../machinery/errors.ts";
import { storeKey } from "../../store/keys.ts";
import { childOf, textIn } from "../kinds/fill.ts";
import { readItem, type Storage } from "../objects/storage.ts";
import type { Admission, Review } from "./chain.ts";

const accounts = { group: "", plural: "serviceaccounts" };

/** What pods are that name no ServiceAccount. */
const defaultName = "default";

/**
 * Every new Pod has a ServiceAccount, and one that it names exists. The default one is not asked
 * for: it appears a moment after its namespace, and no token of it is mounted.
 */
export function serviceAccountAdmission(storage: Storage): Admission {
  return {
    async admit(review) {
      const { operation, kind, subresource, object } = review;
      const isPod = kind.group === "" && kind.plural === "pods" && subresource === "";
      if (operation !== "CREATE" || !isPod || object === undefined) return;
      const spec = childOf(object, "spec");
      const name = textIn(spec, "serviceAccountName") || defaultName;
      Object.assign(spec, { serviceAccountName: name, serviceAccount: name });
      if (name !== defaultName) await requireAccount(storage, review, name);
    },
  };
}

async function requireAccount(
  storage: Storage,
  { kind, namespace, name: pod }: Review,
  name: string,
): Promise<void> {
  const key = storeKey(accounts, { namespace, name });
  const found = storage.cache.get(key) ?? (await readItem(storage, key));
  if (found !== undefined) return;
  const why = `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`;
  throw forbidden(kind, pod, why);
}
