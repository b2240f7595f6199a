import { forbidden, notFound, StatusError } from "../../machinery/errors.ts";
import { isDeleting } from "../../machinery/finalizer.ts";
import type { Item } from "../../store/item.ts";
import { storeKey } from "../../store/keys.ts";
import { readItem, type Storage } from "../objects/storage.ts";
import type { Admission, Review } from "./chain.ts";

const namespaces = { group: "", plural: "namespaces" };

/** Namespaces without which the server does not work. */
const immortal = new Set(["default", "kube-system", "kube-public", "lighthouse-system"]);

/** Objects are created only in namespaces that exist and are not about to go. */
export function namespaceAdmission(storage: Storage): Admission {
  return {
    async admit(review) {
      if (review.operation === "DELETE") return refuseImmortal(review);
      if (review.operation !== "CREATE" || !review.kind.namespaced) return;
      // A part such as a binding is of an object whose namespace was looked at.
      if (review.subresource !== "") return;
      await requireLiving(storage, review);
    },
  };
}

async function requireLiving(storage: Storage, review: Review): Promise<void> {
  const { kind, name, namespace } = review;
  const item = await find(storage, namespace);
  if (item === undefined) throw notFound(namespaces, namespace);
  if (!isDeleting(item.object)) return;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const { message, details } = forbidden(kind, name, why);
  const causes = [
    {
      reason: "NamespaceTerminating",
      message: `namespace ${namespace} is being terminated`,
      field: "metadata.namespace",
    },
  ];
  throw new StatusError("Forbidden", message, { details: { ...details, causes } });
}

async function find(storage: Storage, name: string): Promise<Item | undefined> {
  const key = storeKey(namespaces, { name });
  // The cache is asked first: it is behind only for a namespace that was created just now.
  return storage.cache.get(key) ?? readItem(storage, key);
}

function refuseImmortal({ kind, name }: Review): void {
  if (kind.group !== "" || kind.plural !== "namespaces" || !immortal.has(name)) return;
  throw forbidden(kind, name, "this namespace may not be deleted");
}
