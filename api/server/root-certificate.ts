import { equalJson } from "../machinery/equality.ts";
import { isConflict } from "../machinery/errors.ts";
import { formatTime } from "../machinery/time.ts";
import { encodeObject } from "../store/item.ts";
import { storeKey } from "../store/keys.ts";
import { newUid, type Scope } from "./objects/call.ts";
import { readItem } from "./objects/storage.ts";

const place = { namespace: "kube-system", name: "kube-root-ca.crt" };

/**
 * Writes the certificate of our authority (PEM) into ConfigMap kube-system/kube-root-ca.crt, from
 * where the namespace controller copies it into every namespace. Only a server can say it.
 */
export async function publishAuthority(
  { storage, clock }: Pick<Scope, "storage" | "clock">,
  authority: string,
): Promise<void> {
  const key = storeKey({ group: "", plural: "configmaps" }, place);
  const found = await readItem(storage, key);
  const data = { "ca.crt": authority };
  if (equalJson(found?.object["data"], data)) return;
  const fresh = { ...place, uid: newUid(), creationTimestamp: formatTime(clock.nowMs()) };
  const metadata = found?.object.metadata ?? fresh;
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata, data };
  try {
    await storage.store.put(key, encodeObject(object), found?.at ?? 0);
  } catch (err) {
    if (!isConflict(err)) throw err; // another server of the same authority was faster
  }
}
